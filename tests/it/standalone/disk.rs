//! A disk that is full stops neither probing nor the server.

use std::{fs, path::Path, process::Command};

use super::{
    process::{Probity, run_command},
    target::Target,
    write_checks,
};

/// The command in a mount namespace of its own, with a tmpfs of `size` at `mount`: it is gone with the process,
/// whatever becomes of the test.
fn on_tmpfs(command: &Command, mount: &Path, size: &str) -> Command {
    let mut wrapped = Command::new("unshare");
    // Root may mount; anyone else only as root of a user namespace.
    if !rustix::process::geteuid().is_root() {
        wrapped.arg("--map-root-user");
    }
    let script = format!("mount -t tmpfs -o size={size} tmpfs \"$0\" && exec \"$@\"");
    wrapped.args(["--mount", "sh", "-c", &script]).arg(mount).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    wrapped
}

#[test]
fn a_full_disk_is_told_and_probing_goes_on_needs_tmpfs() {
    let folder = tempfile::tempdir().unwrap();
    let (checks, disk) = (folder.path().join("checks"), folder.path().join("disk"));
    fs::create_dir(&disk).unwrap();
    let target = Target::start();
    write_checks(&checks, 200, "1s", &target);
    let data = disk.join("data");
    let run = run_command(&[
        "--manifests",
        checks.to_str().unwrap(),
        "--data-dir",
        data.to_str().unwrap(),
        "--listen",
        "127.0.0.1:0",
    ]);
    // Room for the empty database and its log, and for little more.
    let probity = Probity::spawn(on_tmpfs(&run, &disk, "256k"));
    probity.wait_for_line(|line| {
        let message = line["message"].as_str().unwrap_or_default();
        message.contains("the disk is full") && message.contains(data.to_str().unwrap())
    });
    let runs = |probity: &Probity| -> f64 {
        let text = probity.get("/metrics").text();
        let lines = text.lines().filter(|line| line.starts_with("probity_probe_runs_total{"));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    };
    let before = runs(&probity);
    probity.wait_for("/metrics", |_| (runs(&probity) > before + 400.0).then_some(()));
    assert_eq!(probity.get("/health/detailed").json()["status"], "healthy");
    let (status, log) = probity.stop(rustix::process::Signal::TERM);
    assert_eq!(status.code(), Some(0), "{}", log.join("\n"));
}
