//! One SLOTarget as it is kept: its checks, its ledger, and what it comes to now.

use std::{collections::BTreeMap, ops::Range, sync::Arc, time::Duration};

use super::{
    board::Figures,
    members::Member,
    past::{Past, Wanted},
    planned::Planned,
};
use crate::{
    clock::{Now, WallMs},
    engine::TargetCell,
    history::{HOUR_MS, LastHour, MINUTE_MS, Sketch, Store},
    model::{ObjectKey, SloTarget},
    slo::{self, Check, Combiner, Folded, Latencies, Ledger, Live, Observed, Percentile, Resolution},
};

/// So many minutes are not in the ledger: history holds sixty, and one is left for a look that comes late.
const LIVE: u32 = 59;
/// What a target of a check was, when it is gone, is looked at for as long as its minutes may be among the live ones.
const GONE_MS: WallMs = HOUR_MS;
/// History is read anew this often, for what came later than an hour after it was, and what else may have gone astray.
const ANEW: Duration = Duration::from_secs(86_400);
/// Where checks run so seldom that a streak of failures may last longer than the live minutes, it is this often.
const ANEW_SELDOM: Duration = Duration::from_secs(3_600);
/// From this interval on.
const SELDOM: Duration = Duration::from_secs(900);

/// What is kept of one target.
pub(super) struct Track {
    pub(super) target: Arc<SloTarget>,
    checks: Vec<Watched>,
    planned: Arc<Planned>,
    ledger: Option<Ledger>,
    /// Where a quantile is looked for.
    closed: Option<Closed>,
    /// Rises whenever what is being read is no longer wanted.
    pub(super) epoch: u64,
    /// Something is being read for it.
    pub(super) reads: bool,
    /// When history was read, on the monotonic clock; None: it is to be.
    read_at: Option<Duration>,
}

/// Latencies of the hours that are over.
struct Closed {
    /// The hour that ran when they were read.
    running: u32,
    raw: Latencies,
    /// Without hours of which planned work leaves out more than half.
    corrected: Latencies,
}

/// One check, and what of it is looked at.
struct Watched {
    member: Member,
    /// When runs of it were due, in minutes since the epoch.
    due: Vec<Range<u32>>,
    targets: Arc<[Arc<TargetCell>]>,
    /// Targets that it has no more, and since when.
    gone: Vec<(Arc<TargetCell>, WallMs)>,
}

/// What is to be read for a target.
pub(super) enum Need {
    /// All of its window.
    All(Wanted),
    /// Some hours that a window's edge cuts.
    Edges(Vec<u32>, Wanted),
}

impl Track {
    pub(super) fn new(target: Arc<SloTarget>) -> Self {
        Self {
            target,
            checks: Vec::new(),
            planned: Arc::default(),
            ledger: None,
            closed: None,
            epoch: 0,
            reads: false,
            read_at: None,
        }
    }

    /// Another spec under the same name. What is only judged otherwise needs no history anew.
    pub(super) fn respec(&mut self, target: Arc<SloTarget>) {
        let (old, new) = (&self.target.objective, &target.objective);
        let keeps = old.indicator == new.indicator && self.target.checks == target.checks && old.window == new.window;
        self.target = target;
        if !keeps {
            self.forget();
        }
    }

    /// Its checks and the planned work about them, as they are now. What is kept stays if both are as before.
    pub(super) fn resolve(&mut self, members: Vec<Member>, planned: Planned, store: &dyn Store, now: WallMs) {
        let same_checks = self.checks.len() == members.len()
            && self.checks.iter().zip(&members).all(|(watched, member)| watched.member.key == member.key);
        let same_work = self.planned.is_as(&planned);
        let mut before: BTreeMap<ObjectKey, Watched> =
            std::mem::take(&mut self.checks).into_iter().map(|watched| (watched.member.key.clone(), watched)).collect();
        self.checks = members
            .into_iter()
            .map(|member| {
                let known = before.remove(&member.key).filter(|known| Arc::ptr_eq(&known.member.cell, &member.cell));
                let mut watched = known.unwrap_or_else(|| Watched::new(member.clone()));
                watched.member = member;
                watched.due = due(store, &watched.member.key);
                watched.look(now);
                watched
            })
            .collect();
        self.planned = Arc::new(planned);
        if !(same_checks && same_work) {
            self.forget();
        }
    }

    /// History is to be read anew. What is known is shown until then.
    fn forget(&mut self) {
        self.epoch += 1;
        self.read_at = None;
    }

    /// Of the checks, the longest interval; None without checks.
    pub(super) fn interval(&self) -> Option<Duration> {
        self.checks.iter().map(|watched| watched.member.cell.view.load().interval).max()
    }

    /// What is to be read now; None when all is there, or something is being read.
    pub(super) fn need(&mut self, now: Now) -> Option<Need> {
        if self.reads {
            return None;
        }
        let every = if self.interval().is_some_and(|interval| interval >= SELDOM) { ANEW_SELDOM } else { ANEW };
        let minute = minute(now.wall);
        let starts = self.starts(now.wall);
        let aged = self.read_at.is_none_or(|at| now.mono.saturating_sub(at) >= every);
        let quantiles = self.quantile().is_some();
        let turned = quantiles && self.closed.as_ref().is_none_or(|closed| closed.running != minute / 60);
        let from = starts.iter().min().copied().unwrap_or(minute);
        let wanted = |hours| Wanted {
            indicator: self.target.objective.indicator,
            checks: self.checks.iter().map(|watched| watched.member.key.clone()).collect(),
            planned: self.planned.clone(),
            hours,
            now: now.wall,
        };
        match &mut self.ledger {
            Some(ledger) if !aged && !turned => {
                let hours = ledger.settle(&starts);
                let (first, last) = (*hours.first()?, *hours.last()?);
                Some(Need::Edges(hours, wanted(first..=last)))
            }
            _ => Some(Need::All(wanted(from / 60..=minute / 60))),
        }
    }

    /// Takes up all of its past, that was read a moment ago.
    pub(super) fn take(&mut self, past: Past, now: Now) {
        let to = minute(now.wall).saturating_sub(LIVE - 1);
        let starts = self.starts(now.wall);
        let minutes = (past.first..).zip(past.minutes.iter().copied());
        self.ledger = Some(Ledger::build(past.first, to.max(past.first), &starts, minutes));
        if self.quantile().is_some() {
            let mut closed =
                Closed { running: minute(now.wall) / 60, raw: Latencies::default(), corrected: Latencies::default() };
            for (hour, sketch) in past.sketches.iter().filter(|(hour, _)| *hour < closed.running) {
                closed.raw.add(sketch);
                if past.excluded(*hour) <= 0.5 {
                    closed.corrected.add(sketch);
                }
            }
            self.closed = Some(closed);
        }
        self.read_at = Some(now.mono);
    }

    /// Takes up minutes of hours that edges cut.
    pub(super) fn take_edges(&mut self, hours: &[u32], past: &Past) {
        let Some(ledger) = &mut self.ledger else { return };
        for hour in hours {
            let begin = (hour * 60).saturating_sub(past.first) as usize;
            let minutes = past.minutes.get(begin..begin + 60).and_then(|minutes| minutes.try_into().ok());
            if let Some(minutes) = minutes {
                ledger.set_edge(*hour, minutes);
            }
        }
    }

    /// Brings the ledger up to now, and says what the target comes to; None while its history was not read.
    pub(super) fn look(&mut self, now: Now) -> Option<Figures> {
        self.checks.iter_mut().for_each(|watched| watched.look(now.wall));
        let folded = self.ledger.as_ref()?.folded();
        let minute = minute(now.wall);
        // The clock was set back, or nobody has looked for an hour.
        if minute < folded || minute - folded > LIVE {
            // What is being read already is as good as what would be.
            if self.read_at.is_some() {
                self.forget();
            }
            return None;
        }
        let live = self.live(folded, minute, now.wall);
        let ledger = self.ledger.as_mut()?;
        let keep = minute.saturating_sub(LIVE - 1);
        for (at, observed) in (folded..keep).zip(&live) {
            if ledger.fold(at, observed) == Folded::Gap {
                break;
            }
        }
        ledger.forget_before(slo::needs_from(&self.target.objective, now.wall).min(keep));
        let live = Live { first: folded, minutes: &live };
        let percentile = self.quantile().map(|quantile| self.percentile(quantile)).unwrap_or_default();
        let ledger = self.ledger.as_ref()?;
        let evaluation = slo::evaluate(&self.target.objective, ledger, live, percentile, now.wall);
        let intervals = self.checks.iter().map(|watched| watched.member.cell.view.load().interval);
        let resolution = Resolution::of(&self.target.objective, intervals);
        Some(Figures { evaluation, resolution, checks: self.checks.len(), at: now.wall })
    }

    /// What the checks come to in each minute from one up to the running one.
    fn live(&self, from: u32, to: u32, now: WallMs) -> Vec<Observed> {
        let mut combiners = vec![Combiner::new(self.target.objective.indicator); (to - from + 1) as usize];
        for (at, watched) in self.checks.iter().enumerate() {
            let hours = watched.hours();
            for (minute, combiner) in (from..).zip(&mut combiners) {
                if !self.planned.leaves_out(at, minute)
                    && let Some(check) = watched.minute(&hours, minute)
                {
                    combiner.add(&check);
                }
            }
        }
        let observed = |(minute, combiner): (u32, &Combiner)| Observed {
            cell: combiner.cell(),
            excluded: self.planned.share(minute, now),
        };
        (from..).zip(&combiners).map(observed).collect()
    }

    /// Milliseconds that this share of the runs in the window kept to; whole hours, and the one that runs.
    fn percentile(&self, quantile: f64) -> Percentile {
        let Some(closed) = &self.closed else { return Percentile::default() };
        let mut live = Sketch::default();
        for target in self.checks.iter().flat_map(Watched::all) {
            if let Some(sketch) = target.history.lock().running_sketch() {
                live.merge(sketch);
            }
        }
        let of = |latencies: &Latencies| latencies.quantile(quantile, &live);
        Percentile { raw: of(&closed.raw), corrected: of(&closed.corrected) }
    }

    fn quantile(&self) -> Option<f64> {
        match self.target.objective.indicator {
            slo::Indicator::ResponseTime { statistic } => statistic.quantile(),
            slo::Indicator::Availability { .. } | slo::Indicator::ErrorRate => None,
        }
    }

    /// The minutes at which its windows begin: its own, and those of its burn rates.
    fn starts(&self, now: WallMs) -> Vec<u32> {
        slo::starts(&self.target.objective, now)
    }
}

impl Watched {
    fn new(member: Member) -> Self {
        Self { member, due: Vec::new(), targets: Arc::default(), gone: Vec::new() }
    }

    /// Takes in which targets the check has now.
    fn look(&mut self, now: WallMs) {
        self.gone.retain(|(_, since)| (now - since) <= GONE_MS && *since <= now);
        let view = self.member.cell.view.load();
        if Arc::ptr_eq(&view.targets, &self.targets) {
            return;
        }
        let stays = |old: &&Arc<TargetCell>| view.targets.iter().any(|new| Arc::ptr_eq(&new.history, &old.history));
        let left = self.targets.iter().filter(|old| !stays(old));
        self.gone.extend(left.map(|old| (old.clone(), now)));
        self.targets = view.targets.clone();
    }

    fn all(&self) -> impl Iterator<Item = &Arc<TargetCell>> {
        self.targets.iter().chain(self.gone.iter().map(|(target, _)| target))
    }

    fn hours(&self) -> Vec<LastHour> {
        self.all().map(|target| target.history.lock().last_hour()).collect()
    }

    /// What the check comes to in a minute; None when it was not there, or suspended, and nothing was seen.
    fn minute(&self, hours: &[LastHour], minute: u32) -> Option<Check> {
        let mut check = Check::default();
        let mut takes_part = self.due.iter().any(|span| span.contains(&minute));
        for hour in hours {
            let one = hour.get(minute);
            takes_part |= one.observed_ms > 0 || one.timed() > 0;
            check.add(&one);
        }
        takes_part.then_some(check)
    }
}

/// When runs of a check were due, of all its targets together.
fn due(store: &dyn Store, check: &ObjectKey) -> Vec<Range<u32>> {
    let minute = |at: WallMs| u32::try_from(at.max(0) / MINUTE_MS).unwrap_or(u32::MAX);
    let targets = store.targets(check);
    let spans = targets.iter().flat_map(|(_, due)| due.spans());
    let mut all: Vec<_> =
        spans.map(|span| minute(span.start)..minute(span.end.saturating_add(MINUTE_MS - 1))).collect();
    all.sort_unstable_by_key(|span| span.start);
    let mut merged: Vec<Range<u32>> = Vec::new();
    for span in all {
        match merged.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}

/// Since the epoch; of times that history counts.
pub(super) fn minute(at: WallMs) -> u32 {
    u32::try_from(at.max(0) / MINUTE_MS).unwrap_or(u32::MAX)
}
