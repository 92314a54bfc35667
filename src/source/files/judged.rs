//! The verdict on one object among the manifests.

use std::{sync::Arc, time::Duration};

use super::index::{Claim, Index, Read};
use crate::{
    model::{ObjectId, ObjectKey},
    source::{
        manifest::Document,
        verdicts::{self, judge as judge_text},
    },
    validate::{DEFAULT_NAMESPACE, FieldError, Lookup, References, ValueKind},
};

pub(super) type Judged = verdicts::Judged<Read>;

/// Judges `document`, which holds the object `id`, and gives the mistakes in it.
pub(super) fn judge(
    index: &Index,
    retention: Duration,
    id: &ObjectId,
    claim: &Claim,
    document: &Document,
) -> (Judged, Vec<FieldError>) {
    // 1 at first, one more with every change of the spec.
    let generation = match index.judged(id) {
        None => 1,
        Some(before) => before.generation + i64::from(before.source.spec != claim.spec),
    };
    let read = Read { content: claim.content, spec: claim.spec };
    judge_text(read, id.kind, &document.value, DEFAULT_NAMESPACE, generation, &Known { index, retention })
}

/// The references among the manifests.
struct Known<'i> {
    index: &'i Index,
    retention: Duration,
}

impl References for Known<'_> {
    fn value(&self, kind: ValueKind, object: &ObjectKey, key: &str) -> Lookup {
        self.index.payload(kind, object).map_or(Lookup::NoObject, |payload| Lookup::in_payload(payload, key))
    }

    fn health_check_exists(&self, check: &ObjectKey) -> bool {
        self.index.has_check(check)
    }

    fn health_checks(&self, namespace: &str) -> Vec<Arc<str>> {
        self.index.check_names(namespace)
    }

    fn in_cluster(&self) -> bool {
        false
    }

    fn is_operators(&self, namespace: &str) -> bool {
        namespace == DEFAULT_NAMESPACE
    }

    fn retention(&self) -> Duration {
        self.retention
    }
}
