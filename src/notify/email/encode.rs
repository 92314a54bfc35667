//! Text as mail carries it: quoted-printable (RFC 2045, section 6.7) and encoded words (RFC 2047). Pure.

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::limits::LINE;

/// As lines of at most [`LINE`] bytes of printable ASCII, each with CRLF.
pub(super) fn quoted_printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    for line in text.lines() {
        let mut length = 0;
        let bytes = line.as_bytes();
        for (at, &byte) in bytes.iter().enumerate() {
            let last = at + 1 == bytes.len();
            let plain = matches!(byte, b'!'..=b'<' | b'>'..=b'~') || (matches!(byte, b' ' | b'\t') && !last);
            let width = if plain { 1 } else { 3 };
            // A line that goes on ends with `=`, for which there has to be room.
            if length + width > LINE - 1 {
                out.push_str("=\r\n");
                length = 0;
            }
            if plain {
                out.push(char::from(byte))
            } else {
                out.push_str(&format!("={byte:02X}"))
            }
            length += width;
        }
        out.push_str("\r\n");
    }
    out
}

/// The value of an unstructured header, from `at` on: as it is where that is allowed, else as encoded words, folded.
pub(super) fn header(text: &str, at: usize) -> String {
    let plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~')) && !text.contains("=?");
    if plain && at + text.len() <= LINE && !text.starts_with(' ') && !text.ends_with(' ') {
        return text.to_owned();
    }
    words(text).join("\r\n ")
}

/// The display name of a mailbox: a phrase is quoted, or encoded where it has to be.
pub(super) fn phrase(name: &str) -> String {
    if name.bytes().all(|byte| matches!(byte, b' '..=b'~')) && !name.contains("=?") && name.len() < LINE {
        return format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    }
    words(name).join("\r\n ")
}

/// Encoded words of at most 75 characters, none of which cuts a character in two (RFC 2047, sections 2 and 5).
fn words(text: &str) -> Vec<String> {
    // `=?UTF-8?B?` and `?=` leave 63, which is 45 bytes; the first of a header has less room, so 36 for all.
    const BYTES: usize = 36;
    let mut words = Vec::new();
    let mut piece = String::new();
    for c in text.chars() {
        if piece.len() + c.len_utf8() > BYTES {
            words.push(std::mem::take(&mut piece));
        }
        piece.push(c);
    }
    if !piece.is_empty() {
        words.push(piece);
    }
    words.iter().map(|piece| format!("=?UTF-8?B?{}?=", BASE64_STANDARD.encode(piece))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        for line in text.split_inclusive("\r\n") {
            let line = line.strip_suffix("\r\n").unwrap();
            let (line, soft) = line.strip_suffix('=').map_or((line, false), |line| (line, true));
            let mut bytes = line.bytes();
            while let Some(byte) = bytes.next() {
                if byte == b'=' {
                    let hex: String = bytes.by_ref().take(2).map(char::from).collect();
                    out.push(u8::from_str_radix(&hex, 16).unwrap());
                } else {
                    out.push(byte);
                }
            }
            if !soft {
                out.push(b'\n');
            }
        }
        out
    }

    #[test]
    fn texts() {
        assert_eq!(quoted_printable("a=b \nü"), "a=3Db=20\r\n=C3=BC\r\n");
        assert_eq!(header("Test of a channel", 9), "Test of a channel");
        assert_eq!(header("🚨 HIGH", 9), "=?UTF-8?B?8J+aqCBISUdI?=");
        assert_eq!(header("=?x?=", 9), "=?UTF-8?B?PT94Pz0=?=");
        assert_eq!(phrase("Ops \"on\" call"), "\"Ops \\\"on\\\" call\"");
        assert_eq!(phrase("Öps"), "=?UTF-8?B?w5Zwcw==?=");
    }

    proptest! {
        #[test]
        fn quoted_text_is_ascii_in_short_lines_and_reads_back(text in "[ -~\t\n\u{e9}\u{1f600}=.]{0,300}") {
            let quoted = quoted_printable(&text);
            prop_assert!(quoted.is_ascii());
            prop_assert!(quoted.lines().all(|line| line.len() <= LINE));
            let expected: String = text.lines().map(|line| format!("{line}\n")).collect();
            prop_assert_eq!(String::from_utf8(decode(&quoted)).unwrap(), expected);
        }

        #[test]
        fn a_header_ends_no_line_of_its_own_accord(text: String) {
            let header = header(&text, 9);
            prop_assert!(header.is_ascii());
            for line in header.split("\r\n ") {
                prop_assert!(line.len() <= LINE);
                prop_assert!(line.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            }
        }
    }
}
