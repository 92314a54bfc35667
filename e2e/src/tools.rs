//! Where the cluster's programs are, and building them when they are not there.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Context, Result};

/// What the tests against an API server alone need. `e2e/tools/build.sh` knows how to build each.
const SERVER: [&str; 4] = ["etcd", "kube-apiserver", "kubectl", "helm"];
/// What a node that runs pods needs beside it.
const NODE: [&str; 7] =
    ["kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "coredns", "pause", "web"];

/// A folder with the cluster's programs.
#[derive(Debug, Clone)]
pub struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// The programs of an API server, built if need be: some minutes the first time, nothing later.
    ///
    /// # Errors
    /// Says what is missing on this machine.
    pub fn find() -> Result<Self> {
        Self::with(&SERVER)
    }

    /// Those of a node, too.
    ///
    /// # Errors
    /// Says what is missing on this machine.
    pub fn find_all() -> Result<Self> {
        Self::with(&[&SERVER[..], &NODE[..]].concat())
    }

    fn with(parts: &[&str]) -> Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/build.sh");
        let run =
            |arguments: &[&str]| Command::new("bash").arg(&script).args(arguments).output().context("cannot run bash");
        let place = run(&["--where"])?;
        let tools = Self { folder: PathBuf::from(String::from_utf8_lossy(&place.stdout).trim()) };
        if parts.iter().all(|part| tools.path(part).is_file()) {
            return Ok(tools);
        }
        eprintln!("e2e: building {} (some minutes, once)", parts.join(", "));
        // Its lines go to where the test's go, so that a long build does not look like a hang.
        let status = Command::new("bash").arg(&script).args(parts).status().context("cannot run bash")?;
        if status.success() { Ok(tools) } else { Err(format!("{} failed: {status}", script.display())) }
    }

    /// Where they all are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn path(&self, part: &str) -> PathBuf {
        self.folder.join(part)
    }
}

/// Where a program is on the path of programs, or in the folders of an administrator's.
pub(crate) fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let administrators = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(administrators).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Where the plug-ins are that connect pods: Debian's folder, or everyone else's.
pub(crate) fn network_plugins() -> Option<PathBuf> {
    ["/usr/lib/cni", "/opt/cni/bin"].map(PathBuf::from).into_iter().find(|folder| folder.join("host-local").is_file())
}
