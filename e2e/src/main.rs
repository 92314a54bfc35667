//! Runs a command with a whole Kubernetes around it: `cargo run -p e2e -- kubectl get nodes`.
//!
//! For trying things. `kubectl`, `helm` and `ctr` (of the machine) know the cluster; it ends with the command.

use std::process::{Command, ExitCode};

use e2e::{Node, Result, Tools};

fn main() -> ExitCode {
    match run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("e2e: {error}");
            ExitCode::from(3)
        }
    }
}

fn run() -> Result<u8> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((program, rest)) = arguments.split_first() else {
        return Err(
            "name a command to run with a cluster around it, as in: cargo run -p e2e -- kubectl get nodes".to_owned()
        );
    };
    let Some(folder) = e2e::inside() else {
        if let Some(obstacle) = e2e::obstacle() {
            return Err(obstacle);
        }
        Tools::find_all()?;
        let ended = e2e::enter(&arguments)?;
        if let Some(logs) = ended.logs {
            eprintln!("e2e: its logs are in {}", logs.display());
        }
        return Ok(u8::try_from(ended.code).unwrap_or(1));
    };
    let tools = Tools::find_all()?;
    let node = Node::start(&tools, &folder)?;
    let path = std::env::var("PATH").unwrap_or_default();
    let status = Command::new(program)
        .args(rest)
        .env("PATH", format!("{}:{path}", tools.folder().display()))
        .env("KUBECONFIG", node.kubeconfig())
        .env("CONTAINERD_ADDRESS", node.containerd())
        .env("CONTAINERD_NAMESPACE", "k8s.io")
        .status()
        .map_err(|error| format!("cannot run {program}: {error}"))?;
    Ok(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1))
}
