//! What came of an attempt, and what the statuses of HTTP mean where a receiver has nothing of its own to say. Pure.

use std::{collections::BTreeSet, time::Duration};

use super::{call::Reply, hint};
use crate::{health::Reason, net::Failure};

/// What came of an attempt. The texts are for people and for the audit trail; no secret is in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The receiver has taken it.
    Ok {
        /// What it said that is worth keeping: an id, or whom it left out.
        detail: String,
        /// It takes nothing more before this has passed.
        pause: Option<Duration>,
    },
    /// Not now, or not at all: nothing says that it never will be.
    Retry {
        /// As the receiver asked: not before this has passed.
        after: Option<Duration>,
        reason: String,
        /// Sent, and no answer says that it was not taken: it may have been.
        maybe_taken: bool,
        /// What of it has been taken, and need not be sent again.
        done: Parts,
    },
    /// It, or some of it, will never be taken.
    Permanent {
        reason: String,
        /// There is nobody at this address any more, so that others need not be sent either.
        gone: bool,
        /// What of it has been taken all the same.
        done: Parts,
    },
}

/// Which parts of a notification have been taken, for receivers that take it in parts: PagerDuty an event per alert,
/// a mail server each recipient. And of which alerts the receiver knows by that. At most as many as the notification has
/// alerts, twice, or the channel recipients.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    parts: BTreeSet<usize>,
    alerts: BTreeSet<usize>,
}

impl Parts {
    pub fn add(&mut self, part: usize) {
        self.parts.insert(part);
    }

    pub fn has(&self, part: usize) -> bool {
        self.parts.contains(&part)
    }

    /// The alert at this place of the notification has been told, all that there was to tell of it.
    pub fn tell(&mut self, alert: usize) {
        self.alerts.insert(alert);
    }

    pub fn has_told(&self, alert: usize) -> bool {
        self.alerts.contains(&alert)
    }

    pub fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.alerts.is_empty()
    }

    pub fn join(&mut self, other: &Self) {
        self.parts.extend(&other.parts);
        self.alerts.extend(&other.alerts);
    }
}

impl Answer {
    pub fn ok(detail: impl Into<String>) -> Self {
        Self::Ok { detail: detail.into(), pause: None }
    }

    pub fn retry(after: Option<Duration>, reason: impl Into<String>) -> Self {
        Self::Retry { after, reason: reason.into(), maybe_taken: false, done: Parts::default() }
    }

    pub fn permanent(reason: impl Into<String>) -> Self {
        Self::Permanent { reason: reason.into(), gone: false, done: Parts::default() }
    }

    pub fn gone(reason: impl Into<String>) -> Self {
        Self::Permanent { reason: reason.into(), gone: true, done: Parts::default() }
    }

    /// Sent, and it is not known whether it was taken.
    #[must_use]
    pub fn maybe_taken(self) -> Self {
        match self {
            Self::Retry { after, reason, done, .. } => Self::Retry { after, reason, maybe_taken: true, done },
            other => other,
        }
    }

    /// With parts that have been taken before it came.
    #[must_use]
    pub fn with_done(mut self, parts: &Parts) -> Self {
        if let Self::Retry { done, .. } | Self::Permanent { done, .. } = &mut self {
            done.join(parts);
        }
        self
    }

    /// What has been taken of what was not taken as a whole.
    pub fn done(&self) -> Option<&Parts> {
        match self {
            Self::Ok { .. } => None,
            Self::Retry { done, .. } | Self::Permanent { done, .. } => Some(done),
        }
    }

    /// Whether the receiver knows by it of the alert at this place of the notification.
    pub fn has_told(&self, alert: usize) -> bool {
        self.done().is_none_or(|done| done.has_told(alert))
    }

    /// As a label and in the audit trail.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Ok { .. } => "delivered",
            Self::Retry { .. } => "retry",
            Self::Permanent { .. } => "refused",
        }
    }

    /// What is to be told of it.
    pub fn text(&self) -> &str {
        match self {
            Self::Ok { detail, .. } => detail,
            Self::Retry { reason, .. } | Self::Permanent { reason, .. } => reason,
        }
    }

    /// What an HTTP status means: 2xx is taken; 408, 425, 429 and 5xx are for later; all else is for good.
    ///
    /// A gateway's 502 and 504 say that it has no answer, not that whoever is behind it has not taken it.
    pub(super) fn of_status(peer: &str, reply: &Reply, said: &str) -> Self {
        let colon = if said.is_empty() { "" } else { ": " };
        let text = format!("{peer} answered {}{colon}{said}", reply.status);
        match reply.status {
            200..=299 => Self::ok(text),
            502 | 504 => Self::retry(reply.retry_after, text).maybe_taken(),
            408 | 425 | 429 | 500..=599 => Self::retry(reply.retry_after, text),
            300..=399 => Self::permanent(format!("{text} (redirects are not followed: give the URL that it leads to)")),
            _ => Self::permanent(text),
        }
    }

    /// What a failure on the way means. `sent`: the request may have reached the receiver.
    pub(super) fn of_failure(failure: &Failure, sent: bool) -> Self {
        let text = failure.message.clone();
        match failure.reason {
            // The policy is this process's own, and does not change while it runs.
            Reason::Blocked => Self::permanent(text),
            _ if sent => Self::retry(None, text).maybe_taken(),
            _ => Self::retry(None, text),
        }
    }
}

/// The receiver's own hint, where its body has one, and else that of its header; never more than [`hint::MOST`].
pub(super) fn later(body: Option<f64>, reply: &Reply) -> Option<Duration> {
    body.and_then(hint::seconds).or(reply.retry_after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses() {
        let of = |status| {
            let reply = Reply { status, retry_after: Some(Duration::from_secs(7)), ..Reply::default() };
            match Answer::of_status("host", &reply, "why") {
                Answer::Ok { .. } => "ok",
                Answer::Retry { after: Some(_), maybe_taken: false, .. } => "retry",
                Answer::Retry { after: Some(_), maybe_taken: true, .. } => "maybe",
                Answer::Retry { .. } => "no hint",
                Answer::Permanent { .. } => "never",
            }
        };
        for (status, means) in [
            (200, "ok"),
            (202, "ok"),
            (204, "ok"),
            (301, "never"),
            (400, "never"),
            (401, "never"),
            (404, "never"),
            (408, "retry"),
            (410, "never"),
            (413, "never"),
            (425, "retry"),
            (429, "retry"),
            (500, "retry"),
            (502, "maybe"),
            (503, "retry"),
            (504, "maybe"),
            (599, "retry"),
        ] {
            assert_eq!(of(status), means, "{status}");
        }
    }

    #[test]
    fn what_was_taken_stays_with_the_answer() {
        let mut parts = Parts::default();
        parts.add(3);
        parts.tell(1);
        for answer in [Answer::permanent("no"), Answer::gone("no"), Answer::retry(None, "no").maybe_taken()] {
            assert!(!answer.has_told(1));
            let answer = answer.with_done(&parts);
            assert!(answer.has_told(1) && !answer.has_told(0), "{answer:?}");
            assert!(answer.done().unwrap().has(3) && !answer.done().unwrap().has(1));
        }
        assert!(Answer::ok("").has_told(7));
    }

    #[test]
    fn failures_on_the_way() {
        let blocked = Failure::new(Reason::Blocked, "no");
        assert_eq!(Answer::of_failure(&blocked, false), Answer::permanent("no"));
        let reset = Failure::new(Reason::ConnectionReset, "reset");
        assert_eq!(Answer::of_failure(&reset, false), Answer::retry(None, "reset"));
        assert_eq!(Answer::of_failure(&reset, true), Answer::retry(None, "reset").maybe_taken());
    }
}
