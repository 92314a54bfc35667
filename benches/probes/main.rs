//! What a probe costs: the real program beside a bare loop, in one run, on the same server.
//!
//! `cargo bench --bench probes` runs everything; `-- http`, `-- silent`, `-- https`, `-- start` only that
//! part; `--quick` makes the windows shorter. It prints one table and fails when a bound does not hold.
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

use std::{process::ExitCode, time::Duration};

use figures::Figures;

/// How long each part is looked at.
pub struct Plan {
    /// Before anything is measured: connections, caches and histories have settled.
    pub warm_up: Duration,
    pub window: Duration,
    pub checks: u32,
}

impl Plan {
    fn new(quick: bool) -> Self {
        let seconds = Duration::from_secs;
        if quick {
            Self { warm_up: seconds(12), window: seconds(10), checks: 10_000 }
        } else {
            Self { warm_up: seconds(30), window: seconds(60), checks: 10_000 }
        }
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
    let plan = Plan::new(arguments.iter().any(|argument| argument == "--quick"));
    let parts: Vec<_> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
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
