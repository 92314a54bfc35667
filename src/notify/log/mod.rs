//! A line on stdout, which is for results: what rules without any channel are told through.

mod answer;
pub(super) mod limits;
mod payload;

use std::sync::Arc;

use super::{Answer, Letter};
use crate::{
    clock::WallMs,
    telemetry::{LogFormat, Sink},
};

/// Writes the line off the runtime: whoever reads stdout may have stopped reading.
pub(super) async fn send(sink: &Arc<dyn Sink>, format: LogFormat, letter: &Letter<'_>, now: WallMs) -> Answer {
    let line = payload::line(letter, format, now);
    let sink = Arc::clone(sink);
    answer::answer(tokio::task::spawn_blocking(move || sink.write(&line)).await.is_ok())
}
