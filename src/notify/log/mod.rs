//! A line on stdout, which is for results: what rules without any channel are told through.

mod answer;
pub(super) mod limits;
mod payload;

use std::{
    io::{self, Write as _},
    sync::Arc,
};

use tokio::sync::Mutex;

use super::{Answer, Letter, send::ATTEMPT};
use crate::{clock::WallMs, telemetry::LogFormat};

/// Where lines go: called with one whole line, its end included.
pub type Out = Arc<dyn Fn(&[u8]) -> io::Result<()> + Send + Sync>;

/// The process's stdout.
pub fn stdout() -> Out {
    Arc::new(|line| {
        let mut out = io::stdout().lock();
        out.write_all(line)?;
        out.flush()
    })
}

/// Writes lines off the runtime, one after the other: whoever reads stdout may have stopped, and then one thread waits
/// for them and no more.
pub(super) struct Printer {
    out: Out,
    turn: Arc<Mutex<()>>,
}

impl Printer {
    pub(super) fn new(out: Out) -> Self {
        Self { out, turn: Arc::default() }
    }

    pub(super) async fn send(&self, format: LogFormat, letter: &Letter<'_>, now: WallMs) -> Answer {
        let stuck = || Answer::retry(None, "stdout takes no more lines: whoever reads it has stopped");
        let Ok(turn) = tokio::time::timeout(ATTEMPT, Arc::clone(&self.turn).lock_owned()).await else { return stuck() };
        let line = payload::line(letter, format, now);
        let out = Arc::clone(&self.out);
        let written = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            out(&line)
        });
        match tokio::time::timeout(ATTEMPT, written).await {
            Ok(written) => answer::answer(written.unwrap_or_else(|broken| Err(io::Error::other(broken)))),
            // It goes on, and may yet be read.
            Err(_) => stuck().maybe_taken(),
        }
    }
}
