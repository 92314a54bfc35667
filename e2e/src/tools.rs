//! Where the cluster's programs are, and building them when they are not there.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Context, Result};

/// The parts that the tests need now. `e2e/tools/build.sh` knows how to build each.
const PARTS: [&str; 3] = ["etcd", "kube-apiserver", "kubectl"];

/// A folder with the cluster's programs.
#[derive(Debug, Clone)]
pub struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// The programs, built if need be: some minutes the first time, nothing later.
    ///
    /// # Errors
    /// Says what is missing on this machine.
    pub fn find() -> Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/build.sh");
        let run =
            |arguments: &[&str]| Command::new("bash").arg(&script).args(arguments).output().context("cannot run bash");
        let place = run(&["--where"])?;
        let tools = Self { folder: PathBuf::from(String::from_utf8_lossy(&place.stdout).trim()) };
        if PARTS.iter().all(|part| tools.path(part).is_file()) {
            return Ok(tools);
        }
        eprintln!("e2e: building {} (some minutes, once)", PARTS.join(", "));
        // Its lines go to where the test's go, so that a long build does not look like a hang.
        let status = Command::new("bash").arg(&script).args(PARTS).status().context("cannot run bash")?;
        if status.success() { Ok(tools) } else { Err(format!("{} failed: {status}", script.display())) }
    }

    pub fn path(&self, part: &str) -> PathBuf {
        self.folder.join(part)
    }
}
