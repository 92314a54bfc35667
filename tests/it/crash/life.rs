//! One life of the program: a process from its start to its death.

use std::{
    fs::{self, File},
    net::SocketAddr,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::standalone::process::run_command;

use super::{judge::Lived, wall};

pub struct Life {
    child: Child,
    log: PathBuf,
}

impl Life {
    /// Starts `probity run` over `dir/manifests` and `data`, with fail points where `arm` names them. What it says goes to
    /// `dir/life-N.log`.
    pub fn start(dir: &Path, data: &Path, number: usize, arm: &str) -> Self {
        let manifests = dir.join("manifests");
        let log = dir.join(format!("life-{number}.log"));
        let mut command = run_command(&[
            "--manifests",
            manifests.to_str().unwrap(),
            "--data-dir",
            data.to_str().unwrap(),
            "--listen",
            "127.0.0.1:0",
        ]);
        if !arm.is_empty() {
            command.env("PROBITY_FAILPOINT", arm);
        }
        let file = File::create(&log).unwrap();
        let child = command.stdin(Stdio::null()).stderr(file.try_clone().unwrap()).stdout(file).spawn().unwrap();
        Self { child, log }
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// # Panics
    /// When it has ended by itself.
    pub fn alive(&mut self) {
        let ended = self.ended();
        assert!(ended.is_none(), "it ended by itself ({ended:?}):\n{}", self.told());
    }

    /// SIGKILL, from outside.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    pub fn wait(&mut self) -> ExitStatus {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(begin.elapsed() < super::PATIENCE, "probity does not end:\n{}", self.told());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// What it said.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Since when it knows all that is configured.
    pub fn ready(&self) -> Option<i64> {
        let log = self.log();
        let line = log.lines().find(|line| line.contains("\"manifests read\""))?;
        let at = serde_json::from_str::<Value>(line).ok()?["timestamp"].as_str()?.parse::<jiff::Timestamp>().ok()?;
        Some(at.as_millisecond())
    }

    /// The time in which it could be held to what it saw, when it has ended now.
    pub fn lived(&self) -> Lived {
        Lived { from: self.ready().unwrap_or(i64::MAX), until: wall() }
    }

    /// Where it serves, once it has said so.
    pub fn address(&self) -> Option<SocketAddr> {
        let log = self.log();
        let line = log.lines().find(|line| line.contains("listening"))?;
        line.split('"').find_map(|word| word.parse().ok())
    }

    /// The end of what it said, for messages.
    pub fn told(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn was_killed(status: ExitStatus) -> bool {
    status.signal() == Some(Signal::KILL.as_raw())
}
