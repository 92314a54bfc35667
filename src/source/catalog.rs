//! What the sources hold now. Events carry a key and nothing else; the present is read here.

use std::{collections::HashMap, sync::Arc};

use parking_lot::RwLock;

use crate::{
    health::Reason,
    model::{Labels, Object, ObjectId},
};

/// The desired objects of all sources, as validated. Written by sources, read by the engine.
#[derive(Default)]
pub struct Catalog {
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

    pub fn put(&self, entry: Entry) {
        self.objects.write().insert(entry.id.clone(), Arc::new(entry));
    }

    pub fn remove(&self, id: &ObjectId) {
        self.objects.write().remove(id);
    }

    pub fn len(&self) -> usize {
        self.objects.read().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
