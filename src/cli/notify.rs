//! `probity notify test`: tries a channel of a running Probity, or as it stands in manifests before they are deployed, and
//! tells what its receiver answered.

mod files;
mod server;

use std::{io::Write as _, path::PathBuf};

use clap::{Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

use super::{Cli, Exit, ask::Place, egress::EgressArgs, plain};
use crate::clock::Clock;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  probity notify test ops/slack --server https://probity.example
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
    /// A running Probity sends it, with its own secrets and from where it is, past what waits for the channel; it
    /// stands in the audit trail. With -f this machine does, as the channel stands in manifests, to where --allow-cidr
    /// and --deny-cidr let it; a running Probity has a policy of its own. The exit code is 0 when the receiver took it,
    /// 1 when it did not, 2 when there is no such channel or it has a mistake, 3 when nothing could be sent.
    Test(Test),
}

#[derive(Debug, clap::Args)]
pub(super) struct Test {
    /// The NotificationChannel: NAMESPACE/NAME, or NAME where no other namespace has one of that name
    #[arg(value_name = "CHANNEL")]
    channel: String,
    /// Files and folders that hold it, and its Secrets and ConfigMaps; then no server is asked
    #[arg(short = 'f', long, value_name = "PATH")]
    manifests: Vec<PathBuf>,
    #[command(flatten)]
    egress: EgressArgs,
    #[command(flatten)]
    server: Place,
    /// Who tries it; a cluster knows by the token who asks, and takes that
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true, default_value = "")]
    by: String,
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
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Told {
    channel: String,
    kind: String,
    notification: String,
    outcome: String,
    answer: String,
    /// Seconds.
    duration: f64,
    /// Whether it is in the audit trail, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recorded: Option<bool>,
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
    let told = match test.manifests.as_slice() {
        [] => server::test(test, &clock),
        paths => files::test(cli, test, paths, &clock),
    };
    let told = match told {
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

/// One line for people; the answer is a receiver's, and goes to a terminal.
fn line(told: &Told) -> String {
    let Told { channel, kind, outcome, answer, duration, recorded, .. } = told;
    let what = match outcome.as_str() {
        "delivered" => "took the test",
        "retry" => "did not take the test now; a real notification would be tried again",
        _ => "refused the test for good; a real notification would go to its fallback",
    };
    let lost = if *recorded == Some(false) { " (the store fails now: the audit trail does not say it)" } else { "" };
    plain(&format!("{channel} ({kind}) {what}, after {duration:.2} s: {answer}{lost}")) + "\n"
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
                recorded: Some(true),
            };
            assert_eq!(line(&told), want);
            let told = Told { recorded: Some(false), ..told };
            assert!(line(&told).ends_with("200 (the store fails now: the audit trail does not say it)\n"));
        }
    }
}
