//! What a restart has to know, as rows under keys: one per incident, group and channel.

use serde::{Serialize, de::DeserializeOwned};

use super::{
    Desk, Effect, Step,
    case::Case,
    groups::{GroupClock, GroupKey},
    limit::Line,
    timers::Timer,
};
use crate::{alert::Moment, model::ObjectKey};

const CASE: &str = "case/";
const GROUP: &str = "group/";
const LINE: &str = "line/";

/// Under which key the time of the last change is kept.
const CLOCK: &str = "clock";

impl Desk {
    /// Gives what the step has changed to the store.
    pub(super) fn keep(&mut self, step: &mut Step<'_>) {
        let before = step.out.len();
        for incident in std::mem::take(&mut self.dirty.cases) {
            step.out.push(Effect::Show(incident));
            let key = format!("{CASE}{incident}");
            step.out.push(Effect::Keep { key, value: self.cases.get(&incident).and_then(write) });
        }
        for key in std::mem::take(&mut self.dirty.groups) {
            let row = self.groups.get(&key).and_then(|group| write(&(&key, group.clock)));
            let key = format!("{GROUP}{}{}", key.channel, key.labels);
            step.out.push(Effect::Keep { key, value: row });
        }
        for channel in std::mem::take(&mut self.dirty.lines) {
            let row = self.lines.get(&channel).and_then(|line| write(&(&channel, line)));
            step.out.push(Effect::Keep { key: format!("{LINE}{channel}"), value: row });
        }
        if step.out.len() > before {
            step.out.push(Effect::Keep { key: CLOCK.to_owned(), value: write(&step.now) });
        }
    }

    /// When the process before this one last kept anything, of the value under the key `clock`: from there
    /// [`crate::alert::Timeline::resume`] goes on.
    pub fn last_kept(clock: &str) -> Option<Moment> {
        read(clock)
    }

    /// A desk as an earlier process left it: every row that it kept, in any order. Objects come next, as events, and
    /// then [`super::Event::Loaded`]. With the keys of rows that could not be read, which are left out.
    pub fn restore<'a>(operator: &str, rows: impl IntoIterator<Item = (&'a str, &'a str)>) -> (Self, Vec<String>) {
        let mut desk = Self::new(operator);
        let mut unread = Vec::new();
        for (key, value) in rows {
            let read = if key.starts_with(CASE) {
                read::<Case>(value).map(|case| {
                    desk.cases.insert(case.episode.incident, case);
                })
            } else if key.starts_with(GROUP) {
                read::<(GroupKey, GroupClock)>(value).map(|(key, clock)| {
                    desk.groups.entry(key).or_default().clock = clock;
                })
            } else if key.starts_with(LINE) {
                read::<(ObjectKey, Line)>(value).map(|(channel, line)| {
                    desk.lines.insert(channel, line);
                })
            } else {
                (key == CLOCK).then_some(())
            };
            if read.is_none() {
                unread.push(key.to_owned());
            }
        }
        desk.take_up();
        (desk, unread)
    }

    /// Makes everything else of the rows.
    fn take_up(&mut self) {
        let places: Vec<_> = self
            .cases
            .iter()
            .flat_map(|(incident, case)| case.places.iter().map(move |place| (*incident, place)))
            .map(|(incident, (channel, place))| {
                (incident, GroupKey::new(channel, &place.group), place.told, place.has_news())
            })
            .collect();
        for (incident, key, told, news) in places {
            if told || news {
                let group = self.groups.entry(key).or_default();
                group.told.extend(told.then_some(incident));
                group.changed.extend(news.then_some(incident));
            }
        }
        self.groups.retain(|_, group| !(group.told.is_empty() && group.changed.is_empty()));
        for (incident, case) in &self.cases {
            if case.fires() {
                self.by_rule.entry(case.episode.rule.clone()).or_default().insert(*incident);
            }
            self.timers.set(Timer::Escalate(*incident), None, case.escalate_at);
            self.timers.set(Timer::Forget(*incident), None, case.forget_at);
        }
        for (channel, line) in &self.lines {
            self.timers.set(Timer::Digest(channel.clone()), None, line.digest_at);
        }
        let keys: Vec<_> = self.groups.keys().cloned().collect();
        for key in keys {
            self.set_group_timer(&key);
        }
        self.dirty = super::Dirty::default();
    }
}

/// None only where a value cannot be JSON, which none of ours is.
fn write(value: &impl Serialize) -> Option<String> {
    serde_json::to_string(value).ok()
}

fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}
