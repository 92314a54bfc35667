//! What Teams' answers mean. A workflow's 202 says that it was taken, not that it was posted: nothing more can be known.
//! An old connector answers 200 and says in the text that it was none. Pure.

use crate::notify::{Answer, call::Reply, redact::Redact};

const INSIDE: &str = "endpoint returned HTTP error ";

pub(super) fn answer(peer: &str, reply: &Reply, redact: &Redact) -> Answer {
    let text = reply.text();
    let said = redact.clean(&text);
    if let (200..=299, Some((_, inside))) = (reply.status, text.split_once(INSIDE)) {
        let digits: String = inside.chars().take_while(char::is_ascii_digit).collect();
        let words = format!("{peer} answered {} and {said}", reply.status);
        return match digits.parse::<u16>() {
            Ok(status @ (400..=407 | 409..=424 | 426..=428 | 430..=499)) if status != 408 => Answer::permanent(words),
            _ => Answer::retry(reply.retry_after, words),
        };
    }
    match Answer::of_status(peer, reply, &said) {
        Answer::Ok { .. } => Answer::ok(format!("{peer} took it ({})", reply.status)),
        Answer::Permanent { reason, .. } if reply.status == 410 => Answer::gone(reason),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_teams() {
        let of = |status, body: &str| answer("h.logic.azure.com", &Reply::of(status, body), &Redact::default());
        assert!(matches!(of(202, ""), Answer::Ok { .. }));
        assert!(matches!(of(200, "1"), Answer::Ok { .. }));
        let limited = "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with ContextId x";
        assert!(matches!(of(200, limited), Answer::Retry { .. }));
        assert!(matches!(of(200, &limited.replace("429", "503")), Answer::Retry { .. }));
        assert!(matches!(of(200, &limited.replace("429", "413")), Answer::Permanent { .. }));
        for status in [400, 401, 403, 404] {
            assert!(matches!(of(status, ""), Answer::Permanent { gone: false, .. }), "{status}");
        }
        assert!(matches!(of(410, ""), Answer::Permanent { gone: true, .. }));
        for status in [429, 500, 503] {
            assert!(matches!(of(status, ""), Answer::Retry { .. }), "{status}");
        }
    }
}
