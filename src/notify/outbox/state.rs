//! What one channel's outbox decides: what goes out when, what is tried again, what is given up. Pure: time, and a
//! number for the jitter, are given to it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    item::{Change, Fate, Item},
    merge::merge,
    pace::{Pace, Sent},
    pick::{Pick, pick},
    view::{Last, View},
};
use crate::{
    alert::{Alert, Notification},
    clock::{Now, WallMs},
    notify::{Answer, Marks, Parts},
    schedule::backoff,
};

/// How long a notification is tried. After a day somebody has seen it otherwise, or nobody will.
pub const GIVE_UP: Duration = Duration::from_secs(24 * 3600);
/// Nothing is given up before so many attempts of this process, however old it is, nor, where there is no channel to try,
/// before it has waited here for so long: a clock that jumps, or a day of downtime, must not lose anything.
const ATTEMPTS_MIN: u32 = 5;
/// Notifications that wait for one channel: three a second for an hour, at some KB each. What comes then is given up
/// at once, which is visible and can be sent again.
pub const QUEUE_MAX: usize = 10_000;
/// Requests under way to one receiver; while it fails, one, to see whether it is back.
const IN_FLIGHT: usize = 4;
/// The longest time between two attempts of one notification, where the receiver says nothing else.
const ITEM_CAP: Duration = Duration::from_secs(300);
/// The longest pause of a whole channel that fails: within so much time it is known that the receiver is back.
const CHANNEL_CAP: Duration = Duration::from_secs(15);
/// After so many failures in a row an attempt that succeeds sets free all that waits for its next one.
const OUTAGE: u32 = 3;
/// How long a receiver that is gone is left alone.
const GONE: Duration = Duration::from_secs(3600);

/// What of a channel the decisions depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rules {
    /// What waits for one group goes out as one.
    pub(super) folds: bool,
    /// The receiver knows a repeat by its key.
    pub(super) idempotent: bool,
    pub(super) paces: &'static [Pace],
    pub(super) edition: i64,
}

#[derive(Debug)]
pub(super) enum Event {
    Put(Item),
    /// The channel is so now; None: it is not there, or cannot be used.
    Channel(Option<Rules>),
    Answered {
        order: u64,
        answer: Answer,
        took: Duration,
    },
    Time,
    /// Nothing new begins any more.
    Stop,
}

#[derive(Debug)]
pub(super) enum Effect {
    Write(Vec<Change>),
    /// Write, and when that is done, send.
    Send(Vec<Change>, Sending),
}

/// One attempt.
#[derive(Debug, Clone)]
pub(super) struct Sending {
    pub(super) order: u64,
    pub(super) notification: Arc<Notification>,
    pub(super) marks: Marks,
    pub(super) done: Parts,
}

/// One that waits or is under way. Times are on the monotonic clock.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) notification: Arc<Notification>,
    pub(super) not_before: Duration,
    pub(super) sending: bool,
    pub(super) ambiguous: bool,
    /// What it said has not been sent by anyone, for sure.
    pub(super) untouched: bool,
    attempts: u32,
    /// Of these, those of this process.
    tries: u32,
    expires: Duration,
    /// When it came.
    since: Duration,
    unrecorded: bool,
    done: Parts,
}

pub(super) struct State {
    pub(super) rules: Option<Rules>,
    /// By their order.
    pub(super) queue: BTreeMap<u64, Entry>,
    pub(super) in_flight: usize,
    pub(super) sent: Sent,
    pub(super) paused: Duration,
    /// Since when there is no channel, where there is none.
    absent: Duration,
    failures: u32,
    stopping: bool,
    gone: Option<(Arc<str>, Duration)>,
    salt: u64,
    delivered: u64,
    dead: u64,
    last: Option<Last>,
}

impl State {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            rules: None,
            queue: BTreeMap::new(),
            in_flight: 0,
            sent: Sent::default(),
            paused: Duration::ZERO,
            absent: Duration::ZERO,
            failures: 0,
            stopping: false,
            gone: None,
            salt: seed,
            delivered: 0,
            dead: 0,
            last: None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// How many may be under way.
    pub(super) fn slots(&self) -> usize {
        if self.failures > 0 || self.gone.is_some() { 1 } else { IN_FLIGHT }
    }

    pub(super) fn next(&mut self, event: Event, now: Now) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Put(item) => effects.extend(self.put(item, now)),
            Event::Channel(rules) => self.channel(rules, now.mono),
            Event::Answered { order, answer, took } => effects.extend(self.answered(order, answer, took, now)),
            Event::Time => {}
            Event::Stop => self.stopping = true,
        }
        if self.stopping {
            return effects;
        }
        effects.extend(self.give_up(now));
        while let Pick::Now(orders) = pick(self, now.mono) {
            match self.begin(&orders, now) {
                Some(effect) => effects.push(effect),
                None => break,
            }
        }
        effects
    }

    /// When [`Event::Time`] is wanted next, on the monotonic clock.
    pub(super) fn wake(&self, now: Duration) -> Option<Duration> {
        match (pick(self, now), self.rules) {
            (Pick::At(at), _) => Some(at),
            (Pick::Now(_), _) => Some(now),
            (Pick::Never, Some(_)) => None,
            (Pick::Never, None) => self.queue.values().map(|entry| self.lapses(entry)).min(),
        }
    }

    /// When one that nobody can try is given up.
    fn lapses(&self, entry: &Entry) -> Duration {
        entry.since.max(self.absent) + GIVE_UP
    }

    fn channel(&mut self, rules: Option<Rules>, now: Duration) {
        if self.rules.is_some() {
            self.absent = now;
        }
        let other = |known: Rules| rules.is_none_or(|rules| rules.edition != known.edition);
        if self.rules.is_none_or(other) {
            // Perhaps what was wrong has been mended: everything may try at once.
            self.gone = None;
            self.failures = 0;
            self.paused = Duration::ZERO;
            self.release(Duration::ZERO);
        }
        self.rules = rules;
    }

    fn put(&mut self, item: Item, now: Now) -> Option<Effect> {
        let known = self.queue.get(&item.order).is_some_and(|entry| entry.notification.id == item.notification.id);
        if known {
            return None;
        }
        let entry = Entry {
            attempts: item.attempts,
            tries: 0,
            not_before: now.mono + between(now.wall, item.not_before).min(ITEM_CAP),
            expires: now.mono + GIVE_UP.saturating_sub(between(item.notification.created_at, now.wall)),
            since: now.mono,
            sending: false,
            ambiguous: item.ambiguous,
            untouched: !item.ambiguous,
            unrecorded: item.unrecorded,
            done: Parts::default(),
            notification: item.notification,
        };
        if self.queue.len() >= QUEUE_MAX || self.queue.contains_key(&item.order) {
            let why = "the outbox of this channel is full";
            return Some(Effect::Write(vec![self.died(item.order, entry, why.into(), now)]));
        }
        self.queue.insert(item.order, entry);
        None
    }

    fn answered(&mut self, order: u64, answer: Answer, took: Duration, now: Now) -> Option<Effect> {
        let mut entry = self.queue.remove(&order)?;
        self.in_flight = self.in_flight.saturating_sub(1);
        entry.sending = false;
        let text: Arc<str> = answer.text().into();
        self.last = Some(Last { at: now.wall, outcome: answer.outcome(), answer: Arc::clone(&text) });
        let change = match answer {
            Answer::Ok { pause, .. } => {
                self.delivered += 1;
                self.gone = None;
                if std::mem::take(&mut self.failures) >= OUTAGE {
                    self.release(now.mono);
                }
                if let Some(pause) = pause {
                    self.paused = self.paused.max(now.mono + pause);
                }
                change(order, &entry, now, Fate::Delivered { answer: text, took })
            }
            Answer::Permanent { gone, done, .. } => {
                entry.done.join(&done);
                self.failures = 0;
                self.gone = gone.then(|| (Arc::clone(&text), now.mono + GONE));
                self.died(order, entry, text, now)
            }
            Answer::Retry { after, maybe_taken, done, .. } => {
                entry.done.join(&done);
                entry.ambiguous |= maybe_taken;
                entry.untouched &= !maybe_taken && entry.done.is_empty();
                self.failures = self.failures.saturating_add(1);
                self.salt = self.salt.wrapping_add(1);
                let pause = after.unwrap_or_else(|| backoff(self.failures, CHANNEL_CAP, self.salt));
                self.paused = self.paused.max(now.mono + pause);
                if now.mono >= entry.expires && entry.tries >= ATTEMPTS_MIN {
                    let why = format!("given up after {} attempts; the last: {text}", entry.attempts);
                    self.died(order, entry, why.into(), now)
                } else {
                    let wait = after.unwrap_or_else(|| backoff(entry.attempts, ITEM_CAP, self.salt));
                    // One that expires meanwhile gets its last attempt then.
                    let left = entry.expires.saturating_sub(now.mono).max(pause);
                    let wait = wait.min(left);
                    entry.not_before = now.mono + wait;
                    let later = Fate::Later { not_before: now.wall.saturating_add(millis(wait)), answer: text };
                    // Which parts were taken is not written down: for a process after this one it is as if all were
                    // taken perhaps.
                    let partly = !entry.done.is_empty();
                    let change = change(order, &entry, now, later);
                    let change = Change { ambiguous: change.ambiguous || partly, ..change };
                    self.queue.insert(order, entry);
                    change
                }
            }
        };
        Some(Effect::Write(vec![change]))
    }

    /// What cannot go out: all while the receiver is gone; what is too old while there is no channel.
    fn give_up(&mut self, now: Now) -> Option<Effect> {
        let why: Arc<str> = match (&self.gone, self.rules) {
            (Some((why, until)), _) if now.mono < *until => Arc::clone(why),
            (_, None) => "there was no such channel, or it could not be used, for a day".into(),
            _ => return None,
        };
        let all = self.gone.is_some();
        let dead = self.queue.iter();
        let dead = dead.filter(|(_, entry)| !entry.sending && (all || self.lapses(entry) <= now.mono));
        let dead: Vec<u64> = dead.map(|(&order, _)| order).collect();
        let mut changes = Vec::with_capacity(dead.len());
        for order in dead {
            if let Some(entry) = self.queue.remove(&order) {
                changes.push(self.died(order, entry, Arc::clone(&why), now));
            }
        }
        (!changes.is_empty()).then_some(Effect::Write(changes))
    }

    /// Begins one attempt with all of `orders`, which are in order.
    fn begin(&mut self, orders: &[u64], now: Now) -> Option<Effect> {
        let &order = orders.last()?;
        let mut changes = Vec::new();
        if orders.len() > 1 {
            let waiting: Vec<_> =
                orders.iter().filter_map(|order| Some(Arc::clone(&self.queue.get(order)?.notification))).collect();
            let merged = Arc::new(merge(&waiting)?);
            let folded: Vec<(u64, Entry)> =
                orders.iter().filter_map(|&order| Some((order, self.queue.remove(&order)?))).collect();
            for (order, entry) in &folded {
                changes.push(change(*order, entry, now, Fate::Folded { into: merged.id.clone() }));
            }
            let entry = Entry {
                notification: merged,
                attempts: 0,
                tries: 0,
                not_before: now.mono,
                expires: folded.iter().map(|(_, entry)| entry.expires).min().unwrap_or(now.mono + GIVE_UP),
                since: folded.iter().map(|(_, entry)| entry.since).min().unwrap_or(now.mono),
                sending: false,
                ambiguous: false,
                untouched: true,
                unrecorded: folded.iter().any(|(_, entry)| entry.unrecorded),
                done: Parts::default(),
            };
            changes.push(change(order, &entry, now, Fate::Queued));
            self.queue.insert(order, entry);
        }
        let rules = self.rules?;
        let entry = self.queue.get_mut(&order)?;
        entry.sending = true;
        entry.attempts = entry.attempts.saturating_add(1);
        entry.tries = entry.tries.saturating_add(1);
        self.in_flight += 1;
        self.sent.note(rules.paces, now.mono);
        changes.push(change(order, entry, now, Fate::Begun));
        let marks = Marks { possible_repeat: entry.ambiguous && !rules.idempotent, unrecorded: entry.unrecorded };
        let notification = Arc::clone(&entry.notification);
        Some(Effect::Send(changes, Sending { order, notification, marks, done: entry.done.clone() }))
    }

    /// The receiver is back: nobody waits any longer for an attempt that was put off.
    fn release(&mut self, now: Duration) {
        for entry in self.queue.values_mut().filter(|entry| !entry.sending) {
            entry.not_before = entry.not_before.min(now);
        }
    }

    fn died(&mut self, order: u64, mut entry: Entry, answer: Arc<str>, now: Now) -> Change {
        self.dead += 1;
        self.last = Some(Last { at: now.wall, outcome: "dead", answer: Arc::clone(&answer) });
        // Of what the receiver has taken it is told the end, and nobody else is told instead.
        let told = |(place, alert): (usize, &Alert)| alert.news && entry.done.has_told(place);
        if entry.notification.alerts.iter().enumerate().any(told) {
            let alerts = &mut Arc::make_mut(&mut entry.notification).alerts;
            for (_, alert) in alerts.iter_mut().enumerate().filter(|(place, _)| entry.done.has_told(*place)) {
                alert.news = false;
            }
        }
        change(order, &entry, now, Fate::Dead { answer })
    }

    pub(super) fn view(&self, now: Duration) -> View {
        View {
            waiting: self.queue.len(),
            in_flight: self.in_flight,
            oldest: self.queue.values().map(|entry| entry.notification.created_at).min(),
            failures: self.failures,
            paused: self.paused.checked_sub(now).filter(|pause| !pause.is_zero()),
            gone: self.gone.as_ref().map(|(why, _)| Arc::clone(why)),
            delivered: self.delivered,
            dead: self.dead,
            last: self.last.clone(),
        }
    }
}

fn change(order: u64, entry: &Entry, now: Now, fate: Fate) -> Change {
    Change {
        notification: Arc::clone(&entry.notification),
        order,
        at: now.wall,
        attempts: entry.attempts,
        ambiguous: entry.ambiguous,
        fate,
    }
}

/// From one wall time to a later one; nothing if it is not later.
fn between(from: WallMs, to: WallMs) -> Duration {
    Duration::from_millis(u64::try_from(to.saturating_sub(from)).unwrap_or_default())
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "state/tests.rs"]
mod tests;
