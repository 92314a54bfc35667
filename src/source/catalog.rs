//! What the sources hold now. Events carry a key and nothing else; the present is read here.

use std::{collections::HashMap, sync::Arc};

use parking_lot::RwLock;

use super::Namespaces;
use crate::{
    health::Reason,
    model::{Kind, Labels, Object, ObjectId},
};

/// The desired objects of all sources, as validated. Written by sources, read by the engine.
#[derive(Default)]
pub struct Catalog {
    /// What stands in no object of ours, and says who may use one.
    pub namespaces: Namespaces,
    objects: RwLock<HashMap<ObjectId, Arc<Entry>>>,
}

/// One object and the verdict on it.
#[derive(Debug, Clone)]
pub struct Entry {
    pub id: ObjectId,
    /// Of the object in a cluster: one of the same name that was made anew is another object. Empty for files.
    pub uid: Arc<str>,
    pub generation: i64,
    pub labels: Labels,
    pub verdict: Verdict,
    /// Why its source cannot be read now (reason SourceStale); the object itself goes on.
    pub stale: Option<Arc<str>>,
    /// What else a person should know of it while it is in force: that another file holds one of the same name.
    pub note: Option<Arc<str>>,
}

/// What a source says of one object now.
#[derive(Debug)]
pub(super) enum Present {
    Gone,
    /// Nothing yet: what was said before stands.
    Unsaid,
    Entry(Entry),
}

#[derive(Debug, Clone)]
pub enum Verdict {
    Accepted(Object),
    Refused(Refused),
}

/// Why an object does not run.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Of the condition Ready: InvalidSpec, InvalidExpression, UnresolvedReference, NotPermitted, NotSupported.
    pub ready_reason: &'static str,
    /// Of the state: SecretMissing for a missing reference, else InvalidSpec or NotSupported.
    pub reason: Reason,
    /// Every mistake, one after the other, bounded.
    pub message: Arc<str>,
}

impl Verdict {
    /// Whether nothing has to be done to go from the one to the other.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Accepted(a), Self::Accepted(b)) => a.is_same(b),
            (Self::Refused(a), Self::Refused(b)) => {
                (a.ready_reason, a.reason, &a.message) == (b.ready_reason, b.reason, &b.message)
            }
            (Self::Accepted(_), Self::Refused(_)) | (Self::Refused(_), Self::Accepted(_)) => false,
        }
    }
}

impl Entry {
    /// Whether nothing has to be done to go from the one to the other.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (&self.uid, self.generation, &self.labels) == (&other.uid, other.generation, &other.labels)
            && (&self.stale, &self.note) == (&other.stale, &other.note)
            && self.verdict.is_same(&other.verdict)
    }
}

impl Catalog {
    pub fn get(&self, id: &ObjectId) -> Option<Arc<Entry>> {
        self.objects.read().get(id).cloned()
    }

    /// Puts what is said of an object now in the place of what was said before. Whether that differs.
    pub(super) fn publish(&self, id: &ObjectId, present: Present) -> bool {
        match present {
            Present::Unsaid => false,
            Present::Gone => self.objects.write().remove(id).is_some(),
            Present::Entry(entry) => {
                let differs = self.get(id).is_none_or(|before| !before.is_same(&entry));
                if differs {
                    self.objects.write().insert(id.clone(), Arc::new(entry));
                }
                differs
            }
        }
    }

    /// All of a kind, in no order.
    pub fn of_kind(&self, kind: Kind) -> Vec<Arc<Entry>> {
        self.objects.read().values().filter(|entry| entry.id.kind == kind).cloned().collect()
    }

    pub fn len(&self) -> usize {
        self.objects.read().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ObjectKey;

    #[test]
    fn only_what_differs_is_told() {
        let (catalog, id) = (Catalog::default(), ObjectId::check(ObjectKey::new("a", "b")));
        let entry = |generation, message: &str| {
            let refused = Refused { ready_reason: "InvalidSpec", reason: Reason::InvalidSpec, message: message.into() };
            let (uid, labels, verdict) = (Arc::default(), Labels::default(), Verdict::Refused(refused));
            Present::Entry(Entry { id: id.clone(), uid, generation, labels, verdict, stale: None, note: None })
        };
        for (present, differs, there) in [
            (Present::Gone, false, None),
            (Present::Unsaid, false, None),
            (entry(1, "no"), true, Some(1)),
            (entry(1, "no"), false, Some(1)),
            (entry(1, "never"), true, Some(1)),
            (entry(2, "never"), true, Some(2)),
            (Present::Unsaid, false, Some(2)),
            (Present::Gone, true, None),
            (Present::Gone, false, None),
        ] {
            let what = format!("{present:?}");
            assert_eq!(catalog.publish(&id, present), differs, "{what}");
            assert_eq!(catalog.get(&id).map(|entry| entry.generation), there, "{what}");
        }
    }
}
