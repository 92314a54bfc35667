//! The way to the API server: found once, shared by everything that talks to it.
//!
//! Owns the order in which it is looked for, and the time that a request may take. Sends nothing itself. Called at
//! the start of `probity run`.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use hyper::Uri;
use kube::{
    Client, Config,
    config::{InClusterError, KubeConfigOptions, KubeconfigError},
};

/// A connection that is not there by then will not be soon; the next try follows at once.
const CONNECT: Duration = Duration::from_secs(5);
/// The longest silence on a connection. Watches end by themselves within [`super::WATCH`], so a longer one is a
/// connection that leads nowhere.
const READ: Duration = Duration::from_secs(super::WATCH as u64 + 15);
/// For a body that is sent, a few KB.
const WRITE: Duration = Duration::from_secs(15);

/// Where Kubernetes mounts the account of a pod.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// A cluster that can be asked.
#[derive(Clone)]
pub struct Cluster {
    /// One for everything: it holds the connections. Cheap to clone.
    pub client: Client,
    /// The operator's own namespace.
    pub namespace: Arc<str>,
    /// Of the API server.
    pub server: Uri,
}

/// Why there is no cluster to talk to.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("there is no cluster: neither a pod's service account nor a kubeconfig was found")]
    None,
    #[error("cannot use the kubeconfig {}", .0.display())]
    Kubeconfig(PathBuf, #[source] Box<KubeconfigError>),
    #[error("cannot use the pod's service account")]
    Account(#[source] Box<InClusterError>),
    #[error("cannot prepare connections to the API server {0}")]
    Client(Uri, #[source] Box<kube::Error>),
}

/// Finds the cluster as kubectl does: `KUBECONFIG`, else the pod's service account, else `~/.kube/config`.
///
/// # Errors
/// [`ConnectError`] when there is none, or what leads to it cannot be read. Whether it answers is not tried.
pub async fn connect() -> Result<Cluster, ConnectError> {
    let named = variable("KUBECONFIG").map(PathBuf::from);
    let home = variable("HOME").map(|home| Path::new(&home).join(".kube/config")).filter(|path| path.is_file());
    let in_pod = variable("KUBERNETES_SERVICE_HOST").is_some() && Path::new(ACCOUNT).join("token").is_file();
    let config = match (named, in_pod, home) {
        (Some(path), _, _) | (None, false, Some(path)) => Config::from_kubeconfig(&KubeConfigOptions::default())
            .await
            .map_err(|error| ConnectError::Kubeconfig(path, Box::new(error)))?,
        (None, true, _) => Config::incluster().map_err(|error| ConnectError::Account(Box::new(error)))?,
        (None, false, None) => return Err(ConnectError::None),
    };
    reach(config)
}

/// Prepares to talk to the cluster of this configuration, with our own bounds on time.
///
/// # Errors
/// [`ConnectError::Client`] when its credentials or certificates cannot be used. Whether it answers is not tried.
pub fn reach(mut config: Config) -> Result<Cluster, ConnectError> {
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = Some(READ);
    config.write_timeout = Some(WRITE);
    // The time that a connection lay idle is no silence of the server's.
    config.reset_reader_on_write = true;
    // Who asks knows best whether and when to ask again.
    config.default_retry = false;
    let namespace = variable("POD_NAMESPACE").unwrap_or_else(|| config.default_namespace.clone()).into();
    let server = config.cluster_url.clone();
    let client = Client::try_from(config).map_err(|error| ConnectError::Client(server.clone(), Box::new(error)))?;
    Ok(Cluster { client, namespace, server })
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
