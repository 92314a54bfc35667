//! Asks a running Probity over HTTP: where it is, with which token, and what its refusals mean. Called by the commands
//! that tell what runs now.

use std::{path::PathBuf, sync::Arc, time::Duration};

use reqwest::{Method, header::CONTENT_TYPE};
use serde::{Deserialize, de::DeserializeOwned};
use url::Url;

use super::Exit;
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

/// Where to ask.
#[derive(Debug, clap::Args)]
pub struct Place {
    /// Where Probity serves; a certificate is checked against the machine's roots (or SSL_CERT_FILE)
    #[arg(long, global = true, env = "PROBITY_SERVER", value_name = "URL", default_value = "http://127.0.0.1:8080", value_parser = server)]
    pub server: Url,
    /// File with the bearer token that a server on another address than loopback wants
    #[arg(long, global = true, env = "PROBITY_API_TOKEN_FILE", value_name = "FILE")]
    pub api_token_file: Option<PathBuf>,
}

fn server(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let mut url = url.ok_or("it is no URL of a server; give http://HOST:PORT or https://HOST:PORT")?;
    if !url.path().ends_with('/') {
        // What follows is a folder of this, not beside it.
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
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

/// The first token of a file of the form that `probity run` takes.
fn token(path: &PathBuf) -> Result<Secret, AskError> {
    let failed = |why: String| AskError::Token { path: path.clone(), why };
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.next().map(|line| Secret::new(line.to_owned())).ok_or_else(|| failed("it holds no token".to_owned()))
}

/// Asks one server.
pub(super) struct Asker<'a> {
    client: Client,
    server: &'a Url,
    token: Option<Secret>,
}

impl<'a> Asker<'a> {
    /// With what it is to be waited for with.
    pub(super) fn new(place: &'a Place, clock: &Clock) -> Result<(tokio::runtime::Runtime, Self), AskError> {
        let token = place.api_token_file.as_ref().map(token).transpose()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| AskError::Start(error.to_string()))?;
        // The server is on this machine as often as not.
        let egress = Egress { allow_loopback: true, ..Egress::default() };
        let net = Arc::new(Net::new(egress, clock.clone()));
        let limits = Limits { timeout: Duration::from_secs(30), redirects: 0, proxy: false };
        let client = Client::new(&net, &limits).map_err(AskError::Start)?;
        Ok((runtime, Self { client, server: &place.server, token }))
    }

    /// What stands at a path below the server's own.
    pub(super) async fn get(&self, path: &str) -> Result<bytes::Bytes, AskError> {
        self.send(Method::GET, path, None).await
    }

    /// Has something done at a path below the server's own, and gives its answer.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> Result<bytes::Bytes, AskError> {
        let unreachable = |why: String| AskError::Unreachable { server: self.server.clone(), why };
        let url = self.server.join(path).map_err(|error| unreachable(error.to_string()))?;
        let mut request = self.client.request(method, url).map_err(|failure| unreachable(failure.message))?;
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
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

    pub(super) fn parsed<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, AskError> {
        serde_json::from_slice(body).map_err(|error| AskError::Refused {
            server: self.server.clone(),
            status: 200,
            why: format!("its answer is not understood: {error}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::server;

    #[test]
    fn a_server_is_a_url_with_a_host() {
        assert_eq!(server("http://127.0.0.1:8080").unwrap().as_str(), "http://127.0.0.1:8080/");
        assert_eq!(server("https://x/probity").unwrap().join("health").unwrap().as_str(), "https://x/probity/health");
        for bad in ["127.0.0.1:8080", "localhost:8080", "ftp://x", "http://", "unix:/run/x", ""] {
            assert!(server(bad).is_err(), "{bad}");
        }
    }
}
