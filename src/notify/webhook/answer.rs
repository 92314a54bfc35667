//! What a webhook's answers mean: the statuses of HTTP, and 410 that nobody is there any more. Pure.

use crate::notify::{Answer, call::Reply, redact::Redact};

pub(super) fn answer(peer: &str, reply: &Reply, redact: &Redact) -> Answer {
    let said = redact.clean(&reply.text());
    match Answer::of_status(peer, reply, &said) {
        Answer::Permanent { reason, .. } if reply.status == 410 => Answer::gone(reason),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gone_is_gone() {
        let of = |status| answer("host", &Reply::of(status, ""), &Redact::default());
        assert!(matches!(of(410), Answer::Permanent { gone: true, .. }));
        assert!(matches!(of(404), Answer::Permanent { gone: false, .. }));
        assert!(matches!(of(204), Answer::Ok { .. }));
        assert!(matches!(of(503), Answer::Retry { .. }));
    }
}
