//! Whether this instance can do its work: each part says so itself, once it can.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::RwLock;

/// What stands between this instance and its work. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct Readiness(Arc<RwLock<Parts>>);

#[derive(Debug, Default)]
struct Parts {
    problems: Said,
    notes: Said,
}

type Said = BTreeMap<&'static str, Arc<str>>;

impl Readiness {
    /// Not ready until every one of `parts` has said that it is.
    pub fn waiting_for(parts: &[&'static str]) -> Self {
        let problems = parts.iter().map(|part| (*part, Arc::from("not there yet"))).collect();
        Self(Arc::new(RwLock::new(Parts { problems, notes: Said::new() })))
    }

    /// This part can do its work, all of it.
    pub fn ready(&self, part: &'static str) {
        let mut parts = self.0.write();
        parts.problems.remove(part);
        parts.notes.remove(part);
    }

    /// This part cannot do its work, and why. Also said when the process begins to stop.
    pub fn not_ready(&self, part: &'static str, why: impl Into<Arc<str>>) {
        self.0.write().problems.insert(part, why.into());
    }

    /// This part does its work but for this: nobody is sent away for it.
    pub fn note(&self, part: &'static str, what: impl Into<Arc<str>>) {
        self.0.write().notes.insert(part, what.into());
    }

    /// The parts that cannot do their work, each with why. Empty when ready.
    pub fn problems(&self) -> Vec<(&'static str, Arc<str>)> {
        listed(&self.0.read().problems)
    }

    /// The parts that do not do all of their work, each with what is missing.
    pub fn notes(&self) -> Vec<(&'static str, Arc<str>)> {
        listed(&self.0.read().notes)
    }
}

fn listed(said: &Said) -> Vec<(&'static str, Arc<str>)> {
    said.iter().map(|(part, why)| (*part, Arc::clone(why))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_ready_when_every_part_is() {
        let readiness = Readiness::waiting_for(&["source", "store"]);
        readiness.ready("source");
        assert_eq!(readiness.problems(), [("store", Arc::from("not there yet"))]);
        readiness.clone().ready("store");
        assert!(readiness.problems().is_empty());
        readiness.not_ready("process", "stopping");
        assert_eq!(readiness.problems(), [("process", Arc::from("stopping"))]);
    }

    #[test]
    fn a_note_makes_nobody_unready() {
        let readiness = Readiness::waiting_for(&[]);
        readiness.note("permissions", "one namespace is not read");
        assert_eq!((readiness.problems().len(), readiness.notes().len()), (0, 1));
        readiness.ready("permissions");
        assert!(readiness.notes().is_empty());
    }
}
