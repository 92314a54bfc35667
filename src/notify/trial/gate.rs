//! Which channels may be tried now: how many at a time, and how often. Pure: is told the time.
//!
//! A trial is somebody's request, and a request to somebody else: who may try a channel must neither flood its receiver
//! by us, nor keep others from trying theirs.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use crate::model::ObjectKey;

/// Under way, each for [`super::PATIENCE`] at most: a connection and a message of some KB each.
pub const AT_ONCE: usize = 4;
/// Of one namespace, so that whoever has receivers that hang leaves room for others.
pub const OF_NAMESPACE: usize = 2;
/// Begun in one namespace within [`WHILE`]: people set up a channel, mend it and try again. Each is a row of the audit trail.
pub const OFTEN: usize = 10;
const WHILE: Duration = Duration::from_secs(60);

/// Why a channel is not tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    #[error("it is being tried now: wait for what comes of that")]
    UnderWay,
    #[error("at most {OF_NAMESPACE} channels of a namespace are tried at a time: wait for what comes of these")]
    Namespace,
    #[error("at most {AT_ONCE} channels are tried at a time: try again in some seconds")]
    AtOnce,
    #[error("at most {OFTEN} trials a minute begin in a namespace: try again in {} s", .0.as_secs() + 1)]
    Often(Duration),
}

/// What is tried, and what was.
#[derive(Debug, Default)]
pub struct Gate {
    /// At most [`AT_ONCE`].
    under_way: BTreeSet<ObjectKey>,
    /// When trials of the last minute began, by namespace: at most [`OFTEN`] in each, and no namespace without one.
    begun: BTreeMap<Arc<str>, VecDeque<Duration>>,
}

impl Gate {
    /// A trial begins; it ends with [`Gate::end`].
    ///
    /// # Errors
    /// [`Closed`] says why not now.
    pub fn begin(&mut self, channel: &ObjectKey, now: Duration) -> Result<(), Closed> {
        for begun in self.begun.values_mut() {
            while begun.front().is_some_and(|first| *first + WHILE <= now) {
                begun.pop_front();
            }
        }
        self.begun.retain(|_, begun| !begun.is_empty());
        if self.under_way.contains(channel) {
            return Err(Closed::UnderWay);
        }
        if self.under_way.iter().filter(|key| key.namespace == channel.namespace).count() >= OF_NAMESPACE {
            return Err(Closed::Namespace);
        }
        if self.under_way.len() >= AT_ONCE {
            return Err(Closed::AtOnce);
        }
        if let Some(begun) = self.begun.get(&channel.namespace).filter(|begun| begun.len() >= OFTEN) {
            let first = begun.front().copied().unwrap_or(now);
            return Err(Closed::Often((first + WHILE).saturating_sub(now)));
        }
        self.begun.entry(channel.namespace.clone()).or_default().push_back(now);
        self.under_way.insert(channel.clone());
        Ok(())
    }

    pub fn end(&mut self, channel: &ObjectKey) {
        self.under_way.remove(channel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn begin(gate: &mut Gate, namespace: &str, name: &str, at: u64) -> Result<(), Closed> {
        gate.begin(&ObjectKey::new(namespace, name), s(at))
    }

    #[test]
    fn one_of_a_channel_some_of_a_namespace_and_some_in_all() {
        let mut gate = Gate::default();
        assert_eq!(begin(&mut gate, "a", "one", 0), Ok(()));
        assert_eq!(begin(&mut gate, "a", "one", 0), Err(Closed::UnderWay));
        assert_eq!(begin(&mut gate, "a", "two", 0), Ok(()));
        assert_eq!(begin(&mut gate, "a", "three", 0), Err(Closed::Namespace));
        assert_eq!(begin(&mut gate, "b", "one", 0), Ok(()));
        assert_eq!(begin(&mut gate, "c", "one", 0), Ok(()));
        assert_eq!(begin(&mut gate, "d", "one", 0), Err(Closed::AtOnce));
        gate.end(&ObjectKey::new("a", "one"));
        assert_eq!(begin(&mut gate, "d", "one", 0), Ok(()));
        assert_eq!(begin(&mut gate, "a", "one", 0), Err(Closed::AtOnce));
    }

    #[test]
    fn so_many_a_minute_and_what_was_refused_does_not_count() {
        let mut gate = Gate::default();
        for at in 0..OFTEN as u64 {
            assert_eq!(begin(&mut gate, "a", "one", at), Ok(()));
            assert_eq!(begin(&mut gate, "a", "one", at), Err(Closed::UnderWay));
            gate.end(&ObjectKey::new("a", "one"));
        }
        assert_eq!(begin(&mut gate, "a", "two", 20), Err(Closed::Often(s(40))));
        assert_eq!(begin(&mut gate, "b", "one", 20), Ok(()));
        assert_eq!(begin(&mut gate, "a", "two", 59), Err(Closed::Often(s(1))));
        assert_eq!(begin(&mut gate, "a", "two", 60), Ok(()));
        assert_eq!(begin(&mut gate, "a", "one", 60), Err(Closed::Often(s(1))));
        // Nothing is remembered of who has not tried for a minute.
        assert_eq!(begin(&mut gate, "c", "one", 1_000), Ok(()));
        assert_eq!(gate.begun.keys().map(|name| &**name).collect::<Vec<_>>(), ["c"]);
    }
}
