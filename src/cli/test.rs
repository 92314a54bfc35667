//! `probity test`: unit tests of rules, and an exit code that says how they went.
//!
//! Owns the way from files to reports; what a test is and how it runs is `trial`.

mod gather;
mod json;
mod junit;
mod text;

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::PathBuf,
    sync::Arc,
};

use clap::ValueEnum;

use super::Exit;
use crate::{
    clock::WallMs,
    source::manifest::Position,
    trial::{self, Failure, Report},
    validate::FieldPath,
};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  probity test manifests/\n  probity test shop.test.yaml -v\n  \
                  probity test manifests/ --run 'pages' -o junit > report.xml")]
pub struct Args {
    /// Test files, manifests, and folders of them. A test that names no manifests is about all that are given here
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// How to tell: a line for each test, JSON, or JUnit XML
    #[arg(short, long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub output: Format,
    /// Only tests whose names hold this text
    #[arg(long, value_name = "TEXT")]
    pub run: Option<String>,
    /// Also tell everything that happened, with its time
    #[arg(short, long)]
    pub verbose: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
    Junit,
}

/// A test that has been run.
struct Ran {
    file: Arc<str>,
    name: Arc<str>,
    /// Where it stands.
    place: Position,
    start: WallMs,
    report: Report,
    /// Where each failure of the report stands, and its path in the file.
    places: Vec<(Position, FieldPath)>,
}

impl Ran {
    fn passed(&self) -> bool {
        self.report.failures.is_empty()
    }

    fn failures(&self) -> impl Iterator<Item = (&Failure, Position, &FieldPath)> {
        self.report.failures.iter().zip(&self.places).map(|(failure, (place, path))| (failure, *place, path))
    }
}

pub fn run(args: &Args) -> Exit {
    let gathered = match gather::gather(&args.paths) {
        Ok(gathered) => gathered,
        Err(refusal) => {
            eprint!("{}", refusal.text);
            return refusal.exit;
        }
    };
    let wanted = |name: &str| args.run.as_ref().is_none_or(|text| name.contains(text.as_str()));
    let mut all = Vec::new();
    for gathered in &gathered {
        for (at, test) in gathered.suite.tests.iter().enumerate().filter(|(_, test)| wanted(&test.name)) {
            let report = trial::run(&gathered.objects, test, args.verbose);
            let path = FieldPath::of("spec.tests").index(at);
            let place = |failure: &Failure| {
                let path = path.join(&failure.path);
                (gathered.document.position(&path), path)
            };
            all.push(Ran {
                file: gathered.document.file.clone(),
                name: test.name.clone(),
                place: gathered.document.position(&path),
                start: test.start,
                places: report.failures.iter().map(place).collect(),
                report,
            });
        }
    }
    if all.is_empty() {
        eprintln!("probity test: no test has {:?} in its name", args.run.as_deref().unwrap_or_default());
        return Exit::Usage;
    }
    let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let text = match args.output {
        Format::Text => text::lines(&all, args.verbose, colour),
        Format::Json => json::document(&all, args.verbose),
        Format::Junit => junit::document(&all),
    };
    if let Err(error) = io::stdout().lock().write_all(text.as_bytes())
        // Whoever reads has seen enough, as `head` does.
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        eprintln!("probity test: cannot write to standard output: {error}");
        return Exit::CouldNotRun;
    }
    if all.iter().all(Ran::passed) { Exit::Good } else { Exit::Bad }
}
