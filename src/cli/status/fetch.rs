//! Asks a running Probity, and understands its answers.

use serde::Deserialize;

use super::{Args, Format};
use crate::{
    cli::ask::{AskError, Asker},
    clock::Clock,
};

/// What the server said.
pub(super) struct Told {
    /// Whether one is Unhealthy or Unknown.
    pub(super) bad: bool,
    /// For the table.
    pub(super) checks: Vec<Check>,
    /// For `-o json`, as the server wrote it.
    pub(super) json: String,
}

/// One check of `/api/v1/healthchecks`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Check {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) probe: Option<String>,
    pub(super) state: String,
    pub(super) reason: String,
    pub(super) message: String,
    pub(super) last_transition_time: String,
    /// Seconds.
    pub(super) latency: Option<f64>,
    pub(super) uptime: Uptime,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Uptime {
    #[serde(rename = "24h")]
    pub(super) day: Option<f64>,
}

#[derive(Deserialize)]
struct List {
    items: Vec<Check>,
}

/// Of `/health/detailed`, what the exit code hangs on.
#[derive(Deserialize)]
struct Detailed {
    checks: Vec<Status>,
}

#[derive(Deserialize)]
struct Status {
    status: String,
}

/// Asks for what `args` want to be told. Blocks.
pub(super) fn ask(args: &Args, clock: &Clock) -> Result<Told, AskError> {
    let (runtime, asker) = Asker::new(&args.server, clock)?;
    runtime.block_on(async {
        let is_bad = |state: &str| matches!(state, "Unhealthy" | "Unknown" | "unhealthy" | "unknown");
        match args.output {
            Format::Table => {
                let list: List = asker.parsed(&asker.get("api/v1/healthchecks").await?)?;
                let bad = list.items.iter().any(|check| is_bad(&check.state));
                Ok(Told { bad, checks: list.items, json: String::new() })
            }
            Format::Json => {
                let body = asker.get("health/detailed").await?;
                let detailed: Detailed = asker.parsed(&body)?;
                let bad = detailed.checks.iter().any(|check| is_bad(&check.status));
                let whole: serde_json::Value = asker.parsed(&body)?;
                Ok(Told { bad, checks: Vec::new(), json: format!("{whole:#}\n") })
            }
        }
    })
}
