//! This binary in another mode: a process of its own whose CPU time is its own.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use super::{floor, server};

pub const MODE: &str = "--child";

/// What the child is to be.
pub fn main(role: &str, arguments: &[String]) {
    match (role, arguments) {
        ("server", []) => server::main(),
        ("floor", [port, targets, every_ms, ca @ ..]) => floor::main(
            port.parse().unwrap(),
            targets.parse().unwrap(),
            every_ms.parse().unwrap(),
            ca.first().map(String::as_str),
        ),
        other => panic!("there is no role {other:?}"),
    }
}

/// A running child; it ends with this value.
pub struct Role {
    child: Child,
    /// The line that it said when it was ready.
    pub ready: String,
}

impl Role {
    pub fn start(role: &str, arguments: &[String]) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([MODE, role])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        assert!(!ready.is_empty(), "the {role} did not start");
        Self { child, ready: ready.trim().to_owned() }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// As many connections at once as the system lets us have.
pub fn raise_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // Refused only where a policy forbids even the hard limit; then what there is has to do.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap()
}
