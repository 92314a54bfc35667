//! What tests do to the running program: ask until it is so, signal, wait for the end.

use std::{
    process::ExitStatus,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{
    process::Probity,
    wire::{self, Answer, PATIENCE},
};

impl Probity {
    pub fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        wire::get(self.address, path, headers).unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    /// Asks again and again until the answer is as wanted; fails with the last one when it never is.
    pub fn wait_for<T>(&self, path: &str, mut wanted: impl FnMut(&Answer) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            let answer = self.get(path);
            if let Some(found) = wanted(&answer) {
                return found;
            }
            assert!(Instant::now() < end, "GET {path} never came out as wanted:\n{}", answer.text());
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits for a log line, as JSON.
    pub fn wait_for_line(&self, wanted: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let lines: Vec<_> = self.log.lock().clone();
            let mut parsed = lines.iter().filter_map(|line| serde_json::from_str(line).ok());
            if let Some(found) = parsed.find(&wanted) {
                return found;
            }
            assert!(Instant::now() < end, "the log line never came:\n{}", self.told());
            thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Sends the signal and waits for the end.
    pub fn stop(mut self, signal: Signal) -> (ExitStatus, Vec<String>) {
        self.signal(signal);
        let status = self.wait();
        (status, self.log.lock().clone())
    }

    /// Waits for the process to end by itself.
    pub fn wait(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "probity does not end:\n{}", self.told());
            thread::sleep(Duration::from_millis(10));
        }
    }
}
