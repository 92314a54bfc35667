//! The way to the API server: found once, shared by everything that talks to it.
//!
//! Owns the order in which it is looked for. Sends nothing itself. Called at
//! the start of `probity run`.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use hyper::Uri;
use kube::{
    Client, Config,
    config::{InClusterError, KubeConfigOptions, KubeconfigError},
};

use super::client::client;

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
pub fn reach(config: Config) -> Result<Cluster, ConnectError> {
    let namespace = variable("POD_NAMESPACE").unwrap_or_else(|| config.default_namespace.clone()).into();
    let server = config.cluster_url.clone();
    let client = client(&config).map_err(|error| ConnectError::Client(server.clone(), Box::new(error)))?;
    Ok(Cluster { client, namespace, server })
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
