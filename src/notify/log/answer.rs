//! A line that is written is told. Pure.

use std::io;

use crate::notify::Answer;

pub(super) fn answer(written: io::Result<()>) -> Answer {
    match written {
        Ok(()) => Answer::ok("written to stdout"),
        Err(error) => Answer::retry(None, format!("the line could not be written to stdout: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_not_written_is_not_told() {
        assert!(matches!(answer(Ok(())), Answer::Ok { .. }));
        let Answer::Retry { reason, .. } = answer(Err(io::ErrorKind::BrokenPipe.into())) else { panic!() };
        assert_eq!(reason, "the line could not be written to stdout: broken pipe");
    }
}
