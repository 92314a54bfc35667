//! Who wrote what: the API server's audit log, of the writes that the tests count.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{Context, Result};

/// One write, as the API server answered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// create, update, patch, delete.
    pub verb: String,
    /// Such as `healthchecks`, or `healthchecks/status`.
    pub resource: String,
    pub namespace: String,
    pub name: String,
    pub code: u64,
}

/// The arguments by which an API server writes its log to `log`; the policy goes into `root`.
pub(crate) fn arguments(root: &Path, log: &Path) -> Result<[String; 2]> {
    let policy = root.join("audit-policy.json");
    // Every write, who made it and how it ended; what was written is in the objects.
    let verbs = ["create", "update", "patch", "delete", "deletecollection"];
    let rules: Value = json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "Metadata", "verbs": verbs, "resources": [{"group": "probity.dev"}, {"group": "events.k8s.io"}]},
            {"level": "None"},
        ],
    });
    fs::write(&policy, rules.to_string()).context("cannot write the audit policy")?;
    Ok([format!("--audit-policy-file={}", policy.display()), format!("--audit-log-path={}", log.display())])
}

/// Every write in a log, the oldest first. Its last line may be half written, and is then left out.
///
/// # Errors
/// When the log cannot be read.
pub(crate) fn read(log: &Path) -> Result<Vec<Write>> {
    let text = fs::read_to_string(log).context("cannot read the audit log")?;
    let write = |line: &str| {
        let event: Value = serde_json::from_str(line).ok()?;
        let object = &event["objectRef"];
        let field = |name: &str| object[name].as_str().unwrap_or_default().to_owned();
        let resource = match object["subresource"].as_str() {
            Some(subresource) => format!("{}/{subresource}", field("resource")),
            None => field("resource"),
        };
        Some(Write {
            verb: event["verb"].as_str()?.to_owned(),
            resource,
            namespace: field("namespace"),
            name: field("name"),
            code: event["responseStatus"]["code"].as_u64()?,
        })
    };
    Ok(text.lines().filter_map(write).collect())
}
