//! The CustomResourceDefinitions, from the derived ones.

use std::{collections::BTreeMap, sync::LazyLock};

use kube::CustomResourceExt;
use serde_json::Value;

use super::{AlertRule, HealthCheck, MaintenanceWindow, NotificationChannel, Silence, SloTarget};
use crate::model::Kind;

/// The API group of all kinds.
pub const GROUP: &str = "probity.dev";
/// The version that is served and stored.
pub const VERSION: &str = "v1alpha1";

/// Every CustomResourceDefinition with its plural name, as JSON.
pub fn crds() -> Vec<(&'static str, Value)> {
    Kind::ALL.map(|kind| (kind.plural(), derived(kind))).to_vec()
}

/// The structural schema of a kind: the object's root.
pub fn schema(kind: Kind) -> &'static Value {
    static SCHEMAS: LazyLock<BTreeMap<Kind, Value>> = LazyLock::new(|| {
        let schema = |kind| {
            let mut crd = derived(kind);
            crd.pointer_mut("/spec/versions/0/schema/openAPIV3Schema").map(Value::take).unwrap_or_default()
        };
        Kind::ALL.map(|kind| (kind, schema(kind))).into()
    });
    static NONE: Value = Value::Null;
    SCHEMAS.get(&kind).unwrap_or(&NONE)
}

fn derived(kind: Kind) -> Value {
    tidied(match kind {
        Kind::HealthCheck => serde_json::to_value(HealthCheck::crd()),
        Kind::AlertRule => serde_json::to_value(AlertRule::crd()),
        Kind::NotificationChannel => serde_json::to_value(NotificationChannel::crd()),
        Kind::Silence => serde_json::to_value(Silence::crd()),
        Kind::MaintenanceWindow => serde_json::to_value(MaintenanceWindow::crd()),
        Kind::SloTarget => serde_json::to_value(SloTarget::crd()),
    })
}

/// A type that is derived always serializes; were it not so, the golden test of `crds/` would see null.
pub(super) fn tidied(derived: Result<Value, serde_json::Error>) -> Value {
    let mut crd = derived.unwrap_or_default();
    tidy(&mut crd);
    crd
}

/// Makes what is derived into what a person would write.
///
/// `nullable`, and null among the choices of an enum, go: without it the API server treats null as absent, which is what is meant by leaving a
/// value empty, and `has()` in a rule is then true only for what is there. Bounds of whole numbers are
/// whole, and a description is one paragraph wherever its source had its line breaks.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("nullable");
            fields.remove("title");
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "description" => *text = text.replace('\n', " "),
                    Value::Array(choices) if name == "enum" => choices.retain(|choice| !choice.is_null()),
                    _ => tidy(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Number(number) => {
            let whole = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 1e15);
            if let Some(whole) = whole {
                *number = (whole as i64).into();
            }
        }
        _ => {}
    }
}
