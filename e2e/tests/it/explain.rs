//! Texts for `kubectl explain`.

use std::time::Duration;

use probity::model::Kind;
use serde_json::Value;

use crate::{Stage, Told, crd::read};

/// What kubectl shows where a field has no description.
const NO_TEXT: &str = "<empty>";

pub fn every_field_has_a_text(stage: &Stage<'_>) -> Told {
    let kubectl = stage.cluster.kubectl();
    let shown = published(|| kubectl.must(["explain", "healthcheck.spec.http"]))?;
    for field in ["url", "expect", "followRedirects", "DESCRIPTION"] {
        if !shown.contains(field) {
            return Err(format!("{field} is not in:\n{shown}"));
        }
    }
    // All levels at once, from what kubectl itself reads: the OpenAPI document of the group.
    let document = read(&published(|| kubectl.must(["get", "--raw", "/openapi/v3/apis/probity.dev/v1alpha1"]))?)?;
    let mut silent = Vec::new();
    for kind in Kind::ALL {
        let schema = &document["components"]["schemas"][format!("dev.probity.v1alpha1.{kind}")];
        let fields = without_text(schema, kind.as_str(), &mut silent);
        if fields < if kind == Kind::HealthCheck { 100 } else { 10 } {
            return Err(format!("only {fields} fields of a {kind} are described: is this the right schema?"));
        }
    }
    if !silent.is_empty() {
        return Err(format!("kubectl explain says {NO_TEXT} of {silent:?}"));
    }
    Ok(())
}

/// An API server publishes the texts of a CRD a moment after it is established, and tells nobody when: asks until
/// it has.
fn published(ask: impl Fn() -> Result<String, String>) -> Result<String, String> {
    for _ in 0..120 {
        if let Ok(answer) = ask() {
            return Ok(answer);
        }
        std::thread::sleep(Duration::from_millis(250));
    }
    ask()
}

/// Adds the fields under `schema` that have no description; gives how many there are.
fn without_text(schema: &Value, path: &str, silent: &mut Vec<String>) -> usize {
    if !schema.is_object() {
        return 0;
    }
    let mut count = 0;
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        // What is shared between types is a reference with its text beside it.
        if field["description"].as_str().is_none_or(|text| text.trim().is_empty()) {
            silent.push(path.clone());
        }
        count += 1 + without_text(field, &path, silent);
    }
    for inner in [&schema["items"], &schema["additionalProperties"]] {
        count += without_text(inner, path, silent);
    }
    count
}
