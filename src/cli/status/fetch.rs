//! Asks a running Probity, and understands its answers.

use serde::Deserialize;

use super::{
    Args, Format,
    alerts::{Channel, Rule},
    slos::SloTarget,
};
use crate::{
    cli::ask::{AskError, Asker},
    clock::Clock,
};

/// What the server said.
pub(super) struct Told {
    /// Whether a check is Unhealthy or Unknown, an alert fires, a rule cannot see, a channel does not deliver, or an
    /// SLO is violated.
    pub(super) bad: bool,
    /// For the table.
    pub(super) checks: Vec<Check>,
    pub(super) slos: Vec<SloTarget>,
    pub(super) rules: Vec<Rule>,
    pub(super) channels: Vec<Channel>,
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
struct List<T> {
    items: Vec<T>,
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

/// A list of alerting; empty where whoever asks may see checks, and not these.
async fn items(asker: &Asker<'_>, list: &str) -> Result<bytes::Bytes, AskError> {
    match asker.get(&format!("api/v1/{list}")).await {
        Err(AskError::Refused { status: 403, .. }) => Ok(bytes::Bytes::from_static(b"{\"items\":[]}")),
        answered => answered,
    }
}

/// Asks for what `args` want to be told. Blocks.
pub(super) fn ask(args: &Args, clock: &Clock) -> Result<Told, AskError> {
    let (runtime, asker) = Asker::new(&args.server, clock)?;
    runtime.block_on(async {
        let is_bad = |state: &str| matches!(state, "Unhealthy" | "Unknown" | "unhealthy" | "unknown");
        let (rules, channels) = (items(&asker, "alertrules").await?, items(&asker, "channels").await?);
        let slos = items(&asker, "slotargets").await?;
        let typed: (List<Rule>, List<Channel>) = (asker.parsed(&rules)?, asker.parsed(&channels)?);
        let (typed_rules, typed_channels) = (typed.0.items, typed.1.items);
        let typed_slos = asker.parsed::<List<SloTarget>>(&slos)?.items;
        let bad = typed_rules.iter().any(Rule::is_bad)
            || typed_channels.iter().any(Channel::is_bad)
            || typed_slos.iter().any(SloTarget::is_bad);
        match args.output {
            Format::Table => {
                let list: List<Check> = asker.parsed(&asker.get("api/v1/healthchecks").await?)?;
                let bad = bad || list.items.iter().any(|check| is_bad(&check.state));
                Ok(Told {
                    bad,
                    checks: list.items,
                    slos: typed_slos,
                    rules: typed_rules,
                    channels: typed_channels,
                    json: String::new(),
                })
            }
            Format::Json => {
                let body = asker.get("health/detailed").await?;
                let detailed: Detailed = asker.parsed(&body)?;
                let bad = bad || detailed.checks.iter().any(|check| is_bad(&check.status));
                let mut whole: serde_json::Map<String, serde_json::Value> = asker.parsed(&body)?;
                for (name, list) in [("slotargets", slos), ("alertrules", rules), ("channels", channels)] {
                    let list: List<serde_json::Value> = asker.parsed(&list)?;
                    whole.insert(name.to_owned(), list.items.into());
                }
                let json = format!("{:#}\n", serde_json::Value::Object(whole));
                let (checks, slos, rules, channels) = Default::default();
                Ok(Told { bad, checks, slos, rules, channels, json })
            }
        }
    })
}
