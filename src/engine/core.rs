//! The engine's step: an event and the time go in, effects come out. Pure.
//!
//! Owns every state. It reads no clock, does no I/O and never waits; [`super::runner`] carries out what it says.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use crate::{
    clock::Now,
    model::ObjectKey,
    schedule::{Queue, Spread},
};

use super::{
    CheckCell, CheckView, Effect, Event, Order, Skip,
    slot::{Holds, Progress, Slots},
};

/// Everything that the engine knows.
pub struct Core {
    pub(super) checks: HashMap<ObjectKey, Check>,
    pub(super) slots: Slots,
    pub(super) queue: Queue,
    pub(super) spread: Spread,
    pub(super) holds: Holds,
    /// Due, and waiting for one of `max_in_flight` places. Each slot stands in it at most once.
    backlog: VecDeque<(u32, u32)>,
    in_flight: usize,
    max_in_flight: usize,
    runs: u64,
    /// The source was read whole once.
    pub(super) started: bool,
    draining: bool,
    next_sweep: Duration,
}

/// One check and the slots of its targets.
pub(super) struct Check {
    pub(super) cell: Arc<CheckCell>,
    /// What `cell` shows, or will when the effects are carried out.
    pub(super) view: Arc<CheckView>,
    pub(super) slots: Vec<u32>,
}

/// Staleness and the time between far-apart runs are looked after this often.
const SWEEP: Duration = Duration::from_secs(1);

impl Core {
    /// At most `max_in_flight` runs go on at once; what is due beyond that waits its turn.
    pub fn new(max_in_flight: usize) -> Self {
        Self {
            checks: HashMap::new(),
            slots: Slots::default(),
            queue: Queue::default(),
            spread: Spread::default(),
            holds: Holds::default(),
            backlog: VecDeque::new(),
            in_flight: 0,
            max_in_flight: max_in_flight.max(1),
            runs: 0,
            started: false,
            draining: false,
            next_sweep: Duration::ZERO,
        }
    }

    /// All checks run at the same times, from when they come: for tests of rules.
    #[must_use]
    pub fn in_step(self) -> Self {
        Self { spread: Spread::InStep, ..self }
    }

    /// Takes one event. What is due by `now` starts, whatever the event.
    pub fn step(&mut self, event: Event, now: Now, effects: &mut Vec<Effect>) {
        match event {
            Event::Object { key, entry, wanted } => self.object(key, entry, wanted, now, effects),
            Event::SourceReady => self.started = true,
            Event::Finished { slot, run, outcome } => {
                self.in_flight = self.in_flight.saturating_sub(1);
                self.finished(slot, run, outcome, now, effects);
                self.fill(now, effects);
            }
            Event::Time => {}
            Event::Drain => self.drain(now, effects),
        }
        self.expire_holds(now, effects);
        self.start_due(now, effects);
        if now.mono >= self.next_sweep {
            self.sweep(now, effects);
            self.next_sweep = now.mono + SWEEP;
        }
    }

    /// When [`Event::Time`] is due, on the monotonic clock.
    pub fn wake(&self) -> Duration {
        self.next_due().map_or(self.next_sweep, |due| due.min(self.next_sweep))
    }

    /// When a run is due, or the wait for a dependency is over: [`Core::wake`] but for the sweep, which matters only to
    /// what has no results.
    pub fn next_due(&self) -> Option<Duration> {
        [self.queue.next(), self.holds.next()].into_iter().flatten().min()
    }

    /// How many runs go on now.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Starts everything that is due.
    fn start_due(&mut self, now: Now, effects: &mut Vec<Effect>) {
        while let Some((at, number, ticket)) = self.queue.pop(now.mono) {
            let Some(slot) = self.slots.get_mut(number).filter(|slot| slot.ticket == ticket) else { continue };
            if slot.extra == Some(at) {
                slot.extra = None;
                if slot.progress == Progress::Idle {
                    self.begin(number, at, now, effects);
                }
            } else if slot.due == Some(at) {
                let interval = slot.check.interval;
                // Counted, not looped over: a process that was frozen for a day has missed many.
                let missed = now.mono.saturating_sub(at).as_nanos() / interval.as_nanos().max(1);
                let missed = u32::try_from(missed).unwrap_or(u32::MAX);
                if missed > 0 {
                    effects.push(Effect::Skipped(Skip::Stall, missed));
                }
                let next = at + interval.saturating_mul(missed.saturating_add(1));
                slot.due = Some(next);
                self.queue.push(next, number, ticket);
                match slot.progress {
                    Progress::Idle => self.begin(number, at, now, effects),
                    Progress::Queued(_) => effects.push(Effect::Skipped(Skip::Capacity, 1)),
                    Progress::Running(_) => effects.push(Effect::Skipped(Skip::Overlap, 1)),
                }
            }
        }
    }

    fn begin(&mut self, number: u32, due: Duration, now: Now, effects: &mut Vec<Effect>) {
        let Some(slot) = self.slots.get_mut(number) else { return };
        if self.draining {
            effects.push(Effect::Skipped(Skip::Shutdown, 1));
        } else if self.in_flight >= self.max_in_flight {
            slot.progress = Progress::Queued(due);
            self.backlog.push_back((number, slot.ticket));
        } else {
            self.in_flight += 1;
            self.runs += 1;
            slot.progress = Progress::Running(self.runs);
            slot.last_start = Some(now.mono);
            effects.push(Effect::Lag(now.mono.saturating_sub(due)));
            effects.push(Effect::Run(Order { slot: number, run: self.runs, check: slot.check.clone() }));
        }
    }

    /// Gives free places to those that wait longest.
    fn fill(&mut self, now: Now, effects: &mut Vec<Effect>) {
        while self.in_flight < self.max_in_flight {
            let Some((number, ticket)) = self.backlog.pop_front() else { return };
            let Some(slot) = self.slots.get_mut(number).filter(|slot| slot.ticket == ticket) else { continue };
            if let Progress::Queued(due) = slot.progress {
                slot.progress = Progress::Idle;
                self.begin(number, due, now, effects);
            }
        }
    }

    fn drain(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.draining = true;
        for _ in self.backlog.drain(..) {
            effects.push(Effect::Skipped(Skip::Shutdown, 1));
        }
        for number in self.holds.slots() {
            self.stand(number, now, effects);
        }
    }

    fn sweep(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let mut spans = Vec::new();
        for number in self.slots.numbers() {
            let Some(slot) = self.slots.get_mut(number) else { continue };
            if slot.due.is_none() {
                continue;
            }
            let before = slot.target.state;
            let policy = slot.policy();
            let changed = slot.target.tick(policy, now, &mut spans);
            slot.record_spans(&mut spans, effects);
            if changed {
                slot.publish(before, None, now, effects);
                let key = slot.check.key.clone();
                self.publish_check(&key, now, effects);
            }
        }
    }

    /// Brings the view of a check up to the states of its targets, if it says anything else.
    pub(super) fn publish_check(&mut self, key: &ObjectKey, now: Now, effects: &mut Vec<Effect>) {
        let Some(told) = self.checks.get(key).and_then(|check| self.told(&check.slots)) else { return };
        let Some(check) = self.checks.get_mut(key) else { return };
        let view = &check.view;
        if (view.state, view.reason) == (told.state, told.reason) && view.message == told.message {
            return;
        }
        check.view = Arc::new(CheckView {
            state: told.state,
            reason: told.reason,
            message: told.message,
            blamed: told.blamed,
            since: if view.state == told.state { view.since } else { now.wall },
            ..CheckView::clone(view)
        });
        effects.push(Effect::Check(check.cell.clone(), check.view.clone()));
    }
}
