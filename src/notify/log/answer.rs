//! A line that is written is told. Pure.

use crate::notify::Answer;

pub(super) fn answer(written: bool) -> Answer {
    if written {
        Answer::ok("written to stdout")
    } else {
        Answer::retry(None, "the line could not be written to stdout")
    }
}
