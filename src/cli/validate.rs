//! `probity validate`: finds every mistake in manifests, and runs nothing.

pub(super) mod format;

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::PathBuf,
};

use clap::ValueEnum;

use super::{Cli, Exit};
use crate::source::{
    manifest::FindError,
    review::{self, Leniency},
};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  probity validate manifests/\n  probity validate check.yaml --external-refs\n  \
                  probity validate -o github manifests/")]
pub struct Args {
    /// Manifest files, and folders of them
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// How to tell: a line for each mistake, JSON, or the annotations of GitHub Actions
    #[arg(short, long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub output: Format,
    /// Take references to what is not in the given paths for right, and only note them
    #[arg(long)]
    pub external_refs: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
    Github,
}

pub fn run(_cli: &Cli, args: &Args) -> Exit {
    let review = match review::paths(&args.paths, Leniency { external_refs: args.external_refs, ..Leniency::default() })
    {
        Ok(review) => review,
        Err(error) => {
            eprintln!("probity validate: {}", super::with_source(&error));
            return match error {
                FindError::Unreadable { source, .. } if source.kind() != io::ErrorKind::NotFound => Exit::CouldNotRun,
                _ => Exit::Usage,
            };
        }
    };
    for message in &review.unread {
        eprintln!("probity validate: {message}");
    }
    let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let text = match args.output {
        Format::Text => format::text(&review, colour),
        Format::Json => format::json(&review),
        Format::Github => format::github(&review),
    };
    if let Err(error) = io::stdout().lock().write_all(text.as_bytes())
        // Whoever reads has seen enough, as `head` does.
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        eprintln!("probity validate: cannot write to standard output: {error}");
        return Exit::CouldNotRun;
    }
    if review.mistakes().next().is_some() {
        Exit::Usage
    } else if review.unread.is_empty() {
        Exit::Good
    } else {
        Exit::CouldNotRun
    }
}
