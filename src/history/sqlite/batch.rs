//! Commits that wait for the disk, as one: what comes later is laid over what came before.
//!
//! All of a batch is one transaction, so a commit is in it whole; and a value that changes ten times while the disk
//! stands still is written once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures::channel::oneshot;

use crate::{
    audit::{Body, Lost},
    clock::WallMs,
    history::{Commit, Outbox, OutboxRow, OutboxUpdate, Space, Transition},
};

use super::shared::TRANSITIONS_MAX;

/// Bytes that wait, beyond which transitions and audit rows are dropped: 10,000 alerts that fire at once take some
/// 3 KB each, so that there is room for them and for what becomes of them.
const BYTES_MAX: usize = 48 << 20;

/// Bytes that wait, beyond which everything is dropped. What was kept is the newest of each key, so that this is more
/// than all alerts together have.
const ALL_BYTES_MAX: usize = 64 << 20;

/// About what an entry of a map, or an element of a list, costs beside its bytes.
const ENTRY_BYTES: usize = 128;

/// What a value is kept under, and the value; None: it goes.
type Key = (Space, Arc<str>);
type Value = Option<Arc<[u8]>>;

/// What waits, and who waits for it.
#[derive(Default)]
pub struct Batch {
    pub transitions: Vec<Transition>,
    pub kept: BTreeMap<Key, Value>,
    pub outbox: BTreeMap<Arc<str>, Mail>,
    pub audit: Vec<Body>,
    waiting: Vec<Waiting>,
    /// Monotonic: since when the oldest waits.
    pub since: Option<Duration>,
    bytes: usize,
}

/// What is to be written of one notification.
#[derive(Default)]
pub struct Mail {
    pub insert: Option<OutboxRow>,
    pub update: Option<OutboxUpdate>,
}

/// Who waits for a commit, and the ids in it that an earlier commit of this batch brought.
struct Waiting {
    settle: oneshot::Sender<Arc<[Arc<str>]>>,
    known: Vec<Arc<str>>,
}

impl Batch {
    pub fn is_empty(&self) -> bool {
        self.transitions.is_empty() && self.kept.is_empty() && self.outbox.is_empty() && self.audit.is_empty()
    }

    /// Lays a commit over what waits. `bodies` are its audit rows. What there is no room for is told; nobody waits for
    /// a commit of which something is lost.
    pub fn add(
        &mut self,
        commit: Commit,
        bodies: Vec<Body>,
        now: Duration,
        settle: oneshot::Sender<Arc<[Arc<str>]>>,
    ) -> Lost {
        let mut lost = Lost::default();
        let mut known = Vec::new();
        for transition in commit.transitions {
            if self.transitions.len() >= TRANSITIONS_MAX || self.bytes > BYTES_MAX {
                lost.transitions += 1;
                continue;
            }
            self.bytes += transition.message.len() + ENTRY_BYTES;
            self.transitions.push(transition);
        }
        for kept in commit.kept {
            let size = size_of_kept(&kept.key, kept.value.as_ref());
            if self.bytes + size > ALL_BYTES_MAX {
                lost.kept += 1;
                continue;
            }
            self.put((kept.space, kept.key), kept.value);
        }
        for change in commit.outbox {
            if self.bytes > ALL_BYTES_MAX {
                lost.outbox += 1;
                continue;
            }
            match change {
                Outbox::Insert(row) => {
                    let mail = self.outbox.entry(row.id.clone()).or_default();
                    if mail.insert.is_some() || mail.update.is_some() {
                        known.push(row.id);
                    } else {
                        self.bytes += size_of_row(&row);
                        mail.insert = Some(row);
                    }
                }
                Outbox::Update(update) => self.update(update),
            }
        }
        for body in bodies {
            if self.bytes > BYTES_MAX {
                lost.audit += 1;
                continue;
            }
            self.bytes += body.bytes.len() + ENTRY_BYTES;
            self.audit.push(body);
        }
        if lost.sum() == 0 {
            self.waiting.push(Waiting { settle, known });
        }
        if !self.is_empty() {
            self.since.get_or_insert(now);
        }
        lost
    }

    fn put(&mut self, key: Key, value: Value) {
        self.bytes += size_of_kept(&key.1, value.as_ref());
        let text = key.1.clone();
        if let Some(before) = self.kept.insert(key, value) {
            self.bytes -= size_of_kept(&text, before.as_ref());
        }
    }

    fn update(&mut self, mut update: OutboxUpdate) {
        let mail = self.outbox.entry(update.id.clone()).or_default();
        if let Some(before) = &mail.update {
            update.ambiguous |= before.ambiguous;
            self.bytes -= size_of_update(before);
        }
        self.bytes += size_of_update(&update);
        mail.update = Some(update);
    }

    /// Puts back what could not be written, under what has come since.
    pub fn restore(&mut self, failed: Self) {
        let later = std::mem::replace(self, failed);
        self.transitions.extend(later.transitions);
        for (key, value) in later.kept {
            self.put(key, value);
        }
        let mut twice = BTreeSet::new();
        for (id, mail) in later.outbox {
            if let Some(row) = mail.insert {
                let size = size_of_row(&row);
                let mine = self.outbox.entry(id.clone()).or_default();
                if mine.insert.is_some() || mine.update.is_some() {
                    twice.insert(id);
                } else {
                    self.bytes += size;
                    mine.insert = Some(row);
                }
            }
            if let Some(update) = mail.update {
                self.update(update);
            }
        }
        self.bytes += later.audit.iter().map(|body| body.bytes.len() + ENTRY_BYTES).sum::<usize>();
        self.audit.extend(later.audit);
        self.waiting.extend(later.waiting.into_iter().map(|mut waiting| {
            // Who waited for one that was there before does not send it; that others are told, too, harms nobody: what
            // they brought themselves is not among these.
            waiting.known.extend(twice.iter().cloned());
            waiting
        }));
        self.since = self.since.or(later.since);
    }

    /// It is on disk; rows with the ids in `known` had been there before.
    pub fn settle(self, known: &[Arc<str>]) {
        let all: Arc<[Arc<str>]> = known.into();
        for Waiting { settle, known: mut mine } in self.waiting {
            let known = if mine.is_empty() {
                all.clone()
            } else {
                mine.extend_from_slice(known);
                mine.into()
            };
            // Who has gone does not matter.
            let _ = settle.send(known);
        }
    }
}

fn size_of_kept(key: &str, value: Option<&Arc<[u8]>>) -> usize {
    key.len() + value.map_or(0, |value| value.len()) + ENTRY_BYTES
}

fn size_of_row(row: &OutboxRow) -> usize {
    2 * row.id.len() + row.channel.len() + row.incident.len() + row.body.len() + row.answer.len() + 2 * ENTRY_BYTES
}

fn size_of_update(update: &OutboxUpdate) -> usize {
    update.id.len() + update.answer.len() + ENTRY_BYTES
}

/// A time in which commits were not on disk in time, until the audit trail tells of it.
#[derive(Debug, Clone)]
pub struct Gap {
    pub from: WallMs,
    /// Notifications that went out unrecorded.
    pub unrecorded: u64,
    pub lost: Lost,
}

impl Gap {
    pub fn new(from: WallMs) -> Self {
        Self { from, unrecorded: 0, lost: Lost::default() }
    }

    /// Puts what an earlier one told into this one.
    pub fn join(&mut self, earlier: &Self) {
        self.from = self.from.min(earlier.from);
        self.unrecorded += earlier.unrecorded;
        self.lost += earlier.lost;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::OutboxState;

    fn commit(change: impl FnOnce(&mut Commit)) -> Commit {
        let mut commit = Commit::default();
        change(&mut commit);
        commit
    }

    fn row(id: &str) -> OutboxRow {
        OutboxRow {
            id: id.into(),
            channel: "ops/slack".into(),
            incident: "i".into(),
            order: 1,
            body: (*b"{}").into(),
            created: 1,
            state: OutboxState::Queued,
            attempts: 0,
            not_before: 0,
            answer: "".into(),
            ambiguous: false,
        }
    }

    fn update(id: &str, state: OutboxState, ambiguous: bool) -> OutboxUpdate {
        OutboxUpdate { id: id.into(), at: 2, state, attempts: 1, not_before: 0, answer: "ok".into(), ambiguous }
    }

    fn add(batch: &mut Batch, commit: Commit) -> oneshot::Receiver<Arc<[Arc<str>]>> {
        let (settle, settled) = oneshot::channel();
        assert_eq!(batch.add(commit, Vec::new(), Duration::from_secs(1), settle), Lost::default());
        settled
    }

    fn bytes_of(batch: &Batch) -> usize {
        let kept: usize = batch.kept.iter().map(|((_, key), value)| size_of_kept(key, value.as_ref())).sum();
        let mail =
            |mail: &Mail| mail.insert.as_ref().map_or(0, size_of_row) + mail.update.as_ref().map_or(0, size_of_update);
        kept + batch.outbox.values().map(mail).sum::<usize>()
    }

    #[test]
    fn the_newest_value_of_a_key_is_written_and_bytes_are_counted_once() {
        let mut batch = Batch::default();
        for n in 0..100u8 {
            drop(add(&mut batch, commit(|commit| commit.put(Space::Episode, format!("{}", n % 3), vec![n; 100]))));
        }
        drop(add(&mut batch, commit(|commit| commit.forget(Space::Episode, "1"))));
        drop(add(&mut batch, commit(|commit| commit.put(Space::Desk, "1", vec![1]))));
        let of = |batch: &Batch, space, key: &str| batch.kept[&(space, key.into())].as_ref().map(|value| value[0]);
        assert_eq!(of(&batch, Space::Episode, "0"), Some(99));
        assert_eq!(of(&batch, Space::Episode, "1"), None);
        assert_eq!(of(&batch, Space::Desk, "1"), Some(1));
        assert_eq!((batch.kept.len(), batch.bytes), (4, bytes_of(&batch)));
    }

    #[test]
    fn a_notification_that_comes_twice_is_the_first_ones() {
        let mut batch = Batch::default();
        let insert = || commit(|commit| commit.outbox.push(Outbox::Insert(row("a"))));
        let mut first = add(&mut batch, insert());
        let mut second = add(&mut batch, insert());
        drop(add(&mut batch, commit(|c| c.outbox.push(Outbox::Update(update("a", OutboxState::InFlight, true))))));
        drop(add(&mut batch, commit(|c| c.outbox.push(Outbox::Update(update("a", OutboxState::Delivered, false))))));
        assert_eq!(batch.bytes, bytes_of(&batch));
        let mail = &batch.outbox["a"];
        assert!(mail.insert.is_some());
        assert!(mail.update.as_ref().is_some_and(|last| last.state == OutboxState::Delivered && last.ambiguous));
        batch.settle(&["z".into()]);
        assert_eq!(first.try_recv().unwrap().as_deref(), Some(&["z".into()][..]));
        assert_eq!(second.try_recv().unwrap().as_deref(), Some(&["a".into(), "z".into()][..]));
    }

    #[test]
    fn what_failed_lies_under_what_came_later() {
        let (mut batch, mut failed) = (Batch::default(), Batch::default());
        let mut first = add(
            &mut failed,
            commit(|commit| {
                commit.put(Space::Ack, "k", vec![1]);
                commit.put(Space::Ack, "only", vec![1]);
                commit.outbox.push(Outbox::Insert(row("a")));
            }),
        );
        failed.since = Some(Duration::ZERO);
        let mut second = add(
            &mut batch,
            commit(|commit| {
                commit.put(Space::Ack, "k", vec![2]);
                commit.outbox.push(Outbox::Insert(row("a")));
                commit.outbox.push(Outbox::Update(update("a", OutboxState::Dead, false)));
            }),
        );
        batch.restore(failed);
        assert_eq!(batch.kept[&(Space::Ack, "k".into())].as_deref(), Some(&[2][..]));
        assert_eq!(batch.kept[&(Space::Ack, "only".into())].as_deref(), Some(&[1][..]));
        assert_eq!((batch.since, batch.bytes), (Some(Duration::ZERO), bytes_of(&batch)));
        batch.settle(&[]);
        assert_eq!(first.try_recv().unwrap().as_deref(), Some(&[][..]));
        assert_eq!(second.try_recv().unwrap().as_deref(), Some(&["a".into()][..]));
    }

    #[test]
    fn a_batch_is_bounded_and_says_what_it_lost() {
        let mut batch = Batch::default();
        let big = || commit(|commit| commit.put(Space::Desk, uuid::Uuid::new_v4().to_string(), vec![0; 1 << 20]));
        let body = || vec![Body::of(&crate::audit::Entry::start(0, None, ""))];
        let mut lost = Lost::default();
        for _ in 0..80 {
            let (settle, mut settled) = oneshot::channel();
            let now = batch.add(big(), body(), Duration::ZERO, settle);
            // Nobody waits for what is not kept whole.
            assert_eq!(settled.try_recv().is_err(), now.sum() > 0);
            lost += now;
        }
        assert!(batch.bytes <= ALL_BYTES_MAX && lost.kept > 10 && lost.audit > lost.kept, "{lost:?}");
        assert!(batch.audit.len() > 40, "what came before stays");
    }
}
