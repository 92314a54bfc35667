//! The one table of verdicts: manifests that say themselves what they come to. Read by the test beside this
//! file, and by the one that puts the same question to a real API server.
//!
//! A manifest has its verdict in a comment above it:
//!
//! - `# expect: accepted`: by both. References may lead nowhere: an API server does not follow them.
//! - `# expect: refused at PATH by schema: TEXT`: by both; TEXT is in our message.
//! - `# expect: refused at PATH by cel: TEXT`: by both; TEXT is in both messages, unless the API server
//!   failed in "evaluating rule".
//! - `# expect: refused at PATH by validate: TEXT`: by us alone, as no schema and no rule can tell.

use std::{fs, path::Path};

use probity::model::Kind;

/// A manifest and what it comes to.
pub struct Case {
    /// Where it stands, such as `tests/data/verdicts/edges.yaml:7`.
    pub place: String,
    /// One object, with a name that no other case has.
    pub manifest: String,
    pub expect: Expect,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    Accepted,
    Refused { path: String, by: By, text: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Schema,
    Cel,
    Validate,
}

/// Every case under `repository`.
pub fn cases(repository: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    for folder in ["good", "bad", "verdicts"] {
        let shown = Path::new("tests/data").join(folder);
        let mut files: Vec<_> =
            fs::read_dir(repository.join(&shown)).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        files.sort();
        for file in files {
            let text = fs::read_to_string(repository.join(&shown).join(&file)).unwrap();
            read(&text, &shown.join(file).display().to_string(), &mut cases);
        }
    }
    cases
}

/// Takes every document that has a verdict above it. One that is no manifest is the spec of one.
fn read(text: &str, file: &str, cases: &mut Vec<Case>) {
    let mut line = 1;
    for document in text.split_inclusive("---\n") {
        let lines = document.lines().count();
        let body = document.strip_suffix("---\n").unwrap_or(document);
        if let Some((header, body)) = body.split_once('\n')
            && let Some(expect) = header.strip_prefix("# expect: ")
        {
            let place = format!("{file}:{line}");
            let manifest = if body.contains("apiVersion:") {
                body.to_owned()
            } else {
                let name = format!("case-{line}");
                let kind = kind(file);
                let spec = if body.trim_start().starts_with('{') {
                    body.to_owned()
                } else {
                    body.lines().map(|line| format!("\n  {line}")).collect()
                };
                format!("apiVersion: probity.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}")
            };
            cases.push(Case { expect: expectation(expect, &place), place, manifest });
        }
        line += lines;
    }
}

/// Of the specs in a file: as its name begins, else HealthCheck.
fn kind(file: &str) -> &'static str {
    let name = Path::new(file).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let begins = |kind: &Kind| name.starts_with(&kind.as_str().to_lowercase());
    Kind::ALL.iter().find(|kind| begins(kind)).map_or("HealthCheck", |kind| kind.as_str())
}

fn expectation(text: &str, place: &str) -> Expect {
    if text == "accepted" {
        return Expect::Accepted;
    }
    let parts = text.strip_prefix("refused at ").and_then(|rest| {
        let (path, rest) = rest.split_once(" by ")?;
        let (by, text) = rest.split_once(": ")?;
        let by = match by {
            "schema" => By::Schema,
            "cel" => By::Cel,
            "validate" => By::Validate,
            _ => return None,
        };
        Some(Expect::Refused { path: path.to_owned(), by, text: text.to_owned() })
    });
    parts.unwrap_or_else(|| panic!("{place}: what is expected cannot be read: {text}"))
}
