//! `probity audit`: tells what the audit trail holds, and proves it. From a server, or from a data folder.

mod line;
mod origin;

use std::{io::Write as _, path::PathBuf};

use clap::{Subcommand, ValueEnum};
use serde_json::json;

use super::{Exit, ask};
use crate::{
    audit::{Broken, Head, Item, Kind, Proof, Verifier},
    clock::Clock,
};

use origin::{Origin, OriginError};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  probity audit --since 24h --alert HighErrorRate
  probity audit --kind notification -o json | jq '.[].entry.answer'
  probity audit verify
  probity audit verify --data-dir /var/lib/probity --head \"$KEPT\"")]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    server: ask::Place,
    /// Read this data folder itself, in place of asking a server; a process may be using it
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// How to tell: a line per row, or JSON with all that a row's proof needs
    #[arg(short, long, global = true, value_enum, default_value = "table", value_name = "FORMAT")]
    output: Format,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Proves that no row is missing or changed
    ///
    /// Whoever may write into the database could cut the trail's end off. That shows against a head that was kept
    /// elsewhere: it is on the first and the last log line of the store, and a label of probity_store_audit_head_info.
    Verify {
        /// A head that was kept: the trail must still hold that row, and all before it
        #[arg(long, value_name = "CHAIN:SEQ:DIGEST")]
        head: Option<Head>,
    },
}

/// Which rows are told.
#[derive(Debug, clap::Args)]
pub struct Filter {
    /// Rows from this moment on: RFC 3339, or how long ago, as in 90m or 7d
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Rows before this moment
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// Rows about alerts of this name or fingerprint, and the attempts at telling them
    #[arg(long, value_name = "ALERT", group = "about")]
    alert: Option<String>,
    /// Rows about alerts of this AlertRule: NAME or NAMESPACE/NAME
    #[arg(long, value_name = "RULE", group = "about")]
    rule: Option<String>,
    /// Rows about the notification of this id
    #[arg(long, value_name = "ID", group = "about")]
    notification: Option<String>,
    /// Rows of this kind: transition, told, suppression, notification, silence, ack, rule, gap, cut or start
    #[arg(long, value_name = "KIND")]
    kind: Option<Kind>,
    /// Rows of this namespace
    #[arg(long, value_name = "NS")]
    namespace: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
}

pub fn run(args: &Args) -> Exit {
    let clock = Clock::system();
    let done = match (&args.command, Origin::open(args, &clock)) {
        (_, Err(error)) => Err(error),
        (None, Ok(mut origin)) => tell(&mut origin, &args.filter, args.output),
        (Some(Command::Verify { head }), Ok(mut origin)) => verify(&mut origin, *head, args.output),
    };
    done.unwrap_or_else(|error| {
        eprintln!("probity audit: {error}");
        error.exit()
    })
}

fn tell(origin: &mut Origin<'_>, filter: &Filter, output: Format) -> Result<Exit, OriginError> {
    let (mut after, mut any) = (None, false);
    loop {
        let (rows, next) = origin.page(filter, after.as_deref())?;
        let mut text = String::new();
        for row in &rows {
            match output {
                Format::Table => {
                    if !any {
                        text.push_str(&line::head());
                    }
                    text.push_str(&line::row(row));
                }
                Format::Json => {
                    let item = serde_json::to_string(&Item::of(row)).unwrap_or_default();
                    text.push_str(&format!("{}\n{item}", if any { "," } else { "[" }));
                }
            }
            any = true;
        }
        if next.is_none() {
            text.push_str(match (output, any) {
                (Format::Json, true) => "\n]\n",
                (Format::Json, false) => "[]\n",
                (Format::Table, true) => "",
                (Format::Table, false) => "No rows.\n",
            });
        }
        if let Some(exit) = print(&text) {
            return Ok(exit);
        }
        match next {
            Some(next) => after = Some(next),
            None => return Ok(Exit::Good),
        }
    }
}

fn verify(origin: &mut Origin<'_>, head: Option<Head>, output: Format) -> Result<Exit, OriginError> {
    let (mut verifier, mut after) = (Verifier::new(head), None);
    let proven = loop {
        let (rows, next) = origin.chain(after.as_deref())?;
        if let Err(broken) = rows.iter().try_for_each(|row| verifier.take(row)) {
            break Err(broken);
        }
        match next {
            Some(next) => after = Some(next),
            None => break verifier.finish(),
        }
    };
    let text = match output {
        Format::Table => sentence(&proven),
        Format::Json => format!("{:#}\n", verdict(&proven)),
    };
    let exit = if proven.is_ok() { Exit::Good } else { Exit::Bad };
    Ok(print(&text).unwrap_or(exit))
}

fn sentence(proven: &Result<Proof, Broken>) -> String {
    match proven {
        Ok(Proof { head: Some(head), rows, chains, cut }) => {
            let cut = cut.map_or(String::new(), |cut| format!(", rows up to {} were cut for their age", cut.place));
            format!("The trail is whole: {rows} rows in {chains} chains{cut}.\nIts head is {head}\n")
        }
        Ok(Proof { head: None, .. }) => "The trail is empty.\n".to_owned(),
        Err(broken) => format!("The trail is broken at {broken}.\n"),
    }
}

fn verdict(proven: &Result<Proof, Broken>) -> serde_json::Value {
    match proven {
        Ok(Proof { head, rows, chains, cut }) => {
            json!({"whole": true, "rows": rows, "chains": chains, "head": head, "cut": cut})
        }
        Err(Broken { chain, seq, why }) => json!({"whole": false, "chain": chain, "seq": seq, "why": why.to_string()}),
    }
}

/// Gives an exit code when nothing more can be printed.
fn print(text: &str) -> Option<Exit> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => None,
        // Whoever reads has seen enough, as `head` does.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Some(Exit::Good),
        Err(error) => {
            eprintln!("probity audit: cannot write to standard output: {error}");
            Some(Exit::CouldNotRun)
        }
    }
}
