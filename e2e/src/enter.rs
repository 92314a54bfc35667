//! The way into a machine of its own: the same program once more, in namespaces that take everything with them.
//!
//! Owns the folders of runs and what is kept of a failed one. `e2e/namespaces.sh` does what needs a shell.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{Context, Result};

/// Says to the program that it is inside, and where its folder is.
const INSIDE: &str = "PROBITY_E2E_INSIDE";
/// Logs of failed runs: the last few tell what there is to tell.
const KEPT: usize = 5;

/// The folder of the run, when this process is inside already.
pub fn inside() -> Option<PathBuf> {
    env::var_os(INSIDE).map(PathBuf::from)
}

/// Runs this program with these arguments in namespaces of its own, to its end, and says how it ended.
///
/// # Errors
/// When it cannot be started.
pub fn enter(arguments: &[String]) -> Result<Ended> {
    let runs = env::temp_dir().join("probity-e2e");
    forget_old(&runs);
    let folder = runs.join(format!("probity-e2e-{}", std::process::id()));
    let program = env::current_exe().context("this program has no path")?;
    // In a session of its own, so that a ^C reaches only us; that we are gone it hears from its standard input.
    let mut command = Command::new("setsid");
    command.arg("bash").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("namespaces.sh")).arg(&folder).arg(program);
    command.args(arguments).env(INSIDE, &folder).stdin(Stdio::piped());
    let mut child = command.spawn().context("cannot run setsid (of util-linux)")?;
    // Held open until the end: `wait` alone would close it.
    let lifeline = child.stdin.take();
    let status = child.wait().context("cannot wait for namespaces.sh")?;
    drop(lifeline);
    let logs = folder.join("logs");
    Ok(Ended { code: status.code().unwrap_or(1), logs: logs.is_dir().then_some(logs) })
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Ended {
    pub code: i32,
    /// What is kept of one that failed.
    pub logs: Option<PathBuf>,
}

/// What this user and this machine lack for a node, or nothing.
pub fn obstacle() -> Option<String> {
    let uid = Command::new("id").arg("-u").output().map(|output| output.stdout).unwrap_or_default();
    if uid.trim_ascii() != b"0" {
        return Some("a node needs root: for network, mounts and containers".to_owned());
    }
    let programs = ["containerd", "ctr", "runc", "iptables", "conntrack", "ip", "unshare", "setsid"];
    let missing: Vec<_> = programs.into_iter().filter(|program| crate::tools::which(program).is_none()).collect();
    if !missing.is_empty() {
        return Some(format!("these programs are not here: {}", missing.join(", ")));
    }
    if crate::tools::network_plugins().is_none() {
        return Some("the network plug-ins are not here (package containernetworking-plugins)".to_owned());
    }
    let tried = Command::new("unshare").args(["--net", "--mount", "--pid", "--fork", "true"]).output();
    match tried {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!("no namespaces here: {}", String::from_utf8_lossy(&output.stderr).trim())),
        Err(error) => Some(format!("cannot run unshare: {error}")),
    }
}

/// Removes the folders of runs whose process is gone, but for the last few logs.
fn forget_old(runs: &Path) {
    let Ok(entries) = fs::read_dir(runs) else { return };
    let mut old: Vec<_> = entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let pid = name.to_string_lossy().rsplit('-').next().map(str::to_owned);
            pid.is_none_or(|pid| !Path::new("/proc").join(pid).exists())
        })
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    old.sort();
    for (_, path) in old.iter().take(old.len().saturating_sub(KEPT)) {
        let _ = fs::remove_dir_all(path);
    }
}
