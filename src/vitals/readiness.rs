//! Whether this instance can do its work: each part says so itself, once it can.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::RwLock;

/// What stands between this instance and its work. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct Readiness(Arc<RwLock<BTreeMap<&'static str, Arc<str>>>>);

impl Readiness {
    /// Not ready until every one of `parts` has said that it is.
    pub fn waiting_for(parts: &[&'static str]) -> Self {
        let waiting = parts.iter().map(|part| (*part, Arc::from("not there yet"))).collect();
        Self(Arc::new(RwLock::new(waiting)))
    }

    /// This part can do its work.
    pub fn ready(&self, part: &'static str) {
        self.0.write().remove(part);
    }

    /// This part cannot do its work, and why. Also said when the process begins to stop.
    pub fn not_ready(&self, part: &'static str, why: impl Into<Arc<str>>) {
        self.0.write().insert(part, why.into());
    }

    /// The parts that cannot do their work, each with why. Empty when ready.
    pub fn problems(&self) -> Vec<(&'static str, Arc<str>)> {
        self.0.read().iter().map(|(part, why)| (*part, Arc::clone(why))).collect()
    }
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
}
