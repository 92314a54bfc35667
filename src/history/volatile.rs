//! A store that keeps nothing but what is in memory: for `probity check`, and for tests.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::RangeInclusive,
    sync::Arc,
    time::Duration,
};

use futures::future::BoxFuture;
use parking_lot::Mutex;

use crate::{
    audit::{Body, Entry, Event, Head, Place, Row, follow},
    clock::WallMs,
    model::{ObjectKey, TargetKey},
};

use super::{
    About, AuditPage, AuditQuery, Commit, Cursor, Due, History, Hour, Keeper, Kept, Loaded, Outbox, OutboxQuery,
    OutboxRow, OutboxState, ReadError, Recent, Record, Recording, Settled, Space, Stats, Store, StoreHealth, Ticket,
};

/// Rows of the audit trail that are kept, of some 600 bytes each; then the older half goes, as if cut for its age.
const ROWS_MAX: usize = 20_000;

/// Gives numbers, applies records, and keeps commits. It has no history to show.
#[derive(Default)]
pub struct Volatile {
    ids: Mutex<HashMap<TargetKey, u32>>,
    kept: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    kept: BTreeMap<(Space, Arc<str>), Arc<[u8]>>,
    outbox: BTreeMap<Arc<str>, OutboxRow>,
    /// Ids in the order in which they came.
    order: Vec<Arc<str>>,
    audit: Vec<Row>,
    head: Option<Head>,
}

impl Tables {
    /// Applies a commit; gives the ids of notifications that were there before.
    fn apply(&mut self, commit: Commit) -> Arc<[Arc<str>]> {
        let mut known = Vec::new();
        for Kept { space, key, value } in commit.kept {
            match value {
                Some(value) => self.kept.insert((space, key), value),
                None => self.kept.remove(&(space, key)),
            };
        }
        for change in commit.outbox {
            match change {
                Outbox::Insert(row) if self.outbox.contains_key(&row.id) => known.push(row.id),
                Outbox::Insert(row) => {
                    self.order.push(row.id.clone());
                    self.outbox.insert(row.id.clone(), row);
                }
                Outbox::Update(update) => {
                    if let Some(row) = self.outbox.get_mut(&update.id) {
                        (row.state, row.attempts, row.not_before) = (update.state, update.attempts, update.not_before);
                        row.answer = update.answer;
                        row.ambiguous |= update.ambiguous;
                    }
                }
            }
        }
        for entry in &commit.audit {
            self.push(entry);
        }
        known.into()
    }

    fn push(&mut self, entry: &Entry) {
        if self.audit.is_empty() {
            self.append(&Entry::start(entry.at, None, "this store is in memory alone"));
        }
        self.append(entry);
        if self.audit.len() > ROWS_MAX {
            let rows = self.audit.len() / 2;
            let up_to = self.audit.drain(..rows).next_back().map(|row| row.head());
            if let Some(up_to) = up_to {
                self.append(&Entry::of_process(entry.at, Event::Cut { up_to, rows: rows as u64 }));
            }
        }
    }

    fn append(&mut self, entry: &Entry) {
        let begin = Head { place: Place { chain: 1, seq: 0 }, ..Head::default() };
        let row = follow(&self.head.unwrap_or(begin), Body::of(entry));
        self.head = Some(row.head());
        self.audit.push(row);
    }

    fn page(&self, query: &AuditQuery) -> AuditPage {
        let index = |row: &Row| row.index.clone().unwrap_or_default();
        let about = |about: &About| -> BTreeSet<Arc<str>> {
            let rows = self.audit.iter().map(index).filter(|index| about.takes(index));
            rows.filter_map(|index| index.notification).collect()
        };
        let told = query.about.as_ref().map(about).unwrap_or_default();
        let mut found: Vec<_> = self.audit.iter().map(|row| (cursor(row), index(row), row)).collect();
        found.sort_by_key(|(cursor, _, _)| *cursor);
        let mut page = AuditPage { head: self.head, ..AuditPage::default() };
        for (cursor, index, row) in found {
            let attempt =
                &*index.kind == "notification" && index.notification.as_ref().is_some_and(|id| told.contains(id));
            let is_about = query.about.as_ref().is_none_or(|about| about.takes(&index) || attempt);
            if !is_about || !query.takes(&index) || query.after.is_some_and(|after| cursor <= after) {
                continue;
            }
            if page.rows.len() == query.page() {
                page.next = page.rows.last().map(self::cursor);
                break;
            }
            page.rows.push(row.clone());
        }
        page
    }
}

fn cursor(row: &Row) -> Cursor {
    Cursor { at: row.index.as_ref().map_or(0, |index| index.at), place: row.place }
}

fn ready<T: Send + 'static>(value: T) -> BoxFuture<'static, Result<T, ReadError>> {
    Box::pin(std::future::ready(Ok(value)))
}

impl Store for Volatile {
    fn register(&self, key: &TargetKey) -> u32 {
        let mut ids = self.ids.lock();
        let next = u32::try_from(ids.len()).unwrap_or(u32::MAX).saturating_add(1);
        *ids.entry(key.clone()).or_insert(next)
    }

    fn attach(&self, _keeper: Arc<dyn Keeper>) {}

    fn detach(&self, _target: u32) {}

    fn due(&self, _target: u32, _at: WallMs, _every: Option<Duration>) {}

    fn record(&self, recent: &Mutex<Recent>, record: Record) {
        recent.lock().apply(&record);
    }

    fn commit(&self, commit: Commit) -> Ticket {
        Ticket::ready(Settled::Committed { known: self.kept.lock().apply(commit) })
    }

    fn recording(&self) -> Recording {
        Recording::Recorded
    }

    fn load(&self) -> Result<Loaded, ReadError> {
        let tables = self.kept.lock();
        let kept = tables.kept.iter();
        let kept =
            kept.map(|((space, key), value)| Kept { space: *space, key: key.clone(), value: Some(value.clone()) });
        let mut outbox: Vec<_> = tables.outbox.values().filter(|row| !row.state.has_ended()).cloned().collect();
        for row in &mut outbox {
            if row.state == OutboxState::InFlight {
                (row.state, row.ambiguous) = (OutboxState::Queued, true);
            }
        }
        outbox.sort_by(|a, b| (&a.channel, &a.incident, a.order).cmp(&(&b.channel, &b.incident, b.order)));
        Ok(Loaded { kept: kept.collect(), outbox, head: tables.head })
    }

    fn audit_head(&self) -> Option<Head> {
        self.kept.lock().head
    }

    fn audit(&self, query: AuditQuery) -> BoxFuture<'static, Result<AuditPage, ReadError>> {
        ready(self.kept.lock().page(&query))
    }

    fn audit_chain(&self, after: Place, limit: usize) -> BoxFuture<'static, Result<AuditPage, ReadError>> {
        let tables = self.kept.lock();
        let rows = tables.audit.iter().filter(|row| row.place > after).take(limit.clamp(1, super::trail::PAGE_MAX));
        ready(AuditPage { rows: rows.cloned().collect(), next: None, head: tables.head })
    }

    fn outbox(&self, query: OutboxQuery) -> BoxFuture<'static, Result<Vec<OutboxRow>, ReadError>> {
        let tables = self.kept.lock();
        let rows = tables.order.iter().rev().filter_map(|id| tables.outbox.get(id));
        let wanted = rows.filter(|row| {
            query.channel.as_ref().is_none_or(|channel| *channel == row.channel)
                && query.state.is_none_or(|state| state == row.state)
        });
        ready(wanted.take(query.limit.clamp(1, super::trail::PAGE_MAX)).cloned().collect())
    }

    fn history(&self, _target: u32, _window: Duration, _now: WallMs) -> BoxFuture<'static, Result<History, ReadError>> {
        Box::pin(std::future::ready(Err(ReadError::Closed)))
    }

    fn targets(&self, _check: &ObjectKey) -> Vec<(u32, Due)> {
        Vec::new()
    }

    fn hours(
        &self,
        _target: u32,
        _hours: RangeInclusive<u32>,
    ) -> BoxFuture<'static, Result<Vec<(u32, Hour)>, ReadError>> {
        ready(Vec::new())
    }

    fn stats(&self) -> Stats {
        Stats::default()
    }

    fn health(&self) -> StoreHealth {
        StoreHealth::Ok
    }

    fn close(&self) {}
}
