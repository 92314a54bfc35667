//! What Discord's answers mean. <https://docs.discord.com/developers/topics/rate-limits> Pure.

use serde::Deserialize;

use crate::notify::{Answer, answer::later, call::Reply, hint, redact::Redact};

#[derive(Deserialize)]
struct Told {
    retry_after: Option<f64>,
    message: Option<String>,
}

pub(super) fn answer(peer: &str, reply: &Reply, redact: &Redact) -> Answer {
    let told: Option<Told> = reply.json();
    let said = match told.as_ref().and_then(|told| told.message.as_deref()) {
        Some(message) => redact.clean(message),
        None => redact.clean(&reply.text()),
    };
    let after = later(told.as_ref().and_then(|told| told.retry_after), reply);
    match Answer::of_status(peer, reply, &said) {
        Answer::Ok { .. } => Answer::Ok { detail: format!("{peer} took it"), pause: pause(reply) },
        Answer::Retry { reason, maybe_taken: false, .. } => Answer::retry(after, reason),
        // Whoever goes on after a 404 is banned by its address.
        Answer::Permanent { reason, .. } if matches!(reply.status, 404 | 410) => Answer::gone(reason),
        other => other,
    }
}

/// Where nothing remains of what this webhook takes: until when.
fn pause(reply: &Reply) -> Option<std::time::Duration> {
    let header = |name| reply.headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let remaining: f64 = header("x-ratelimit-remaining")?;
    if remaining > 0.0 { None } else { hint::seconds(header("x-ratelimit-reset-after")?) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn answers_of_discord() {
        let of = |status, body| answer("discord.com", &Reply::of(status, body), &Redact::default());
        assert!(matches!(of(204, ""), Answer::Ok { pause: None, .. }));
        assert!(matches!(of(200, r#"{"id":"1"}"#), Answer::Ok { .. }));
        let limited = of(429, r#"{"message":"You are being rate limited.","retry_after":0.65,"global":false}"#);
        assert!(matches!(limited, Answer::Retry { after: Some(after), .. } if after == Duration::from_millis(650)));
        for status in [400, 401, 403] {
            assert!(matches!(of(status, ""), Answer::Permanent { gone: false, .. }), "{status}");
        }
        let unknown = of(404, r#"{"message":"Unknown Webhook","code":10015}"#);
        assert_eq!(unknown, Answer::gone("discord.com answered 404: Unknown Webhook"));
        assert!(matches!(of(500, ""), Answer::Retry { .. }));
    }

    #[test]
    fn its_headers_say_when_it_has_had_enough() {
        let mut reply = Reply::of(200, "{}");
        reply.headers.insert("x-ratelimit-remaining", HeaderValue::from_static("0"));
        reply.headers.insert("x-ratelimit-reset-after", HeaderValue::from_static("1.5"));
        let Answer::Ok { pause, .. } = answer("h", &reply, &Redact::default()) else { panic!() };
        assert_eq!(pause, Some(Duration::from_millis(1500)));
        reply.headers.insert("x-ratelimit-remaining", HeaderValue::from_static("4"));
        assert!(matches!(answer("h", &reply, &Redact::default()), Answer::Ok { pause: None, .. }));
    }
}
