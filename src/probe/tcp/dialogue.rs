//! What was heard since the last step. Pure.

use bytes::{Buf, BytesMut};

use crate::model::Pattern;

/// The bytes that an expectation looks at.
#[derive(Debug, Default)]
pub struct Heard(BytesMut);

impl Heard {
    /// What one step listens to: a greeting or an answer, with much to spare. Each run holds at most this.
    pub const MAX: usize = 64 * 1024;

    /// Whether the expectation holds by now. If so, what it matched is done with, to the end of that line:
    /// lines that have come already are for the next step.
    pub fn take(&mut self, expect: &Pattern) -> bool {
        let Some(end) = expect.match_end(&self.0) else { return false };
        // A match may take the line's end with it.
        let from = end.saturating_sub(1);
        match self.0[from..].iter().position(|&byte| byte == b'\n') {
            Some(newline) => self.0.advance(from + newline + 1),
            None => self.0.clear(),
        }
        true
    }

    /// How many more bytes are listened to.
    pub fn room(&self) -> usize {
        Self::MAX.saturating_sub(self.0.len())
    }

    pub fn anything(&self) -> bool {
        !self.0.is_empty()
    }

    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn heard(text: &str) -> Heard {
        Heard(BytesMut::from(text))
    }

    fn pattern(source: &str) -> Pattern {
        Pattern::unanchored(source).unwrap()
    }

    #[test]
    fn a_match_takes_its_line_and_leaves_the_next() {
        for (text, expect, rest) in [
            ("220 hello\r\n250 ok\r\n", "^220", Some("250 ok\r\n")),
            ("220 hello\r\n250 ok\r\n", "220 .*\r\n", Some("250 ok\r\n")),
            ("220 hello\r\n250 ok\r\n", "(?s)220.*ok", Some("")),
            ("PONG", "PONG", Some("")),
            ("PONG\n", "PONG\n", Some("")),
            ("PON", "PONG", None),
            ("", "", Some("")),
        ] {
            let mut heard = heard(text);
            let held = heard.take(&pattern(expect));
            assert_eq!(held.then_some(std::str::from_utf8(&heard.0).unwrap()), rest, "{text:?} {expect}");
        }
    }

    #[test]
    fn what_did_not_match_stays() {
        let mut heard = heard("a\nb\n");
        assert!(!heard.take(&pattern("c")));
        heard.buffer().extend_from_slice(b"c\n");
        assert!(heard.take(&pattern("a\nb\nc")));
        assert!(!heard.anything());
        assert_eq!(heard.room(), Heard::MAX);
    }

    proptest! {
        #[test]
        fn nothing_that_is_heard_can_panic(bytes: Vec<u8>, expect in "[ab\n.*]{0,6}") {
            let mut heard = Heard(BytesMut::from(&bytes[..]));
            if let Ok(pattern) = Pattern::unanchored(&expect) {
                heard.take(&pattern);
                prop_assert!(heard.0.len() <= bytes.len());
            }
        }
    }
}
