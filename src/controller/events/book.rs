//! Which events go out: limits per object and in all, and repeats counted onto the first. Pure.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, Hash},
    sync::Arc,
    time::Duration,
};

use foldhash::quality::FixedState;

use super::Note;
use crate::{
    clock::{Now, WallMs},
    controller::bucket::Bucket,
    model::ObjectId,
};

/// Events of one object: ten at once, then one a minute. A check that flaps says so by its state and its figures.
const PER_OBJECT: (f64, f64) = (1.0 / 60.0, 10.0);
/// Events of all objects: 50 at once, then ten a second, a twentieth of what the statuses may cost the API server.
const IN_ALL: (f64, f64) = (10.0, 50.0);
/// Wait to be sent at most: what [`IN_ALL`] lets through in 100 s. At 1.5 KB each, 1.5 MB.
const MAX_PENDING: usize = 1_000;
/// Objects whose limit is remembered, and series that repeats are counted onto. Those that are forgotten start anew.
const MAX_OBJECTS: usize = 4_096;
const MAX_SERIES: usize = 2_048;
/// What repeats after a longer silence is an event of its own.
const SERIES_ENDS: Duration = Duration::from_secs(600);
/// The API server keeps events for an hour; older news than half of it is none.
const TOO_OLD: Duration = Duration::from_secs(1_800);

/// An event that is to be sent.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) subject: ObjectId,
    pub(super) uid: Arc<str>,
    pub(super) note: Note,
    /// When it happened first, in this series.
    pub(super) first: WallMs,
    pub(super) last: WallMs,
    /// How often it has happened, this time included.
    pub(super) count: i32,
    /// The API server has an event of this series: its count is to be raised.
    pub(super) known: bool,
    series: u64,
    offered: Duration,
}

impl Entry {
    /// Another for each series of each object: the hexadecimal half of the event's name.
    pub(super) fn number(&self) -> u64 {
        hash(&(self.series, self.first))
    }
}

/// What became of an event that was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Queued,
    /// It was waiting already, and counts once more.
    Repeated,
    /// The object has told too much.
    Limited,
    /// The oldest that waited gave way to it.
    Displaced,
}

pub(super) struct Book {
    pending: VecDeque<Entry>,
    objects: HashMap<ObjectId, (Bucket, Duration)>,
    sent: HashMap<u64, Sent>,
    all: Bucket,
}

/// A series that the API server knows.
struct Sent {
    first: WallMs,
    count: i32,
    at: Duration,
}

impl Default for Book {
    fn default() -> Self {
        let all = Bucket::new(IN_ALL.0, IN_ALL.1);
        Self { pending: VecDeque::new(), objects: HashMap::new(), sent: HashMap::new(), all }
    }
}

impl Book {
    pub(super) fn offer(&mut self, subject: &ObjectId, uid: &Arc<str>, note: Note, now: Now) -> Fate {
        if !self.object_may(subject, now.mono) {
            return Fate::Limited;
        }
        let series = hash(&(subject, uid, &note));
        if let Some(waiting) = self.pending.iter_mut().find(|entry| entry.series == series) {
            waiting.count = waiting.count.saturating_add(1);
            waiting.last = now.wall;
            return Fate::Repeated;
        }
        let earlier = self.sent.get(&series).filter(|sent| now.mono.saturating_sub(sent.at) < SERIES_ENDS);
        let entry = Entry {
            subject: subject.clone(),
            uid: uid.clone(),
            note,
            first: earlier.map_or(now.wall, |sent| sent.first),
            last: now.wall,
            count: earlier.map_or(1, |sent| sent.count.saturating_add(1)),
            known: earlier.is_some(),
            series,
            offered: now.mono,
        };
        let full = self.pending.len() >= MAX_PENDING;
        if full {
            self.pending.pop_front();
        }
        self.pending.push_back(entry);
        if full { Fate::Displaced } else { Fate::Queued }
    }

    /// The next one to send, and how many were too old to be. It is out of the book until it is put back.
    pub(super) fn take(&mut self, now: Duration) -> (Option<Entry>, usize) {
        let mut old = 0;
        while self.pending.front().is_some_and(|entry| now.saturating_sub(entry.offered) > TOO_OLD) {
            self.pending.pop_front();
            old += 1;
        }
        if self.pending.is_empty() || !self.all.take(now) {
            return (None, old);
        }
        (self.pending.pop_front(), old)
    }

    /// It could not be sent now: it is the next one again.
    pub(super) fn put_back(&mut self, entry: Entry) {
        self.pending.push_front(entry);
        self.pending.truncate(MAX_PENDING);
    }

    /// The API server has it.
    pub(super) fn sent(&mut self, entry: &Entry, now: Duration) {
        if self.sent.len() >= MAX_SERIES {
            self.sent.retain(|_, sent| now.saturating_sub(sent.at) < SERIES_ENDS);
        }
        if self.sent.len() >= MAX_SERIES {
            self.sent.clear();
        }
        self.sent.insert(entry.series, Sent { first: entry.first, count: entry.count, at: now });
    }

    /// When [`Book::take`] may give one; None while none waits.
    pub(super) fn ready(&self) -> Option<Duration> {
        if self.pending.is_empty() { None } else { self.all.ready() }
    }

    fn object_may(&mut self, subject: &ObjectId, now: Duration) -> bool {
        if self.objects.len() >= MAX_OBJECTS && !self.objects.contains_key(subject) {
            let refilled = Duration::from_secs_f64(PER_OBJECT.1 / PER_OBJECT.0);
            self.objects.retain(|_, (_, used)| now.saturating_sub(*used) < refilled);
            if self.objects.len() >= MAX_OBJECTS {
                self.objects.clear();
            }
        }
        let fresh = || (Bucket::new(PER_OBJECT.0, PER_OBJECT.1), now);
        let (bucket, used) = self.objects.entry(subject.clone()).or_insert_with(fresh);
        *used = now;
        bucket.take(now)
    }
}

fn hash(what: &impl Hash) -> u64 {
    FixedState::default().hash_one(what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{controller::events::Gravity, model::ObjectKey};

    fn at(seconds: u64) -> Now {
        Now { mono: Duration::from_secs(seconds), wall: 1_000_000 + seconds as i64 * 1000 }
    }

    fn subject(number: usize) -> ObjectId {
        ObjectId::check(ObjectKey::new("a", number.to_string()))
    }

    fn note(text: &str) -> Note {
        Note::new(Gravity::Warning, "Unhealthy", "Probe", text)
    }

    fn drain(book: &mut Book, now: Now) -> Vec<Entry> {
        let mut taken = Vec::new();
        while let (Some(entry), _) = book.take(now.mono) {
            book.sent(&entry, now.mono);
            taken.push(entry);
        }
        taken
    }

    #[test]
    fn a_repeat_is_counted_onto_the_first_and_forgotten_after_a_while() {
        let (mut book, uid) = (Book::default(), Arc::from("u"));
        assert_eq!(book.offer(&subject(1), &uid, note("no"), at(1)), Fate::Queued);
        assert_eq!(book.offer(&subject(1), &uid, note("no"), at(2)), Fate::Repeated);
        let first = drain(&mut book, at(3)).remove(0);
        assert_eq!((first.count, first.known, first.first, first.last), (2, false, at(1).wall, at(2).wall));
        book.offer(&subject(1), &uid, note("no"), at(500));
        let again = drain(&mut book, at(500)).remove(0);
        assert_eq!((again.count, again.known, again.number()), (3, true, first.number()));
        book.offer(&subject(1), &uid, note("no"), at(1200));
        let anew = drain(&mut book, at(1200)).remove(0);
        assert_eq!((anew.count, anew.known), (1, false));
        assert_ne!(anew.number(), first.number());
    }

    #[test]
    fn one_object_tells_ten_and_then_one_a_minute() {
        let (mut book, uid) = (Book::default(), Arc::from("u"));
        let mut told = |count: usize, now| {
            let fates = (0..count).map(|n| book.offer(&subject(1), &uid, note(&format!("{n} {now:?}")), now));
            fates.filter(|fate| *fate == Fate::Queued).count()
        };
        assert_eq!((told(50, at(0)), told(50, at(30)), told(50, at(61))), (10, 0, 1));
        assert_eq!(book.offer(&subject(2), &uid, note("x"), at(61)), Fate::Queued);
    }

    #[test]
    fn all_objects_together_keep_within_the_budget_and_the_oldest_give_way() {
        let (mut book, uid) = (Book::default(), Arc::from("u"));
        let fates: Vec<_> = (0..1_200).map(|n| book.offer(&subject(n), &uid, note("x"), at(0))).collect();
        assert_eq!(fates.iter().filter(|fate| **fate == Fate::Displaced).count(), 200);
        let sent = drain(&mut book, at(1));
        assert_eq!((sent.len(), &*sent[0].subject.key.name), (50, "200"));
        assert_eq!(drain(&mut book, at(2)).len(), 10);
        let (next, old) = book.take(at(3_000).mono);
        assert_eq!((next.is_none(), old), (true, 940));
    }

    #[test]
    fn what_could_not_be_sent_is_the_next_again() {
        let (mut book, uid) = (Book::default(), Arc::from("u"));
        for n in 0..3 {
            book.offer(&subject(n), &uid, note("x"), at(0));
        }
        let (first, _) = book.take(at(0).mono);
        book.put_back(first.unwrap());
        assert_eq!(&*drain(&mut book, at(1))[0].subject.key.name, "0");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut book, uid) = (Book::default(), Arc::from("u"));
        for n in 0..10_000 {
            book.offer(&subject(n), &uid, note("x"), at(n as u64));
            drain(&mut book, at(n as u64));
        }
        assert!(book.objects.len() <= MAX_OBJECTS && book.sent.len() <= MAX_SERIES && book.pending.is_empty());
    }
}
