//! The chart's comments are told once, in `values.yaml`: its README and the texts of its schema come from there, and
//! its CRDs and its version from the program.

use std::{fs, path::PathBuf};

use serde_json::Value;

/// A value of the chart: its path, and its default and its comment as they stand in `values.yaml`.
struct Setting {
    path: Vec<String>,
    default: String,
    text: String,
}

fn chart(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("charts/probity").join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(chart(name)).unwrap_or_default()
}

/// Holds a file to what it should be, or makes it so.
fn agree(name: &str, expected: &str) {
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        fs::write(chart(name), expected).unwrap();
    }
    assert!(
        read(name) == expected,
        "charts/probity/{name} has drifted: UPDATE_GOLDENS=1 cargo test --test it goldens::chart"
    );
}

/// Every key that has a comment is a setting; what is below it belongs to it.
fn settings() -> Vec<Setting> {
    let text = read("values.yaml");
    let lines: Vec<_> = text.lines().collect();
    let mut found: Vec<Setting> = Vec::new();
    let mut parents: Vec<(usize, String)> = Vec::new();
    let mut comment = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        if let Some(told) = trimmed.strip_prefix("# ") {
            comment.push(told);
        } else if let Some((key, value)) = trimmed.split_once(':') {
            parents.retain(|&(level, _)| level < indent);
            parents.push((indent, key.to_owned()));
            if comment.is_empty() {
                continue;
            }
            let below = lines[at + 1..].iter().take_while(|line| line.starts_with(&" ".repeat(indent + 1)));
            let below: Vec<_> = below.map(|line| line.trim()).collect();
            let default = if value.is_empty() { below.join(" ") } else { value.trim().to_owned() };
            let path = parents.iter().map(|(_, key)| key.clone()).collect();
            found.push(Setting { path, default, text: comment.join(" ") });
            comment.clear();
        }
    }
    found
}

#[test]
fn the_readme_of_the_chart_is_what_its_values_say() {
    let mut table = "| value | default | what it does |\n| --- | --- | --- |\n".to_owned();
    for Setting { path, default, text } in settings() {
        table += &format!("| `{}` | `{default}` | {text} |\n", path.join("."));
    }
    let readme = read("README.md");
    let (head, _) = readme.split_once("## Values\n").expect("the README has a heading Values");
    agree("README.md", &format!("{head}## Values\n\n{table}"));
}

#[test]
fn the_schema_of_the_chart_knows_each_value_and_no_other() {
    let mut schema: Value = serde_json::from_str(&read("values.schema.json")).expect("the schema is JSON");
    let settings = settings();
    assert!(settings.len() > 40, "only {} settings: has values.yaml changed its form?", settings.len());
    for Setting { path, text, .. } in &settings {
        let mut place = &mut schema;
        for name in path {
            assert!(place["additionalProperties"] == false, "{path:?}: unknown names beside it are not refused");
            place = place["properties"].get_mut(name).unwrap_or_else(|| panic!("the schema has no {path:?}"));
        }
        place["description"] = text.as_str().into();
    }
    let mut without = Vec::new();
    untold(&schema, String::new(), &mut without);
    assert!(without.is_empty(), "in the schema, and not in values.yaml: {without:?}");
    agree("values.schema.json", &format!("{}\n", serde_json::to_string_pretty(&schema).unwrap()));
}

/// The leaves without a text.
fn untold(schema: &Value, path: String, found: &mut Vec<String>) {
    match schema["properties"].as_object() {
        Some(properties) => {
            for (name, property) in properties {
                untold(property, format!("{path}.{name}"), found);
            }
        }
        None if schema["description"].is_null() => found.push(path),
        None => (),
    }
}

#[test]
fn the_chart_brings_the_types_and_the_version_of_the_program() {
    for (plural, crd) in probity::api::crds() {
        agree(&format!("files/crds/{plural}.yaml"), &probity::api::yaml_document(&crd));
    }
    let ours = fs::read_dir(chart("files/crds")).unwrap().count();
    assert_eq!(ours, probity::api::crds().len(), "a file in the chart's crds belongs to no kind");
    let version = format!("\nappVersion: {}\n", env!("CARGO_PKG_VERSION"));
    assert!(read("Chart.yaml").contains(&version), "the chart's appVersion is not {}", env!("CARGO_PKG_VERSION"));
}
