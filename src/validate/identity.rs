//! What kind of object a document is.

use serde_json::Value;

use super::{
    field::{FieldError, FieldPath},
    shape::shown,
    suggest,
};
use crate::{
    api::{GROUP, TEST_KIND, VERSION},
    model::Kind,
};

/// A kind of object, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// Of our group.
    Ours(Kind),
    Secret,
    ConfigMap,
    /// A test of rules, which is for `probity test` and nobody else.
    Test,
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
        (Some((GROUP, VERSION)), _) => {
            if let Some(ours) = Kind::ALL.into_iter().find(|ours| ours.as_str() == kind) {
                return Ok(Identity::Ours(ours));
            }
            if kind == TEST_KIND {
                return Ok(Identity::Test);
            }
            let message = format!("{} is not a kind of {GROUP} that this version knows", shown(kind));
            let kinds = Kind::ALL.map(Kind::as_str);
            let all = kinds.into_iter().chain([TEST_KIND]);
            Err(FieldError::invalid(FieldPath::of("kind"), message).hint(match suggest::nearest(kind, all) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("it knows {}", kinds.join(", ")),
            }))
        }
        (Some((GROUP, version)), _) => {
            let message = format!("{} is not a version of {GROUP} that this version knows", shown(version));
            Err(FieldError::invalid(FieldPath::of("apiVersion"), message).hint(format!("{GROUP}/{VERSION}")))
        }
        // A slip in the group's name would else be skipped in silence.
        (Some((group, _)), _) if suggest::nearest(group, [GROUP]).is_some() => Err(misspelt(api_version)),
        (None, _) if api_version == GROUP => Err(misspelt(api_version)),
        _ => Ok(Identity::Foreign(format!("{} {}", cut(api_version), cut(kind)))),
    }
}

fn misspelt(api_version: &str) -> FieldError {
    let message = format!("{} is not known to this version", shown(api_version));
    FieldError::invalid(FieldPath::of("apiVersion"), message).hint(format!("did you mean {GROUP}/{VERSION}?"))
}

/// As much of a name as a message should hold.
fn cut(name: &str) -> String {
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
        assert_eq!(of("probity.dev/v1alpha1", "HealthCheck"), Ok(Identity::Ours(Kind::HealthCheck)));
        assert_eq!(of("probity.dev/v1alpha1", "ProbityTest"), Ok(Identity::Test));
        assert_eq!(of("v1", "Secret"), Ok(Identity::Secret));
        assert_eq!(of("v1", "ConfigMap"), Ok(Identity::ConfigMap));
        assert_eq!(of("apps/v1", "Deployment"), Ok(Identity::Foreign("apps/v1 Deployment".into())));
        assert_eq!(of("example.com/v1", "HealthCheck"), Ok(Identity::Foreign("example.com/v1 HealthCheck".into())));
        let wrong = of("probity.dev/v1alpha1", "Gauge").unwrap_err();
        assert_eq!(wrong, r#"kind: "Gauge" is not a kind of probity.dev that this version knows"#);
        assert!(of("probity.dev/v1", "HealthCheck").unwrap_err().contains(r#""v1" is not a version of probity.dev"#));
        assert!(of("probitiy.dev/v1alpha1", "HealthCheck").unwrap_err().contains("not known"));
        assert!(of("probity.dev", "HealthCheck").unwrap_err().contains("not known"));
        for object in [json!([]), json!("x"), json!({"kind": "Secret"}), json!({"apiVersion": 1, "kind": "Secret"})] {
            assert!(identify(&object).is_err(), "{object}");
        }
    }
}
