//! Writes statuses: looks at what others said has changed, and applies what differs when its turn comes.
//!
//! Owns what is known of each object's status in the API server, and the requests under way. A supervised task of
//! its own: an API server that is slow or away delays nothing else, and nothing is kept meanwhile but the keys.

use std::{
    collections::{BTreeMap, VecDeque},
    convert::Infallible,
    ops::Bound,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use futures::FutureExt;
use kube::Client;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    events::Recorder,
    present::{Found, Present},
    request::{self, Answer},
    schedule::{Class, Ended, Schedule},
    status::{Difference, Status, Written, announcements},
    statuses::{News, Object, Statuses},
    tally::Tally,
};
use crate::{
    clock::{Clock, Now},
    model::{Kind, ObjectId},
};

/// Writes per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budgets {
    /// Transitions, first results, Ready: at least 1.
    pub transitions: u32,
    /// Figures that move slowly; 0 writes none for their sake.
    pub refreshes: u32,
}

/// A first result is awaited for so long, to share one write with Ready.
const FIRST_RESULT: Duration = Duration::from_secs(2);
/// Other words under the same state are written at most this often per object.
const WORDS_EVERY: Duration = Duration::from_secs(10);
/// Everything is looked at this often, for the figures, which change without anybody's saying so.
const WALK: Duration = Duration::from_secs(30);
/// Figures of an object that is new to this process are written after this at the earliest: by then its history is
/// loaded, and a new one has some.
const FIGURES_AFTER: Duration = Duration::from_secs(30);
/// Figures of one object are written at most this often. Those of a check are coarse and seldom differ; the value of an
/// alert may be another one at every evaluation.
fn figures_every(kind: Kind) -> Duration {
    match kind {
        Kind::HealthCheck => Duration::ZERO,
        _ => Duration::from_secs(60),
    }
}
/// One look is some 5 µs: after so many the runtime's thread is given back.
const LOOKS_AT_ONCE: usize = 200;
/// What is under way at the end has this long.
const DRAIN: Duration = Duration::from_secs(2);

/// The task that writes statuses.
pub struct StatusWriter {
    client: Client,
    statuses: Statuses,
    present: Present,
    recorder: Recorder,
    tally: Tally,
    clock: Clock,
    schedule: Schedule,
    records: BTreeMap<ObjectId, Record>,
    /// To be looked at; an object may stand in it twice, and is bounded by the news taken and one walk's share.
    looks: VecDeque<ObjectId>,
    flights: JoinSet<(Box<Flight>, Answer)>,
    walk: Walk,
}

/// One object whose status is written here.
struct Record {
    uid: Arc<str>,
    /// What stands in the API server.
    written: Written,
    /// When this process saw it first.
    seen: Duration,
    /// Since when a first result is awaited.
    held: Option<Duration>,
    last_write: Option<Duration>,
    /// It was refused since, and that is said already.
    refused: bool,
}

/// A request under way.
struct Flight {
    subject: ObjectId,
    uid: Arc<str>,
    written: Written,
    status: Status,
}

/// The way through all objects, round and round.
#[derive(Default)]
struct Walk {
    last: Option<ObjectId>,
    next: Duration,
    /// When this round began.
    began: Duration,
}

/// A walk takes a share of all objects each second.
const STEP: Duration = Duration::from_secs(1);

impl StatusWriter {
    pub fn new(
        client: Client,
        statuses: Statuses,
        present: Present,
        recorder: Recorder,
        tally: Tally,
        budgets: Budgets,
        clock: Clock,
    ) -> Self {
        Self {
            client,
            statuses,
            present,
            recorder,
            tally,
            clock,
            schedule: Schedule::new(budgets.transitions.max(1), budgets.refreshes),
            records: BTreeMap::new(),
            looks: VecDeque::new(),
            flights: JoinSet::new(),
            walk: Walk::default(),
        }
    }

    /// Runs until told to stop; then waits a moment for what is under way.
    ///
    /// # Errors
    /// None.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), Infallible> {
        let statuses = self.statuses.clone();
        loop {
            self.take_news();
            self.walk();
            for subject in self.looks.drain(..self.looks.len().min(LOOKS_AT_ONCE)).collect::<Vec<_>>() {
                self.look(&subject);
            }
            self.start_due();
            for kind in Kind::ALL {
                self.tally.backlog(kind, self.schedule.backlog(kind));
            }
            let wake = match self.schedule.wake() {
                _ if !self.looks.is_empty() => Duration::ZERO,
                Some(at) => at.min(self.walk.next),
                None => self.walk.next,
            };
            tokio::select! {
                () = shutdown.cancelled() => break,
                Some(ended) = self.flights.join_next(), if !self.flights.is_empty() => self.landed(ended),
                () = statuses.arrived() => {}
                () = tokio::time::sleep_until(self.clock.instant(wake)) => {}
            }
        }
        let _ = tokio::time::timeout(DRAIN, async { while self.flights.join_next().await.is_some() {} }).await;
        Ok(())
    }

    /// Takes in what sources and engine have said.
    fn take_news(&mut self) {
        let now = self.clock.mono();
        for (subject, News { object }) in self.statuses.take() {
            match object {
                Some(Object::Gone) => {
                    self.records.remove(&subject);
                    self.schedule.settle(&subject);
                    continue;
                }
                Some(Object::There { uid, written }) => self.adopt(&subject, uid, *written, now),
                None => {}
            }
            self.looks.push_back(subject);
        }
    }

    /// The source saw the object. What it holds is what stands there, unless it may be older than what was written
    /// here a moment ago: a watch tells of each of our own writes, and late.
    fn adopt(&mut self, subject: &ObjectId, uid: Arc<str>, written: Written, now: Duration) {
        if let Some(record) = self.records.get_mut(subject).filter(|record| record.uid == uid) {
            let settled = record.last_write.is_none_or(|last| now.saturating_sub(last) > WORDS_EVERY);
            if settled && !self.schedule.is_flying(subject) {
                record.written = written;
            }
            return;
        }
        self.schedule.settle(subject);
        let record = Record { uid, written, seen: now, held: None, last_write: None, refused: false };
        self.records.insert(subject.clone(), record);
    }

    /// Brings some more of all objects before the eye.
    fn walk(&mut self) {
        let now = self.clock.mono();
        if now < self.walk.next {
            return;
        }
        if self.walk.last.is_none() {
            self.walk.began = now;
        }
        let share = self.records.len().div_ceil((WALK.as_secs() / STEP.as_secs()) as usize);
        let after = self.walk.last.take().map_or(Bound::Unbounded, Bound::Excluded);
        let rest = self.records.range((after, Bound::Unbounded));
        let ids: Vec<_> = rest.take(share).map(|(id, _)| id.clone()).collect();
        self.walk.next = now + STEP;
        self.walk.last = ids.last().cloned();
        if ids.len() < share || ids.is_empty() {
            // At the end it begins anew: a few are not looked at more often than many.
            self.walk.last = None;
            self.walk.next = self.walk.next.max(self.walk.began + WALK);
        }
        self.looks.extend(ids);
    }

    /// Looks whether a status is to be written, and when.
    fn look(&mut self, subject: &ObjectId) {
        match self.wanted(subject, self.clock.now()) {
            Some((class, due, _)) => self.schedule.want(subject, class, due),
            None => self.schedule.settle(subject),
        }
    }

    /// The write that the present calls for: how soon, not before when, and what.
    fn wanted(&mut self, subject: &ObjectId, now: Now) -> Option<(Class, Duration, Box<Flight>)> {
        let record = self.records.get_mut(subject)?;
        let known_for = now.mono.saturating_sub(record.seen);
        let found = self.present.of(subject, &record.uid, &record.written, known_for, now.wall)?;
        let Found { status, awaits_first_result } = found;
        let written = Written::of(&status);
        let last = record.last_write;
        let (class, due) = match record.written.difference(&written) {
            Difference::None => return None,
            Difference::Figures if !self.schedule.refreshes() => return None,
            Difference::Figures => {
                let after = last.map(|last| last + figures_every(subject.kind)).unwrap_or_default();
                (Class::Refresh, now.mono.max(after).max(record.seen + FIGURES_AFTER))
            }
            Difference::Words => (Class::Urgent, last.map_or(now.mono, |last| now.mono.max(last + WORDS_EVERY))),
            Difference::Standing if awaits_first_result => {
                let held = *record.held.get_or_insert(now.mono);
                (Class::Urgent, now.mono.max(held + FIRST_RESULT))
            }
            Difference::Standing => (Class::Urgent, now.mono),
        };
        let flight = Flight { subject: subject.clone(), uid: record.uid.clone(), written, status };
        Some((class, due, Box::new(flight)))
    }

    /// Starts every write that is due and that the budgets allow.
    fn start_due(&mut self) {
        // One moment for all of it: what is due at it is not due after it.
        let at = self.clock.now();
        let now = at.mono;
        while let Some((subject, class)) = self.schedule.next(now) {
            let Some((wanted, due, flight)) = self.wanted(&subject, at) else {
                self.schedule.settle(&subject);
                continue;
            };
            if wanted < class || due > now {
                self.schedule.postpone(&subject, wanted, due);
                continue;
            }
            self.schedule.start(&subject, now);
            let client = self.client.clone();
            self.flights.spawn(async move {
                let apply = request::apply(&client, &flight.subject, &flight.uid, &flight.status);
                let answer = AssertUnwindSafe(apply).catch_unwind().await.unwrap_or_else(|_| Answer {
                    ended: Ended::Refused,
                    why: Some("the request broke: please report this".to_owned()),
                });
                (flight, answer)
            });
        }
    }

    /// A write has ended.
    fn landed(&mut self, ended: Result<(Box<Flight>, Answer), tokio::task::JoinError>) {
        // Panics are caught in the task, and nobody aborts it.
        let Ok((flight, answer)) = ended else { return };
        let Flight { subject, uid, written, status } = *flight;
        let now = self.clock.mono();
        let was_away = self.schedule.is_away();
        self.schedule.ended(&subject, answer.ended, now);
        self.tally.write(subject.kind, answer.label());
        self.log(&answer, was_away);
        self.log_refusal(&subject, &uid, &answer);
        if answer.ended == Ended::Gone {
            return;
        }
        if answer.ended == Ended::Written
            && let Some(record) = self.records.get_mut(&subject).filter(|record| record.uid == uid)
        {
            for note in announcements(&record.written, &written, &status) {
                self.recorder.tell(&subject, &uid, note);
            }
            record.written = written;
            record.held = None;
            record.last_write = Some(now);
        }
        // What has changed meanwhile, and what is to be tried again or is gone.
        self.looks.push_back(subject);
    }

    /// Once when the API server goes and once when it is back.
    fn log(&self, answer: &Answer, was_away: bool) {
        let is_away = self.schedule.is_away();
        if is_away && !was_away {
            let why = answer.why.as_deref().unwrap_or_default();
            warn!("the API server does not take statuses; they are written when it is back: {why}");
        } else if was_away && !is_away {
            info!(waiting = self.schedule.len(), "the API server takes statuses again");
        }
    }

    /// Each object that is refused: once, until it is written again.
    fn log_refusal(&mut self, subject: &ObjectId, uid: &Arc<str>, answer: &Answer) {
        let is_refused = match answer.ended {
            Ended::Written => false,
            Ended::Refused | Ended::Denied if !self.schedule.is_away() => true,
            _ => return,
        };
        let Some(record) = self.records.get_mut(subject).filter(|record| record.uid == *uid) else { return };
        if !std::mem::replace(&mut record.refused, is_refused) && is_refused {
            let (namespace, name) = (&*subject.key.namespace, &*subject.key.name);
            let why = answer.why.as_deref().unwrap_or_default();
            warn!(namespace, name, "the API server refuses the status, and is asked again now and then: {why}");
        }
    }
}
