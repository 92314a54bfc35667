//! What a trial says to the receiver. Pure.

use std::sync::Arc;

use crate::{
    alert::{Group, Labels, Notification, NotificationId, Why},
    clock::WallMs,
    model::ObjectKey,
};

/// A notification about no alert; every kind of channel has words for it.
pub(super) fn notification(channel: &ObjectKey, id: Arc<str>, correlation_id: Arc<str>, now: WallMs) -> Notification {
    Notification {
        correlation_id,
        id: NotificationId(id),
        channel: channel.clone(),
        group: Group { key: format!("{channel}:test").into(), labels: Labels::default() },
        why: Why::Test,
        alerts: Vec::new(),
        truncated: 0,
        created_at: now,
        instead_of: None,
    }
}
