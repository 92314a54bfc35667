//! `inhibitedBy`: which firing alerts hold back which others.
//!
//! For each pair of a rule and the labels that have to be equal there is a bucket per set of values: the firing alerts
//! of that rule, and the alerts that they hold back. So one alert costs one look-up per pair that it belongs to.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    alert::{Episode, Incident, Labels},
    model::{Inhibition, ObjectKey},
};

#[derive(Debug, Default)]
pub(super) struct Inhibitions {
    /// What rules ask for.
    declared: BTreeMap<ObjectKey, Arc<[Inhibition]>>,
    /// What of it is in force: rules that inhibit each other in a circle would silence each other, so they do not.
    in_force: BTreeMap<ObjectKey, Vec<Inhibition>>,
    /// By the rule that inhibits and the labels that have to be equal.
    pairs: BTreeMap<ObjectKey, Pairs>,
    stale: bool,
}

/// By the labels that have to be equal.
type Pairs = BTreeMap<Arc<[Arc<str>]>, Buckets>;

/// By their values.
type Buckets = BTreeMap<Labels, Bucket>;

#[derive(Debug, Default)]
struct Bucket {
    sources: BTreeSet<Incident>,
    targets: BTreeSet<Incident>,
}

impl Inhibitions {
    pub fn declare(&mut self, rule: &ObjectKey, inhibited_by: Option<&Arc<[Inhibition]>>) {
        let inhibited_by = inhibited_by.filter(|list| !list.is_empty());
        if self.declared.get(rule) != inhibited_by {
            self.stale = true;
            match inhibited_by {
                Some(list) => self.declared.insert(rule.clone(), list.clone()),
                None => self.declared.remove(rule),
            };
        }
    }

    /// True once after what rules ask for has changed: the firing alerts have to enter again.
    pub fn rebuild(&mut self) -> bool {
        if !std::mem::take(&mut self.stale) {
            return false;
        }
        let circular = circular(&self.declared);
        self.pairs.clear();
        self.in_force.clear();
        for (rule, list) in &self.declared {
            let sound = |inhibition: &&Inhibition| !(circular.contains(rule) && circular.contains(&inhibition.rule));
            let list: Vec<_> = list.iter().filter(sound).cloned().collect();
            for Inhibition { rule: source, equal } in &list {
                self.pairs.entry(source.clone()).or_default().entry(equal.clone()).or_default();
            }
            self.in_force.insert(rule.clone(), list);
        }
        true
    }

    /// A firing alert comes. Those that may be held back by it from now on.
    pub fn enter(&mut self, episode: &Episode) -> Vec<Incident> {
        let mut concerned = Vec::new();
        for (equal, buckets) in self.pairs.get_mut(&episode.rule).into_iter().flatten() {
            let bucket = buckets.entry(episode.labels.only(equal)).or_default();
            if bucket.sources.is_empty() {
                concerned.extend(&bucket.targets);
            }
            bucket.sources.insert(episode.incident);
        }
        self.target(episode, true);
        concerned
    }

    /// It fires no more, or its labels are about to change. Those that may be free from now on.
    pub fn leave(&mut self, episode: &Episode) -> Vec<Incident> {
        self.target(episode, false);
        let mut concerned = Vec::new();
        for (equal, buckets) in self.pairs.get_mut(&episode.rule).into_iter().flatten() {
            let values = episode.labels.only(equal);
            let Some(bucket) = buckets.get_mut(&values) else { continue };
            bucket.sources.remove(&episode.incident);
            concerned.extend(&bucket.targets);
            if bucket.sources.is_empty() && bucket.targets.is_empty() {
                buckets.remove(&values);
            }
        }
        concerned
    }

    fn target(&mut self, episode: &Episode, comes: bool) {
        for Inhibition { rule, equal } in self.in_force.get(&episode.rule).into_iter().flatten() {
            let Some(buckets) = self.pairs.get_mut(rule).and_then(|pairs| pairs.get_mut(equal)) else { continue };
            let values = episode.labels.only(equal);
            if comes {
                buckets.entry(values).or_default().targets.insert(episode.incident);
            } else if let Some(bucket) = buckets.get_mut(&values) {
                bucket.targets.remove(&episode.incident);
                if bucket.sources.is_empty() && bucket.targets.is_empty() {
                    buckets.remove(&values);
                }
            }
        }
    }

    /// What holds this alert back: the rule, and one of its firing alerts.
    pub fn of(&self, episode: &Episode) -> Option<(ObjectKey, Incident)> {
        self.in_force.get(&episode.rule)?.iter().find_map(|Inhibition { rule, equal }| {
            let bucket = self.pairs.get(rule)?.get(equal)?.get(&episode.labels.only(equal))?;
            let source = bucket.sources.iter().find(|source| **source != episode.incident)?;
            Some((rule.clone(), *source))
        })
    }
}

/// Rules that stand in a circle, or between two circles: what is left when those that nothing inhibits and those that
/// inhibit nothing are taken away, again and again.
fn circular(declared: &BTreeMap<ObjectKey, Arc<[Inhibition]>>) -> BTreeSet<ObjectKey> {
    let mut left: BTreeSet<&ObjectKey> = declared.keys().collect();
    loop {
        let inhibited = |rule: &ObjectKey| {
            declared.get(rule).is_some_and(|list| list.iter().any(|inhibition| left.contains(&inhibition.rule)))
        };
        let inhibits: BTreeSet<&ObjectKey> = left
            .iter()
            .filter_map(|rule| declared.get(*rule))
            .flat_map(|list| list.iter().map(|inhibition| &inhibition.rule))
            .collect();
        let next: BTreeSet<_> =
            left.iter().copied().filter(|rule| inhibited(rule) && inhibits.contains(rule)).collect();
        if next.len() == left.len() {
            return next.into_iter().cloned().collect();
        }
        left = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> ObjectKey {
        ObjectKey::new("n", name)
    }

    #[test]
    fn circles_are_found_and_what_hangs_on_them_is_not() {
        let edges = [("a", "b"), ("b", "c"), ("c", "b"), ("c", "d"), ("e", "e"), ("f", "d")];
        let mut declared: BTreeMap<ObjectKey, Arc<[Inhibition]>> = BTreeMap::new();
        for (target, source) in edges {
            let list = declared.entry(key(target)).or_default();
            let more = Inhibition { rule: key(source), equal: [].into() };
            *list = list.iter().cloned().chain([more]).collect();
        }
        let circular = circular(&declared);
        assert_eq!(circular.into_iter().collect::<Vec<_>>(), ["b", "c", "e"].map(key));
    }
}
