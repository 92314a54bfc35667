//! An object came, changed or went.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use crate::{
    clock::Now,
    health::{Reason, State, Target},
    history::Recent,
    model::{HealthCheck, ObjectKey, TargetKey},
    schedule::{first_due, phase},
    source::{Entry, Refused, Verdict},
};

use super::{
    CheckCell, CheckView, Effect, Ready, TargetCell, TargetView,
    core::{Check, Core},
    series::series_labels,
    slot::{Progress, Slot},
};

const UNSEEN: &str = "no run has ended yet";
const SUSPENDED: &str = "suspended by spec.suspend";

impl Core {
    /// Brings what the engine holds under `key` to what the sources hold now.
    pub(super) fn object(
        &mut self,
        key: ObjectKey,
        entry: Option<Arc<Entry>>,
        store_id: u32,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let Some(entry) = entry else { return self.gone(&key, now, effects) };
        // Removed and made anew: nothing of the old one's state is the new one's.
        if self.checks.get(&key).is_some_and(|check| check.view.uid != entry.uid) {
            self.gone(&key, now, effects);
        }
        match &entry.verdict {
            Verdict::Accepted(check) => self.accepted(&entry, check.clone(), store_id, now, effects),
            Verdict::Refused(refused) => self.refused(&entry, refused, now, effects),
        }
    }

    fn gone(&mut self, key: &ObjectKey, now: Now, effects: &mut Vec<Effect>) {
        let Some(check) = self.checks.remove(key) else { return };
        for number in check.slots {
            let Some(mut slot) = self.slots.remove(number) else { continue };
            if let Some(hold) = slot.hold.take() {
                self.holds.remove(hold.until, number);
            }
            let mut spans = Vec::new();
            slot.target.finish(now, &mut spans);
            slot.record_spans(&mut spans, effects);
            effects.push(Effect::Due { target: slot.cell.id, at: now.wall, interval: None });
            effects.push(Effect::Detach(slot.cell.id));
        }
        effects.push(Effect::Remove(key.clone()));
    }

    /// It does not run on under its old spec: its state is Unknown.
    fn refused(&mut self, entry: &Entry, refused: &Refused, now: Now, effects: &mut Vec<Effect>) {
        if let Some(number) = self.slot_of(&entry.key) {
            self.stop(number, State::Unknown, refused.reason, refused.message.clone(), now, effects);
        }
        let ready = Ready { ok: false, reason: refused.ready_reason, message: refused.message.clone() };
        let old = self.checks.get(&entry.key).map(|check| check.view.clone());
        let since = old.as_ref().filter(|view| view.state == State::Unknown).map_or(now.wall, |view| view.since);
        let view = CheckView {
            key: entry.key.clone(),
            uid: entry.uid.clone(),
            generation: entry.generation,
            labels: entry.labels.clone(),
            report_as: old.as_ref().map_or_else(|| entry.key.name.clone(), |view| view.report_as.clone()),
            kind: old.as_ref().and_then(|view| view.kind),
            interval: old.as_ref().map_or(Duration::ZERO, |view| view.interval),
            timeout: old.as_ref().map_or(Duration::ZERO, |view| view.timeout),
            ready,
            state: State::Unknown,
            reason: refused.reason,
            message: refused.message.clone(),
            since,
            targets: old.map_or_else(|| Arc::new([]) as Arc<[_]>, |view| view.targets.clone()),
        };
        self.show(view, None, effects);
    }

    fn accepted(&mut self, entry: &Entry, check: Arc<HealthCheck>, store_id: u32, now: Now, effects: &mut Vec<Effect>) {
        let number = match self.slot_of(&entry.key) {
            Some(number) => {
                self.replace(number, check.clone(), now, effects);
                number
            }
            None => self.add(check.clone(), store_id, now, effects),
        };
        let Some(slot) = self.slots.get(number) else { return };
        let ready = match &entry.stale {
            Some(why) => Ready { ok: true, reason: Reason::SourceStale.as_str(), message: why.clone() },
            None => {
                let message = entry.note.clone().unwrap_or_else(|| "in force".into());
                Ready { ok: true, reason: "Valid", message }
            }
        };
        let Target { state, reason, message, since, .. } = &slot.target;
        let view = CheckView {
            key: entry.key.clone(),
            uid: entry.uid.clone(),
            generation: check.generation,
            labels: check.labels.clone(),
            report_as: check.report_as.clone(),
            kind: Some(check.probe.kind()),
            interval: check.interval,
            timeout: check.timeout,
            ready,
            state: *state,
            reason: *reason,
            message: message.clone(),
            since: *since,
            targets: Arc::new([slot.cell.clone()]),
        };
        self.show(view, Some(number), effects);
    }

    fn slot_of(&self, key: &ObjectKey) -> Option<u32> {
        self.checks.get(key)?.slots.first().copied()
    }

    /// Shows a check as it is now, under its key.
    fn show(&mut self, view: CheckView, number: Option<u32>, effects: &mut Vec<Effect>) {
        let view = Arc::new(view);
        if let Some(check) = self.checks.get_mut(&view.key) {
            check.view = view.clone();
            if let Some(number) = number {
                check.slots = vec![number];
            }
            effects.push(Effect::Check(check.cell.clone(), view));
            return;
        }
        let cell = Arc::new(CheckCell { view: ArcSwap::new(view.clone()) });
        effects.push(Effect::Insert(view.key.clone(), cell.clone()));
        self.checks.insert(view.key.clone(), Check { cell, view, slots: number.into_iter().collect() });
    }

    fn add(&mut self, check: Arc<HealthCheck>, store_id: u32, now: Now, effects: &mut Vec<Effect>) -> u32 {
        let target = Target::new(now);
        let cell = new_cell(&check, store_id, Arc::default(), &target);
        effects.push(Effect::Attach(cell.clone()));
        let slot = Slot {
            check: check.clone(),
            cell,
            target,
            last: None,
            ticket: 0,
            due: None,
            extra: None,
            progress: Progress::Idle,
            last_start: None,
            hold: None,
        };
        let number = self.slots.insert(slot);
        if check.suspend {
            self.stop(number, State::Suspended, Reason::Suspended, SUSPENDED.into(), now, effects);
        } else {
            // At process start the load is even; what appears later is wanted now.
            let at_once = self.started;
            self.schedule(number, at_once, now, effects);
        }
        number
    }

    /// The object is another one now. State, counters and phase go on unless its spec changed.
    fn replace(&mut self, number: u32, check: Arc<HealthCheck>, now: Now, effects: &mut Vec<Effect>) {
        let Some(slot) = self.slots.get_mut(number) else { return };
        let same_spec = slot.check.generation == check.generation;
        let was_running = slot.due.is_some();
        if slot.cell.instance != check.instance {
            slot.cell = new_cell(&check, slot.cell.id, slot.cell.history.clone(), &slot.target);
            effects.push(Effect::Attach(slot.cell.clone()));
        }
        slot.check = check.clone();
        if check.suspend {
            if slot.target.state != State::Suspended {
                self.stop(number, State::Suspended, Reason::Suspended, SUSPENDED.into(), now, effects);
            }
        } else if !same_spec || !was_running {
            self.stop(number, State::Unknown, Reason::Pending, UNSEEN.into(), now, effects);
            self.schedule(number, true, now, effects);
        }
    }

    /// Ends the runs of a target and starts its state over. A run that is under way is void.
    fn stop(
        &mut self,
        number: u32,
        state: State,
        reason: Reason,
        message: Arc<str>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let ticket = self.slots.ticket();
        let Some(slot) = self.slots.get_mut(number) else { return };
        if let Some(hold) = slot.hold.take() {
            self.holds.remove(hold.until, number);
        }
        let before = slot.target.state;
        let mut spans = Vec::new();
        slot.target.restart(state, reason, message, now, &mut spans);
        slot.record_spans(&mut spans, effects);
        if slot.due.take().is_some() {
            effects.push(Effect::Due { target: slot.cell.id, at: now.wall, interval: None });
        }
        slot.extra = None;
        slot.ticket = ticket;
        slot.progress = Progress::Idle;
        slot.last = None;
        slot.publish(before, None, now, effects);
    }

    fn schedule(&mut self, number: u32, at_once: bool, now: Now, effects: &mut Vec<Effect>) {
        let ticket = self.slots.ticket();
        let Some(slot) = self.slots.get_mut(number) else { return };
        let interval = slot.check.interval;
        let due = first_due(now, interval, phase(&slot.cell.key, interval));
        slot.ticket = ticket;
        slot.due = Some(due);
        self.queue.push(due, number, ticket);
        if at_once {
            slot.extra = Some(now.mono);
            self.queue.push(now.mono, number, ticket);
        }
        effects.push(Effect::Due { target: slot.cell.id, at: now.wall, interval: Some(interval) });
    }
}

fn new_cell(check: &HealthCheck, id: u32, history: Arc<Mutex<Recent>>, target: &Target) -> Arc<TargetCell> {
    let key = TargetKey::fixed(check.key.clone());
    let Target { state, reason, message, since, .. } = target;
    let view = TargetView { state: *state, reason: *reason, message: message.clone(), since: *since, last: None };
    Arc::new(TargetCell {
        series_labels: series_labels(&check.key, &check.instance),
        key,
        id,
        instance: check.instance.clone(),
        view: ArcSwap::from_pointee(view),
        history,
        runs: Mutex::default(),
    })
}
