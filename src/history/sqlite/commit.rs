//! The urgent half of the writer: what alerting handed over becomes one durable transaction.
//!
//! Transitions, what is kept, the outbox and the audit trail are in it together. What fails is put back and tried again
//! soon; what was late or had no room stands in the audit trail afterwards, as a gap.

use std::{mem, sync::Arc, time::Duration};

use failpoint::failpoint;
use rusqlite::{Transaction, params};

use crate::{
    audit::{self, Body, Entry, Event, Head, Row},
    health::State as HealthState,
    history::{OutboxRow, OutboxUpdate, StoreHealth, Transition, bucket::DAY_MS},
};

use super::{
    batch::{Batch, Gap},
    writer::{Writer, save},
};

/// Between two commits. One that comes alone is on disk at once; of a stream, as in an outage or in the first interval of
/// a process, those of so long share the disk's flush, which costs more than all else of them.
const COMMITS_APART: Duration = Duration::from_millis(20);

/// After one that failed. Alerting knows within two seconds that the store is well again.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

impl Writer {
    /// Commits what waits, when it is time to.
    pub fn commit_if_due(&mut self) {
        if self.shared.options.clock.mono() >= self.next_commit && self.shared.state.lock().is_urgent() {
            self.commit_urgent();
        }
    }

    /// All that waits, as one durable transaction. False when it failed.
    pub fn commit_urgent(&mut self) -> bool {
        let shared = self.shared.clone();
        let clock = &shared.options.clock;
        let now = clock.now();
        self.next_commit = now.mono + COMMITS_APART;
        let (batch, unsaved, gap, why) = {
            let mut state = shared.state.lock();
            if !state.is_urgent() {
                return true;
            }
            if let Some(waited) = state.late(now.mono) {
                state.gap(before(now.wall, waited));
            }
            state.writing_since = state.urgent.since;
            let why = match &state.health {
                StoreHealth::Degraded { message, .. } => message.clone(),
                StoreHealth::Ok => "writing took too long".into(),
            };
            (mem::take(&mut state.urgent), mem::take(&mut state.unsaved), state.gap.take(), why)
        };
        let (mut known, mut head, today) = (Vec::new(), self.head, now.wall / DAY_MS);
        let result = self.durable(|transaction| {
            failpoint!("store.commit.begin");
            save(transaction, &unsaved, today)?;
            write(transaction, &batch, &mut known)?;
            failpoint!("store.commit.rows");
            for body in &batch.audit {
                append(transaction, &mut head, body.clone())?;
            }
            if let Some(gap) = &gap {
                append(transaction, &mut head, told(gap, now.wall, &why))?;
            }
            failpoint!("store.commit.audit");
            Ok(())
        });
        let mut state = shared.state.lock();
        state.writing_since = None;
        match result {
            Ok(()) => {
                failpoint!("store.commit.done");
                let waited = batch.since.map_or(Duration::ZERO, |since| clock.mono().saturating_sub(since));
                state.stats.urgent_commits += 1;
                state.stats.urgent_seconds += waited.as_secs_f64();
                state.stats.audit_rows += head.place.seq - self.head.place.seq;
                state.head = Some(head).filter(|head| head.place.seq > 0).or(state.head);
                drop(state);
                self.head = head;
                batch.settle(&known);
                failpoint!("store.commit.told");
                true
            }
            Err(error) => {
                state.urgent.restore(batch);
                state.unsaved.restore(unsaved);
                if let Some(gap) = gap {
                    state.gap(gap.from).join(&gap);
                }
                drop(state);
                self.next_commit = clock.mono() + AGAIN_AFTER;
                self.trouble("write transitions and notifications", &error);
                false
            }
        }
    }

    /// Writes one row of the audit trail, with what `work` does, durably.
    pub fn append_with(
        &mut self,
        entry: &Entry,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let mut head = self.head;
        self.durable(|transaction| {
            work(transaction)?;
            append(transaction, &mut head, Body::of(entry))
        })?;
        self.head = head;
        let mut state = self.shared.state.lock();
        state.stats.audit_rows += 1;
        state.head = Some(head);
        Ok(())
    }

    fn durable(&mut self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>) -> rusqlite::Result<()> {
        self.connection.pragma_update(None, "synchronous", "FULL")?;
        let result = self.transact(work);
        self.connection.pragma_update(None, "synchronous", "NORMAL")?;
        result
    }
}

fn before(now: i64, waited: Duration) -> i64 {
    now - i64::try_from(waited.as_millis()).unwrap_or(i64::MAX)
}

/// The row that tells of a gap.
fn told(gap: &Gap, now: i64, why: &Arc<str>) -> Body {
    let Gap { from, unrecorded, lost } = *gap;
    Body::of(&Entry::of_process(now, Event::Gap { from, why: why.clone(), unrecorded, lost }))
}

/// Everything but the audit trail. `known` gets the ids of notifications that were there before.
fn write(transaction: &Transaction<'_>, batch: &Batch, known: &mut Vec<Arc<str>>) -> rusqlite::Result<()> {
    batch.transitions.iter().try_for_each(|transition| insert_transition(transaction, transition))?;
    for ((space, key), value) in &batch.kept {
        match value {
            Some(value) => transaction
                .prepare_cached("INSERT OR REPLACE INTO kept VALUES (?1, ?2, ?3)")?
                .execute(params![space.as_str(), &**key, &**value])?,
            None => transaction
                .prepare_cached("DELETE FROM kept WHERE space = ?1 AND key = ?2")?
                .execute(params![space.as_str(), &**key])?,
        };
    }
    for (id, mail) in &batch.outbox {
        if let Some(row) = &mail.insert
            && insert_row(transaction, row)? == 0
        {
            known.push(id.clone());
        }
        if let Some(update) = &mail.update {
            update_row(transaction, update)?;
        }
    }
    Ok(())
}

fn insert_row(transaction: &Transaction<'_>, row: &OutboxRow) -> rusqlite::Result<usize> {
    let ended = row.state.has_ended().then_some(row.created);
    transaction
        .prepare_cached(
            "INSERT OR IGNORE INTO outbox VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            &*row.id,
            &*row.channel,
            &*row.incident,
            row.order as i64,
            row.state.as_str(),
            row.attempts,
            row.not_before,
            row.created,
            ended,
            row.ambiguous,
            &*row.answer,
            &*row.body
        ])
}

fn update_row(transaction: &Transaction<'_>, update: &OutboxUpdate) -> rusqlite::Result<usize> {
    let ended = update.state.has_ended().then_some(update.at);
    transaction
        .prepare_cached(
            "UPDATE outbox SET state = ?2, attempts = ?3, not_before = ?4, answer = ?5, ended = ?6,
                 ambiguous = max(ambiguous, ?7) WHERE id = ?1",
        )?
        .execute(params![
            &*update.id,
            update.state.as_str(),
            update.attempts,
            update.not_before,
            &*update.answer,
            ended,
            update.ambiguous
        ])
}

/// Writes the row that follows `head`, which is then of that row.
fn append(transaction: &Transaction<'_>, head: &mut Head, body: Body) -> rusqlite::Result<()> {
    let row = audit::follow(head, body);
    let Row { place, previous, body, digest, index } = &row;
    let index = index.clone().unwrap_or_default();
    transaction
        .prepare_cached("INSERT INTO audit VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)")?
        .execute(params![
            place.chain as i64,
            place.seq as i64,
            index.at,
            &*index.kind,
            &*index.namespace,
            index.rule.as_deref(),
            index.alert.as_deref(),
            index.fingerprint.as_deref(),
            index.notification.as_deref(),
            previous,
            body,
            digest
        ])?;
    *head = row.head();
    Ok(())
}

fn insert_transition(transaction: &Transaction<'_>, transition: &Transition) -> rusqlite::Result<()> {
    let Transition { target, at, from, to, reason, message } = transition;
    transaction
        .prepare_cached("INSERT INTO transition VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![at, target, state_code(*from), state_code(*to), reason.code(), &**message])
        .map(drop)
}

/// A state's position: part of the format.
fn state_code(state: HealthState) -> i64 {
    HealthState::ALL.iter().position(|&known| known == state).map_or(-1, |code| code as i64)
}
