//! Groups: the alerts of a channel that are told together, and when.
//!
//! A new alert goes out after `wait`, a critical one at once, other changes after `interval`, each counted from the
//! first that waits; whatever else waits in the group then goes with it. What still fires is told again after `repeat`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Desk, Step, Wait, What, case::ENDED_MANY, limit::Line, timers::Timer};
use crate::{
    alert::{Incident, Labels, Severity, Why, millis},
    model::ObjectKey,
};

/// A channel, and the values of the labels that it groups by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct GroupKey {
    pub channel: ObjectKey,
    pub labels: Labels,
}

impl GroupKey {
    pub fn new(channel: &ObjectKey, labels: &Labels) -> Self {
        Self { channel: channel.clone(), labels: labels.clone() }
    }
}

/// One group. It is there as long as it has members.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Those of which there is something to tell.
    pub changed: BTreeSet<Incident>,
    /// Those that fire, as far as the channel has been told.
    pub told: BTreeSet<Incident>,
    pub clock: GroupClock,
    /// Where it stands among the timers.
    timer: Option<i64>,
}

/// What a restart has to know of a group; the rest follows from its alerts.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct GroupClock {
    /// When the changes go out. None while there are none, while the channel cannot be used, or while a digest is due.
    pub due: Option<i64>,
    /// When what fires is told again.
    pub repeat_at: Option<i64>,
    /// How many notifications it gave: part of their ids.
    pub told: u64,
}

/// How soon a change goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    Now,
    Wait,
    Interval,
}

/// `repeat` is not taken to be shorter than this, nor a repetition that found nothing to tell looked at more often.
const REPEAT_MIN: i64 = 1000;

impl Desk {
    /// Has a firing alert told that is new to the channel.
    pub(super) fn schedule_fresh(&mut self, incident: Incident, channel: &ObjectKey, step: &mut Step<'_>) {
        let critical = self.cases.get(&incident).is_some_and(|case| case.episode.severity == Some(Severity::Critical));
        self.schedule(incident, channel, if critical { Pace::Now } else { Pace::Wait }, step);
    }

    /// Has the news of an alert told to a channel.
    pub(super) fn schedule(&mut self, incident: Incident, channel: &ObjectKey, pace: Pace, step: &mut Step<'_>) {
        let Some(case) = self.cases.get(&incident) else { return };
        let Some(place) = case.places.get(channel) else { return };
        let key = GroupKey::new(channel, &place.group);
        let full = place.ended.len() >= ENDED_MANY;
        let group = self.groups.entry(key.clone()).or_default();
        group.changed.insert(incident);
        self.dirty.groups.insert(key.clone());
        // Until it can be used the changes wait in the group.
        let Some(channel) = self.config.channel(channel) else { return };
        let now = step.now.at;
        let (at, because) = match pace {
            _ if full => (now, Wait::Wait),
            Pace::Now => (now, Wait::Wait),
            Pace::Wait => (now.saturating_add(millis(channel.grouping.wait)), Wait::Wait),
            Pace::Interval => (now.saturating_add(millis(channel.grouping.interval)), Wait::Interval),
        };
        let held = self.lines.get(&channel.key).and_then(|line| line.digest_at);
        let (until, because) = match held {
            Some(digest) => (digest, Wait::RateLimit),
            None => {
                let due = group.clock.due.map_or(at, |due| due.min(at));
                group.clock.due = Some(due);
                (due, because)
            }
        };
        if until > now {
            let waits = What::Waits { channel: channel.key.clone(), until: step.now.wall_at(until), because };
            step.fact(&case.episode, waits);
        }
        self.set_group_timer(&key);
    }

    pub(super) fn set_group_timer(&mut self, key: &GroupKey) {
        let Some(group) = self.groups.get_mut(key) else { return };
        let at = group.clock.due.into_iter().chain(group.clock.repeat_at).min();
        let before = std::mem::replace(&mut group.timer, at);
        self.timers.set(Timer::Group(key.clone()), before, at);
        self.dirty.groups.insert(key.clone());
    }

    /// An incident's place has changed: the group is told, and goes when it has no members any more.
    pub(super) fn settle(&mut self, key: &GroupKey, incident: Incident) {
        let place = self.cases.get(&incident).and_then(|case| case.places.get(&key.channel));
        let place = place.filter(|place| place.group == key.labels);
        let (told, news) = place.map_or((false, false), |place| (place.told, place.has_news()));
        if !(told || news || self.groups.contains_key(key)) {
            return;
        }
        let group = self.groups.entry(key.clone()).or_default();
        let set = |set: &mut BTreeSet<Incident>, is| if is { set.insert(incident) } else { set.remove(&incident) };
        set(&mut group.told, told);
        set(&mut group.changed, news);
        if group.changed.is_empty() {
            group.clock.due = None;
        }
        if group.told.is_empty() {
            group.clock.repeat_at = None;
        }
        let empty = group.changed.is_empty() && group.told.is_empty();
        self.set_group_timer(key);
        if empty {
            self.groups.remove(key);
        }
    }

    /// A group's time has come.
    pub(super) fn run_group(&mut self, key: &GroupKey, step: &mut Step<'_>) {
        let now = step.now.at;
        let Some(group) = self.groups.get_mut(key) else { return };
        group.timer = None;
        if group.clock.due.is_some_and(|due| due <= now) {
            self.flush(key, step);
        } else if group.clock.repeat_at.is_some_and(|at| at <= now) {
            self.repeat(key, step);
        }
        self.set_group_timer(key);
    }

    /// Tells what has changed in a group, or leaves it to the next digest.
    fn flush(&mut self, key: &GroupKey, step: &mut Step<'_>) {
        let Some(group) = self.groups.get_mut(key) else { return };
        group.clock.due = None;
        self.dirty.groups.insert(key.clone());
        let Some(channel) = self.config.channel(&key.channel).cloned() else { return };
        let line = self.line(&key.channel, step);
        if line.is_free(channel.rate_limit, step.now.at) {
            self.tell_group(key, &channel, step);
            return;
        }
        let at = match line.digest_at {
            Some(at) => at,
            None => {
                let at = line.next_digest(&channel, step.now.at);
                line.digest_at = Some(at);
                self.timers.set(Timer::Digest(key.channel.clone()), None, Some(at));
                at
            }
        };
        if at > step.now.at {
            self.say_held(key, at, step);
        }
    }

    /// What a channel was sent lately, to be changed.
    pub(super) fn line(&mut self, channel: &ObjectKey, step: &Step<'_>) -> &mut Line {
        self.dirty.lines.insert(channel.clone());
        let since = step.now.at;
        self.lines.entry(channel.clone()).or_insert_with(|| Line::new(since))
    }

    fn say_held(&mut self, key: &GroupKey, at: i64, step: &mut Step<'_>) {
        let until = step.now.wall_at(at);
        for incident in self.groups.get(key).into_iter().flat_map(|group| &group.changed) {
            let Some(case) = self.cases.get(incident) else { continue };
            let channel = key.channel.clone();
            step.fact(&case.episode, What::Waits { channel, until, because: Wait::RateLimit });
        }
    }

    /// Over the limit: everything that waits on the channel goes out as one.
    pub(super) fn digest(&mut self, channel: &ObjectKey, step: &mut Step<'_>) {
        self.line(channel, step).digest_at = None;
        let Some(channel) = self.config.channel(channel).cloned() else { return };
        let waiting: Vec<GroupKey> = self
            .groups_of(&channel.key)
            .filter(|(_, group)| !group.changed.is_empty())
            .map(|(key, _)| key.clone())
            .collect();
        match waiting.as_slice() {
            [] => return,
            [only] => self.tell_group(only, &channel, step),
            _ => self.tell_digest(&waiting, &channel, step),
        }
        self.line(&channel.key, step).note_digest(step.now.at);
    }

    /// Tells again what still fires, unless somebody acts or something stands in the way.
    fn repeat(&mut self, key: &GroupKey, step: &mut Step<'_>) {
        let now = step.now.at;
        let Some(channel) = self.config.channel(&key.channel).cloned() else {
            return self.repeat_at(key, now.saturating_add(REPEAT_MIN * 60));
        };
        let line = self.line(&key.channel, step);
        if !line.is_free(channel.rate_limit, now) {
            let at = line.next_digest(&channel, now).max(now.saturating_add(REPEAT_MIN));
            return self.repeat_at(key, at);
        }
        let wanted: Vec<Incident> = self
            .groups
            .get(key)
            .into_iter()
            .flat_map(|group| &group.told)
            .copied()
            .filter(|incident| {
                self.cases.get(incident).is_some_and(|case| case.ack.is_none() && case.is_meant_for(&key.channel))
            })
            .collect();
        if wanted.is_empty() {
            return self.repeat_at(key, now.saturating_add(millis(channel.grouping.repeat).max(REPEAT_MIN)));
        }
        for incident in wanted {
            let place = self.cases.get_mut(&incident).and_then(|case| case.places.get_mut(&key.channel));
            if let Some(place) = place {
                place.fresh.get_or_insert(Why::Repeat);
            }
            if let Some(group) = self.groups.get_mut(key) {
                group.changed.insert(incident);
            }
        }
        self.tell_group(key, &channel, step);
    }

    fn repeat_at(&mut self, key: &GroupKey, at: i64) {
        if let Some(group) = self.groups.get_mut(key) {
            group.clock.repeat_at = Some(at);
        }
    }

    /// The group was told something: the time until what fires is told again begins anew.
    pub(super) fn told(&mut self, key: &GroupKey, repeat: i64, step: &Step<'_>) {
        let Some(group) = self.groups.get_mut(key) else { return };
        group.clock.due = None;
        group.clock.told += 1;
        let at = step.now.at.saturating_add(repeat.max(REPEAT_MIN));
        group.clock.repeat_at = (!group.told.is_empty()).then_some(at);
        self.set_group_timer(key);
        if self.groups.get(key).is_some_and(|group| group.told.is_empty() && group.changed.is_empty()) {
            self.groups.remove(key);
        }
    }

    pub(super) fn groups_of(&self, channel: &ObjectKey) -> impl Iterator<Item = (&GroupKey, &Group)> {
        let first = GroupKey { channel: channel.clone(), labels: Labels::default() };
        self.groups.range(first..).take_while(move |(key, _)| key.channel == *channel)
    }

    /// A channel can be used (again): what waits for it goes out.
    pub(super) fn wake_groups(&mut self, channel: &ObjectKey, step: &mut Step<'_>) {
        let held = self.lines.get(channel).is_some_and(|line| line.digest_at.is_some());
        if held || !self.loaded || self.config.channel(channel).is_none() {
            return;
        }
        let asleep: Vec<GroupKey> = self
            .groups_of(channel)
            .filter(|(_, group)| !group.changed.is_empty() && group.clock.due.is_none())
            .map(|(key, _)| key.clone())
            .collect();
        for key in asleep {
            if let Some(group) = self.groups.get_mut(&key) {
                group.clock.due = Some(step.now.at);
            }
            self.set_group_timer(&key);
        }
    }

    /// A channel is deleted: nobody can be told there any more.
    pub(super) fn drop_places(&mut self, channel: &ObjectKey) {
        let keys: Vec<GroupKey> = self.groups_of(channel).map(|(key, _)| key.clone()).collect();
        for key in keys {
            let Some(group) = self.groups.remove(&key) else { continue };
            self.timers.set(Timer::Group(key.clone()), group.timer, None);
            self.dirty.groups.insert(key);
            for incident in group.changed.union(&group.told) {
                if let Some(case) = self.cases.get_mut(incident) {
                    case.places.remove(channel);
                    self.dirty.cases.insert(*incident);
                }
            }
        }
        for (incident, case) in &mut self.cases {
            if case.places.remove(channel).is_some() {
                self.dirty.cases.insert(*incident);
            }
        }
        if let Some(line) = self.lines.remove(channel) {
            self.timers.set(Timer::Digest(channel.clone()), line.digest_at, None);
            self.dirty.lines.insert(channel.clone());
        }
    }

    /// An alert's labels, or what its channels group by, have changed: it moves with what is known of it.
    pub(super) fn regroup(&mut self, incident: Incident, step: &Step<'_>) {
        let Some(case) = self.cases.get_mut(&incident) else { return };
        let mut moved = Vec::new();
        for (key, place) in &mut case.places {
            let Some(channel) = self.config.channel(key) else { continue };
            let group = case.episode.labels.only(&channel.grouping.by);
            if group != place.group {
                moved.push((GroupKey::new(key, &place.group), place.has_news()));
                place.group = group;
            }
        }
        for (before, has_news) in moved {
            self.dirty.cases.insert(incident);
            let due = self.groups.get(&before).and_then(|group| group.clock.due);
            let repeat_at = self.groups.get(&before).and_then(|group| group.clock.repeat_at);
            self.settle(&before, incident);
            let Some(labels) =
                self.cases.get(&incident).and_then(|case| Some(&case.places.get(&before.channel)?.group))
            else {
                continue;
            };
            let now = GroupKey::new(&before.channel, labels);
            self.settle(&now, incident);
            if let Some(group) = self.groups.get_mut(&now) {
                let sooner = |a: Option<i64>, b: Option<i64>| a.into_iter().chain(b).min();
                if has_news {
                    let held = self.lines.get(&now.channel).is_some_and(|line| line.digest_at.is_some());
                    group.clock.due = sooner(group.clock.due, due).or((!held).then_some(step.now.at));
                }
                group.clock.repeat_at =
                    if group.told.is_empty() { None } else { sooner(group.clock.repeat_at, repeat_at) };
                self.set_group_timer(&now);
            }
        }
    }
}
