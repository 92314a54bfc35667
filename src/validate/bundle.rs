//! The references that a set of manifests serves by itself.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{
    payload::Payload,
    references::{Lookup, References, ValueKind},
    set::DEFAULT_NAMESPACE,
};
use crate::model::ObjectKey;

/// Secrets, ConfigMaps and the names of checks.
#[derive(Default)]
pub struct Bundle {
    values: HashMap<(ValueKind, ObjectKey), Payload>,
    /// Names by namespace.
    checks: BTreeMap<Arc<str>, Vec<Arc<str>>>,
}

impl Bundle {
    pub fn add_check(&mut self, key: &ObjectKey) {
        let names = self.checks.entry(key.namespace.clone()).or_default();
        if let Err(at) = names.binary_search(&key.name) {
            names.insert(at, key.name.clone());
        }
    }

    pub fn add_values(&mut self, kind: ValueKind, key: ObjectKey, payload: Payload) {
        self.values.insert((kind, key), payload);
    }
}

impl References for Bundle {
    fn value(&self, kind: ValueKind, object: &ObjectKey, key: &str) -> Lookup {
        let held = self.values.get(&(kind, object.clone()));
        held.map_or(Lookup::NoObject, |payload| Lookup::in_payload(payload, key))
    }

    fn health_check_exists(&self, check: &ObjectKey) -> bool {
        self.checks.get(&check.namespace).is_some_and(|names| names.binary_search(&check.name).is_ok())
    }

    fn health_checks(&self, namespace: &str) -> Vec<Arc<str>> {
        self.checks.get(namespace).cloned().unwrap_or_default()
    }

    fn in_cluster(&self) -> bool {
        false
    }

    fn is_operators(&self, namespace: &str) -> bool {
        namespace == DEFAULT_NAMESPACE
    }
}
