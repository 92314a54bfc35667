//! SLOs as they run: a ledger per SLOTarget, brought up to now every few seconds.
//!
//! ```text
//!   bell ──► which checks, which planned work ──► history is read ──► ledger ──► figures ──► board
//!                                                 (once, and edges)   (+ the last hour, from memory)
//! ```
//! Owns what is kept per target; what it comes to is decided by [`crate::slo`]. History is read in tasks, a few at a time, and
//! targets are looked at in small steps, so that neither probes nor alerts are held up.

mod bell;
mod board;
mod members;
mod past;
mod planned;
mod tally;
mod track;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    convert::Infallible,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::Arc,
    time::Duration,
};

use futures::FutureExt;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{
    clock::{Clock, Now},
    history::{ReadError, Store},
    model::{Kind, Labels, MaintenanceWindow, Object, ObjectId, ObjectKey, SloTarget},
    slo,
    source::{Catalog, Entry, Verdict},
    vitals::Beat,
};

use super::Snapshot;
pub use bell::Bell;
pub use board::{Board, Cell, Figures, View};
use members::Members;
use past::Past;
use planned::Planned;
pub use tally::Tally;
use track::{Need, Track, minute};

/// Each target is looked at this often: a figure is at most 5 s old, and a second is for a busy machine.
const ROUND: Duration = Duration::from_secs(4);
/// And in steps this far apart.
const STEP: Duration = Duration::from_millis(100);
/// After so long the thread is given back to others.
const AT_ONCE: Duration = Duration::from_micros(500);
/// The snapshot shows a check that came within 50 ms; and of a folder of checks that come one by one each would be a reason to
/// look at all targets.
const SETTLE: Duration = Duration::from_millis(200);
/// Histories that are read at a time: half of the connections that the store has for it.
const READS: usize = 2;
/// How long before what was read in vain is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(10);
/// Until what is known of checks is in memory, this often is looked whether it is.
const LOADING: Duration = Duration::from_millis(200);
/// When windows of planned work are open is known for so long ahead, in minutes, and looked up again in half that time.
const AHEAD: u32 = 240;

/// What is said of a target that asks for alerts.
pub const NO_ALERTS: &str =
    "its alerting is valid and not in force: this version shows burn rates, and makes no alerts of them yet";

/// What it is made of.
pub struct Parts {
    pub bell: Bell,
    pub catalog: Arc<Catalog>,
    pub snapshot: Snapshot,
    pub store: Arc<dyn Store>,
    pub clock: Clock,
    pub beat: Beat,
    /// The namespace whose windows reach all.
    pub operator: Arc<str>,
    pub board: Board,
    pub tally: Tally,
}

/// All SLOTargets, and everything that follows.
pub struct Slos {
    parts: Parts,
    tracks: BTreeMap<ObjectKey, Track>,
    windows: BTreeMap<ObjectKey, Arc<MaintenanceWindow>>,
    /// Where checks are others now, and since when.
    namespaces: BTreeMap<Arc<str>, Duration>,
    /// Targets whose checks, or whose planned work, are to be found anew.
    unresolved: BTreeSet<ObjectKey>,
    /// Everything that is configured was told once, and what is known of checks is in memory.
    told: bool,
    loaded: bool,
    /// The targets of this round that are still to be looked at, and when it began.
    round: VecDeque<ObjectKey>,
    began: Duration,
    /// How many of them are to be looked at before the next step, and when the last one began.
    owed: usize,
    stepped: Duration,
    /// While targets of one namespace are being resolved.
    members: Option<Members>,
    /// When planned work was last looked up.
    looked_up: Duration,
    /// Who wants something read, the oldest wish first; each once.
    wishes: VecDeque<ObjectKey>,
    wished: BTreeSet<ObjectKey>,
    reading: JoinSet<(ObjectKey, u64, Read)>,
    again: BTreeMap<ObjectKey, Duration>,
}

/// What was read.
enum Read {
    All(Result<Past, ReadError>),
    Edges(Vec<u32>, Result<Past, ReadError>),
    /// Its task broke.
    Broken,
}

impl Slos {
    pub fn new(parts: Parts) -> Self {
        Self {
            parts,
            tracks: BTreeMap::new(),
            windows: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            unresolved: BTreeSet::new(),
            told: false,
            loaded: false,
            round: VecDeque::new(),
            began: Duration::ZERO,
            owed: 0,
            stepped: Duration::ZERO,
            members: None,
            looked_up: Duration::ZERO,
            wishes: VecDeque::new(),
            wished: BTreeSet::new(),
            reading: JoinSet::new(),
            again: BTreeMap::new(),
        }
    }

    /// Runs until `shutdown`. Nothing of it is kept that history does not have.
    ///
    /// # Errors
    /// Never.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), Infallible> {
        let (bell, clock) = (self.parts.bell.clone(), self.parts.clock.clone());
        let mut timer = pin!(tokio::time::sleep_until(clock.instant(clock.mono())));
        loop {
            self.hear();
            self.resolve_due();
            self.step();
            self.start_reads();
            self.parts.beat.turn();
            let is_busy = self.owed > 0 || (self.told && !self.unresolved.is_empty());
            let pause = match self.told && !self.loaded {
                // A timer's next tick: others have a millisecond.
                _ if is_busy => Duration::ZERO,
                true => LOADING,
                false => STEP,
            };
            timer.as_mut().reset(clock.instant(clock.mono() + pause));
            // Each turn has done little: what waits on this thread is let in before the next.
            tokio::task::yield_now().await;
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                Some(read) = self.reading.join_next(), if !self.reading.is_empty() => self.read(read.ok()),
                () = bell.rung(), if self.round.is_empty() => {}
                () = &mut timer => {}
            }
        }
    }

    /// Takes in what was said.
    fn hear(&mut self) {
        let now = self.parts.clock.mono();
        let heard = self.parts.bell.take();
        for key in heard.windows {
            self.window(key);
        }
        for key in heard.targets {
            self.target(key);
        }
        for namespace in heard.namespaces {
            self.namespaces.entry(namespace).or_insert(now);
        }
        self.told |= heard.ready;
        if self.told && !self.loaded && self.parts.store.stats().loading == 0 {
            self.loaded = true;
            info!(targets = self.tracks.len(), "what SLOs are about is known");
        }
    }

    /// Brings a target to what the sources hold now.
    fn target(&mut self, key: ObjectKey) {
        let id = ObjectId::new(Kind::SloTarget, key.clone());
        let entry = self.parts.catalog.get(&id);
        let model = entry.as_ref().and_then(|entry| model(entry));
        match (&model, self.tracks.get_mut(&key)) {
            (Some(model), Some(track)) => track.respec(model.clone()),
            (Some(model), None) => drop(self.tracks.insert(key.clone(), Track::new(model.clone()))),
            (None, _) => {
                self.tracks.remove(&key);
                self.again.remove(&key);
            }
        }
        if let Some(model) = &model {
            self.unresolved.insert(key.clone());
            if model.alerting.is_some() {
                let (namespace, name) = (&*key.namespace, &*key.name);
                warn!(namespace, name, reason = "NotSupported", "{NO_ALERTS}");
            }
        }
        let before = self.parts.board.target(&key).map(|cell| cell.view());
        let now = self.parts.clock.wall();
        let view = entry.map(|entry| match before {
            // What was seen of it is shown until its history was read anew.
            Some(before) if model.is_some() && before.entry.uid == entry.uid => View { entry, ..View::clone(&before) },
            _ => View { entry, figures: None, since: now },
        });
        self.parts.board.put(&key, view);
        self.parts.board.tell(&key);
    }

    /// Brings a window of planned work to what the sources hold now.
    fn window(&mut self, key: ObjectKey) {
        let entry = self.parts.catalog.get(&ObjectId::new(Kind::MaintenanceWindow, key.clone()));
        let window = entry.and_then(|entry| match &entry.verdict {
            Verdict::Accepted(Object::MaintenanceWindow(window)) => Some(window.clone()),
            Verdict::Accepted(_) | Verdict::Refused(_) => None,
        });
        let namespace = key.namespace.clone();
        let before = match window.clone() {
            Some(window) => self.windows.insert(key, window),
            None => self.windows.remove(&key),
        };
        if before.iter().chain(&window).any(|window| window.exclude_from_slo) {
            let everywhere = namespace == self.parts.operator;
            let reached = self.tracks.keys().filter(|key| everywhere || key.namespace == namespace);
            self.unresolved.extend(reached.cloned());
        }
    }

    /// Finds the checks of targets anew where they may be others.
    fn resolve_due(&mut self) {
        let now = self.parts.clock.now();
        if !self.told {
            return;
        }
        // So that what opens later than was looked up is known in time.
        if !self.windows.is_empty()
            && now.mono.saturating_sub(self.looked_up) >= Duration::from_secs(u64::from(AHEAD) * 30)
        {
            self.looked_up = now.mono;
            self.unresolved.extend(self.tracks.keys().cloned());
        }
        let settled = |since: &Duration| now.mono.saturating_sub(*since) >= SETTLE;
        let due: Vec<_> =
            self.namespaces.iter().filter(|(_, since)| settled(since)).map(|(name, _)| name.clone()).collect();
        for namespace in due {
            self.namespaces.remove(&namespace);
            // Labels may be others, though the checks are the same.
            self.members = None;
            let first = ObjectKey::new(namespace.clone(), "");
            let there = self.tracks.range(first..).map(|(key, _)| key).take_while(|key| key.namespace == namespace);
            self.unresolved.extend(there.cloned());
        }
        let checks = self.parts.snapshot.checks();
        while let Some(key) = self.unresolved.pop_first() {
            let known = self.members.take().filter(|members| members.is_of(&checks, &key.namespace));
            let members = known.unwrap_or_else(|| Members::of(checks.clone(), &key.namespace));
            self.resolve(&key, &members, now);
            self.members = Some(members).filter(|_| !self.unresolved.is_empty());
            // What is left is gone on with when others have had their turn.
            if self.parts.clock.mono().saturating_sub(now.mono) >= AT_ONCE {
                break;
            }
        }
    }

    fn resolve(&mut self, key: &ObjectKey, members: &Members, now: Now) {
        let Some(track) = self.tracks.get_mut(key) else { return };
        let found = members.find(&track.target.checks);
        let labels: Vec<&Labels> = found.iter().map(|member| &member.labels).collect();
        let time = (slo::needs_from(&track.target.objective, now.wall), minute(now.wall).saturating_add(AHEAD));
        let planned = Planned::of(self.windows.values(), &self.parts.operator, &track.target, &labels, time);
        track.resolve(found, planned, &*self.parts.store, now.wall);
        self.wish(key);
    }

    /// Looks at some targets: as many as it takes to be through with all in a round, and no longer at once than others can
    /// wait.
    fn step(&mut self) {
        let begun = self.parts.clock.mono();
        if self.round.is_empty() && begun.saturating_sub(self.began) >= ROUND {
            self.began = begun;
            self.round = self.tracks.keys().cloned().collect();
        }
        if begun.saturating_sub(self.stepped) >= STEP {
            self.stepped = begun;
            let share = self.tracks.len().div_ceil((ROUND.as_millis() / STEP.as_millis()) as usize);
            self.owed = (self.owed + share).min(self.round.len());
        }
        if self.owed == 0 {
            return;
        }
        while self.owed > 0 {
            let Some(key) = self.round.pop_front() else { break };
            self.owed -= 1;
            self.look(&key);
            if self.parts.clock.mono().saturating_sub(begun) >= AT_ONCE {
                break;
            }
        }
        self.owed = self.owed.min(self.round.len());
        self.parts.tally.step(self.parts.clock.mono().saturating_sub(begun));
    }

    fn look(&mut self, key: &ObjectKey) {
        let now = self.parts.clock.now();
        let Some(track) = self.tracks.get_mut(key) else { return };
        let figures = track.look(now);
        if self.again.get(key).is_none_or(|at| *at <= now.mono) {
            self.again.remove(key);
            self.wish(key);
        }
        if let Some(figures) = figures {
            self.show(key, figures, now);
        }
    }

    /// Shows what a look came to; tells of another state.
    fn show(&self, key: &ObjectKey, figures: Figures, now: Now) {
        let Some(cell) = self.parts.board.target(key) else { return };
        let before = cell.view();
        let state = figures.standing().state;
        let was = before.figures.as_ref().map(|figures| figures.standing().state);
        let since = if was == Some(state) { before.since } else { now.wall };
        let view = View { figures: Some(Arc::new(figures)), since, ..View::clone(&before) };
        self.parts.board.put(key, Some(view));
        if was == Some(state) {
            return;
        }
        let (namespace, name) = (&*key.namespace, &*key.name);
        match was {
            Some(was) => {
                info!(namespace, name, from = was.as_str(), state = state.as_str(), "SLO {name} is {}", state.as_str())
            }
            None => info!(namespace, name, state = state.as_str(), "SLO {name} is {}", state.as_str()),
        }
        self.parts.board.tell(key);
    }

    /// Something may have to be read for a target.
    fn wish(&mut self, key: &ObjectKey) {
        if self.wished.insert(key.clone()) {
            self.wishes.push_back(key.clone());
        }
    }

    /// Starts to read what is needed, a few at a time.
    fn start_reads(&mut self) {
        if !self.loaded {
            return;
        }
        while self.reading.len() < READS {
            let Some(key) = self.wishes.pop_front() else { return };
            self.wished.remove(&key);
            let now = self.parts.clock.now();
            let Some(track) = self.tracks.get_mut(&key) else { continue };
            if self.unresolved.contains(&key) {
                continue;
            }
            let Some(need) = track.need(now) else { continue };
            track.reads = true;
            let (store, epoch) = (self.parts.store.clone(), track.epoch);
            self.reading.spawn(async move {
                let read = async {
                    match need {
                        Need::All(wanted) => Read::All(past::read(&*store, &wanted).await),
                        Need::Edges(hours, wanted) => Read::Edges(hours, past::read(&*store, &wanted).await),
                    }
                };
                let read = AssertUnwindSafe(read).catch_unwind().await.unwrap_or(Read::Broken);
                (key, epoch, read)
            });
        }
    }

    fn read(&mut self, read: Option<(ObjectKey, u64, Read)>) {
        let Some((key, epoch, read)) = read else { return };
        let now = self.parts.clock.now();
        let Some(track) = self.tracks.get_mut(&key) else { return };
        track.reads = false;
        let failed = match read {
            // It is about something else by now.
            _ if track.epoch != epoch => None,
            Read::All(Ok(past)) => {
                track.take(past, now);
                None
            }
            Read::Edges(hours, Ok(past)) => {
                track.take_edges(&hours, &past);
                None
            }
            Read::All(Err(error)) | Read::Edges(_, Err(error)) => Some(crate::supervisor::chain(&error)),
            Read::Broken => Some("reading it broke: please report this".to_owned()),
        };
        self.parts.tally.read(failed.is_none());
        match failed {
            Some(why) => {
                let (namespace, name) = (&*key.namespace, &*key.name);
                error!(namespace, name, "the history of an SLO cannot be read, and is tried again: {why}");
                self.again.insert(key, now.mono + TRY_AGAIN);
            }
            None => {
                self.wish(&key);
                self.look(&key);
            }
        }
    }
}

fn model(entry: &Entry) -> Option<Arc<SloTarget>> {
    match &entry.verdict {
        Verdict::Accepted(Object::SloTarget(target)) => Some(target.clone()),
        Verdict::Accepted(_) | Verdict::Refused(_) => None,
    }
}
