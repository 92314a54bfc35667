//! Whose status is written next, and when. Pure: time comes in, and what is due comes out.
//!
//! Two queues with a budget each: urgent before refresh. An object is once in them, so that they are bounded by the
//! number of objects. When the API server is away single writes ask whether it is back, 2 s apart at most; when it is,
//! the rest goes on in its order, each object once, with what is then the present.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use super::bucket::Bucket;
use crate::{
    model::{Kind, ObjectId},
    schedule::backoff,
};

/// How soon a write is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    Refresh,
    Urgent,
}

/// How a write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Written,
    /// There is no such object.
    Gone,
    /// The API server does not take this one.
    Refused,
    /// It says that this may not be written.
    Denied,
    /// It takes nothing for so long.
    Busy(Duration),
    /// No answer, or one that it cannot serve.
    Away,
}

/// Requests under way at once. One apply costs the API server some 4 ms of CPU: 16 keep several of its cores busy
/// at 200/s even when each takes 80 ms.
pub(super) const MAX_IN_FLIGHT: usize = 16;

/// The longest time between two tries while the API server is away.
const AWAY_CAP: Duration = Duration::from_secs(2);
/// Tries under way at once while it is away: one that hangs is waited for 5 s, and holds up none that begin meanwhile.
const AWAY_IN_FLIGHT: usize = 4;
/// So many refusals in a row are taken for those of an API server that has just started, and refuses everything until
/// it has read its own rules: at a try every 2 s, those of a slow start.
const DENIALS: u32 = 6;
/// The longest time between two tries of an object that is refused: RBAC that is given back is seen by then.
const REFUSED_CAP: Duration = Duration::from_secs(30);
/// The longest that one answer may stop everything. Beyond that only its own object waits.
const BUSY_CAP: Duration = Duration::from_secs(10);

/// The order of one queue: when it is due, then who came first.
type Due = (Duration, u64);

pub(super) struct Schedule {
    items: HashMap<ObjectId, Item>,
    /// How many of them are of which kind.
    kinds: HashMap<Kind, usize>,
    urgent: BTreeMap<Due, ObjectId>,
    refresh: BTreeMap<Due, ObjectId>,
    transitions: Bucket,
    refreshes: Bucket,
    in_flight: usize,
    /// Nothing is sent before this.
    pause: Duration,
    /// Tries in a row that found nobody.
    away: u32,
    /// Nothing is sent before this while it is away.
    ask: Duration,
    /// When the last try ended that said anything about the API server: one that began before says nothing new.
    told: Duration,
    /// Refusals in a row since it was away.
    denials: u32,
    numbers: u64,
}

#[derive(Debug)]
struct Item {
    class: Class,
    due: Due,
    failures: u32,
    /// Since when it is under way.
    flying: Option<Duration>,
}

impl Schedule {
    /// Budgets in writes per second. No refresh goes out when its budget is 0.
    pub(super) fn new(transitions: u32, refreshes: u32) -> Self {
        Self {
            items: HashMap::new(),
            kinds: HashMap::new(),
            urgent: BTreeMap::new(),
            refresh: BTreeMap::new(),
            transitions: Bucket::per_second(transitions),
            refreshes: Bucket::per_second(refreshes),
            in_flight: 0,
            pause: Duration::ZERO,
            away: 0,
            ask: Duration::ZERO,
            told: Duration::ZERO,
            denials: 0,
            numbers: 0,
        }
    }

    /// Whether figures alone are worth a write.
    pub(super) fn refreshes(&self) -> bool {
        !self.refreshes.is_off()
    }

    /// How many wait or are under way.
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// How many of a kind wait or are under way.
    pub(super) fn backlog(&self, kind: Kind) -> usize {
        self.kinds.get(&kind).copied().unwrap_or_default()
    }

    /// Whether a write of this object is under way.
    pub(super) fn is_flying(&self, subject: &ObjectId) -> bool {
        self.items.get(subject).is_some_and(|item| item.flying.is_some())
    }

    pub(super) fn is_away(&self) -> bool {
        self.away > 0
    }

    /// A write of this object is wanted at `due`. One that waits already keeps the earlier time; one that failed
    /// keeps its backoff; one that is under way is looked at again when it has ended.
    pub(super) fn want(&mut self, subject: &ObjectId, class: Class, due: Duration) {
        let (due, failures) = match self.items.get(subject) {
            Some(item) if item.flying.is_some() => return,
            Some(item) if item.failures > 0 => (item.due.0, item.failures),
            // When its turn comes it is looked at again, and moves if it is less urgent by then.
            Some(item) if item.class > class || (item.class == class && item.due.0 <= due) => return,
            _ => (due, 0),
        };
        let class = self.items.get(subject).map_or(class, |item| class.max(item.class));
        self.place(subject, class, due, failures);
    }

    /// A write that was due is wanted later, or less.
    pub(super) fn postpone(&mut self, subject: &ObjectId, class: Class, due: Duration) {
        let failures = self.items.get(subject).map_or(0, |item| item.failures);
        self.place(subject, class, due, failures);
    }

    /// Nothing is to be written of this object. One that is under way ends as it may.
    pub(super) fn settle(&mut self, subject: &ObjectId) {
        if self.items.get(subject).is_some_and(|item| item.flying.is_none()) {
            self.remove(subject);
        }
    }

    /// The object whose turn it is. It stays where it is until it is started, settled or postponed.
    pub(super) fn next(&mut self, now: Duration) -> Option<(ObjectId, Class)> {
        if self.in_flight >= self.room() || now < self.not_before() {
            return None;
        }
        let due = |queue: &BTreeMap<Due, ObjectId>| {
            queue.first_key_value().filter(|((at, _), _)| *at <= now).map(|(_, subject)| subject.clone())
        };
        if let Some(subject) = due(&self.urgent).filter(|_| self.transitions.has(now)) {
            return Some((subject, Class::Urgent));
        }
        due(&self.refresh).filter(|_| self.refreshes.has(now)).map(|subject| (subject, Class::Refresh))
    }

    /// A write that [`Schedule::next`] named begins.
    pub(super) fn start(&mut self, subject: &ObjectId, now: Duration) {
        let Some(item) = self.items.get_mut(subject).filter(|item| item.flying.is_none()) else { return };
        item.flying = Some(now);
        self.in_flight += 1;
        self.ask = now + AWAY_CAP;
        match item.class {
            Class::Urgent => {
                self.urgent.remove(&item.due);
                self.transitions.take(now);
            }
            Class::Refresh => {
                self.refresh.remove(&item.due);
                self.refreshes.take(now);
            }
        }
    }

    /// A write that was started has ended. After a failure the object waits for its next try.
    pub(super) fn ended(&mut self, subject: &ObjectId, ended: Ended, now: Duration) {
        let Some(item) = self.items.get_mut(subject) else { return };
        let Some(began) = item.flying.take() else { return };
        self.in_flight -= 1;
        let (class, was_away) = (item.class, self.away > 0);
        let failures = item.failures + 1;
        self.numbers += 1;
        let salt = self.numbers;
        let starts = ended == Ended::Denied && was_away && self.denials < DENIALS;
        if ended == Ended::Away || starts {
            // Those that were under way together fail together, and are one try.
            if began >= self.told {
                self.told = now;
                self.denials += u32::from(starts);
                self.away = self.away.saturating_add(1);
                self.ask = self.ask.min(now + backoff(self.away, AWAY_CAP, salt));
            }
            // When everything fails it is not this object's fault; when only it fails, it is.
            let failures = if was_away { failures - 1 } else { failures };
            let wait = if failures > 1 { backoff(failures - 1, REFUSED_CAP, salt) } else { Duration::ZERO };
            return self.place(subject, class, now + wait, failures);
        }
        (self.away, self.denials, self.told) = (0, 0, now);
        match ended {
            Ended::Written | Ended::Gone => {
                self.forget(subject);
            }
            Ended::Busy(wait) => {
                self.pause = self.pause.max(now + wait.min(BUSY_CAP));
                let wait = wait + backoff(1, AWAY_CAP, salt);
                self.place(subject, class, now + wait.min(REFUSED_CAP), failures);
            }
            Ended::Refused | Ended::Denied | Ended::Away => {
                self.place(subject, class, now + backoff(failures, REFUSED_CAP, salt), failures);
            }
        }
    }

    /// When [`Schedule::next`] may name one, as far as time alone brings it about.
    pub(super) fn wake(&self) -> Option<Duration> {
        if self.in_flight >= self.room() {
            return None;
        }
        let first = |queue: &BTreeMap<Due, ObjectId>, budget: &Bucket| {
            let (due, _) = queue.first_key_value()?.0;
            Some((*due).max(budget.ready()?))
        };
        let times = [first(&self.urgent, &self.transitions), first(&self.refresh, &self.refreshes)];
        times.into_iter().flatten().min().map(|at| at.max(self.not_before()))
    }

    fn room(&self) -> usize {
        if self.away > 0 { AWAY_IN_FLIGHT } else { MAX_IN_FLIGHT }
    }

    /// Nothing is sent before this.
    fn not_before(&self) -> Duration {
        if self.away > 0 { self.pause.max(self.ask) } else { self.pause }
    }

    fn place(&mut self, subject: &ObjectId, class: Class, due: Duration, failures: u32) {
        self.remove(subject);
        self.numbers += 1;
        let due = (due, self.numbers);
        *self.kinds.entry(subject.kind).or_default() += 1;
        self.items.insert(subject.clone(), Item { class, due, failures, flying: None });
        match class {
            Class::Urgent => self.urgent.insert(due, subject.clone()),
            Class::Refresh => self.refresh.insert(due, subject.clone()),
        };
    }

    fn forget(&mut self, subject: &ObjectId) -> Option<Item> {
        let item = self.items.remove(subject)?;
        if let Some(count) = self.kinds.get_mut(&subject.kind) {
            *count = count.saturating_sub(1);
        }
        Some(item)
    }

    fn remove(&mut self, subject: &ObjectId) {
        if let Some(item) = self.forget(subject) {
            match item.class {
                Class::Urgent => self.urgent.remove(&item.due),
                Class::Refresh => self.refresh.remove(&item.due),
            };
        }
    }
}

#[cfg(test)]
mod tests;
