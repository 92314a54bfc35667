//! What is written down of silences: that one came, was changed, ended or went. Pure.
//!
//! Of those in the store, what was done to them was written with it; that they end, nobody does.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    audit::Entry,
    clock::WallMs,
    model::{ObjectKey, Silence},
};

/// All that there are, as they were seen last.
#[derive(Default)]
pub(super) struct Silences {
    all: BTreeMap<ObjectKey, Arc<Silence>>,
    /// When each will end; of those that have not.
    ends: BTreeSet<(WallMs, ObjectKey)>,
}

impl Silences {
    /// A silence is another now, or gone. `quietly`: it was there when the process began, which is no change.
    pub(super) fn set(
        &mut self,
        key: &ObjectKey,
        silence: Option<&Arc<Silence>>,
        now: WallMs,
        quietly: bool,
    ) -> Option<Entry> {
        let before = match silence {
            Some(silence) => self.all.insert(key.clone(), silence.clone()),
            None => self.all.remove(key),
        };
        let was_open = before.as_ref().is_some_and(|before| self.ends.remove(&(before.ends_at, key.clone())));
        let is_open = silence.is_some_and(|silence| now < silence.ends_at);
        if let Some(silence) = silence.filter(|_| is_open) {
            self.ends.insert((silence.ends_at, key.clone()));
        }
        let (change, told) = match (before.as_ref(), silence) {
            _ if quietly => return None,
            (Some(before), None) => ("deleted", before),
            (_, Some(silence)) if was_open && !is_open => ("ended", silence),
            (None, Some(silence)) if !silence.is_kept => ("created", silence),
            (Some(before), Some(silence)) if !silence.is_kept && before.generation != silence.generation => {
                ("changed", silence)
            }
            _ => return None,
        };
        // Who deleted it the cluster does not tell.
        let by = if matches!(change, "created" | "changed") { &*told.created_by } else { "" };
        Some(row(told, now, change, by))
    }

    /// Those that have ended by now.
    pub(super) fn turn(&mut self, now: WallMs) -> Vec<Entry> {
        let mut ended = Vec::new();
        while self.ends.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, key)) = self.ends.pop_first() else { break };
            ended.extend(self.all.get(&key).map(|silence| row(silence, now, "ended", "")));
        }
        ended
    }
}

fn row(silence: &Silence, at: WallMs, change: &str, by: &str) -> Entry {
    Entry::silence(at, &silence.key, change, by, &silence.comment, silence.matchers.iter())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{alert::Matchers, audit::Event, model::Labels};

    fn silence(generation: i64, ends_at: WallMs, is_kept: bool) -> Arc<Silence> {
        Arc::new(Silence {
            key: ObjectKey::new("a", "b"),
            generation,
            labels: Labels::default(),
            matchers: Matchers::parse("c=d").unwrap(),
            starts_at: 0,
            ends_at,
            comment: "".into(),
            created_by: "ann".into(),
            is_kept,
        })
    }

    fn changes(rows: impl IntoIterator<Item = Entry>) -> Vec<String> {
        let told = |row: Entry| match row.event {
            Event::Silence { change, by, .. } => format!("{change} {by}"),
            other => format!("{other:?}"),
        };
        rows.into_iter().map(told).collect()
    }

    #[test]
    fn each_change_is_written_once() {
        let key = ObjectKey::new("a", "b");
        for (is_kept, by_hand) in [(false, 1), (true, 0)] {
            let mut silences = Silences::default();
            let one = |told: &[&str]| told.iter().take(by_hand).map(|text| (*text).to_owned()).collect::<Vec<_>>();
            assert_eq!(changes(silences.set(&key, Some(&silence(1, 100, is_kept)), 5, false)), one(&["created ann"]));
            assert!(silences.set(&key, Some(&silence(1, 100, is_kept)), 6, false).is_none());
            assert_eq!(changes(silences.set(&key, Some(&silence(2, 50, is_kept)), 7, false)), one(&["changed ann"]));
            assert!(silences.turn(49).is_empty());
            assert_eq!(changes(silences.turn(50)), ["ended "]);
            assert!(silences.turn(100).is_empty());
            // It is made longer after its end, ended by hand, and goes.
            assert_eq!(changes(silences.set(&key, Some(&silence(3, 90, is_kept)), 60, false)), one(&["changed ann"]));
            assert_eq!(changes(silences.set(&key, Some(&silence(4, 61, is_kept)), 61, false)), ["ended "]);
            assert_eq!(changes(silences.set(&key, None, 70, false)), ["deleted "]);
            assert!(silences.set(&key, None, 71, false).is_none());
        }
    }

    #[test]
    fn what_was_there_at_the_start_is_no_change_and_ends_all_the_same() {
        let (key, mut silences) = (ObjectKey::new("a", "b"), Silences::default());
        assert!(silences.set(&key, Some(&silence(7, 100, false)), 5, true).is_none());
        assert_eq!(changes(silences.turn(1_000)), ["ended "]);
        assert_eq!(changes(silences.set(&key, Some(&silence(8, 100, false)), 2_000, false)), ["changed ann"]);
    }
}
