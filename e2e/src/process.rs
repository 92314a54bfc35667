//! One program of the cluster: its output in a file, its end with this value.

use std::{
    ffi::OsStr,
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{Context, Result};

pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    pub fn start(program: &Path, folder: &Path, arguments: &[impl AsRef<OsStr>]) -> Result<Self> {
        let name = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
        // Inside namespaces logs have a folder of their own, which is kept when the run fails.
        let logs = folder.join("logs");
        let log = if logs.is_dir() { logs.as_path() } else { folder }.join(format!("{name}.log"));
        // One that is started again goes on in its log.
        let output = File::options().create(true).append(true).open(&log);
        let output = output.context(format!("cannot write {}", log.display()))?;
        let errors = output.try_clone().context("cannot share the log")?;
        let mut command = dying_with_us(program);
        command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(output).stderr(errors);
        let child = command.spawn().context(format!("cannot start {name}"))?;
        Ok(Self { name, child, log })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// The last lines that it wrote.
    pub fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Its data goes with it, so there is nothing that it would have to write down first.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks the kernel, through util-linux, to end the program when this process is killed and can drop nothing.
fn dying_with_us(program: &Path) -> Command {
    let setpriv = ["/usr/bin/setpriv", "/bin/setpriv"].map(Path::new).into_iter().find(|path| path.exists());
    match setpriv {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "KILL"]).arg(program);
            command
        }
        None => Command::new(program),
    }
}
