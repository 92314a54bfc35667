//! What kind of object a document is.

use serde_json::Value;

use super::field::{FieldError, FieldPath};

const GROUP: &str = "probity.dev";
const VERSION: &str = "v1alpha1";

/// A kind of object, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    HealthCheck,
    Secret,
    ConfigMap,
    /// Of another API group, or a core object that nothing here reads: its apiVersion and kind.
    Foreign(String),
}

/// Tells the kind of an object from its apiVersion and kind.
///
/// # Errors
/// When it is no object of Kubernetes, or of our group and of no kind that this version knows.
pub fn identify(object: &Value) -> Result<Identity, FieldError> {
    if !object.is_object() {
        return Err(FieldError::invalid(FieldPath::root(), "is not an object")
            .hint("a manifest begins with apiVersion, kind and metadata"));
    }
    let text = |field: &str, example: &str| match object.get(field) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text.as_str()),
        None | Some(Value::Null) => {
            Err(FieldError::invalid(FieldPath::root().field(field), "is required").hint(format!("{field}: {example}")))
        }
        _ => {
            Err(FieldError::invalid(FieldPath::root().field(field), "must be a text")
                .hint(format!("{field}: {example}")))
        }
    };
    let api_version = text("apiVersion", "probity.dev/v1alpha1")?;
    let kind = text("kind", "HealthCheck")?;
    match (api_version.split_once('/'), kind) {
        (None, "Secret") if api_version == "v1" => Ok(Identity::Secret),
        (None, "ConfigMap") if api_version == "v1" => Ok(Identity::ConfigMap),
        (Some((GROUP, VERSION)), "HealthCheck") => Ok(Identity::HealthCheck),
        (Some((GROUP, VERSION)), _) => {
            let message = format!("kind {} of {GROUP} is not known to this version", shown(kind));
            Err(FieldError::invalid(FieldPath::of("kind"), message).hint("it knows HealthCheck"))
        }
        (Some((GROUP, version)), _) => {
            let message = format!("version {} of {GROUP} is not known to this version", shown(version));
            Err(FieldError::invalid(FieldPath::of("apiVersion"), message).hint(format!("write {GROUP}/{VERSION}")))
        }
        _ => Ok(Identity::Foreign(format!("{} {}", shown(api_version), shown(kind)))),
    }
}

/// As much of a name as a message should hold.
fn shown(name: &str) -> String {
    name.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn kinds_are_told_apart() {
        let of = |api_version: &str, kind: &str| {
            identify(&json!({"apiVersion": api_version, "kind": kind})).map_err(|wrong| wrong.to_string())
        };
        assert_eq!(of("probity.dev/v1alpha1", "HealthCheck"), Ok(Identity::HealthCheck));
        assert_eq!(of("v1", "Secret"), Ok(Identity::Secret));
        assert_eq!(of("v1", "ConfigMap"), Ok(Identity::ConfigMap));
        assert_eq!(of("apps/v1", "Deployment"), Ok(Identity::Foreign("apps/v1 Deployment".into())));
        assert_eq!(of("example.com/v1", "HealthCheck"), Ok(Identity::Foreign("example.com/v1 HealthCheck".into())));
        let wrong = of("probity.dev/v1alpha1", "AlertRule").unwrap_err();
        assert_eq!(wrong, "kind: kind AlertRule of probity.dev is not known to this version");
        assert!(of("probity.dev/v1", "HealthCheck").unwrap_err().contains("version v1 of probity.dev"));
        for object in [json!([]), json!("x"), json!({"kind": "Secret"}), json!({"apiVersion": 1, "kind": "Secret"})] {
            assert!(identify(&object).is_err(), "{object}");
        }
    }
}
