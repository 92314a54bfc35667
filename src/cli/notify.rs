//! `probity notify test`: tries a channel as it stands in manifests, before they are deployed, and tells what its receiver
//! answered.

mod files;

use std::{io::Write as _, path::PathBuf};

use clap::{Subcommand, ValueEnum};
use serde::Serialize;

use super::{Cli, Exit, egress::EgressArgs};
use crate::clock::Clock;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  probity notify test slack --manifests manifests/ --manifests secrets/
  probity notify test ops/slack -f channel.yaml -f secret.yaml -o json")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Sends a notification that says that it is a test, and waits for the receiver's answer
    ///
    /// The exit code is 0 when the receiver took it, 1 when it did not, 2 when there is no such channel or
    /// it has a mistake, 3 when nothing could be sent.
    Test(Test),
}

#[derive(Debug, clap::Args)]
pub(super) struct Test {
    /// The NotificationChannel: NAMESPACE/NAME, or NAME where no other namespace has one of that name
    #[arg(value_name = "CHANNEL")]
    channel: String,
    /// Files and folders that hold it, and its Secrets and ConfigMaps
    #[arg(short = 'f', long, required = true, value_name = "PATH")]
    manifests: Vec<PathBuf>,
    #[command(flatten)]
    egress: EgressArgs,
    /// How to tell: a line, or JSON
    #[arg(short, long, value_enum, default_value = "text", value_name = "FORMAT")]
    output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    channel: String,
    kind: String,
    notification: String,
    outcome: String,
    answer: String,
    /// Seconds.
    duration: f64,
}

/// Why there was no trial.
pub(super) struct Refusal {
    text: String,
    exit: Exit,
}

impl Refusal {
    fn usage(text: impl Into<String>) -> Self {
        Self { text: text.into(), exit: Exit::Usage }
    }
}

pub fn run(cli: &Cli, args: &Args) -> Exit {
    let Command::Test(test) = &args.command;
    let clock = Clock::system();
    let told = match files::test(cli, test, &test.manifests, &clock) {
        Ok(told) => told,
        Err(Refusal { text, exit }) => {
            eprintln!("probity notify test: {}", text.trim_end());
            return exit;
        }
    };
    let text = match test.output {
        Format::Text => line(&told),
        // No map with keys that are no texts is in it, which is all that could fail.
        Format::Json => serde_json::to_string_pretty(&told).unwrap_or_default() + "\n",
    };
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        // Whoever reads has seen enough, as `head` does.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            eprintln!("probity notify test: cannot write to standard output: {error}");
            Exit::CouldNotRun
        }
        _ if told.outcome == "delivered" => Exit::Good,
        _ => Exit::Bad,
    }
}

/// What is said where there is no such channel.
fn unknown(name: &str, known: &[String]) -> String {
    /// Names that are told.
    const SHOWN: usize = 20;
    let shown: Vec<&str> = known.iter().take(SHOWN).map(String::as_str).collect();
    match shown.as_slice() {
        [] => format!("there is no NotificationChannel {name}, nor any other"),
        shown => format!("there is no NotificationChannel {name}; there are {}", shown.join(", ")),
    }
}

/// One line for people; the answer is a receiver's, and goes to a terminal.
fn line(told: &Told) -> String {
    let plain = |text: &str| -> String {
        text.chars()
            .flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] })
            .collect()
    };
    let Told { channel, kind, outcome, answer, duration, .. } = told;
    let what = match outcome.as_str() {
        "delivered" => "took the test",
        "retry" => "did not take the test now; a real notification would be tried again",
        _ => "refused the test for good; a real notification would go to its fallback",
    };
    plain(&format!("{channel} ({kind}) {what}, after {duration:.2} s: {answer}")) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_of_it_is_one_line() {
        for (outcome, want) in [
            ("delivered", "ops/a (slack) took the test, after 0.25 s: x answered\\u{1b} 200\n"),
            (
                "retry",
                "ops/a (slack) did not take the test now; a real notification would be tried again, after 0.25 s: x \
                 answered\\u{1b} 200\n",
            ),
            (
                "refused",
                "ops/a (slack) refused the test for good; a real notification would go to its fallback, after 0.25 s: x \
                 answered\\u{1b} 200\n",
            ),
        ] {
            let told = Told {
                channel: "ops/a".into(),
                kind: "slack".into(),
                notification: "n".into(),
                outcome: outcome.into(),
                answer: "x answered\u{1b} 200".into(),
                duration: 0.251,
            };
            assert_eq!(line(&told), want);
        }
    }
}
