//! What must hold of every schema.

use serde_json::Value;

use super::{crds, schema};
use crate::model::Kind;

/// Calls `see` with every schema below this one that has a type or properties, and with its path.
fn walk(schema: &Value, path: &str, see: &mut dyn FnMut(&str, &Value)) {
    see(path, schema);
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        walk(inner, &format!("{path}.{name}"), see);
    }
    for (key, suffix) in [("items", "[]"), ("additionalProperties", "{}")] {
        if schema[key].is_object() {
            walk(&schema[key], &format!("{path}{suffix}"), see);
        }
    }
}

/// The same over all kinds, from the field `below` of each, or from the root.
fn every(below: &str, see: &mut dyn FnMut(&str, &Value)) {
    for kind in Kind::ALL {
        let root = schema(kind);
        let from = if below.is_empty() { root } else { &root["properties"][below] };
        assert!(from.is_object(), "{kind}");
        walk(from, &format!("{kind} {below}"), see);
    }
}

#[test]
fn every_field_has_a_text_for_kubectl_explain() {
    let mut silent = Vec::new();
    every("", &mut |path, schema| {
        let item = path.ends_with("[]") || path.ends_with("{}");
        if !item && schema["description"].as_str().is_none_or(str::is_empty) {
            silent.push(path.to_owned());
        }
    });
    assert!(silent.is_empty(), "{silent:#?}");
}

#[test]
fn everything_is_bounded_typed_and_of_a_format_that_the_api_server_knows() {
    let mut wrong = Vec::new();
    every("spec", &mut |path, schema| {
        let bounded = match schema["type"].as_str() {
            Some("string") => {
                schema.get("enum").is_some() || schema.get("maxLength").is_some() || schema["format"] == "date-time"
            }
            Some("array") => schema.get("maxItems").is_some(),
            Some("object") => schema.get("properties").is_some() || schema.get("maxProperties").is_some(),
            Some("integer") => schema.get("minimum").is_some() && schema.get("maximum").is_some(),
            Some("boolean" | "number") => true,
            None if schema["x-kubernetes-int-or-string"] == true => {
                ["minimum", "maximum", "maxLength"].iter().all(|bound| schema.get(*bound).is_some())
            }
            _ => false,
        };
        let format =
            schema["format"].as_str().is_none_or(|format| ["int32", "int64", "double", "date-time"].contains(&format));
        if !bounded || !format || schema.get("nullable").is_some() {
            wrong.push(path.to_owned());
        }
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_rule_says_what_is_wrong() {
    let mut silent = Vec::new();
    every("", &mut |path, schema| {
        for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
            if rule["message"].as_str().is_none_or(str::is_empty) {
                silent.push(format!("{path}: {}", rule["rule"]));
            }
        }
    });
    assert!(silent.is_empty(), "{silent:#?}");
}

/// More than this is refused by `kubectl apply` without --server-side, and slows every API server down.
#[test]
fn no_crd_is_over_200_kb_as_compact_json() {
    for (plural, crd) in crds() {
        let size = crd.to_string().len();
        assert!((1_000..200_000).contains(&size), "{plural}: {size} bytes");
    }
}

#[test]
fn a_timeout_has_no_default_and_the_others_have_the_documented_ones() {
    let spec = &schema(Kind::HealthCheck)["properties"]["spec"]["properties"];
    assert_eq!(spec["timeout"].get("default"), None);
    assert_eq!(spec["interval"]["default"], "30s");
    assert_eq!(spec["failureThreshold"]["default"], 3);
    assert_eq!(spec["successThreshold"]["default"], 1);
    assert_eq!(spec["retries"]["default"], 0);
    assert_eq!(spec["http"]["properties"]["maxBodyBytes"]["default"], 1_048_576);
    assert_eq!(spec["http"]["properties"]["followRedirects"]["default"], true);
    assert_eq!(spec["http"]["properties"]["expect"]["properties"]["status"]["default"], serde_json::json!(["200-299"]));
}
