//! What goes into the outbox and what comes out of it.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;

use crate::{
    alert::{Notification, NotificationId},
    clock::WallMs,
    model::ObjectKey,
};

/// A notification that is to go out.
#[derive(Debug, Clone)]
pub struct Item {
    pub notification: Arc<Notification>,
    /// What goes to one channel about one incident goes out in this order; no two of a channel have the same.
    pub order: u64,
    /// That were begun before.
    pub attempts: u32,
    /// It is not tried before this.
    pub not_before: WallMs,
    /// An earlier process began to send it, and wrote down no end.
    pub ambiguous: bool,
    /// It could not be written down in time.
    pub unrecorded: bool,
}

impl Item {
    /// One that is new, and on disk.
    pub fn new(notification: Arc<Notification>, order: u64) -> Self {
        let not_before = notification.created_at;
        Self { notification, order, attempts: 0, not_before, ambiguous: false, unrecorded: false }
    }
}

/// What became of a notification.
#[derive(Debug, Clone)]
pub struct Change {
    /// Where it is dead, what the receiver has taken of it all the same is no news in it.
    pub notification: Arc<Notification>,
    pub order: u64,
    pub at: WallMs,
    /// That were begun until now.
    pub attempts: u32,
    /// It may have been delivered before, unknown to us. Once true it stays.
    pub ambiguous: bool,
    pub fate: Fate,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is new: made by the outbox of those that are folded in the same write.
    Queued,
    /// An attempt begins.
    Begun,
    /// The attempt has ended, and another is made.
    Later {
        not_before: WallMs,
        answer: Arc<str>,
    },
    Delivered {
        answer: Arc<str>,
        took: Duration,
    },
    /// It will not be tried again: the receiver refuses it for good, or it waited for too long.
    Dead {
        answer: Arc<str>,
    },
    /// Another one says what it said.
    Folded {
        into: NotificationId,
    },
}

impl Fate {
    /// As a label of `probity_notifications_total`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Begun => "begun",
            Self::Later { .. } => "retry",
            Self::Delivered { .. } => "delivered",
            Self::Dead { .. } => "dead",
            Self::Folded { .. } => "folded",
        }
    }
}

/// Writes down what became of notifications, and tells whoever wants to know.
pub trait Ledger: Send + Sync {
    /// Takes the changes, all or none, in the order of the calls. Taking them does not wait; the future says whether
    /// they are on disk (true), or were not in time (false). It may be dropped.
    fn write(&self, changes: Vec<Change>) -> BoxFuture<'static, bool>;

    /// Something else is to be shown of this channel's outbox ([`super::Outboxes::view`]). Must return at once.
    fn shown(&self, _channel: &ObjectKey) {}
}
