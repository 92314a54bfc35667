//! The HTTP server: what runs is read from the snapshot and told, as JSON, as metrics and as a page.
//!
//! Owns connections, limits, correlation ids, who may read, and the shape of every answer. It changes nothing:
//! no handler reaches the engine. Made by `probity run`: [`bind`] first, so that a taken port is known before
//! anything is probed, then [`Server::run`].

mod access;
mod answer;
mod body;
mod checks;
mod connection;
mod correlation;
pub mod detailed;
mod done;
mod files;
mod front;
mod health;
mod history;
mod limits;
mod listen;
mod meta;
mod openapi;
mod query;
mod refusal;
mod routes;
mod scrape;
mod tls;

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use tokio_util::sync::CancellationToken;

pub use limits::Limits;
pub use listen::{Server, bind};

use crate::{
    clock::Clock,
    engine::Snapshot,
    history::Store,
    metrics::Metrics,
    vitals::{Progress, Readiness},
};

/// What the handlers read. Every part is a cheap handle that others write through.
pub struct State {
    pub snapshot: Snapshot,
    pub clock: Clock,
    pub metrics: Metrics,
    /// When this instance can do its work.
    pub readiness: Readiness,
    /// Whether scheduler and engine turn.
    pub progress: Progress,
    /// For histories, and for the figures that it gives of itself at each scrape.
    pub store: Arc<dyn Store>,
}

/// Where and how to serve.
#[derive(Debug, Clone)]
pub struct Options {
    /// Port 0 picks a free one.
    pub listen: SocketAddr,
    /// Certificate chain and key, PEM; read again when their content changes.
    pub tls: Option<TlsFiles>,
    /// One bearer token per line; read again when its content changes. Needed to read from anywhere but loopback.
    pub api_token_file: Option<PathBuf>,
    pub limits: Limits,
}

/// `--tls-cert` and `--tls-key`.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// Why the server cannot serve. Exit code 3.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("cannot listen on {address}: {hint}")]
    Bind {
        address: SocketAddr,
        hint: &'static str,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot read {what} {}", path.display())]
    Read {
        what: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{what} {} cannot be used: {why}", path.display())]
    Unusable { what: &'static str, path: PathBuf, why: String },
    #[error("cannot go on accepting connections")]
    Accept(#[source] std::io::Error),
}

/// [`bind`] and [`Server::run`] in one, for who needs no address in between.
///
/// # Errors
/// [`ServerError`] when it cannot listen, or when its TLS or token files cannot be used.
pub async fn serve(state: Arc<State>, options: Options, shutdown: CancellationToken) -> Result<(), ServerError> {
    bind(options).await?.run(state, shutdown).await
}
