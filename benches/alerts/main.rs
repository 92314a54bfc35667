//! What alerting is held to: from a probe's end to the receiver, thousands of rules on time, and a burst.
//!
//! `cargo bench -p probity --bench alerts` runs everything; `-- delay`, `-- history`, `-- promql`, `-- burst` only that part;
//! `--quick` makes the windows shorter. It prints one table and fails when a bound does not hold. `promql` needs Prometheus.
//!
//! What is measured is the real program as a process of its own; what it probes, asks and tells is in this one.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a benchmark fails by panicking, reads clocks, and is not the program"
)]

mod burst;
mod delay;
#[path = "../probes/figures.rs"]
mod figures;
mod history;
#[path = "../probes/measure.rs"]
mod measure;
mod peers;
#[path = "../../tests/it/standalone/process.rs"]
mod process;
mod promql;
#[path = "../../tests/it/standalone/wire.rs"]
mod wire;
mod world;

use std::{process::ExitCode, time::Duration};

use figures::Figures;

/// How long each part is looked at.
pub struct Plan {
    /// Over how long evaluations are counted: several rounds of all rules.
    pub window: Duration,
    /// How often everything fails.
    pub rounds: usize,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let (window, rounds) = if has("--quick") { (30, 1) } else { (90, 3) };
    let plan = Plan { window: Duration::from_secs(window), rounds };
    let known = ["delay", "history", "promql", "burst"];
    let wanted = |part: &str| has(part) || !known.iter().any(|known| has(known));

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let _servers = runtime.enter();
    let mut figures = Figures::default();
    if wanted("delay") {
        delay::run(&plan, &mut figures);
    }
    if wanted("history") {
        history::run(&plan, &mut figures);
    }
    if wanted("promql") {
        promql::run(&plan, &mut figures);
    }
    if wanted("burst") {
        burst::run(&mut figures);
    }
    figures.print();
    if figures.all_hold() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
