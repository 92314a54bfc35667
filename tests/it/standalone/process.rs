//! The real program as a process of its own: it starts, serves, is asked, and ends with its value. Used by the
//! benchmarks too; what only tests want of it is in `control`.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, mpsc},
    thread,
};

use parking_lot::Mutex;

use super::wire::{self, Answer, PATIENCE};

/// A `probity run` that serves on a port of its own choice.
pub struct Probity {
    pub child: Child,
    pub address: SocketAddr,
    /// Every line that it has written so far, to standard output and standard error.
    pub log: Arc<Mutex<Vec<String>>>,
}

/// `probity run` with these arguments, as a command that does not know the environment's `PROBITY_…`.
pub fn run_command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_probity"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PROBITY_") {
            command.env_remove(name);
        }
    }
    command.args(["--log-format", "json", "run"]).args(arguments);
    command
}

impl Probity {
    /// Starts `probity run` on a free port over `manifests` with its store in `data`, and waits until it serves.
    pub fn start(manifests: &Path, data: &Path, more: &[&str]) -> Self {
        let mut arguments = vec!["--manifests", manifests.to_str().unwrap(), "--data-dir", data.to_str().unwrap()];
        if !more.contains(&"--listen") {
            arguments.extend(["--listen", "127.0.0.1:0"]);
        }
        arguments.extend(more);
        Self::spawn(run_command(&arguments))
    }

    /// Starts a command that ends in `probity run`, and waits until it serves.
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (tell, told) = mpsc::channel();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        follow(out, log.clone(), tell.clone());
        follow(err, log.clone(), tell);
        match told.recv_timeout(PATIENCE) {
            Ok(address) => Self { child, address, log },
            Err(_) => {
                let _ = child.kill();
                let status = child.wait();
                panic!("probity never said where it listens ({status:?}):\n{}", tail(&log.lock()));
            }
        }
    }

    /// The end of what it wrote, for messages.
    pub fn told(&self) -> String {
        tail(&self.log.lock())
    }

    /// # Panics
    /// When there is no answer; then with all that the program wrote.
    pub fn get(&self, path: &str) -> Answer {
        wire::get(self.address, path, &[]).unwrap_or_else(|error| panic!("GET {path}: {error}\n{}", self.told()))
    }
}

/// The last lines: a thousand checks have a lot to say.
fn tail(log: &[String]) -> String {
    log[log.len().saturating_sub(40)..].join("\n")
}

impl Drop for Probity {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Gathers lines, and tells the address from the one that says `listening`.
fn follow(stream: impl std::io::Read + Send + 'static, log: Arc<Mutex<Vec<String>>>, tell: mpsc::Sender<SocketAddr>) {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if line.contains("listening")
                && let Some(address) = address_in(&line)
            {
                let _ = tell.send(address);
            }
            log.lock().push(line);
        }
    });
}

fn address_in(line: &str) -> Option<SocketAddr> {
    line.split(['"', ' ', '/', '=']).find_map(|word| word.parse().ok())
}
