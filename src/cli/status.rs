//! `probity status`: what a running Probity sees now, checks, SLOs and alerts, as tables or as JSON.

mod alerts;
mod fetch;
mod slos;
mod table;

use std::io::{IsTerminal as _, Write as _};

use clap::ValueEnum;

use super::{Cli, Exit, ask::Place};
use crate::clock::Clock;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  probity status\n  probity status --server https://probity.example:8080 --api-token-file token\n  \
                  probity status -o json | jq .failed_checks"
)]
pub struct Args {
    #[command(flatten)]
    pub server: Place,
    /// How to tell: tables, or the JSON of /health/detailed with slotargets, alertrules and channels beside
    #[arg(short, long, value_enum, default_value = "table", value_name = "FORMAT")]
    pub output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Json,
}

pub fn run(_cli: &Cli, args: &Args) -> Exit {
    let clock = Clock::system();
    let told = match fetch::ask(args, &clock) {
        Ok(told) => told,
        Err(error) => {
            eprintln!("probity status: {error}");
            return error.exit();
        }
    };
    let text = match args.output {
        Format::Json => told.json,
        Format::Table => {
            let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
            let now = clock.wall();
            table::render(told.checks, now, colour)
                + &slos::render(told.slos)
                + &alerts::render(&told.rules, &told.channels, now)
        }
    };
    if let Err(error) = std::io::stdout().lock().write_all(text.as_bytes())
        // Whoever reads has seen enough, as `head` does.
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        eprintln!("probity status: cannot write to standard output: {error}");
        return Exit::CouldNotRun;
    }
    if told.bad { Exit::Bad } else { Exit::Good }
}
