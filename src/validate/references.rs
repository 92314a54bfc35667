//! What a spec may refer to.

use std::{fmt, sync::Arc, time::Duration};

use super::payload::Payload;
use crate::model::{ObjectKey, Secret};

/// How long history is kept where Probity was not told otherwise.
pub const RETENTION: Duration = Duration::from_secs(100 * 86_400);

/// Gives the values that `valueFrom` names, and tells what exists. Stand-alone it is the set of manifests;
/// in a cluster, what the watches hold.
pub trait References {
    /// The value under `key` of a Secret or a ConfigMap.
    fn value(&self, kind: ValueKind, object: &ObjectKey, key: &str) -> Lookup;

    /// Whether a HealthCheck of that name exists, valid or not.
    fn health_check_exists(&self, check: &ObjectKey) -> bool;

    /// Names that could have been meant in place of `check`, for a hint.
    fn health_checks(&self, namespace: &str) -> Vec<Arc<str>>;

    /// Whether a cluster can serve what needs one.
    fn in_cluster(&self) -> bool;

    /// Whether Probity itself runs in this namespace: what belongs to the whole cluster is read from there only.
    fn is_operators(&self, namespace: &str) -> bool;

    /// How long history is kept: no window of an SLOTarget is longer.
    fn retention(&self) -> Duration {
        RETENTION
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValueKind {
    Secret,
    ConfigMap,
}

impl fmt::Display for ValueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
        })
    }
}

/// What a reference led to.
#[derive(Debug, Clone)]
pub enum Lookup {
    Found(Secret<Arc<[u8]>>),
    NoObject,
    /// The object is there; these are its keys.
    NoKey(Vec<String>),
    /// Whether it is there is not for us to know: what the cluster said.
    NotPermitted(Arc<str>),
}

impl Lookup {
    /// What a reference to `key` leads to in an object that holds `payload`.
    pub fn in_payload(payload: &Payload, key: &str) -> Self {
        match payload.get(key) {
            Some(value) => Self::Found(value.clone()),
            None => Self::NoKey(payload.keys().cloned().collect()),
        }
    }
}
