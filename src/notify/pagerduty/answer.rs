//! What PagerDuty's answers mean. <https://developer.pagerduty.com/docs/send-alert-event#responses> Pure.

use serde::Deserialize;

use crate::notify::{Answer, call::Reply, redact::Redact};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Told {
    status: String,
    message: String,
    errors: Vec<String>,
}

pub(super) fn answer(peer: &str, reply: &Reply, redact: &Redact) -> Answer {
    let told: Option<Told> = reply.json();
    let said = match &told {
        Some(told) => redact.clean(&[&[told.message.as_str()], refs(&told.errors).as_slice()].concat().join("; ")),
        None => redact.clean(&reply.text()),
    };
    match (reply.status, told) {
        (200..=299, Some(told)) if told.status == "success" => Answer::ok(format!("{peer} took it")),
        (200..=299, Some(told)) if told.status.contains("invalid") => {
            Answer::permanent(format!("{peer} answered {}: {said}", reply.status))
        }
        // Something in between has answered in its place.
        (200..=299, _) => Answer::retry(None, format!("{peer} answered {} without a status: {said}", reply.status)),
        _ => Answer::of_status(peer, reply, &said),
    }
}

fn refs(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> Answer {
        answer("events.pagerduty.com", &Reply::of(status, body), &Redact::default())
    }

    #[test]
    fn answers_of_pagerduty() {
        let success = r#"{"status":"success","message":"Event processed","dedup_key":"k"}"#;
        assert!(matches!(of(202, success), Answer::Ok { .. }));
        let invalid =
            r#"{"status":"invalid event","message":"Event object is invalid","errors":["'routing_key' is missing"]}"#;
        for status in [400, 200] {
            let Answer::Permanent { reason, .. } = of(status, invalid) else { panic!("{status}") };
            assert!(reason.ends_with("Event object is invalid; 'routing_key' is missing"), "{reason}");
        }
        for (status, body) in [(429, "{}"), (500, ""), (503, "<html>"), (202, "<html>"), (200, "{}")] {
            assert!(matches!(of(status, body), Answer::Retry { .. }), "{status}");
        }
        for status in [401, 403, 404, 413] {
            assert!(matches!(of(status, ""), Answer::Permanent { .. }), "{status}");
        }
    }
}
