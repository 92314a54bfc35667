//! What alerting hands to the store, and what the store tells of it: one atomic step, and what is known at a start.
//!
//! The store understands nothing of alerts: it keeps bytes under keys, rows of the outbox in their order, and rows of the
//! audit trail. Who hands over a [`Commit`] gets a [`Ticket`], and sends no notification before that is settled.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures::future::BoxFuture;

use crate::{
    audit::{Entry, Head},
    clock::WallMs,
};

use super::Transition;

/// One step of alerting: all of it is on disk, or none.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    pub transitions: Vec<Transition>,
    /// State under keys, and what goes.
    pub kept: Vec<Kept>,
    pub outbox: Vec<Outbox>,
    pub audit: Vec<Entry>,
}

impl Commit {
    pub fn is_empty(&self) -> bool {
        self.transitions.is_empty() && self.kept.is_empty() && self.outbox.is_empty() && self.audit.is_empty()
    }

    /// From now on `key` has this value.
    pub fn put(&mut self, space: Space, key: impl Into<Arc<str>>, value: impl Into<Arc<[u8]>>) {
        self.kept.push(Kept { space, key: key.into(), value: Some(value.into()) });
    }

    /// From now on there is nothing under `key`.
    pub fn forget(&mut self, space: Space, key: impl Into<Arc<str>>) {
        self.kept.push(Kept { space, key: key.into(), value: None });
    }
}

/// What a key is of: each is a space of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    /// Episodes of alerts, by incident.
    Episode,
    /// Groups, and what was told to whom.
    Desk,
    /// Silences of stand-alone mode.
    Silence,
    /// Who acts on what.
    Ack,
    /// What a channel would not take, until it is decided who is told instead.
    Dead,
}

impl Space {
    pub const ALL: [Self; 5] = [Self::Episode, Self::Desk, Self::Silence, Self::Ack, Self::Dead];

    /// Its name in the database: part of the format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Episode => "episode",
            Self::Desk => "desk",
            Self::Silence => "silence",
            Self::Ack => "ack",
            Self::Dead => "dead",
        }
    }
}

/// A value under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub space: Space,
    pub key: Arc<str>,
    /// None: it goes.
    pub value: Option<Arc<[u8]>>,
}

/// What changes in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outbox {
    /// A notification that is to go out. One whose id is there already changes nothing; see [`Settled::Committed`].
    Insert(OutboxRow),
    /// What became of one. That of an id that is not there changes nothing.
    Update(OutboxUpdate),
}

/// A notification that waits, is sent, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Its idempotency key.
    pub id: Arc<str>,
    /// `NAMESPACE/NAME`.
    pub channel: Arc<str>,
    /// What goes to one channel about one of these goes out in the order of `order`.
    pub incident: Arc<str>,
    pub order: u64,
    pub body: Arc<[u8]>,
    pub created: WallMs,
    pub state: OutboxState,
    /// That were begun.
    pub attempts: u32,
    /// It is not tried before.
    pub not_before: WallMs,
    /// What the receiver said last, without its secrets.
    pub answer: Arc<str>,
    /// An earlier process may have sent it, and not have written it down.
    pub ambiguous: bool,
}

/// What became of a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxUpdate {
    pub id: Arc<str>,
    pub at: WallMs,
    pub state: OutboxState,
    pub attempts: u32,
    pub not_before: WallMs,
    pub answer: Arc<str>,
    /// Once true it stays.
    pub ambiguous: bool,
}

/// How a notification stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutboxState {
    Queued,
    /// A request is under way; written before it is begun, so that a kill in it is known afterwards.
    InFlight,
    /// Kept for some days, so that its id is known, and then forgotten.
    Delivered,
    /// Given up; kept longer, and may be queued again.
    Dead,
    /// Another one says what it said; kept as long as those that were delivered.
    Folded,
}

impl OutboxState {
    pub const ALL: [Self; 5] = [Self::Queued, Self::InFlight, Self::Delivered, Self::Dead, Self::Folded];

    /// Its name in the database: part of the format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InFlight => "in flight",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Folded => "folded",
        }
    }

    pub fn has_ended(self) -> bool {
        matches!(self, Self::Delivered | Self::Dead | Self::Folded)
    }
}

/// What became of a [`Commit`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// It is on disk. Notifications with the ids in `known` were there before: they go out, or went out, on behalf of
    /// an earlier commit, and not of this one.
    Committed { known: Arc<[Arc<str>]> },
    /// It was not on disk within [`PATIENCE`]. Tell all the same, marked `unrecorded`. The store goes on trying, in order
    /// and together with what comes later, as far as there is room; afterwards the audit trail says that there was a gap.
    Unrecorded,
}

/// How long a notification waits for its commit: what the store may fail for before it counts as failing.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// Tells what became of a commit, once. It may be dropped: the commit goes on.
pub struct Ticket(BoxFuture<'static, Settled>);

impl Ticket {
    pub fn new(settled: impl Future<Output = Settled> + Send + 'static) -> Self {
        Self(Box::pin(settled))
    }

    pub fn ready(settled: Settled) -> Self {
        Self::new(std::future::ready(settled))
    }
}

impl Future for Ticket {
    type Output = Settled;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Settled> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket")
    }
}

/// Whether what is handed over now is on disk within [`PATIENCE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recording {
    Recorded,
    /// Commits wait, the oldest since then: tell at once, and mark it.
    Unrecorded {
        since: WallMs,
    },
}

/// What an earlier process left, for those who go on with it.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// Sorted by space and key.
    pub kept: Vec<Kept>,
    /// What was queued or in flight, by channel, incident and order. What was in flight is queued, and `ambiguous`.
    pub outbox: Vec<OutboxRow>,
    /// The audit trail's last row, that of this process's start included.
    pub head: Option<Head>,
}

impl Loaded {
    /// What was kept in one space.
    pub fn of(&self, space: Space) -> impl Iterator<Item = (&Arc<str>, &Arc<[u8]>)> {
        self.kept
            .iter()
            .filter(move |kept| kept.space == space)
            .filter_map(|kept| Some((&kept.key, kept.value.as_ref()?)))
    }
}

/// Which rows of the outbox are asked for, newest first.
#[derive(Debug, Clone, Default)]
pub struct OutboxQuery {
    /// None: of any.
    pub channel: Option<Arc<str>>,
    /// None: in any.
    pub state: Option<OutboxState>,
    /// At most this many, and never over 1,000.
    pub limit: usize,
}
