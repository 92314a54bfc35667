//! Asks a running Probity, and understands its answers.

use std::{path::PathBuf, sync::Arc, time::Duration};

use reqwest::Method;
use serde::{Deserialize, de::DeserializeOwned};
use url::Url;

use super::{Args, Exit, Format};
use crate::{
    clock::Clock,
    model::Secret,
    net::{
        Egress, Net,
        client::{Client, Limits, from_request, peer_of, read_bounded},
    },
};

/// A hundred thousand checks are some 60 MB.
const ANSWER_MAX: usize = 128 * 1024 * 1024;

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

#[derive(Deserialize)]
struct Refusal {
    error: Refused,
}

#[derive(Deserialize)]
struct Refused {
    message: String,
}

/// Why the server could not be asked, and what to do.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    #[error("cannot read the token file {}: {why}", path.display())]
    Token { path: PathBuf, why: String },
    #[error("cannot start: {0}")]
    Start(String),
    #[error(
        "cannot reach {server}: {why}\nIs it running? Start one with `probity run --manifests PATH`, or name another with --server URL"
    )]
    Unreachable { server: Url, why: String },
    #[error("{server} wants a token: {why}\nGive its file with --api-token-file FILE")]
    Unauthorized { server: Url, why: String },
    #[error(
        "{server} answered {status}: {why}\nIs this the address of a Probity of this version? Name another with --server URL"
    )]
    Refused { server: Url, status: u16, why: String },
}

impl AskError {
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Token { .. } => Exit::Usage,
            Self::Start(_) | Self::Unreachable { .. } | Self::Unauthorized { .. } | Self::Refused { .. } => {
                Exit::CouldNotRun
            }
        }
    }
}

/// Asks for what `args` want to be told. Blocks.
pub(super) fn ask(args: &Args, clock: &Clock) -> Result<Told, AskError> {
    let token = args.api_token_file.as_ref().map(token).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| AskError::Start(error.to_string()))?;
    // The server is on this machine as often as not.
    let egress = Egress { allow_loopback: true, ..Egress::default() };
    let net = Arc::new(Net::new(egress, clock.clone()));
    let limits = Limits { timeout: Duration::from_secs(30), redirects: 0, proxy: false };
    let client = Client::new(&net, &limits).map_err(AskError::Start)?;
    let asker = Asker { client, server: &args.server, token };
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

/// The first token of a file of the form that `probity run` takes.
fn token(path: &PathBuf) -> Result<Secret, AskError> {
    let failed = |why: String| AskError::Token { path: path.clone(), why };
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.next().map(|line| Secret::new(line.to_owned())).ok_or_else(|| failed("it holds no token".to_owned()))
}

struct Asker<'a> {
    client: Client,
    server: &'a Url,
    token: Option<Secret>,
}

impl Asker<'_> {
    async fn get(&self, path: &str) -> Result<bytes::Bytes, AskError> {
        let unreachable = |why: String| AskError::Unreachable { server: self.server.clone(), why };
        let url = self.server.join(path).map_err(|error| unreachable(error.to_string()))?;
        let mut request = self.client.request(Method::GET, url).map_err(|failure| unreachable(failure.message))?;
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        let sent = request.send().await;
        let response = sent.map_err(|error| unreachable(from_request(&error, &peer_of(self.server)).message))?;
        let status = response.status();
        let body = read_bounded(response, ANSWER_MAX).await.map_err(|failure| unreachable(failure.message))?;
        if status.is_success() {
            return Ok(body);
        }
        let why = serde_json::from_slice(&body)
            .map_or_else(|_| "its answer is not one of Probity's".to_owned(), |refusal: Refusal| refusal.error.message);
        let server = self.server.clone();
        Err(match status.as_u16() {
            401 => AskError::Unauthorized { server, why },
            status => AskError::Refused { server, status, why },
        })
    }

    fn parsed<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, AskError> {
        serde_json::from_slice(body).map_err(|error| AskError::Refused {
            server: self.server.clone(),
            status: 200,
            why: format!("its answer is not understood: {error}"),
        })
    }
}
