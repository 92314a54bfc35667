//! The command line: arguments, one file per command, exit codes.
//!
//! Exit codes: 0 good, 1 found something bad, 2 bad input or usage, 3 could not run.

mod ack;
mod ask;
mod audit;
mod check;
mod completion;
mod crds;
pub mod egress;
mod exit;
mod notify;
mod run;
mod status;
mod test;
mod validate;
mod why;
mod xml;

use clap::{Parser, Subcommand, ValueEnum};

pub use exit::Exit;

/// Probes services, evaluates alerts, keeps error budgets and tells people.
#[derive(Debug, Parser)]
#[command(name = "probity", version, about, propagate_version = true, max_term_width = 110)]
pub struct Cli {
    /// How log lines look [default: text on a terminal, else json]
    #[arg(long, global = true, display_order = GLOBAL, env = "PROBITY_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// The least serious lines to log: error, warn, info, debug, trace, or a tracing filter
    #[arg(
        long,
        global = true,
        display_order = GLOBAL,
        env = "PROBITY_LOG_LEVEL",
        default_value = "info",
        value_name = "LEVEL"
    )]
    pub log_level: String,
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command stand behind those of the one that is asked about.
const GLOBAL: usize = 900;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Json,
    Text,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs checks from a cluster or from manifest files, on and on
    Run(Box<run::Args>),
    /// Runs every check once and tells how it went
    ///
    /// One run decides: thresholds count as 1. The exit code is 0 when all are well or degraded, 1 when one is
    /// Unhealthy or Unknown, 2 when there are mistakes in what was given (nothing is run then), 3 when nothing
    /// could be run.
    Check(check::Args),
    /// Finds every mistake in manifests; runs nothing
    ///
    /// All files are judged as one set: Secrets and ConfigMaps among them serve what refers to them. The exit
    /// code is 0 when there is no mistake, 2 when there is one, 3 when a file could not be read.
    Validate(validate::Args),
    /// Runs unit tests of rules over given results; offline, in no time
    ///
    /// A test file says what checks and queries see over time, and what is expected: which alerts are pending or
    /// fire, and who is told of what, when. The decisions are those of `run`. The exit code is 0 when all tests
    /// pass, 1 when one fails, 2 when there are mistakes in what was given (nothing is run then), 3 when a file
    /// could not be read.
    Test(test::Args),
    /// Tells what a running Probity sees now
    ///
    /// The worst comes first. The exit code is 0 when all checks are well or degraded, 1 when one is Unhealthy
    /// or Unknown, 3 when the server cannot be asked.
    Status(status::Args),
    /// Reads the audit trail, and proves that no row is missing or changed
    ///
    /// What happened, oldest first: transitions, what was told to whom, what was not and why. The exit code is 0,
    /// or 1 when `verify` finds a row that is missing or changed, 3 when the trail cannot be read.
    Audit(Box<audit::Args>),
    /// Tells what happened to an alert, or why nobody was told
    ///
    /// In words, and what matters most first: who was told and what they answered, who was not and which silence,
    /// window, rule, check or limit is why, and what happens next. Times are UTC. The exit code is 2 when nothing is
    /// known of what was asked, 3 when the server or the trail cannot be read.
    Why(Box<why::Args>),
    /// Tries the channels that people are told by
    Notify(Box<notify::Args>),
    /// Says that somebody acts on an alert
    ///
    /// Until it is resolved it is told to no more people, and not told again. The exit code is 0, or 1 when no such
    /// alert fires, 2 when several have the name, 3 when the server cannot be asked.
    Ack(ack::Args),
    /// Prints the CustomResourceDefinitions
    Crds(crds::Args),
    /// Prints a completion script for a shell
    Completion(completion::Args),
}

/// Parses the arguments, runs the command, and gives the process's exit code.
pub fn main() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are good; everything else is usage.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Good };
            let _ = error.print();
            return exit;
        }
    };
    match &cli.command {
        Command::Run(args) => run::run(&cli, args),
        Command::Check(args) => check::run(&cli, args),
        Command::Validate(args) => validate::run(&cli, args),
        Command::Test(args) => test::run(args),
        Command::Status(args) => status::run(&cli, args),
        Command::Audit(args) => audit::run(args),
        Command::Why(args) => why::run(args),
        Command::Notify(args) => notify::run(&cli, args),
        Command::Ack(args) => ack::run(args),
        Command::Crds(args) => crds::run(args),
        Command::Completion(args) => completion::run(args),
    }
}

/// An error and what caused it, on one line.
fn with_source(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", with_source(source)),
        None => error.to_string(),
    }
}

/// Without control characters: what goes to a terminal may hold what others wrote.
fn plain(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}
