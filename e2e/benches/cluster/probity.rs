//! The program as a process of its own, so that its memory and its CPU are its own. Ends with its value.

use std::{
    fs::File,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use e2e::Api;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{
    World,
    measure::{cpu, memory, resident},
    until,
};

const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);

pub struct Probity {
    child: Child,
    log: PathBuf,
    api: Api,
    /// From its start until it said so.
    pub ready: Duration,
}

impl Probity {
    /// Starts it on the store that the one before has left, and waits until it is ready.
    pub fn start(world: &World, more: &[&str]) -> Result<Self, String> {
        let folder = world.cluster.folder();
        let log = folder.join("probity.log");
        let output = File::create(&log).map_err(|error| error.to_string())?;
        let kubeconfig = world.cluster.kubeconfig().ok_or("there is no kubeconfig")?;
        let begin = Instant::now();
        let child = Command::new(&world.program)
            .args(["--log-format", "json", "run", "--listen", "127.0.0.1:0", "--open-reads"])
            // Where targets are, and where nothing is sent to: the addresses of endpoints that are only written down.
            .args(["--allow-cidr", "127.0.0.0/8", "--deny-cidr", "192.0.2.0/24", "--data-dir"])
            .arg(folder.join("data"))
            .args(more)
            .env("KUBECONFIG", kubeconfig)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", world.program.display()))?;
        let mut probity = Self { child, log, api: Api::new(0), ready: Duration::ZERO };
        let port = until("listening", PATIENCE, POLL, || probity.alive().map(|()| probity.port()))?;
        probity.api = Api::new(port);
        until("ready", PATIENCE, POLL, || {
            probity.alive()?;
            let answer = probity.api.get("/health/readiness");
            Ok(answer.is_ok_and(|answer| answer.is_success()).then_some(()))
        })?;
        probity.ready = begin.elapsed();
        Ok(probity)
    }

    fn alive(&mut self) -> Result<(), String> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            ended => Err(format!("probity has ended ({ended:?}):\n{}", self.said())),
        }
    }

    fn port(&self) -> Option<u16> {
        let said = self.said();
        let lines = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["message"] == "listening").find_map(|line| {
            let address = line["address"].as_str()?;
            address.rsplit_once(':')?.1.parse().ok()
        })
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// All of its metrics.
    pub fn metrics(&self) -> Result<String, String> {
        match self.api.get("/metrics")?.body {
            Value::String(text) => Ok(text),
            other => Err(format!("/metrics: {other}")),
        }
    }

    /// The names of the targets that a check of the namespace default has now.
    pub fn targets(&self, check: &str) -> Result<Vec<String>, String> {
        let answer = self.api.get(&format!("/api/v1/healthchecks/default/{check}"))?;
        let names = answer.body["details"].as_array().into_iter().flatten();
        Ok(names.filter_map(|target| target["target"].as_str().map(str::to_owned)).collect())
    }

    pub fn cpu(&self) -> Duration {
        cpu(self.child.id())
    }

    /// Resident memory now, in MB.
    pub fn resident(&self) -> f64 {
        resident(self.child.id())
    }

    /// The most that it ever was.
    pub fn peak(&self) -> f64 {
        memory(self.child.id(), "VmHWM:")
    }

    /// Ends it in order, with everything on disk.
    pub fn stop(mut self) -> Result<(), String> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).map_err(|error| error.to_string())?;
        let ended = self.child.wait().map_err(|error| error.to_string())?;
        if ended.success() { Ok(()) } else { Err(format!("probity ended with {ended}:\n{}", self.said())) }
    }
}

impl Drop for Probity {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Probes that were due and did not begin for want of places or of time. (That the first run of a check, which is at
/// once, is still under way when its regular one is due is an overlap, and no such want.)
pub fn skipped(metrics: &str) -> f64 {
    let of = |reason: &str| {
        let series = format!("probity_probes_skipped_total{{reason=\"{reason}\"}} ");
        metrics.lines().find_map(|line| line.strip_prefix(&series)?.parse::<f64>().ok()).unwrap_or(0.0)
    };
    of("capacity") + of("stall")
}
