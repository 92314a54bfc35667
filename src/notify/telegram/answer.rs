//! What Telegram's answers mean. <https://core.telegram.org/bots/api#making-requests> Pure.

use serde::Deserialize;

use crate::notify::{Answer, answer::later, call::Reply, redact::Redact};

#[derive(Deserialize)]
struct Told {
    ok: bool,
    error_code: Option<u16>,
    description: Option<String>,
    parameters: Option<Parameters>,
}

#[derive(Deserialize)]
struct Parameters {
    retry_after: Option<f64>,
    migrate_to_chat_id: Option<i64>,
}

pub(super) fn answer(peer: &str, reply: &Reply, redact: &Redact) -> Answer {
    let told: Option<Told> = reply.json();
    let mut said = match told.as_ref().and_then(|told| told.description.as_deref()) {
        Some(description) => redact.clean(description),
        None => redact.clean(&reply.text()),
    };
    let parameters = told.as_ref().and_then(|told| told.parameters.as_ref());
    if let Some(chat) = parameters.and_then(|parameters| parameters.migrate_to_chat_id) {
        said.push_str(&format!(" (use {chat} as the chat)"));
    }
    let after = later(parameters.and_then(|parameters| parameters.retry_after), reply);
    match told {
        Some(Told { ok: true, .. }) if reply.status < 300 => Answer::ok(format!("{peer} took it")),
        // What went wrong stands inside, whatever the status around it says.
        Some(Told { ok: false, error_code: Some(status), .. }) => {
            match Answer::of_status(peer, &Reply { status, ..reply.clone() }, &said) {
                Answer::Retry { reason, .. } => Answer::retry(after, reason),
                Answer::Ok { detail, .. } => Answer::permanent(detail),
                other => other,
            }
        }
        _ => match Answer::of_status(peer, reply, &said) {
            // Not Telegram: something in between.
            Answer::Ok { detail, .. } => Answer::retry(None, detail),
            other => other,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn answers_of_telegram() {
        let of = |status, body| answer("api.telegram.org", &Reply::of(status, body), &Redact::default());
        assert!(matches!(of(200, r#"{"ok":true,"result":{"message_id":1}}"#), Answer::Ok { .. }));
        let limited = r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 5","parameters":{"retry_after":5}}"#;
        for status in [429, 200] {
            let answer = of(status, limited);
            assert!(matches!(answer, Answer::Retry { after: Some(after), .. } if after == Duration::from_secs(5)));
        }
        let moved =
            r#"{"ok":false,"error_code":400,"description":"Bad Request","parameters":{"migrate_to_chat_id":-1001}}"#;
        let moved = of(400, moved);
        assert_eq!(moved, Answer::permanent("api.telegram.org answered 400: Bad Request (use -1001 as the chat)"));
        for (status, body) in [(401, ""), (403, r#"{"ok":false,"error_code":403}"#), (404, "")] {
            assert!(matches!(of(status, body), Answer::Permanent { .. }), "{status}");
        }
        for (status, body) in [(500, ""), (502, "<html>"), (200, "<html>")] {
            assert!(matches!(of(status, body), Answer::Retry { .. }), "{status}");
        }
    }
}
