//! Who wrote what: the API server's audit log, of the writes that the tests count.

use std::{
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

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
pub(crate) fn arguments(root: &Path, log: &Path) -> Result<[String; 3]> {
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
    Ok([
        format!("--audit-policy-file={}", policy.display()),
        format!("--audit-log-path={}", log.display()),
        // In megabytes: one file for as long as any test lasts.
        "--audit-log-maxsize=4000".to_owned(),
    ])
}

/// A log that is read on from where it was read before.
#[derive(Debug)]
pub struct Audit {
    log: PathBuf,
    read: u64,
}

impl Audit {
    /// From the log's beginning.
    pub(crate) fn of(log: PathBuf) -> Self {
        Self { log, read: 0 }
    }

    /// Every write since the last time, the oldest first. A line that is half written is left for the next time.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn writes(&mut self) -> Result<Vec<Write>> {
        let mut text = String::new();
        let mut read = || {
            let mut file = File::open(&self.log)?;
            file.seek(SeekFrom::Start(self.read))?;
            file.read_to_string(&mut text)
        };
        read().context("cannot read the audit log")?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        self.read += whole as u64;
        Ok(text[..whole].lines().filter_map(write).collect())
    }
}

fn write(line: &str) -> Option<Write> {
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
}
