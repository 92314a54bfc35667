//! Checks whose runs see what a test says: the engine's own step, with results in place of probes.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, HashMap},
    sync::Arc,
    time::Duration,
};

use super::{How, Reading, Script, Test};
use crate::{
    alert::{book::Seen, millis},
    clock::Now,
    engine::{Aim, CheckCell, Core, Effect, Event, Order, Snapshot, Wanted, alerts::seen},
    health::Reason,
    history::Transition,
    model::{Degraded, HealthCheck, Object, ObjectId, ObjectKey},
    probe::{Details, Outcome, Verdict},
    source::{Entry, Verdict as Judged},
};

/// All checks of a test.
pub(super) struct Checks {
    core: Core,
    pub(super) snapshot: Snapshot,
    map: BTreeMap<ObjectKey, Arc<CheckCell>>,
    /// By check and instance.
    scripts: HashMap<(ObjectKey, Arc<str>), Arc<Script>>,
    /// Runs under way, by when they end. Of those that end at one time a check comes before what it depends on, so
    /// that it can still ask; and else in the order in which they began.
    ends: BinaryHeap<Reverse<(i64, Reverse<usize>, u64)>>,
    heights: HashMap<ObjectKey, usize>,
    running: HashMap<u64, (u32, u64, Outcome)>,
    begun: u64,
    /// Some run has no result, so that its check may go stale.
    has_gap: bool,
    effects: Vec<Effect>,
    pub(super) changed: Vec<(ObjectKey, Option<Seen>)>,
    pub(super) transitions: Vec<(ObjectKey, Transition)>,
}

impl Checks {
    /// Begins with all checks; those of which the test says nothing have no results.
    pub(super) fn new<'o>(test: &Test, checks: impl Iterator<Item = &'o Arc<HealthCheck>>, now: Now) -> Self {
        let mut all = Self {
            core: Core::new(usize::MAX).in_step(),
            snapshot: Snapshot::default(),
            map: BTreeMap::new(),
            scripts: HashMap::new(),
            ends: BinaryHeap::new(),
            heights: HashMap::new(),
            running: HashMap::new(),
            begun: 0,
            has_gap: false,
            effects: Vec::new(),
            changed: Vec::new(),
            transitions: Vec::new(),
        };
        let results: HashMap<&ObjectKey, _> =
            test.checks.iter().map(|results| (&results.key, &results.targets)).collect();
        let checks: BTreeMap<&ObjectKey, _> = checks.map(|check| (&check.key, check)).collect();
        for check in checks.values() {
            height(&check.key, &checks, &mut all.heights);
        }
        for check in checks.into_values() {
            let mut aims = Vec::new();
            for target in results.get(&check.key).copied().into_iter().flatten() {
                let (slot, check) = match &target.instance {
                    None => ("".into(), check.clone()),
                    Some(name) => (name.clone(), Arc::new(HealthCheck { instance: name.clone(), ..(**check).clone() })),
                };
                all.scripts.insert((check.key.clone(), check.instance.clone()), target.script.clone());
                let store_id = u32::try_from(all.scripts.len()).unwrap_or(u32::MAX);
                aims.push(Aim { slot, store_id, check });
            }
            let wanted = if aims.is_empty() && !check.suspend {
                Wanted::Nothing(Reason::Pending, "the test gives no results for it".into())
            } else {
                Wanted::Targets(aims, None)
            };
            let entry = Entry {
                id: ObjectId::check(check.key.clone()),
                uid: Arc::from(""),
                generation: check.generation,
                labels: check.labels.clone(),
                verdict: Judged::Accepted(Object::HealthCheck(check.clone())),
                stale: None,
                note: None,
            };
            let (key, entry) = (check.key.clone(), Some(Arc::new(entry)));
            all.take(Event::Object { key, entry, wanted }, now);
        }
        all.take(Event::SourceReady, now);
        all
    }

    /// When something happens next, in milliseconds since the start.
    pub(super) fn next_due(&self) -> Option<i64> {
        let due = if self.has_gap { Some(self.core.wake()) } else { self.core.next_due() };
        let end = self.ends.peek().map(|Reverse((end, ..))| *end);
        end.into_iter().chain(due.map(up)).min()
    }

    /// Does what is due by now.
    pub(super) fn turn(&mut self, now: Now) {
        let at = millis(now.mono);
        // A run that takes no time ends in the moment in which it begins.
        loop {
            while let Some(&Reverse((.., number))) = self.ends.peek().filter(|Reverse((end, ..))| *end <= at) {
                self.ends.pop();
                if let Some((slot, run, outcome)) = self.running.remove(&number) {
                    self.take(Event::Finished { slot, run, outcome }, now);
                }
            }
            if self.next_due().is_none_or(|due| due > at) {
                return;
            }
            self.take(Event::Time, now);
        }
    }

    fn take(&mut self, event: Event, now: Now) {
        let mut effects = std::mem::take(&mut self.effects);
        self.core.step(event, now, &mut effects);
        for effect in effects.drain(..) {
            self.carry_out(effect, now);
        }
        self.effects = effects;
    }

    fn carry_out(&mut self, effect: Effect, now: Now) {
        match effect {
            Effect::Run(order) => self.begin(&order, now),
            Effect::Record(cell, record) => {
                // What is for the disk goes nowhere.
                cell.history.lock().apply(&record);
            }
            Effect::Transition(key, transition) => self.transitions.push((key, transition)),
            Effect::Target(cell, view, _) => cell.view.store(Arc::new(view)),
            Effect::Check(cell, view) => {
                self.changed.push((view.key.clone(), Some(seen(&view))));
                cell.view.store(view);
            }
            Effect::Insert(key, cell) => {
                self.changed.push((key.clone(), Some(seen(&cell.view.load()))));
                self.map.insert(key, cell);
                self.snapshot.replace(self.map.clone());
            }
            Effect::Remove(key) => {
                self.changed.push((key.clone(), None));
                self.map.remove(&key);
                self.snapshot.replace(self.map.clone());
            }
            Effect::Lag(_) | Effect::Skipped(..) | Effect::Attach(_) | Effect::Detach(_) | Effect::Due { .. } => {}
        }
    }

    /// Begins a run, whose end is known. One without a result goes on until the next that has one.
    fn begin(&mut self, order: &Order, now: Now) {
        let check = &order.check;
        let Some(script) = self.scripts.get(&(check.key.clone(), check.instance.clone())) else { return };
        let (at, interval) = (millis(now.mono), millis(check.interval).max(1));
        let index = u64::try_from(at / interval).unwrap_or_default();
        let Some(has) = script.next_result(index) else {
            self.has_gap = true;
            return;
        };
        let Some(reading) = script.at(has) else { return };
        let mut end = at.saturating_add(millis(reading.latency));
        if has > index {
            self.has_gap = true;
            // Behind the run that is due then, which this one is in the way of.
            let slot = i64::try_from(has).unwrap_or(i64::MAX).saturating_mul(interval);
            end = slot.saturating_add(millis(reading.latency).max(1));
        }
        let outcome = outcome(reading, &check.degraded);
        self.begun += 1;
        let height = self.heights.get(&check.key).copied().unwrap_or_default();
        self.ends.push(Reverse((end, Reverse(height), self.begun)));
        self.running.insert(self.begun, (order.slot, order.run, outcome));
    }
}

/// How long the longest chain of dependencies is that begins here. They go in no circle; were it not so, it would end
/// where one begins anew.
fn height(
    key: &ObjectKey,
    checks: &BTreeMap<&ObjectKey, &Arc<HealthCheck>>,
    known: &mut HashMap<ObjectKey, usize>,
) -> usize {
    // A walk with a stack of its own, as a chain may be longer than a thread's.
    let mut open = vec![(key, 0)];
    while let Some((key, next)) = open.pop() {
        let depends_on = checks.get(key).map(|check| &*check.depends_on).unwrap_or_default();
        if next == 0 {
            if known.contains_key(key) {
                continue;
            }
            known.insert(key.clone(), 0);
        }
        match depends_on.get(next) {
            Some(dependency) => {
                open.push((key, next + 1));
                if !known.contains_key(dependency) {
                    open.push((dependency, 0));
                }
            }
            None => {
                let below = depends_on.iter().filter_map(|key| known.get(key)).max();
                let height = below.map_or(0, |below| below + 1);
                known.insert(key.clone(), height);
            }
        }
    }
    known.get(key).copied().unwrap_or_default()
}

/// The millisecond in which a time of the engine lies, or the next.
fn up(due: Duration) -> i64 {
    millis(due + Duration::from_nanos(999_999))
}

/// What the engine is told of a run: as a probe would say it.
pub(super) fn outcome(reading: &Reading, degraded: &Degraded) -> Outcome {
    let text = |default: &'static str| reading.message.as_deref().unwrap_or(default).to_owned();
    let outcome = match reading.how {
        How::Passes | How::Slow => match degraded.exceeded(reading.latency) {
            Some(bound) => {
                let message = format!("{}, but slower than {}", text("ok"), Degraded::shown(bound));
                Outcome::new(Verdict::Degraded, Reason::Slow, message, Details::None)
            }
            None => Outcome::good(text("ok"), Details::None),
        },
        How::Degraded(reason) => Outcome::new(Verdict::Degraded, reason, text(reason.as_str()), Details::None),
        How::Fails(reason) => Outcome::failed(reason, text(reason.as_str())),
    };
    Outcome { latency: reading.latency, ..outcome }
}
