//! Log lines: one flat JSON object a line, or text for people; to stderr, because stdout is for results.
//!
//! Owns the look of a line and what is let through; decides nothing else. Set up once, by `main` through
//! [`init`]; [`layer`] is the same with another writer, for tests.

mod fields;
mod filter;
mod line;

use std::io::IsTerminal;

use tracing_subscriber::{Layer, Registry, layer::SubscriberExt, util::SubscriberInitExt};

pub use crate::cli::LogFormat;
pub use line::{Sink, Stderr, Stdout};

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// Usage: exit code 2.
    #[error(
        "log level {level:?} is not understood: {why}; use error, warn, info, debug, trace or off, or a filter such as info,probity::probe=debug"
    )]
    Level { level: String, why: String },
    /// Something else in this process has done it already.
    #[error("logging is set up already")]
    Twice,
}

/// Sets up logging to stderr for the whole process. Without a format it is text on a terminal, else JSON.
///
/// # Errors
/// [`InitError::Level`] when `level` is neither a level nor a filter.
pub fn init(format: Option<LogFormat>, level: &str) -> Result<(), InitError> {
    let terminal = std::io::stderr().is_terminal();
    let format = format_of(format, &std::io::stderr());
    let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let layer = layer(format, colour, level, Stderr)?;
    tracing_subscriber::registry().with(layer).try_init().map_err(|_| InitError::Twice)
}

/// What was asked for; else text where a person looks, and JSON where a program does.
pub fn format_of(asked: Option<LogFormat>, stream: &impl IsTerminal) -> LogFormat {
    asked.unwrap_or(if stream.is_terminal() { LogFormat::Text } else { LogFormat::Json })
}

/// The layer that [`init`] installs, with its filter, writing to `sink`.
///
/// # Errors
/// [`InitError::Level`] when `level` is neither a level nor a filter.
pub fn layer<S: Sink>(
    format: LogFormat,
    colour: bool,
    level: &str,
    sink: S,
) -> Result<impl Layer<Registry> + Send + Sync + 'static, InitError> {
    let filter = filter::parse(level).map_err(|why| InitError::Level { level: level.to_owned(), why })?;
    Ok(line::Lines::new(format, colour, sink).with_filter(filter))
}
