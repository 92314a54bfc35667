//! The outbox's book-keeping: what became of each notification goes to the store and the audit trail, and what the desk
//! has to know of it, to the desk.

use std::{collections::BTreeSet, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use tracing::error;

use super::{
    bell::Bell,
    board::{Board, Notified},
    dead, record,
};
use crate::{
    alert::{Notification, desk},
    audit::{Entry, Event},
    clock::WallMs,
    history::{Commit, Outbox, OutboxRow, OutboxState, OutboxUpdate, Settled, Store},
    model::{Kind, ObjectId, ObjectKey},
    notify::outbox::{Change, Fate, Item, Ledger},
};

/// Writes down what becomes of notifications.
pub struct Books {
    store: Arc<dyn Store>,
    bell: Bell,
    board: Board,
}

impl Books {
    pub fn new(store: Arc<dyn Store>, bell: Bell, board: Board) -> Self {
        Self { store, bell, board }
    }

    /// Shows at each rule what became of the attempt to tell of its alerts.
    fn show(&self, change: &Change) {
        if !matches!(change.fate, Fate::Later { .. } | Fate::Delivered { .. } | Fate::Dead { .. }) {
            return;
        }
        let Notification { channel, alerts, .. } = &*change.notification;
        let rules: BTreeSet<&ObjectKey> = alerts.iter().map(|alert| &alert.rule).collect();
        for rule in rules {
            if let Some(cell) = self.board.rule(rule) {
                let (channel, outcome) = (channel.clone(), change.fate.as_str());
                cell.set_notified(Notified { channel, outcome, at: change.at });
                self.board.tell(&ObjectId::new(Kind::AlertRule, rule.clone()));
            }
        }
    }
}

impl Ledger for Books {
    fn write(&self, changes: Vec<Change>) -> BoxFuture<'static, bool> {
        let mut commit = Commit::default();
        for change in &changes {
            write(&mut commit, change);
            self.show(change);
        }
        let ticket = self.store.commit(commit);
        // After it: what the desk decides is laid over what was handed to the store here.
        for Change { notification, fate, .. } in changes {
            if let Fate::Dead { answer: error } = fate {
                self.bell.desk(desk::Event::Dead { notification, error });
            }
        }
        ticket.map(|settled| matches!(settled, Settled::Committed { .. })).boxed()
    }

    fn shown(&self, channel: &ObjectKey) {
        self.board.tell(&ObjectId::new(Kind::NotificationChannel, channel.clone()));
    }
}

/// Adds what became of one notification.
fn write(commit: &mut Commit, change: &Change) {
    let update = |state, not_before: WallMs, answer: &Arc<str>| {
        Outbox::Update(OutboxUpdate {
            id: change.notification.id.0.clone(),
            at: change.at,
            state,
            attempts: change.attempts,
            not_before,
            answer: answer.clone(),
            ambiguous: change.ambiguous,
        })
    };
    match &change.fate {
        Fate::Queued => record::notification(commit, &change.notification, change.order),
        Fate::Begun => commit.outbox.push(update(OutboxState::InFlight, change.at, &Arc::from(""))),
        Fate::Later { not_before, answer } => {
            commit.outbox.push(update(OutboxState::Queued, *not_before, answer));
            commit.audit.push(attempt(change, answer, Some(*not_before)));
        }
        Fate::Delivered { answer, .. } => {
            commit.outbox.push(update(OutboxState::Delivered, change.at, answer));
            commit.audit.push(attempt(change, answer, None));
        }
        Fate::Dead { answer } => {
            dead::keep(commit, &change.notification, answer);
            commit.outbox.push(update(OutboxState::Dead, change.at, answer));
            commit.audit.push(attempt(change, answer, None));
        }
        Fate::Folded { into } => {
            let answer = Arc::from(format!("told as part of {into}"));
            commit.outbox.push(update(OutboxState::Folded, change.at, &answer));
            commit.audit.push(attempt(change, &answer, None));
        }
    }
}

fn attempt(change: &Change, answer: &Arc<str>, next: Option<WallMs>) -> Entry {
    let notification = &change.notification;
    let first = notification.alerts.first();
    // Of several alerts the first one's rule tells who may read it; `told` rows tie each alert to the notification.
    Entry {
        at: change.at,
        namespace: first.map_or_else(|| notification.channel.namespace.clone(), |alert| alert.rule.namespace.clone()),
        rule: first.map(|alert| alert.rule.name.clone()),
        alert: first.filter(|_| notification.alerts.len() == 1).map(|alert| alert.name.clone()),
        fingerprint: first.filter(|_| notification.alerts.len() == 1).map(|alert| alert.fingerprint.to_string().into()),
        notification: Some(notification.id.0.clone()),
        event: Event::Notification {
            channel: notification.channel.to_string().into(),
            alerts: notification.alerts.len() as u64,
            attempt: change.attempts,
            outcome: change.fate.as_str().into(),
            answer: answer.clone(),
            next,
            ambiguous: change.ambiguous,
            unrecorded: false,
        },
    }
}

/// What an earlier process left in the outbox.
pub(super) fn item(row: &OutboxRow) -> Option<Item> {
    if row.state.has_ended() {
        return None;
    }
    match serde_json::from_slice::<Notification>(&row.body) {
        Ok(notification) => Some(Item {
            notification: Arc::new(notification),
            order: row.order,
            attempts: row.attempts,
            not_before: row.not_before,
            ambiguous: row.ambiguous || row.state == OutboxState::InFlight,
            unrecorded: false,
        }),
        Err(error) => {
            error!(id = &*row.id, %error, "a notification that waits cannot be read, and is left out");
            None
        }
    }
}
