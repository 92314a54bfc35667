//! The HTTP server: what runs is read from the snapshot and told, as JSON, as metrics and as a page.
//!
//! Owns connections, limits, correlation ids, who may, and the shape of every answer. What people do about alerts, and
//! that a channel is tried, is handed to alerting, and answered when it is done; nothing else is changed here. Made by
//! `probity run`: [`bind`] first, so that a taken port is known before anything is probed, then [`Server::run`].

mod access;
mod ack;
mod alerting;
mod answer;
mod audit;
mod body;
mod caller;
mod checks;
mod connection;
mod correlation;
pub mod detailed;
mod done;
mod door;
mod files;
mod front;
mod health;
mod history;
mod limits;
mod listen;
mod meta;
mod openapi;
mod origin;
mod query;
mod refusal;
mod remembered;
mod reviews;
mod routes;
mod scrape;
mod sla;
mod tls;
mod trial;
mod v2;
mod visible;
mod why;
mod writes;

use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf, sync::Arc};

use tokio_util::sync::CancellationToken;

pub use limits::Limits;
pub use listen::{Server, bind};

use crate::{
    clock::Clock,
    engine::{
        Bell, Snapshot,
        alerts::{Board, Trials},
        slos,
    },
    history::Store,
    metrics::Metrics,
    source::Silences,
    vitals::{Progress, Readiness},
};

/// What the handlers read. Every part is a cheap handle that others write through.
pub struct State {
    pub snapshot: Snapshot,
    /// Rules and alerts, channels, silences, windows.
    pub board: Board,
    /// SLOTargets.
    pub slos: slos::Board,
    pub clock: Clock,
    pub metrics: Metrics,
    /// When this instance can do its work.
    pub readiness: Readiness,
    /// Whether scheduler and engine turn.
    pub progress: Progress,
    /// For histories, and for the figures that it gives of itself at each scrape.
    pub store: Arc<dyn Store>,
    /// For what people do about alerts.
    pub bell: Bell,
    /// All silences, and the way to make one.
    pub silences: Arc<Silences>,
    /// The way to try a channel.
    pub trials: Trials,
}

impl State {
    /// Where there is anything of ours.
    fn namespaces(&self) -> BTreeSet<Arc<str>> {
        let mut all: BTreeSet<_> = self.board.namespaces().into_iter().collect();
        all.extend(self.slos.targets().iter().map(|cell| cell.key.namespace.clone()));
        all.extend(self.snapshot.checks().keys().map(|key| key.namespace.clone()));
        all
    }
}

/// Where and how to serve.
#[derive(Clone)]
pub struct Options {
    /// Port 0 picks a free one.
    pub listen: SocketAddr,
    /// Certificate chain and key, PEM; read again when their content changes.
    pub tls: Option<TlsFiles>,
    /// One bearer token per line; read again when its content changes. Needed to read from anywhere but loopback.
    pub api_token_file: Option<PathBuf>,
    /// In a cluster: the cluster says who may read, beside who has a token of the file.
    pub cluster: Option<ClusterAccess>,
    pub limits: Limits,
}

/// Who may read, in a cluster.
#[derive(Clone)]
pub struct ClusterAccess {
    pub client: kube::Client,
    pub clock: Clock,
    /// Whoever reaches the address may read.
    pub open_reads: bool,
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
