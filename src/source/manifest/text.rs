//! From the bytes of a file to the texts of its documents.

use super::position::Position;
use super::yaml::Fault;

/// The text of a file, without a byte order mark.
///
/// # Errors
/// The place of the first byte that no manifest can hold.
pub(super) fn decode(bytes: &[u8]) -> Result<&str, Fault> {
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(Fault::new(Position::START, "this file is UTF-16").hint("save it as UTF-8"));
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let good = bytes.get(..error.valid_up_to()).and_then(|good| std::str::from_utf8(good).ok());
            return Err(Fault::new(end_of(good.unwrap_or_default()), "this is not UTF-8").hint("save it as UTF-8"));
        }
    };
    // YAML allows no others; a NUL would end the text for the parser, and hide what follows it.
    let strange = |c: char| (c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}')) || c == '\u{FEFF}';
    match text.find(strange).and_then(|at| text.split_at_checked(at)) {
        Some((before, rest)) => {
            let code = rest.chars().next().map_or(0, u32::from);
            let fault = Fault::new(end_of(before), format!("the character U+{code:04X} cannot stand in a manifest"));
            Err(fault.hint("remove it, or write it as an escape in double quotes"))
        }
        None => Ok(text),
    }
}

/// The place right after `text`.
pub(super) fn end_of(text: &str) -> Position {
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let breaks = text.matches("\r\n").count();
    let lines = text.bytes().filter(|b| matches!(b, b'\n' | b'\r')).count() - breaks;
    let last = text.rsplit(['\n', '\r']).next().unwrap_or_default();
    Position { line: small(lines + 1), column: small(last.chars().count() + 1) }
}

/// One document's part of a file.
pub(super) struct Chunk<'t> {
    pub text: &'t str,
    /// The number (from 1) of its first line.
    pub line: u32,
}

/// Cuts a file where a line begins with `---`, as kubectl does, so that a mistake in one document hides none
/// in the others. Adds to `faults` where something follows the `---`.
pub(super) fn split<'t>(text: &'t str, faults: &mut Vec<Fault>) -> Vec<Chunk<'t>> {
    let mut chunks = Vec::new();
    let (mut start, mut start_line) = (0, 1);
    let (mut at, mut line) = (0, 1);
    for full in text.split_inclusive('\n') {
        let next = at + full.len();
        let next_line = line + breaks(full);
        if let Some(rest) = full.strip_prefix("---") {
            chunks.push(Chunk { text: text.get(start..at).unwrap_or_default(), line: start_line });
            (start, start_line) = (next, next_line);
            let rest = rest.trim();
            if !rest.is_empty() && !rest.starts_with('#') {
                let fault =
                    Fault::new(Position { line, column: 4 }, "nothing but a comment may follow `---` on its line");
                faults.push(fault.hint("begin the document on the next line; a text that begins with --- is indented"));
            }
        }
        (at, line) = (next, next_line);
    }
    chunks.push(Chunk { text: text.get(start..).unwrap_or_default(), line: start_line });
    chunks
}

/// How many lines end in `text`, which has at most one LF, at its end.
fn breaks(text: &str) -> u32 {
    let ends = text.bytes().filter(|b| *b == b'\r').count();
    let lone_lf = text.ends_with('\n') && !text.ends_with("\r\n");
    u32::try_from(ends + usize::from(lone_lf)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_in_lines_and_characters() {
        for (text, line, column) in [("", 1, 1), ("ä", 1, 2), ("a\n", 2, 1), ("a\r\nb\rc", 3, 2)] {
            assert_eq!(end_of(text), Position { line, column }, "{text:?}");
        }
    }

    #[test]
    fn documents_are_cut_at_their_marks() {
        let mut faults = Vec::new();
        let chunks = split("a\n--- # one\nb: |\n  ---\r\n---\r\nc\n--- d\n", &mut faults);
        let shown: Vec<_> = chunks.iter().map(|c| (c.text, c.line)).collect();
        assert_eq!(shown, [("a\n", 1), ("b: |\n  ---\r\n", 3), ("c\n", 6), ("", 8)]);
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].at, Position { line: 7, column: 4 });
    }

    #[test]
    fn bytes_that_are_no_text_are_named_with_their_place() {
        for (bytes, at, word) in [
            (&b"a: 1\nb: \xff"[..], Position { line: 2, column: 4 }, "UTF-8"),
            (b"\xff\xfea\0", Position::START, "UTF-16"),
            (b"\xef\xbb\xbfa: \0b", Position { line: 1, column: 4 }, "U+0000"),
        ] {
            let fault = decode(bytes).err().unwrap();
            assert_eq!(fault.at, at);
            assert!(fault.message.contains(word), "{}", fault.message);
        }
        assert_eq!(decode(b"\xef\xbb\xbfa: \tb\r\n").ok(), Some("a: \tb\r\n"));
    }
}
