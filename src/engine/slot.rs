//! What the engine holds per target.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

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
    /// The check whose failure the last result was put down to.
    pub(super) blamed: Option<Arc<str>>,
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

/// Those that wait for a dependency's run to end, by deadline and by whom they wait for: in a mass outage thousands
/// wait while thousands of runs end, and each of these looks only at those that wait for it.
#[derive(Default)]
pub(super) struct Holds {
    deadlines: BTreeSet<(Duration, u32)>,
    waiters: HashMap<ObjectKey, BTreeSet<u32>>,
}

impl Holds {
    pub(super) fn add(&mut self, hold: &Hold, slot: u32) {
        self.deadlines.insert((hold.until, slot));
        for key in &hold.asked {
            self.waiters.entry(key.clone()).or_default().insert(slot);
        }
    }

    pub(super) fn remove(&mut self, hold: &Hold, slot: u32) {
        self.deadlines.remove(&(hold.until, slot));
        for key in &hold.asked {
            self.answered(key, slot);
        }
    }

    /// It waits for this one no longer.
    pub(super) fn answered(&mut self, key: &ObjectKey, slot: u32) {
        if let Some(slots) = self.waiters.get_mut(key) {
            slots.remove(&slot);
            if slots.is_empty() {
                self.waiters.remove(key);
            }
        }
    }

    pub(super) fn next(&self) -> Option<Duration> {
        self.deadlines.first().map(|(until, _)| *until)
    }

    pub(super) fn pop(&mut self, now: Duration) -> Option<u32> {
        if self.next()? > now {
            return None;
        }
        self.deadlines.pop_first().map(|(_, slot)| slot)
    }

    pub(super) fn slots(&self) -> Vec<u32> {
        self.deadlines.iter().map(|(_, slot)| *slot).collect()
    }

    pub(super) fn waiting_for(&self, key: &ObjectKey) -> Vec<u32> {
        self.waiters.get(key).into_iter().flatten().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_answered_or_gives_up_waits_for_nobody() {
        let (a, b) = (ObjectKey::new("n", "a"), ObjectKey::new("n", "b"));
        let hold = |asked: &[&ObjectKey]| Hold {
            outcome: Outcome::failed(Reason::Timeout, "no answer"),
            at: 0,
            until: Duration::from_secs(5),
            asked: asked.iter().map(|&key| key.clone()).collect(),
        };
        let mut holds = Holds::default();
        // Of two targets of one dependency.
        let (mut first, second) = (hold(&[&a, &a, &b]), hold(&[&b]));
        holds.add(&first, 1);
        holds.add(&second, 2);
        assert_eq!((holds.waiting_for(&a), holds.waiting_for(&b)), (vec![1], vec![1, 2]));
        first.asked.retain(|key| *key != a);
        holds.answered(&a, 1);
        assert!(holds.waiting_for(&a).is_empty());
        assert_eq!(holds.pop(Duration::from_secs(5)), Some(1));
        holds.remove(&first, 1);
        holds.remove(&second, 2);
        assert!(holds.deadlines.is_empty() && holds.waiters.is_empty());
    }
}
