//! What a probe costs: the real program beside a bare loop, in one run, on the same server.
//!
//! `cargo bench --bench probes` runs everything; `-- http`, `-- silent`, `-- https`, `-- start` only that
//! part; `--quick` makes the windows shorter and starts on an empty store in place of one with 30 days of
//! history; `--store DIR` starts on what is there. It prints one table and fails when a bound does not hold.
//!
//! The server and the bare loops are this binary again, in other modes, so that each has its own CPU time.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a benchmark fails by panicking, reads clocks, and is not the program"
)]

mod child;
mod figures;
mod floor;
mod http;
mod https;
mod manifests;
mod measure;
#[path = "../../tests/it/standalone/process.rs"]
mod process;
mod server;
mod start;
#[path = "../../tests/it/standalone/wire.rs"]
mod wire;

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Duration,
};

use figures::Figures;

/// How long each part is looked at.
pub struct Plan {
    /// Before anything is measured: connections, caches and histories have settled.
    pub warm_up: Duration,
    pub window: Duration,
    pub checks: u32,
    /// Whether the first load starts on 30 days of history.
    pub history: bool,
    /// Where that is already.
    pub store: Option<PathBuf>,
}

/// How much history there is to start on.
pub const DAYS: u32 = 30;

impl Plan {
    fn new(quick: bool, store: Option<PathBuf>) -> Self {
        let (warm_up, window) = if quick { (12, 10) } else { (30, 60) };
        Self {
            warm_up: Duration::from_secs(warm_up),
            window: Duration::from_secs(window),
            checks: 10_000,
            history: !quick || store.is_some(),
            store,
        }
    }

    /// A data folder with the history that is wanted, in `folder` unless it is somewhere already.
    pub fn data(&self, folder: &Path) -> PathBuf {
        let data = self.store.clone().unwrap_or_else(|| folder.join("data"));
        if self.history && self.store.is_none() {
            // The store's own benchmark knows how to write one, and is built when it is asked.
            let (checks, days) = (self.checks.to_string(), DAYS.to_string());
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let status = Command::new(cargo)
                .args(["bench", "--quiet", "--bench", "store", "--", "--targets", &checks, "--days", &days, "--fill"])
                .arg(&data)
                .status()
                .unwrap();
            assert!(status.success(), "the history could not be written");
        }
        data
    }
}

fn main() -> ExitCode {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [mode, role, rest @ ..] = arguments.as_slice()
        && mode == child::MODE
    {
        child::main(role, rest);
        return ExitCode::SUCCESS;
    }
    let store = arguments.iter().position(|argument| argument == "--store").map(|at| PathBuf::from(&arguments[at + 1]));
    let plan = Plan::new(arguments.iter().any(|argument| argument == "--quick"), store);
    let known = ["start", "http", "silent", "https"];
    let parts: Vec<_> = arguments.iter().filter(|argument| known.contains(&argument.as_str())).collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|name| *name == part);

    let mut figures = Figures::default();
    if wanted("start") {
        start::run(&mut figures);
    }
    if wanted("http") {
        http::run(&plan, &mut figures);
    }
    if wanted("silent") {
        http::run_silent(&plan, &mut figures);
    }
    if wanted("https") {
        https::run(&plan, &mut figures);
    }
    figures.print();
    if figures.all_hold() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
