//! An object came, changed or went.

use std::{collections::HashMap, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use crate::{
    clock::Now,
    health::{Reason, State, Target},
    history::Recent,
    model::{HealthCheck, Object, ObjectKey, Place, TargetKey},
    source::{Entry, Refused, Verdict},
};

use super::{
    Aim, CheckCell, CheckView, Effect, Ready, TargetCell, TargetView, Wanted,
    core::{Check, Core},
    series::series_labels,
    slot::{Progress, Slot},
    told::Told,
};

const UNSEEN: &str = "no run has ended yet";
const SUSPENDED: &str = "suspended by spec.suspend";

impl Core {
    /// Brings what the engine holds under `key` to what the sources hold now.
    pub(super) fn object(
        &mut self,
        key: ObjectKey,
        entry: Option<Arc<Entry>>,
        wanted: Wanted,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let Some(entry) = entry else { return self.gone(&key, now, effects) };
        // Removed and made anew: nothing of the old one's state is the new one's.
        if self.checks.get(&key).is_some_and(|check| check.view.uid != entry.uid) {
            self.gone(&key, now, effects);
        }
        match &entry.verdict {
            Verdict::Accepted(Object::HealthCheck(check)) => match wanted {
                Wanted::Targets(aims, note) => self.accepted(&entry, check, aims, note, now, effects),
                Wanted::Nothing(reason, message) => self.waits(&entry, check, reason, message, now, effects),
                Wanted::Refused(refused) => self.refused(&entry, &refused, now, effects),
            },
            // An object of another kind is not told here.
            Verdict::Accepted(_) => {}
            Verdict::Refused(refused) => self.refused(&entry, refused, now, effects),
        }
    }

    fn gone(&mut self, key: &ObjectKey, now: Now, effects: &mut Vec<Effect>) {
        let Some(check) = self.checks.remove(key) else { return };
        for number in check.slots {
            self.end(number, now, effects);
        }
        effects.push(Effect::Remove(key.clone()));
    }

    /// Ends one target. Its history stays in the store, for when it comes back.
    fn end(&mut self, number: u32, now: Now, effects: &mut Vec<Effect>) {
        let Some(mut slot) = self.slots.remove(number) else { return };
        if let Some(hold) = slot.hold.take() {
            self.holds.remove(&hold, number);
        }
        // Its place among those under way is free when its run ends, whoever has its number by then.
        let mut spans = Vec::new();
        slot.target.finish(now, &mut spans);
        slot.record_spans(&mut spans, effects);
        effects.push(Effect::Due { target: slot.cell.id, at: now.wall, interval: None });
        effects.push(Effect::Detach(slot.cell.id));
    }

    /// It does not run on under its old spec: its state is Unknown.
    fn refused(&mut self, entry: &Entry, refused: &Refused, now: Now, effects: &mut Vec<Effect>) {
        for number in self.slots_of(&entry.id.key) {
            self.stop(number, State::Unknown, refused.reason, refused.message.clone(), now, effects);
        }
        let ready = Ready { ok: false, reason: refused.ready_reason, message: refused.message.clone() };
        let old = self.checks.get(&entry.id.key).map(|check| check.view.clone());
        let since = old.as_ref().filter(|view| view.state == State::Unknown).map_or(now.wall, |view| view.since);
        let view = CheckView {
            key: entry.id.key.clone(),
            uid: entry.uid.clone(),
            generation: entry.generation,
            labels: entry.labels.clone(),
            report_as: old.as_ref().map_or_else(|| entry.id.key.name.clone(), |view| view.report_as.clone()),
            kind: old.as_ref().and_then(|view| view.kind),
            interval: old.as_ref().map_or(Duration::ZERO, |view| view.interval),
            timeout: old.as_ref().map_or(Duration::ZERO, |view| view.timeout),
            ready,
            state: State::Unknown,
            reason: refused.reason,
            message: refused.message.clone(),
            blamed: None,
            since,
            targets: Arc::new([]),
        };
        let numbers = self.slots_of(&entry.id.key);
        self.show(view, numbers, effects);
    }

    /// Gives a check the targets that it is to have. One that stays keeps its state, phase, history and series.
    fn accepted(
        &mut self,
        entry: &Entry,
        check: &HealthCheck,
        aims: Vec<Aim>,
        note: Option<Arc<str>>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let mut left: HashMap<Arc<str>, u32> = (self.slots_of(&entry.id.key).into_iter())
            .filter_map(|number| Some((self.slots.get(number)?.cell.key.slot.clone(), number)))
            .collect();
        let mut numbers = Vec::with_capacity(aims.len());
        for aim in aims {
            numbers.push(match left.remove(&aim.slot) {
                Some(number) => {
                    self.replace(number, aim.check, now, effects);
                    number
                }
                None => self.add(aim, now, effects),
            });
        }
        // In order, so that the same events have the same effects.
        let mut gone: Vec<u32> = left.into_values().collect();
        gone.sort_unstable();
        for number in gone {
            self.end(number, now, effects);
        }
        let Some(Told { state, reason, message, since, blamed }) = self.told(&numbers) else { return };
        let old = self.checks.get(&entry.id.key).map(|check| &check.view).filter(|view| view.state == state);
        let since = if numbers.len() == 1 { since } else { old.map_or(now.wall, |view| view.since) };
        let view = CheckView { state, reason, message, since, blamed, ..accepted_view(entry, check, note) };
        self.show(view, numbers, effects);
    }

    /// It is in force, and nothing can be said of its targets yet.
    fn waits(
        &mut self,
        entry: &Entry,
        check: &HealthCheck,
        reason: Reason,
        message: Arc<str>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        for number in self.slots_of(&entry.id.key) {
            self.end(number, now, effects);
        }
        let (state, reason, message) = match check.suspend {
            true => (State::Suspended, Reason::Suspended, SUSPENDED.into()),
            false => (State::Unknown, reason, message),
        };
        let old = self.checks.get(&entry.id.key).map(|check| &check.view).filter(|view| view.state == state);
        let since = old.map_or(now.wall, |view| view.since);
        let view = CheckView { state, reason, message, since, ..accepted_view(entry, check, None) };
        self.show(view, Vec::new(), effects);
    }

    fn slots_of(&self, key: &ObjectKey) -> Vec<u32> {
        self.checks.get(key).map(|check| check.slots.clone()).unwrap_or_default()
    }

    /// Shows a check as it is now, under its key, with these targets.
    fn show(&mut self, mut view: CheckView, numbers: Vec<u32>, effects: &mut Vec<Effect>) {
        view.targets = numbers.iter().filter_map(|&number| Some(self.slots.get(number)?.cell.clone())).collect();
        let view = Arc::new(view);
        if let Some(check) = self.checks.get_mut(&view.key) {
            check.view = view.clone();
            check.slots = numbers;
            effects.push(Effect::Check(check.cell.clone(), view));
            return;
        }
        let cell = Arc::new(CheckCell { view: ArcSwap::new(view.clone()) });
        effects.push(Effect::Insert(view.key.clone(), cell.clone()));
        self.checks.insert(view.key.clone(), Check { cell, view, slots: numbers });
    }

    fn add(&mut self, aim: Aim, now: Now, effects: &mut Vec<Effect>) -> u32 {
        let Aim { slot, store_id, check } = aim;
        let target = Target::new(now);
        let key = TargetKey { check: check.key.clone(), slot };
        let cell = new_cell(key, &check.instance, store_id, Arc::default(), &target);
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
            blamed: None,
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
            let TargetCell { key, id, history, .. } = &*slot.cell;
            slot.cell = new_cell(key.clone(), &check.instance, *id, history.clone(), &slot.target);
            effects.push(Effect::Attach(slot.cell.clone()));
        }
        // What came to be there, or went, is looked at now and not at the next interval.
        let came_or_went = is_nowhere(&slot.check) != is_nowhere(&check);
        slot.check = check.clone();
        if check.suspend {
            if slot.target.state != State::Suspended {
                self.stop(number, State::Suspended, Reason::Suspended, SUSPENDED.into(), now, effects);
            }
        } else if !same_spec || !was_running {
            self.stop(number, State::Unknown, Reason::Pending, UNSEEN.into(), now, effects);
            self.schedule(number, true, now, effects);
        } else if came_or_went && slot.progress == Progress::Idle && slot.extra.is_none() {
            slot.extra = Some(now.mono);
            let ticket = slot.ticket;
            self.queue.push(now.mono, number, ticket);
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
            self.holds.remove(&hold, number);
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
        let due = self.spread.first_due(&slot.cell.key, interval, now);
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

fn is_nowhere(check: &HealthCheck) -> bool {
    matches!(check.place, Place::Nowhere(_))
}

/// The view of a check in force, without what its targets say.
fn accepted_view(entry: &Entry, check: &HealthCheck, note: Option<Arc<str>>) -> CheckView {
    let ready = match &entry.stale {
        Some(why) => Ready { ok: true, reason: Reason::SourceStale.as_str(), message: why.clone() },
        None => {
            let message = match (entry.note.clone(), note) {
                (Some(note), Some(of_targets)) => format!("{note}; {of_targets}").into(),
                (note, of_targets) => note.or(of_targets).unwrap_or_else(|| "in force".into()),
            };
            Ready { ok: true, reason: "Valid", message }
        }
    };
    CheckView {
        key: entry.id.key.clone(),
        uid: entry.uid.clone(),
        generation: check.generation,
        labels: check.labels.clone(),
        report_as: check.report_as.clone(),
        kind: Some(check.probe.kind()),
        interval: check.interval,
        timeout: check.timeout,
        ready,
        state: State::Unknown,
        reason: Reason::Pending,
        message: UNSEEN.into(),
        blamed: None,
        since: 0,
        targets: Arc::new([]),
    }
}

fn new_cell(
    key: TargetKey,
    instance: &Arc<str>,
    id: u32,
    history: Arc<Mutex<Recent>>,
    target: &Target,
) -> Arc<TargetCell> {
    let Target { state, reason, message, since, .. } = target;
    let view = TargetView { state: *state, reason: *reason, message: message.clone(), since: *since, last: None };
    Arc::new(TargetCell {
        series_labels: series_labels(&key.check, instance),
        key,
        id,
        instance: instance.clone(),
        view: ArcSwap::from_pointee(view),
        history,
        runs: Mutex::default(),
    })
}
