//! `probity ack`: says that somebody acts on an alert, or does no more.

use std::{collections::BTreeMap, io::Write as _};

use clap::ValueEnum;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Exit,
    ask::{AskError, Asker, Place},
    plain,
};
use crate::{
    alert::{Compare, Fingerprint, Matcher},
    clock::Clock,
};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  probity ack HighErrorRate --comment 'rolling back'
  probity ack 9c552ae26ff71dfa --by ann
  probity ack HighErrorRate --end
  probity ack InstanceDown --all -o json")]
pub struct Args {
    /// The alert: its name, or its fingerprint where several have one name
    #[arg(value_name = "ALERT")]
    alert: String,
    /// What is being done about it
    #[arg(long, value_name = "TEXT", default_value = "")]
    comment: String,
    /// Who acts; a cluster knows by the token who asks, and takes that
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true, default_value = "")]
    by: String,
    /// All alerts of this name
    #[arg(long)]
    all: bool,
    /// Nobody acts on it any more
    #[arg(long)]
    end: bool,
    #[command(flatten)]
    server: Place,
    /// How to tell: a line per alert, or the server's answers as a JSON array
    #[arg(short, long, value_enum, default_value = "table", value_name = "FORMAT")]
    output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
}

/// Of an alert of `/api/v2/alerts`.
#[derive(Deserialize)]
struct Firing {
    fingerprint: String,
    labels: BTreeMap<String, String>,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
enum AckError {
    #[error(transparent)]
    Ask(#[from] AskError),
    #[error("{0}")]
    No(String),
    #[error("{count} alerts are called {name}: name one by its fingerprint, or take --all\n{list}")]
    Several { name: String, count: usize, list: String },
}

pub fn run(args: &Args) -> Exit {
    let clock = Clock::system();
    let (runtime, asker) = match Asker::new(&args.server, &clock) {
        Ok(asker) => asker,
        Err(error) => return failed(&error.into()),
    };
    let mut answers: Vec<Value> = Vec::new();
    let ended = runtime.block_on(done(args, &asker, &mut answers));
    // What was done is told, also where the rest of it was not.
    let told: String = match args.output {
        Format::Json if answers.is_empty() && ended.is_err() => String::new(),
        Format::Json => format!("{:#}\n", Value::Array(answers)),
        Format::Table => answers.iter().flat_map(lines).collect(),
    };
    if let Err(error) = std::io::stdout().lock().write_all(told.as_bytes())
        // Whoever reads has seen enough, as `head` does.
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        eprintln!("probity ack: cannot write to standard output: {error}");
        return Exit::CouldNotRun;
    }
    ended.map_or_else(|error| failed(&error), |()| Exit::Good)
}

fn failed(error: &AckError) -> Exit {
    eprintln!("probity ack: {error}");
    match error {
        AckError::Ask(error) => error.exit(),
        AckError::No(_) => Exit::Bad,
        AckError::Several { .. } => Exit::Usage,
    }
}

async fn done(args: &Args, asker: &Asker<'_>, answers: &mut Vec<Value>) -> Result<(), AckError> {
    let (method, body) = match args.end {
        false => (Method::POST, json!({"by": args.by, "comment": args.comment})),
        true => (Method::DELETE, json!({"by": args.by})),
    };
    let mut missed = Vec::new();
    for fingerprint in which(args, asker).await? {
        let path = format!("api/v1/alerts/{fingerprint}/ack");
        match asker.send(method.clone(), &path, Some(&body)).await.map_err(refused) {
            Ok(answer) => answers.push(asker.parsed(&answer)?),
            // One of several that has ended meanwhile keeps nobody from acting on the others.
            Err(AckError::No(why)) => missed.push(why),
            Err(error) => return Err(error),
        }
    }
    match missed.pop() {
        Some(why) if answers.is_empty() => Err(AckError::No(why)),
        last => {
            missed.iter().chain(&last).for_each(|why| eprintln!("probity ack: {why}"));
            Ok(())
        }
    }
}

/// The server knows no such alert, or it does not fire.
fn refused(error: AskError) -> AckError {
    match error {
        AskError::Refused { status: 404 | 409, why, .. } => AckError::No(why),
        error => AckError::Ask(error),
    }
}

/// The fingerprints of what is meant.
async fn which(args: &Args, asker: &Asker<'_>) -> Result<Vec<String>, AckError> {
    let name = &args.alert;
    if let Ok(fingerprint) = name.parse::<Fingerprint>() {
        return Ok(vec![fingerprint.to_string()]);
    }
    let matcher =
        Matcher::new("alertname", Compare::Equal, name.as_str()).map_err(|error| AckError::No(error.to_string()))?;
    let filter: String = url::form_urlencoded::byte_serialize(matcher.to_string().as_bytes()).collect();
    let answer = asker.get(&format!("api/v2/alerts?filter={filter}")).await?;
    let mut found: Vec<Firing> = asker.parsed(&answer)?;
    found.dedup_by(|a, b| a.fingerprint == b.fingerprint);
    if found.is_empty() {
        return Err(AckError::No(format!("no alert fires that is called {name}")));
    }
    if found.len() > 1 && !args.all {
        let line = |alert: &Firing| {
            let labels = alert.labels.iter().filter(|(label, _)| *label != "alertname");
            let labels: Vec<_> = labels.map(|(label, value)| format!("{label}={value:?}")).collect();
            format!("  {}  {}", alert.fingerprint, labels.join(" "))
        };
        let list = found.iter().take(20).map(line).collect::<Vec<_>>().join("\n");
        return Err(AckError::Several { name: name.clone(), count: found.len(), list });
    }
    Ok(found.into_iter().map(|alert| alert.fingerprint).collect())
}

/// What an answer says, for people.
fn lines(answer: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let alerts = answer["alerts"].as_array().into_iter().flatten();
    let line = |alert: &Value| {
        let name = format!(
            "{} {} of {}/{}",
            text(&alert["alertname"]),
            text(&answer["fingerprint"]),
            text(&alert["namespace"]),
            text(&alert["rule"])
        );
        let mut line = match alert["ack"].as_object() {
            Some(ack) => {
                let comment = ack.get("comment").map(text).filter(|comment| !comment.is_empty());
                let comment = comment.map_or(String::new(), |comment| format!(": {comment}"));
                format!("{name}: {} acts{comment}", ack.get("by").map(text).unwrap_or_default())
            }
            None => format!("{name}: nobody acts"),
        };
        if answer["recorded"] == false {
            line.push_str(" (the store fails now: a restart may forget it)");
        }
        plain(&line) + "\n"
    };
    alerts.map(line).collect()
}
