//! The verdict on one check, and what it was reached with.

use std::{cell::RefCell, collections::BTreeSet, sync::Arc};

use super::{
    index::{Claim, Id, Index, labels},
    watch::Digest,
};
use crate::{
    model::{Labels, ObjectKey},
    source::{Refused, Verdict, manifest::Document},
    validate::{FieldError, Lookup, References, ValueKind, health_check},
};

pub(super) struct Judged {
    pub content: Digest,
    pub spec: Digest,
    /// 1 at first, one more with every change of the spec.
    pub generation: i64,
    pub labels: Labels,
    pub verdict: Verdict,
    /// What was looked up: a change of one of them makes the check due.
    pub uses: Box<[Id]>,
}

/// Judges `document`, which holds the check `key`, and gives the mistakes in it.
pub(super) fn judge(index: &Index, key: &ObjectKey, claim: &Claim, document: &Document) -> (Judged, Vec<FieldError>) {
    let generation = match index.judged(key) {
        None => 1,
        Some(before) => before.generation + i64::from(before.spec != claim.spec),
    };
    let known = Known { index, uses: RefCell::default() };
    let (verdict, labels, mistakes) = match health_check(&document.value, "default", &known) {
        Ok(mut check) => {
            check.generation = generation;
            let labels = check.labels.clone();
            (Verdict::Accepted(Arc::new(check)), labels, Vec::new())
        }
        Err(invalid) => (Verdict::Refused(Refused::from(&invalid)), labels(&document.value), invalid.0),
    };
    let uses = known.uses.into_inner().into_iter().collect();
    (Judged { content: claim.content, spec: claim.spec, generation, labels, verdict, uses }, mistakes)
}

/// The references among the manifests; remembers what was asked for.
struct Known<'i> {
    index: &'i Index,
    uses: RefCell<BTreeSet<Id>>,
}

impl References for Known<'_> {
    fn value(&self, kind: ValueKind, object: &ObjectKey, key: &str) -> Lookup {
        self.uses.borrow_mut().insert(Id::Values(kind, object.clone()));
        match self.index.payload(kind, object) {
            None => Lookup::NoObject,
            Some(payload) => match payload.get(key) {
                Some(value) => Lookup::Found(value.clone()),
                None => Lookup::NoKey(payload.keys().cloned().collect()),
            },
        }
    }

    fn health_check_exists(&self, check: &ObjectKey) -> bool {
        self.uses.borrow_mut().insert(Id::Check(check.clone()));
        self.index.has_check(check)
    }

    fn health_checks(&self, namespace: &str) -> Vec<Arc<str>> {
        self.index.check_names(namespace)
    }

    fn in_cluster(&self) -> bool {
        false
    }
}
