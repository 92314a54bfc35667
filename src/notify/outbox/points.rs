//! The names of this module's fail points: what is about to become of a notification, and what a receiver said. Pure.

use super::item::{Change, Fate};
use crate::notify::Answer;

/// Before, and after, the ledger is handed these changes.
pub(super) fn of(changes: &[Change]) -> [Option<&'static str>; 2] {
    match changes.first().map(|change| &change.fate) {
        Some(Fate::Delivered { .. }) => [Some("outbox.delivered"), Some("outbox.delivered.handed")],
        Some(Fate::Later { .. }) => [Some("outbox.retry"), Some("outbox.retry.handed")],
        Some(Fate::Dead { .. }) => [Some("outbox.dead"), Some("outbox.dead.handed")],
        Some(Fate::Queued | Fate::Begun | Fate::Folded { .. }) | None => [None, None],
    }
}

/// Between the receiver's answer and anybody's hearing of it.
pub(super) fn answered(answer: &Answer) -> &'static str {
    match answer {
        Answer::Ok { .. } => "outbox.taken",
        Answer::Retry { .. } => "outbox.put_off",
        Answer::Permanent { .. } => "outbox.refused",
    }
}
