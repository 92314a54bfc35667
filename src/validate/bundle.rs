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
use crate::model::{ObjectKey, Secret};

/// What stands around a set of manifests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Setting {
    /// It stands by itself.
    #[default]
    Alone,
    /// It is for a test of its rules: what needs a cluster is right, and a Secret or ConfigMap that is not in the set has
    /// some value, as no test sees one.
    Trial,
}

/// A value that is a URL as well as any text.
const STAND_IN: &[u8] = b"https://stand-in.invalid/";

/// Secrets, ConfigMaps and the names of checks.
#[derive(Default)]
pub struct Bundle {
    setting: Setting,
    values: HashMap<(ValueKind, ObjectKey), Payload>,
    /// Names by namespace.
    checks: BTreeMap<Arc<str>, Vec<Arc<str>>>,
}

impl Bundle {
    pub fn new(setting: Setting) -> Self {
        Self { setting, ..Self::default() }
    }

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
        match (held, self.setting) {
            (Some(payload), _) => Lookup::in_payload(payload, key),
            (None, Setting::Alone) => Lookup::NoObject,
            (None, Setting::Trial) => Lookup::Found(Secret::new(STAND_IN.into())),
        }
    }

    fn health_check_exists(&self, check: &ObjectKey) -> bool {
        self.setting == Setting::Trial
            || self.checks.get(&check.namespace).is_some_and(|names| names.binary_search(&check.name).is_ok())
    }

    fn health_checks(&self, namespace: &str) -> Vec<Arc<str>> {
        self.checks.get(namespace).cloned().unwrap_or_default()
    }

    fn in_cluster(&self) -> bool {
        self.setting == Setting::Trial
    }

    fn is_operators(&self, namespace: &str) -> bool {
        namespace == DEFAULT_NAMESPACE
    }
}
