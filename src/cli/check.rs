//! `probity check`: every HealthCheck once, and an exit code that says how it went.
//!
//! Owns the one-off run and its reports; the probes, the judging and the JSON are those of `probity run`.

mod execute;
mod gather;
mod junit;
mod table;
mod url;

use std::{
    io::{IsTerminal as _, Write as _},
    sync::Arc,
};

use clap::ValueEnum;

use super::{Cli, Exit, egress::EgressArgs};
use crate::{
    clock::Clock,
    net::Net,
    probe::Context,
    server::detailed::{self, Detailed},
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  probity check manifests/\n  probity check https://example.com/ tcp://127.0.0.1:5432\n  \
                  probity check tls://example.com:443 'dns://9.9.9.9/example.com?type=MX'\n  \
                  probity check manifests/ -o junit > report.xml"
)]
pub struct Args {
    /// Manifest files, folders of them, and URLs: http://, https://, tcp://host:port, tls://host:port,
    /// dns://server/name?type=A
    #[arg(required = true, value_name = "PATH|URL")]
    pub targets: Vec<String>,
    /// How to tell: a table, the JSON of /health/detailed, or JUnit XML
    #[arg(short, long, value_enum, default_value = "table", value_name = "FORMAT")]
    pub output: Format,
    #[command(flatten)]
    pub egress: EgressArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Json,
    Junit,
}

pub fn run(_cli: &Cli, args: &Args) -> Exit {
    let gathered = match gather::gather(&args.targets) {
        Ok(gathered) => gathered,
        Err(refusal) => {
            eprint!("{}", refusal.text);
            return refusal.exit;
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("probity check: cannot start: {error}");
            return Exit::CouldNotRun;
        }
    };
    let clock = Clock::system();
    let net = Arc::new(Net::new(args.egress.stand_alone(), clock.clone()));
    let context = Context::new(clock.clone(), net);
    // A bar among the output of a script, or in a log, is noise.
    let progress = std::io::stderr().is_terminal() && std::io::stdout().is_terminal();
    let mut rows = runtime.block_on(execute::run(&context, &gathered.checks, progress));
    rows.extend(gathered.unsupported.iter().map(|(key, message)| execute::unsupported(key, message)));
    rows.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));

    let report = detailed::report(rows, clock.wall());
    let text = match args.output {
        Format::Table => table::render(report.rows()),
        Format::Junit => junit::document(report.rows()),
        Format::Json => match json(&report) {
            Ok(text) => text,
            Err(error) => {
                eprintln!("probity check: cannot write the report: {error}");
                return Exit::CouldNotRun;
            }
        },
    };
    if let Err(error) = std::io::stdout().lock().write_all(text.as_bytes())
        // Whoever reads has seen enough, as `head` does.
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        eprintln!("probity check: cannot write to standard output: {error}");
        return Exit::CouldNotRun;
    }
    if report.is_bad() { Exit::Bad } else { Exit::Good }
}

fn json(report: &Detailed) -> Result<String, serde_json::Error> {
    Ok(format!("{}\n", serde_json::to_string_pretty(report)?))
}
