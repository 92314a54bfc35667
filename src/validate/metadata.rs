//! What every object of Kubernetes must keep to in its metadata.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    field::{FieldError, FieldPath},
    shape::MAX_MISTAKES,
    suggest,
};

/// What metadata may hold (ObjectMeta of meta/v1). All but the first four are the API server's, or for it.
const FIELDS: [&str; 15] = [
    "name",
    "namespace",
    "labels",
    "annotations",
    "generateName",
    "ownerReferences",
    "finalizers",
    "managedFields",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
];

/// What of an object's metadata the rest works with.
#[derive(Debug, Default)]
pub struct Metadata {
    /// Empty when it is missing or wrong.
    pub name: String,
    /// None when the object does not say.
    pub namespace: Option<String>,
    pub labels: BTreeMap<String, String>,
    /// 1 when the object does not say.
    pub generation: i64,
}

/// Reads the metadata of an object, with every mistake in it.
pub fn read(object: &Value, mistakes: &mut Vec<FieldError>) -> Metadata {
    let path = FieldPath::of("metadata");
    let mut read = Metadata {
        generation: object.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(1),
        ..Metadata::default()
    };
    match &object["metadata"] {
        Value::Null => {
            mistakes.push(FieldError::invalid(path, "is required").hint("metadata: {name: …}"));
            return read;
        }
        Value::Object(_) => {}
        _ => {
            mistakes.push(FieldError::invalid(path, "must be an object").hint("metadata: {name: …}"));
            return read;
        }
    }
    known_fields(&object["metadata"], &FIELDS, &path, mistakes);
    read.name = name(object, &path, mistakes).unwrap_or_default();
    read.namespace = namespace(object, &path, mistakes);
    read.labels = labels(object, &path, mistakes);
    annotations(object, &path, mistakes);
    read
}

/// Refuses every field of `object` that is none of `known`.
pub fn known_fields(object: &Value, known: &[&str], path: &FieldPath, mistakes: &mut Vec<FieldError>) {
    let names = object.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    for name in names.filter(|name| !known.contains(name)).take(MAX_MISTAKES) {
        let hint = match suggest::nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("the fields here: {}", known.join(", ")),
        };
        let mistake = FieldError::invalid(path.field(name), "unknown field").hint(hint);
        mistakes.push(FieldError { about_name: true, ..mistake });
    }
}

fn name(object: &Value, path: &FieldPath, mistakes: &mut Vec<FieldError>) -> Option<String> {
    const HINT: &str = "lower-case letters, digits, - and ., such as coordinator-api";
    let at = path.field("name");
    match &object["metadata"]["name"] {
        Value::Null if object["metadata"]["generateName"].is_string() => {
            mistakes
                .push(FieldError::invalid(at, "is required").hint("generateName is not enough: give the name itself"));
        }
        Value::Null => mistakes.push(FieldError::invalid(at, "is required").hint(HINT)),
        Value::String(name) if is_subdomain(name) => return Some(name.clone()),
        Value::String(name) => {
            mistakes.push(FieldError::invalid(at, format!("{} is not a name", super::shape::shown(name))).hint(HINT));
        }
        _ => mistakes.push(FieldError::invalid(at, "must be a string").hint("in quotes, if it looks like a number")),
    }
    None
}

fn namespace(object: &Value, path: &FieldPath, mistakes: &mut Vec<FieldError>) -> Option<String> {
    let at = path.field("namespace");
    match &object["metadata"]["namespace"] {
        Value::Null => {}
        Value::String(namespace) if is_label(namespace) => return Some(namespace.clone()),
        Value::String(namespace) => {
            let message = format!("{} is not the name of a namespace", super::shape::shown(namespace));
            mistakes.push(FieldError::invalid(at, message).hint("lower-case letters, digits and -, at most 63"));
        }
        _ => mistakes.push(FieldError::invalid(at, "must be a string")),
    }
    None
}

fn labels(object: &Value, path: &FieldPath, mistakes: &mut Vec<FieldError>) -> BTreeMap<String, String> {
    let path = path.field("labels");
    let mut read = BTreeMap::new();
    for (name, value) in entries(object, &path, "labels", mistakes) {
        if mistakes.len() >= MAX_MISTAKES {
            break;
        }
        let at = path.field(name.as_str());
        if !is_qualified_name(name) {
            let hint = "letters, digits, `-`, `_` and `.`, at most 63, with a domain and / before them if need be";
            mistakes.push(FieldError {
                about_name: true,
                ..FieldError::invalid(at, "is not the name of a label").hint(hint)
            });
            continue;
        }
        match value {
            Value::String(value) if is_label_value(value) => {
                read.insert(name.clone(), value.clone());
            }
            Value::String(_) => {
                let hint = "letters, digits, `-`, `_` and `.`, at most 63, a letter or digit at both ends";
                mistakes.push(FieldError::invalid(at, "is not the value of a label").hint(hint));
            }
            other => mistakes.push(FieldError::invalid(at, "must be a string").hint(format!("in quotes: \"{other}\""))),
        }
    }
    read
}

fn annotations(object: &Value, path: &FieldPath, mistakes: &mut Vec<FieldError>) {
    let path = path.field("annotations");
    for (name, value) in entries(object, &path, "annotations", mistakes) {
        if mistakes.len() >= MAX_MISTAKES {
            break;
        }
        let at = path.field(name.as_str());
        if !is_qualified_name(&name.to_lowercase()) {
            mistakes
                .push(FieldError { about_name: true, ..FieldError::invalid(at, "is not the name of an annotation") });
        } else if !value.is_string() {
            mistakes.push(FieldError::invalid(at, "must be a string").hint("in quotes"));
        }
    }
}

fn entries<'a>(
    object: &'a Value,
    path: &FieldPath,
    field: &str,
    mistakes: &mut Vec<FieldError>,
) -> impl Iterator<Item = (&'a String, &'a Value)> + use<'a> {
    let map = match &object["metadata"][field] {
        Value::Object(map) => Some(map),
        Value::Null => None,
        _ => {
            mistakes.push(FieldError::invalid(path.clone(), "must be an object of strings"));
            None
        }
    };
    map.into_iter().flatten()
}

/// RFC 1123: dot-separated labels of lower-case letters, digits and dashes.
pub fn is_subdomain(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(|part| is_label_of(part, usize::MAX))
}

fn is_label(name: &str) -> bool {
    is_label_of(name, 63)
}

fn is_label_of(name: &str, max: usize) -> bool {
    let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    !name.is_empty() && name.len() <= max && name.bytes().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}

pub fn is_qualified_name(name: &str) -> bool {
    match name.split_once('/') {
        None => !name.is_empty() && is_label_value(name),
        Some((domain, name)) => is_subdomain(domain) && !name.is_empty() && is_label_value(name),
    }
}

fn is_label_value(value: &str) -> bool {
    let inner = |c: u8| c.is_ascii_alphanumeric() || b"-_.".contains(&c);
    let ends = |c: Option<u8>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    value.len() <= 63 && value.bytes().all(inner) && ends(value.bytes().next()) && ends(value.bytes().last())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mistakes(metadata: Value) -> Vec<String> {
        let mut mistakes = Vec::new();
        read(&json!({ "metadata": metadata }), &mut mistakes);
        mistakes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn takes_what_an_api_server_takes() {
        for good in [
            json!({"name": "a"}),
            json!({"name": "a.b-c.1", "namespace": "x-1"}),
            json!({"name": "a", "labels": {"a.b/c_D": "", "x": "1.2-3_4"}, "annotations": {"Any.Thing/x": "…\n"}}),
            json!({"name": "a", "labels": null}),
        ] {
            assert_eq!(mistakes(good.clone()), [""; 0], "{good}");
        }
    }

    #[test]
    fn refuses_what_an_api_server_refuses() {
        let cases = [
            (json!(null), "metadata: is required"),
            (json!([]), "metadata: must be an object"),
            (json!({}), "metadata.name: is required"),
            (json!({"name": "a", "lables": {}}), "metadata.lables: unknown field"),
            (json!({"name": "Upper"}), "metadata.name: \"Upper\" is not a name"),
            (json!({"name": "a..b"}), "metadata.name: \"a..b\" is not a name"),
            (json!({"name": "-a"}), "metadata.name: \"-a\" is not a name"),
            (json!({"name": 5}), "metadata.name: must be a string"),
            (json!({"name": "a", "namespace": "a.b"}), "metadata.namespace: \"a.b\" is not the name of a namespace"),
            (json!({"name": "a", "labels": {"tier": 1}}), "metadata.labels.tier: must be a string"),
            (json!({"name": "a", "labels": {"a b": "x"}}), "metadata.labels[a b]: is not the name of a label"),
            (json!({"name": "a", "labels": {"a": "-x"}}), "metadata.labels.a: is not the value of a label"),
            (json!({"name": "a", "labels": ["a"]}), "metadata.labels: must be an object of strings"),
            (json!({"name": "a", "annotations": {"a": true}}), "metadata.annotations.a: must be a string"),
        ];
        for (metadata, expected) in cases {
            assert_eq!(mistakes(metadata.clone()), [expected], "{metadata}");
        }
    }
}
