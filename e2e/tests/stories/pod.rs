//! Probity's own pod: what kubelet says of it, what containerd can do to it, and what it said last.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;

use crate::{
    Told,
    world::{World, eventually},
};

/// The release's pod in `namespace`, as kubelet last told; the one that stays, when another is ending.
pub fn pod(world: &World, namespace: &str) -> Result<Value, String> {
    let arguments =
        ["--namespace", namespace, "get", "pods", "--selector=app.kubernetes.io/name=probity", "-o", "json"];
    let said = world.kubectl.must(arguments)?;
    let mut list: Value = serde_json::from_str(&said).map_err(|error| error.to_string())?;
    let items = list["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let stays = |pod: &Value| pod["metadata"]["deletionTimestamp"].is_null();
    items.into_iter().find(stays).ok_or_else(|| "there is no pod of Probity's".to_owned())
}

pub fn name(pod: &Value) -> String {
    pod["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

/// What kubelet says of its one container.
pub fn container(pod: &Value) -> &Value {
    &pod["status"]["containerStatuses"][0]
}

/// How often kubelet has started the container again.
pub fn restarts(world: &World, namespace: &str) -> Result<u64, String> {
    container(&pod(world, namespace)?)["restartCount"].as_u64().ok_or_else(|| "no container yet".to_owned())
}

/// Sends a signal to every process of the container.
pub fn signal(world: &World, namespace: &str, signal: &str) -> Told {
    let id = id(&pod(world, namespace)?);
    let node = world.node.as_ref().ok_or("no node")?;
    said(node.ctr().args(["tasks", "kill", "--signal", signal, "--all", &id])).map(drop)
}

/// The container's process, as this machine knows it; None in a cluster of the user's own.
pub fn process(world: &World, namespace: &str) -> Result<Option<u32>, String> {
    let id = id(&pod(world, namespace)?);
    let Some(node) = &world.node else { return Ok(None) };
    let tasks = said(node.ctr().args(["tasks", "list"]))?;
    // TASK PID STATUS
    let line = tasks.lines().find_map(|line| line.strip_prefix(&id)).ok_or("the container does not run")?;
    let process = line.split_whitespace().next().and_then(|process| process.parse().ok());
    process.map(Some).ok_or_else(|| format!("ctr says {line:?}"))
}

fn id(pod: &Value) -> String {
    container(pod)["containerID"].as_str().unwrap_or_default().trim_start_matches("containerd://").to_owned()
}

/// What a command that must succeed says.
pub fn said(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("cannot run {command:?}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(format!("{command:?}: {}", text(&output.stderr)))
    }
}

/// Listens to a pod that is about to go, and takes what it says with it.
pub struct Last {
    processes: [Child; 2],
    log: PathBuf,
    codes: PathBuf,
}

impl Last {
    pub fn of(world: &World, namespace: &str) -> Result<Self, String> {
        let name = name(&pod(world, namespace)?);
        let [log, codes] = ["log", "codes"].map(|kind| world.folder().join(format!("{name}.{kind}")));
        let path = "--output=jsonpath={.status.containerStatuses[0].state.terminated.exitCode}{\"\\n\"}";
        let here = ["--namespace", namespace];
        let follow = |arguments: &[&str], file: &PathBuf| {
            let file = fs::File::create(file).map_err(|error| error.to_string())?;
            let mut command = world.kubectl.command();
            command.args(here).args(arguments).stdin(Stdio::null()).stdout(file).stderr(Stdio::null());
            command.spawn().map_err(|error| format!("cannot run kubectl: {error}"))
        };
        let processes =
            [follow(&["logs", "--follow", &name], &log)?, follow(&["get", "pod", &name, "--watch", path], &codes)?];
        let last = Self { processes, log, codes };
        // It listens from the moment on when it has heard something.
        eventually("the log of the pod is read", Duration::from_secs(10), || {
            let heard = [&last.log, &last.codes].map(|file| fs::metadata(file).map_or(0, |file| file.len()));
            if heard.iter().all(|&length| length > 0) { Ok(()) } else { Err(format!("{heard:?} bytes")) }
        })?;
        Ok(last)
    }

    /// That it has ended in order: its exit code was 0, and its log says so to the last line.
    pub fn must_be_orderly(&self) -> Told {
        let code = eventually("the exit code", Duration::from_secs(30), || {
            let codes = fs::read_to_string(&self.codes).map_err(|error| error.to_string())?;
            let code = codes.lines().find(|line| !line.trim().is_empty()).map(str::to_owned);
            code.ok_or_else(|| "it has not ended".to_owned())
        })?;
        if code != "0" {
            return Err(format!("its exit code is {code}"));
        }
        orderly(&fs::read_to_string(&self.log).map_err(|error| error.to_string())?)
    }
}

impl Drop for Last {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Whether the log of one that ended tells of an end in order: the signal, each part, the whole, and no complaint.
pub fn orderly(log: &str) -> Told {
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let told = lines.iter().position(|line| line["signal"] == "SIGTERM" && line["level"] == "info");
    let Some(told) = told else { return Err(format!("its log does not tell of the signal:\n{log}")) };
    let after = &lines[told..];
    if let Some(complaint) = after.iter().find(|line| line["level"] == "warn" || line["level"] == "error") {
        return Err(format!("after the signal it complains: {complaint}"));
    }
    for task in ["engine", "source", "server", "status", "events", "discovery", "guard"] {
        if !after.iter().any(|line| line["task"] == task && line["message"] == "stopped") {
            return Err(format!("its log does not say that {task} has stopped:\n{log}"));
        }
    }
    match after.last() {
        Some(line) if line["message"] == "stopped" && line["task"].is_null() => Ok(()),
        other => Err(format!("its last line is {other:?}")),
    }
}
