//! An object as the API server tells it, with nothing of it that nobody reads.

use std::sync::Arc;

use kube::core::{ApiResource, DynamicObject, GroupVersionKind, ObjectMeta, error_boundary::DeserializeGuard};
use serde_json::{Map, Value, json};

use crate::{
    api::{GROUP, VERSION},
    model::{Kind, ObjectKey},
};

/// What is watched: any text that the API server holds, so that no object of another version stops the others.
pub(super) type Told = DeserializeGuard<DynamicObject>;

/// An object as it was seen.
pub(super) struct Seen {
    pub key: ObjectKey,
    pub uid: Arc<str>,
    pub generation: i64,
    /// The text to judge: without status, annotations and managed fields. Else why it cannot be read.
    pub text: Result<Value, String>,
    pub status: Option<Value>,
}

/// Where objects of the kind are served.
pub(super) fn resource(kind: Kind) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(GROUP, VERSION, kind.as_str()), kind.plural())
}

impl Seen {
    pub fn read(kind: Kind, told: Told) -> Self {
        let (metadata, rest) = match told.0 {
            Ok(object) => (object.metadata, Ok(object.data)),
            Err(invalid) => (invalid.metadata, Err(invalid.error)),
        };
        // No API server tells an object without a name.
        let key = ObjectKey::new(
            metadata.namespace.as_deref().unwrap_or_default(),
            metadata.name.as_deref().unwrap_or_default(),
        );
        let generation = metadata.generation.unwrap_or(1);
        let (text, status) = match rest {
            Ok(data) => split(kind, &metadata, data),
            Err(error) => (Err(format!("cannot be read: {error}")), None),
        };
        Self { key, uid: metadata.uid.unwrap_or_default().into(), generation, text, status }
    }
}

fn split(kind: Kind, metadata: &ObjectMeta, data: Value) -> (Result<Value, String>, Option<Value>) {
    let Value::Object(mut fields) = data else {
        return (Err("it holds no fields".to_owned()), None);
    };
    let status = fields.remove("status").filter(|status| !status.is_null());
    let mut text = Map::new();
    text.insert("apiVersion".to_owned(), json!(format!("{GROUP}/{VERSION}")));
    text.insert("kind".to_owned(), json!(kind.as_str()));
    let kept = json!({
        "name": metadata.name,
        "namespace": metadata.namespace,
        "labels": metadata.labels,
        "generation": metadata.generation.unwrap_or(1),
        // A silence that does not say when it begins does so then.
        "creationTimestamp": metadata.creation_timestamp,
    });
    text.insert("metadata".to_owned(), kept);
    text.append(&mut fields);
    (Ok(Value::Object(text)), status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_judged_is_the_object_without_what_nobody_reads() {
        let told: Told = serde_json::from_value(json!({
            "apiVersion": "probity.dev/v1alpha1",
            "kind": "Silence",
            "metadata": {
                "name": "deploy",
                "namespace": "shop",
                "uid": "u",
                "generation": 3,
                "creationTimestamp": "2026-01-31T12:00:00Z",
                "annotations": {"a": "b"},
                "labels": {"team": "web"},
            },
            "spec": {"matchers": ["a=b"], "duration": "1h"},
            "status": {"state": "Active"},
        }))
        .unwrap();
        let seen = Seen::read(Kind::Silence, told);
        let expected = json!({
            "apiVersion": "probity.dev/v1alpha1",
            "kind": "Silence",
            "metadata": {
                "name": "deploy",
                "namespace": "shop",
                "generation": 3,
                "creationTimestamp": "2026-01-31T12:00:00Z",
                "labels": {"team": "web"},
            },
            "spec": {"matchers": ["a=b"], "duration": "1h"},
        });
        assert_eq!(seen.text, Ok(expected));
        assert_eq!((&*seen.uid, seen.generation, seen.status), ("u", 3, Some(json!({"state": "Active"}))));
    }
}
