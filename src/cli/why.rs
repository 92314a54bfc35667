//! `probity why`: what happened to an alert, or why nobody was told. From a server, which also knows what stands now,
//! or from a data folder.

use std::{io::Write as _, path::PathBuf};

use clap::ValueEnum;
use futures::FutureExt as _;

use super::{
    Exit,
    ask::{self, AskError, Asker},
    with_source,
};
use crate::{
    clock::{Clock, WallMs},
    history::{AuditReader, ReadError, moment},
    why::{Asked, Story, Window, gather, tell},
};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  probity why HighErrorRate
  probity why shop/high-error-rate
  probity why 5799056148416392 --at 2027-01-15T03:12:00Z
  probity why HighErrorRate --data-dir /var/lib/probity
  probity why HighErrorRate -o json | jq -r .who[]")]
pub struct Args {
    /// An alert's name or fingerprint (or how it begins), or a rule: NAMESPACE/NAME or NAME
    #[arg(value_name = "ALERT|RULE")]
    pub asked: String,
    /// Only what is in this namespace
    #[arg(long, value_name = "NS")]
    pub namespace: Option<String>,
    /// How it stood at this moment: RFC 3339, or how long ago, as in 90m or 7d
    #[arg(long, value_name = "WHEN")]
    pub at: Option<String>,
    /// Rows from this moment on [default: as far back as the newest episode goes]
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
    #[command(flatten)]
    pub server: ask::Place,
    /// Read this data folder itself, in place of asking a server: what the trail says, without what stands now
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// How to tell: sentences, or JSON
    #[arg(short, long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
}

/// Why there is no story.
#[derive(Debug, thiserror::Error)]
enum WhyError {
    #[error("{0}")]
    Ask(#[from] AskError),
    #[error("cannot read the data folder: {}", with_source(.0))]
    Read(#[from] ReadError),
    #[error("--{name}: {why}")]
    Moment { name: &'static str, why: String },
    #[error("{0}")]
    Unknown(String),
}

impl WhyError {
    fn exit(&self) -> Exit {
        match self {
            Self::Ask(error) => error.exit(),
            Self::Read(_) => Exit::CouldNotRun,
            Self::Moment { .. } | Self::Unknown(_) => Exit::Usage,
        }
    }
}

pub fn run(args: &Args) -> Exit {
    let clock = Clock::system();
    let told = match &args.data_dir {
        Some(dir) => from_folder(args, dir, clock.wall()),
        None => from_server(args, &clock),
    };
    let text = match told {
        Ok(story) if args.output == Format::Json => match serde_json::to_string_pretty(&story) {
            Ok(json) => json + "\n",
            Err(error) => {
                eprintln!("probity why: cannot write JSON: {error}");
                return Exit::CouldNotRun;
            }
        },
        Ok(story) => story.text(),
        Err(error) => {
            eprintln!("probity why: {error}");
            return error.exit();
        }
    };
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        // Whoever reads has seen enough, as `head` does.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            eprintln!("probity why: cannot write to standard output: {error}");
            Exit::CouldNotRun
        }
        _ => Exit::Good,
    }
}

fn from_folder(args: &Args, dir: &std::path::Path, now: WallMs) -> Result<Story, WhyError> {
    let at = |name, text: &Option<String>| {
        let parsed = text.as_deref().map(|text| moment(text, now)).transpose();
        parsed.map_err(|why| WhyError::Moment { name, why })
    };
    let window = Window {
        since: at("since", &args.since)?,
        at: at("at", &args.at)?.unwrap_or(now),
        namespaces: args.namespace.as_deref().map(|one| std::sync::Arc::new([one.into()].into())),
    };
    let asked = Asked::new(&args.asked, args.namespace.as_deref());
    let mut reader = AuditReader::open(dir)?;
    let gathered = gather(&asked, &window, |query| std::future::ready(reader.page(&query)));
    // The folder is read on this thread, and nothing waits.
    let gathered = gathered.now_or_never().ok_or(ReadError::Closed)??;
    let story = tell(&asked, &gathered, None, window.at);
    story.ok_or_else(|| WhyError::Unknown(asked.unknown()))
}

fn from_server(args: &Args, clock: &Clock) -> Result<Story, WhyError> {
    let (runtime, asker) = Asker::new(&args.server, clock)?;
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("alert", &args.asked);
    let given = [("namespace", &args.namespace), ("at", &args.at), ("since", &args.since)];
    for (name, value) in given {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    match runtime.block_on(asker.get(&format!("api/v1/why?{}", query.finish()))) {
        Ok(body) => Ok(asker.parsed(&body)?),
        // What is asked about is not there, or a moment is none.
        Err(AskError::Refused { status: 400 | 404, why, .. }) => Err(WhyError::Unknown(why)),
        Err(error) => Err(error.into()),
    }
}
