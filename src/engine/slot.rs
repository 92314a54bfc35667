//! What the engine holds per target.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use crate::{
    clock::{Now, WallMs},
    health::{Policy, Reason, Span, State, Target},
    history::{Class, Record, Run, Transition},
    model::{HealthCheck, ObjectKey},
    probe::{Outcome, Verdict},
};

use super::{Effect, LastRun, TargetCell, TargetView};

/// One target: its state, its place in the schedule and the run that is under way.
pub(super) struct Slot {
    pub(super) check: Arc<HealthCheck>,
    pub(super) cell: Arc<TargetCell>,
    pub(super) target: Target,
    pub(super) last: Option<Arc<LastRun>>,
    /// Entries of the queue under another ticket are void.
    pub(super) ticket: u32,
    /// The next regular run, on the monotonic clock; None while suspended.
    pub(super) due: Option<Duration>,
    /// A run out of turn: the first one, or one that a dependent asked for.
    pub(super) extra: Option<Duration>,
    pub(super) progress: Progress,
    pub(super) last_start: Option<Duration>,
    /// Rare, so not in line: every target would pay for it.
    pub(super) hold: Option<Box<Hold>>,
}

/// Where a target's run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Idle,
    /// Due since then, and waiting for its turn.
    Queued(Duration),
    Running(u64),
}

/// A failed result that nobody is told of before its dependencies have been asked.
pub(super) struct Hold {
    pub(super) outcome: Outcome,
    /// When the run ended.
    pub(super) at: WallMs,
    /// Nobody waits longer than this (monotonic).
    pub(super) until: Duration,
    /// The dependencies that have not answered yet.
    pub(super) asked: Vec<ObjectKey>,
}

impl Slot {
    pub(super) fn policy(&self) -> Policy {
        Policy {
            interval: self.check.interval,
            failure_threshold: self.check.failure_threshold,
            success_threshold: self.check.success_threshold,
        }
    }

    /// Hands the spans that became known to history.
    pub(super) fn record_spans(&self, spans: &mut Vec<Span>, effects: &mut Vec<Effect>) {
        for span in spans.drain(..) {
            let record =
                Record { target: self.cell.id, at: span.end, run: None, span: span.length, span_class: span.class };
            effects.push(Effect::Record(self.cell.clone(), record));
        }
    }

    /// Hands a run to history, with the span that ends with it.
    pub(super) fn record_run(&self, run: Run, at: WallMs, spans: &mut Vec<Span>, effects: &mut Vec<Effect>) {
        let last = spans.pop_if(|span| span.end == at);
        self.record_spans(spans, effects);
        let (span, span_class) = last.map_or((Duration::ZERO, Class::Excluded), |span| (span.length, span.class));
        let record = Record { target: self.cell.id, at, run: Some(run), span, span_class };
        effects.push(Effect::Record(self.cell.clone(), record));
    }

    /// Shows the target as it is now, and tells of a transition if its state was another before.
    pub(super) fn publish(&self, before: State, ran: Option<(Verdict, Reason)>, now: Now, effects: &mut Vec<Effect>) {
        let Target { state, reason, message, since, .. } = &self.target;
        if *state != before {
            let transition = Transition {
                target: self.cell.id,
                at: now.wall,
                from: before,
                to: *state,
                reason: *reason,
                message: message.clone(),
            };
            effects.push(Effect::Transition(self.check.key.clone(), transition));
        }
        let view = TargetView {
            state: *state,
            reason: *reason,
            message: message.clone(),
            since: *since,
            last: self.last.clone(),
        };
        effects.push(Effect::Target(self.cell.clone(), view, ran));
    }
}

/// Slots under numbers that are given again when they are free.
#[derive(Default)]
pub(super) struct Slots {
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    tickets: u32,
}

impl Slots {
    /// A ticket that no entry of the queue carries, but for one that is 2^32 tickets old.
    pub(super) fn ticket(&mut self) -> u32 {
        self.tickets = self.tickets.wrapping_add(1);
        self.tickets
    }

    pub(super) fn insert(&mut self, slot: Slot) -> u32 {
        if let Some(number) = self.free.pop() {
            self.slots[number as usize] = Some(slot);
            return number;
        }
        if self.slots.len() == self.slots.capacity() {
            // By an eighth and not by double, which would leave megabytes unused at 10,000 targets.
            self.slots.reserve_exact(self.slots.len() / 8 + 64);
        }
        self.slots.push(Some(slot));
        u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
    }

    pub(super) fn remove(&mut self, number: u32) -> Option<Slot> {
        let taken = self.slots.get_mut(number as usize)?.take()?;
        self.free.push(number);
        Some(taken)
    }

    pub(super) fn get(&self, number: u32) -> Option<&Slot> {
        self.slots.get(number as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut Slot> {
        self.slots.get_mut(number as usize)?.as_mut()
    }

    /// All numbers that were ever given.
    pub(super) fn numbers(&self) -> std::ops::Range<u32> {
        0..u32::try_from(self.slots.len()).unwrap_or(u32::MAX)
    }
}

/// Those that wait for a dependency's run to end, by deadline.
#[derive(Default)]
pub(super) struct Holds(BTreeSet<(Duration, u32)>);

impl Holds {
    pub(super) fn add(&mut self, until: Duration, slot: u32) {
        self.0.insert((until, slot));
    }

    pub(super) fn remove(&mut self, until: Duration, slot: u32) {
        self.0.remove(&(until, slot));
    }

    pub(super) fn next(&self) -> Option<Duration> {
        self.0.first().map(|(until, _)| *until)
    }

    pub(super) fn pop(&mut self, now: Duration) -> Option<u32> {
        if self.next()? > now {
            return None;
        }
        self.0.pop_first().map(|(_, slot)| slot)
    }

    pub(super) fn slots(&self) -> Vec<u32> {
        self.0.iter().map(|(_, slot)| *slot).collect()
    }
}
