//! What Slack's answers mean. <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors> Pure.

use serde::Deserialize;

use crate::notify::{Answer, answer::later, call::Reply, redact::Redact};

/// Slack's Web API, and what stands before a webhook when there is too much of it, answer so.
#[derive(Deserialize)]
struct Told {
    ok: Option<bool>,
    error: Option<String>,
    retry_after: Option<f64>,
}

/// Errors that pass; every other one stays what it is.
const PASSING: [&str; 6] =
    ["rate_limited", "ratelimited", "rollup_error", "internal_error", "service_unavailable", "fatal_error"];
/// Nobody is there, and nobody will be under this URL.
const GONE: [&str; 5] = ["no_service", "no_service_id", "channel_not_found", "channel_is_archived", "invalid_token"];

pub(super) fn answer(peer: &str, reply: &Reply, redact: &Redact) -> Answer {
    let text = reply.text();
    let said = redact.clean(&text);
    let told: Option<Told> = reply.json();
    let error = told.as_ref().and_then(|told| told.error.as_deref()).unwrap_or_else(|| text.trim());
    let after = later(told.as_ref().and_then(|told| told.retry_after), reply);
    let words = format!("{peer} answered {}: {said}", reply.status);
    if PASSING.contains(&error) {
        return Answer::retry(after, words);
    }
    match (reply.status, told.as_ref().and_then(|told| told.ok)) {
        // The message is there when the body says so, which a page of a proxy does not.
        (200, Some(true)) => Answer::ok(format!("{peer} took it")),
        (200, None) if text.trim().eq_ignore_ascii_case("ok") => Answer::ok(format!("{peer} took it")),
        // Mattermost and the like answer with other words, or none.
        (200, None) if text.trim().is_empty() => Answer::ok(format!("{peer} took it")),
        (200, _) => Answer::permanent(words),
        (403 | 404 | 410, _) if GONE.contains(&error) => Answer::gone(words),
        (410, _) => Answer::gone(words),
        _ => match Answer::of_status(peer, reply, &said) {
            Answer::Retry { reason, maybe_taken: false, .. } => Answer::retry(after, reason),
            other => other,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn of(status: u16, body: &str) -> Answer {
        answer("hooks.slack.com", &Reply::of(status, body), &Redact::default())
    }

    #[test]
    fn answers_of_slack() {
        assert!(matches!(of(200, "ok"), Answer::Ok { .. }));
        assert!(matches!(of(200, r#"{"ok":true,"ts":"1"}"#), Answer::Ok { .. }));
        for (status, body) in [
            (200, r#"{"ok":false,"error":"channel_not_found"}"#),
            (200, "<html>log in first</html>"),
            (400, "invalid_payload"),
            (400, "user_not_found"),
            (403, "action_prohibited"),
            (404, "user_not_found"),
        ] {
            assert!(matches!(of(status, body), Answer::Permanent { gone: false, .. }), "{status} {body}");
        }
        for (status, body) in
            [(404, "channel_not_found"), (404, "no_service"), (410, "channel_is_archived"), (403, "invalid_token")]
        {
            assert!(matches!(of(status, body), Answer::Permanent { gone: true, .. }), "{status} {body}");
        }
        for (status, body) in
            [(500, "rollup_error"), (503, ""), (429, ""), (200, r#"{"ok":false,"error":"ratelimited"}"#)]
        {
            assert!(matches!(of(status, body), Answer::Retry { after: None, .. }), "{status} {body}");
        }
        let limited = of(429, r#"{"retry_after":1,"ok":false,"error":"rate_limited"}"#);
        assert!(matches!(limited, Answer::Retry { after: Some(after), .. } if after == Duration::from_secs(1)));
    }
}
