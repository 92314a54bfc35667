//! Spec and references → model, or every mistake with its field path.
//!
//! Owns all that can be said about an object from its text. The one place where a raw spec is read: the
//! sources, `probity validate` and `probity check` call [`health_check()`] or [`set()`], and nothing behind them
//! sees a spec. Pure: reads no file, knows no position in one; the callers map a [`FieldPath`] to a line.

mod address;
mod alert_rule;
mod auth;
mod bundle;
mod burn_rates;
mod channel;
mod checker;
mod condition;
mod cycles;
mod discover;
mod dns;
mod duration;
mod field;
mod form;
mod health_check;
mod http;
mod identity;
mod maintenance;
mod meaning;
mod metadata;
mod payload;
mod probity_test;
mod receiver;
mod references;
mod set;
mod shape;
mod silence;
mod slo_target;
mod source;
mod suggest;
mod tcp;
mod tls;
mod values;
mod workload;

pub use bundle::Setting;
pub use cycles::{InCycle, cycles};
pub use duration::{parse as duration, parse_window as window_duration};
pub use field::{Fault, FieldError, FieldPath, Step};
pub use identity::{Identity, identify};
pub use payload::{Payload, payload};
pub use references::{Lookup, RETENTION, References, ValueKind};
pub use set::DEFAULT_NAMESPACE;
pub use suggest::nearest;

use std::sync::Arc;

use serde_json::Value;

use crate::{
    model::{HealthCheck, Kind, Object, ObjectKey},
    trial::Suite,
};

/// What is wrong with an object: at least one mistake. The shape's come first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} mistake(s), the first: {}", .0.len(), .0.first().map(ToString::to_string).unwrap_or_default())]
pub struct Invalid(pub Vec<FieldError>);

/// Turns a HealthCheck as it is written, with its references, into the model.
///
/// `namespace` is where it is when its metadata does not say. The model's generation is that of the
/// metadata, else 1: a source that counts itself sets it afterwards.
///
/// # Errors
/// [`Invalid`] with every mistake that can be found. When all of them are unresolved references, the
/// spec itself is right.
pub fn health_check(object: &Value, namespace: &str, references: &dyn References) -> Result<HealthCheck, Invalid> {
    health_check::judge(object, namespace, references).map_err(Invalid)
}

/// Turns an object of any kind, as it is written, with its references, into the model: see [`health_check()`].
///
/// # Errors
/// [`Invalid`] with every mistake that can be found.
pub fn object(kind: Kind, object: &Value, namespace: &str, references: &dyn References) -> Result<Object, Invalid> {
    let judged = match kind {
        Kind::HealthCheck => {
            health_check::judge(object, namespace, references).map(|check| Object::HealthCheck(Arc::new(check)))
        }
        Kind::AlertRule => {
            alert_rule::judge(object, namespace, references).map(|rule| Object::AlertRule(Arc::new(rule)))
        }
        Kind::NotificationChannel => {
            channel::judge(object, namespace, references).map(|made| Object::NotificationChannel(Arc::new(made)))
        }
        Kind::Silence => silence::judge(object, namespace, references).map(|made| Object::Silence(Arc::new(made))),
        Kind::MaintenanceWindow => {
            maintenance::judge(object, namespace, references).map(|made| Object::MaintenanceWindow(Arc::new(made)))
        }
        Kind::SloTarget => {
            slo_target::judge(object, namespace, references).map(|made| Object::SloTarget(Arc::new(made)))
        }
    };
    judged.map_err(Invalid)
}

/// What one object of a set is, and what is wrong with it.
#[derive(Debug, Clone)]
pub struct Judged {
    pub what: What,
    /// None when it has no usable name.
    pub key: Option<ObjectKey>,
    pub mistakes: Vec<FieldError>,
    /// What is worth knowing, and no mistake.
    pub notes: Vec<FieldError>,
}

#[derive(Debug, Clone)]
pub enum What {
    /// None when there are mistakes.
    Ours(Kind, Option<Object>),
    Secret,
    ConfigMap,
    /// A test of rules; None when there are mistakes in it.
    Test(Option<Arc<Suite>>),
    /// Of another API group: none of ours to judge. Its apiVersion and kind.
    Foreign(String),
    /// Not an object of Kubernetes, or of a kind or version of our group that is not known.
    Unknown,
}

/// The schema's verdict alone, for tests that hold it against an API server's.
pub fn shape(kind: Kind, object: &Value) -> Vec<FieldError> {
    match kind {
        Kind::HealthCheck => health_check::FORM.shape(object),
        Kind::AlertRule => alert_rule::FORM.shape(object),
        Kind::NotificationChannel => channel::FORM.shape(object),
        Kind::Silence => silence::FORM.shape(object),
        Kind::MaintenanceWindow => maintenance::FORM.shape(object),
        Kind::SloTarget => slo_target::FORM.shape(object),
    }
}

/// Judges a set of objects, as a folder of manifests holds them: the Secrets and ConfigMaps among them
/// serve the references, names must be unique, dependencies must exist and not go in a circle. The answers
/// are in the order of the objects.
pub fn set(objects: &[&Value]) -> Vec<Judged> {
    set::judge(objects, Setting::Alone)
}

/// As [`set()`], for a set that stands in another setting.
pub fn set_in(objects: &[&Value], setting: Setting) -> Vec<Judged> {
    set::judge(objects, setting)
}

#[cfg(test)]
mod tests;
