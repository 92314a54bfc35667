//! etcd and kube-apiserver on free ports of the loopback interface, in a temporary folder.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    Api, Audit, Context, Kubectl, Result, Tools, Write, audit,
    control::{ADMIN, ControlPlane, Layout, PATIENCE, free_ports, kubeconfig},
    process::Process,
};

/// Another program may take a port between our asking for it and the server's listening.
const ATTEMPTS: usize = 3;
/// The API server's audit log, in the cluster's folder.
const AUDIT: &str = "audit.json";

/// A running API server, or the user's own cluster. Stopped when it is dropped, also by a panic.
pub struct Cluster {
    kubectl: Kubectl,
    // In the order of their ends: what talks to another one ends first, the folder goes last.
    proxy: Option<Process>,
    control: Option<ControlPlane>,
    folder: tempfile::TempDir,
}

impl Cluster {
    /// Starts one; with `E2E_CLUSTER=existing`, takes the one that the user's kubeconfig leads to.
    ///
    /// # Errors
    /// Says what did not start, with the last lines of its log.
    pub fn start(tools: &Tools) -> Result<Self> {
        if std::env::var("E2E_CLUSTER").is_ok_and(|value| value == "existing") {
            let folder = tempfile::tempdir().context("cannot make a folder")?;
            let kubectl = Kubectl::of_the_user(tools, folder.path());
            return Ok(Self { kubectl, proxy: None, control: None, folder });
        }
        let mut last = String::new();
        for _ in 0..ATTEMPTS {
            match Self::try_start(tools) {
                Ok(cluster) => return Ok(cluster),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn try_start(tools: &Tools) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a folder")?;
        let [etcd_client, etcd_peer, secure] = free_ports()?;
        let mut arguments: Vec<_> =
            ["--bind-address=127.0.0.1", "--endpoint-reconciler-type=none", "--authorization-mode=RBAC"]
                .map(str::to_owned)
                .into();
        arguments.extend(audit::arguments(folder.path(), &folder.path().join(AUDIT))?);
        let layout = Layout { etcd_client, etcd_peer, secure, address: "127.0.0.1", arguments, users: vec![ADMIN] };
        let control = ControlPlane::start(tools, folder.path(), layout)?;
        Ok(Self { kubectl: control.kubectl(), proxy: None, control: Some(control), folder })
    }

    pub fn kubectl(&self) -> &Kubectl {
        &self.kubectl
    }

    /// A folder of the cluster's, for files of the tests.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The administrator's kubeconfig; None when the cluster is the user's own.
    pub fn kubeconfig(&self) -> Option<PathBuf> {
        self.control.as_ref().map(|_| kubeconfig(self.folder.path(), ADMIN.0))
    }

    /// Every write of our kinds and of events that the API server has answered.
    ///
    /// # Errors
    /// When there is no audit log: the cluster is the user's own.
    pub fn writes(&self) -> Result<Vec<Write>> {
        self.audit().writes()
    }

    /// The log of these writes, from its beginning.
    pub fn audit(&self) -> Audit {
        Audit::of(self.folder.path().join(AUDIT))
    }

    /// Kills the API server; etcd goes on.
    pub fn stop_apiserver(&mut self) {
        if let Some(control) = &mut self.control {
            control.stop_apiserver();
        }
    }

    /// Starts it again, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not become so, or the cluster is the user's own.
    pub fn start_apiserver(&mut self) -> Result<()> {
        self.control.as_mut().ok_or("this cluster is not ours to start")?.start_apiserver()
    }

    /// The API over plain HTTP, through `kubectl proxy`.
    ///
    /// # Errors
    /// When the proxy does not start.
    pub fn api(&mut self) -> Result<Api> {
        let (proxy, api) = self.kubectl.proxy(self.folder.path())?;
        self.proxy = Some(proxy);
        Ok(api)
    }
}

impl Kubectl {
    /// `kubectl proxy`, for as long as the process is held, and the API through it.
    pub(crate) fn proxy(&self, folder: &Path) -> Result<(Process, Api)> {
        let [port, ..] = free_ports()?;
        let mut arguments = vec!["proxy".to_owned(), format!("--port={port}"), "--address=127.0.0.1".to_owned()];
        arguments.extend(self.config.iter().map(|config| format!("--kubeconfig={}", config.display())));
        let mut proxy = Process::start(&self.program, folder, &arguments)?;
        let api = Api::new(port);
        let begin = Instant::now();
        while api.get("/readyz").is_err() {
            if proxy.has_ended() || begin.elapsed() > PATIENCE {
                return Err(format!("kubectl proxy does not answer:\n{}", proxy.last_words()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok((proxy, api))
    }
}
