//! Carries out what the step says: starts runs, hands records to the store, shows the views. The only loop of the engine.

use std::{collections::BTreeMap, panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration};

use futures::FutureExt;
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{
    clock::Clock,
    health::{Reason, State},
    history::{Store, Transition},
    metrics::Metrics,
    model::{Kind, ObjectId, ObjectKey, TargetKey},
    probe::{self, Job, Outcome},
    source::{self, Catalog, Entry},
    targets::{self, Found, Targets},
    vitals::{Beat, Readiness},
};

use super::{Aim, Bell, CheckCell, Core, Effect, Event, Order, Skip, Snapshot, Wanted, alerts, slos};

/// A source's events wait here at most: enough for a folder of 10,000 checks to be taken in gulps, and each is a key only.
pub const EVENTS: usize = 1024;

/// The map of checks is replaced at most this often: each time it is copied, and 10,000 objects may come at once.
const SHOW_EVERY: Duration = Duration::from_millis(50);

/// What is in flight when the process is told to stop has this long to end.
const DRAIN: Duration = Duration::from_secs(10);

/// The engine and everything that its effects reach.
pub struct Engine {
    pub core: Core,
    pub catalog: Arc<Catalog>,
    /// What the cluster is asked for; nothing stand-alone.
    pub targets: Arc<Targets>,
    pub store: Arc<dyn Store>,
    pub snapshot: Snapshot,
    pub metrics: Metrics,
    pub context: probe::Context,
    pub beat: Beat,
    /// Told when the source was read whole and taken in.
    pub readiness: Readiness,
    /// Who wants to know what changes: the cluster's statuses. Stand-alone nobody.
    pub listener: Option<Arc<dyn Listener>>,
    /// Alerting, which hears of every state that a check passes through, and of every object that is none.
    pub bell: Bell,
    /// The SLOs, which hear which objects are others.
    pub slos: slos::Bell,
}

/// Who is told that something else is shown of a check.
pub trait Listener: Send + Sync {
    /// The view of this check, or the state of one of its targets, is another one; it is in the snapshot. Must
    /// return at once: the engine waits for it.
    fn changed(&self, key: &ObjectKey);
}

/// The part of a running engine that is not the step.
struct Runner {
    engine: Engine,
    clock: Clock,
    effects: Vec<Effect>,
    runs: JoinSet<(u32, u64, Outcome)>,
    map: BTreeMap<ObjectKey, Arc<CheckCell>>,
    /// In the map, and not shown yet; kept only for a listener.
    inserted: Vec<ObjectKey>,
    /// When the map was last shown, and whether it has changed since.
    shown: Duration,
    changed: bool,
}

impl Engine {
    /// Runs until told to stop; then starts nothing more, and waits for what is in flight.
    pub async fn run(self, mut events: mpsc::Receiver<source::Event>, shutdown: CancellationToken) {
        let clock = self.context.clock.clone();
        // So that each reason has its series from the start.
        self.metrics.skip_reasons(Skip::ALL.map(Skip::as_str));
        let mut runner = Runner {
            clock: clock.clone(),
            engine: self,
            effects: Vec::new(),
            runs: JoinSet::new(),
            map: BTreeMap::new(),
            inserted: Vec::new(),
            shown: Duration::ZERO,
            changed: false,
        };
        let mut timer = pin!(tokio::time::sleep_until(clock.instant(clock.mono())));
        let mut listening = true;
        let mut draining: Option<Duration> = None;
        loop {
            runner.step(Event::Time);
            runner.show();
            timer.as_mut().reset(clock.instant(runner.wake()));
            tokio::select! {
                biased;
                () = shutdown.cancelled(), if draining.is_none() => {
                    draining = Some(clock.mono() + DRAIN);
                    runner.step(Event::Drain);
                }
                Some(ended) = runner.runs.join_next(), if !runner.runs.is_empty() => {
                    runner.finished(ended);
                    while let Some(ended) = runner.runs.try_join_next() {
                        runner.finished(ended);
                    }
                }
                event = events.recv(), if listening => match event {
                    Some(event) => runner.source(event),
                    None => listening = false,
                },
                () = &mut timer => {}
            }
            if let Some(deadline) = draining
                && (runner.runs.is_empty() || clock.mono() >= deadline)
            {
                break;
            }
        }
        if !runner.runs.is_empty() {
            warn!(runs = runner.runs.len(), "stopped before these runs ended; their time is unobserved");
        }
    }
}

impl Runner {
    fn wake(&self) -> Duration {
        let wake = self.engine.core.wake();
        if self.changed { wake.min(self.shown + SHOW_EVERY) } else { wake }
    }

    fn source(&mut self, event: source::Event) {
        let id = match event {
            source::Event::Changed(id) => id,
            source::Event::Namespace(name) => return self.engine.bell.namespace(name),
            source::Event::Ready => {
                self.step(Event::SourceReady);
                // Who is told that this instance is ready finds every check there.
                self.show_now();
                self.engine.bell.ready();
                self.engine.slos.ready();
                return self.engine.readiness.ready("source");
            }
        };
        self.engine.slos.object(&id);
        let entry = self.engine.catalog.get(&id);
        let ObjectId { kind, key } = id;
        match kind {
            Kind::HealthCheck => {}
            Kind::SloTarget => {
                if let Some(source::Verdict::Refused(refused)) = entry.as_ref().map(|entry| &entry.verdict) {
                    self.warn_of(&key, refused);
                }
                return;
            }
            Kind::AlertRule | Kind::NotificationChannel | Kind::Silence | Kind::MaintenanceWindow => {
                return self.engine.bell.object(ObjectId { kind, key });
            }
        }
        if let Some(source::Verdict::Refused(refused)) = entry.as_ref().map(|entry| &entry.verdict) {
            self.warn_of(&key, refused);
        }
        let wanted = self.wanted(&key, entry.as_deref());
        self.step(Event::Object { key, entry, wanted });
    }

    /// The targets that the check is to have now, with their numbers in the store.
    fn wanted(&self, key: &ObjectKey, entry: Option<&Entry>) -> Wanted {
        let check = match entry.map(|entry| &entry.verdict) {
            Some(source::Verdict::Accepted(object)) => object.as_check(),
            Some(source::Verdict::Refused(_)) | None => None,
        };
        self.engine.targets.want(key, check.map(|check| &**check));
        let Some(check) = check else { return Wanted::Targets(Vec::new(), None) };
        match self.engine.targets.find(check) {
            Found::Targets { targets, note } => {
                let aim = |target: targets::Target| {
                    let target_key = TargetKey { check: key.clone(), slot: target.slot.clone() };
                    let store_id = self.engine.store.register(&target_key);
                    Aim { slot: target.slot, store_id, check: target.check }
                };
                Wanted::Targets(targets.into_iter().map(aim).collect(), note)
            }
            Found::Nothing { reason, message } => Wanted::Nothing(reason, message),
            Found::Refused(refused) => {
                self.warn_of(key, &refused);
                Wanted::Refused(refused)
            }
        }
    }

    fn warn_of(&self, key: &ObjectKey, refused: &source::Refused) {
        let (namespace, name, reason) = (&*key.namespace, &*key.name, refused.ready_reason);
        warn!(namespace, name, reason, "refused: {}", refused.message);
    }

    fn finished(&mut self, ended: Result<(u32, u64, Outcome), tokio::task::JoinError>) {
        match ended {
            Ok((slot, run, outcome)) => self.step(Event::Finished { slot, run, outcome }),
            // The run's own panics are caught in `execute`; nobody aborts runs before the loop has ended.
            Err(error) => error!(%error, "a run ended without a result"),
        }
    }

    fn step(&mut self, event: Event) {
        let mut effects = std::mem::take(&mut self.effects);
        self.engine.core.step(event, self.clock.now(), &mut effects);
        self.engine.beat.turn();
        for effect in effects.drain(..) {
            self.carry_out(effect);
        }
        self.effects = effects;
        self.engine.metrics.probes_in_flight().set(i64::try_from(self.engine.core.in_flight()).unwrap_or(i64::MAX));
    }

    fn carry_out(&mut self, effect: Effect) {
        let engine = &self.engine;
        match effect {
            Effect::Run(order) => {
                self.runs.spawn(execute(engine.context.clone(), order));
            }
            Effect::Lag(lag) => engine.metrics.probe_lag(lag),
            Effect::Skipped(skip, count) => engine.metrics.probes_skipped(skip.as_str(), count),
            Effect::Record(cell, record) => engine.store.record(&cell.history, record),
            Effect::Attach(cell) => engine.store.attach(cell),
            Effect::Detach(target) => engine.store.detach(target),
            Effect::Due { target, at, interval } => engine.store.due(target, at, interval),
            Effect::Transition(key, transition) => {
                log(&key, &transition);
                engine.store.transition(transition);
            }
            Effect::Target(cell, view, ran) => {
                if let Some(ran) = ran {
                    let mut runs = cell.runs.lock();
                    match runs.iter_mut().find(|(kind, _)| *kind == ran) {
                        Some((_, count)) => *count += 1,
                        None => runs.push((ran, 1)),
                    }
                }
                let told = engine.listener.is_some() && cell.view.load().state != view.state;
                cell.view.store(Arc::new(view));
                if told {
                    self.tell(&cell.key.check);
                }
            }
            Effect::Check(cell, view) => {
                cell.view.store(view.clone());
                self.engine.bell.check(view.key.clone(), Some(alerts::seen(&view)));
                self.tell(&view.key);
            }
            Effect::Insert(key, cell) => {
                self.engine.bell.check(key.clone(), Some(alerts::seen(&cell.view.load())));
                if engine.listener.is_some() {
                    self.inserted.push(key.clone());
                }
                self.map.insert(key, cell);
                self.changed = true;
            }
            Effect::Remove(key) => {
                info!(namespace = &*key.namespace, name = &*key.name, "gone");
                self.engine.bell.check(key.clone(), None);
                self.map.remove(&key);
                self.changed = true;
            }
        }
    }

    /// Shows the map of checks if it changed, but not more often than [`SHOW_EVERY`].
    fn show(&mut self) {
        if self.changed && self.clock.mono() >= self.shown + SHOW_EVERY {
            self.show_now();
        }
    }

    fn show_now(&mut self) {
        self.engine.snapshot.replace(self.map.clone());
        self.shown = self.clock.mono();
        self.changed = false;
        for key in std::mem::take(&mut self.inserted) {
            self.tell(&key);
        }
    }

    fn tell(&self, key: &ObjectKey) {
        if let Some(listener) = &self.engine.listener {
            listener.changed(key);
        }
    }
}

/// One run, as a task. A panic in it is ours and ends nothing else.
async fn execute(context: probe::Context, order: Order) -> (u32, u64, Outcome) {
    let check = &order.check;
    let job = Job {
        probe: &check.probe,
        place: &check.place,
        degraded: &check.degraded,
        timeout: check.timeout,
        retries: check.retries,
        max_cache: check.interval / 2,
    };
    let outcome = AssertUnwindSafe(probe::run(&context, &job)).catch_unwind().await.unwrap_or_else(|_| {
        error!(namespace = &*check.key.namespace, name = &*check.key.name, "the probe panicked: please report this");
        Outcome::failed(Reason::LocalResources, "the probe itself broke: see the log")
    });
    (order.slot, order.run, outcome)
}

fn log(key: &ObjectKey, transition: &Transition) {
    let Transition { from, to, reason, message, .. } = transition;
    let (namespace, name, reason) = (&*key.namespace, &*key.name, reason.as_str());
    let (from, state) = (from.as_str(), to.as_str());
    if *to == State::Unhealthy {
        warn!(namespace, name, reason, from, state, "{name} is {state}: {message}");
    } else {
        info!(namespace, name, reason, from, state, "{name} is {state}: {message}");
    }
}
