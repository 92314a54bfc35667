//! Cutting text to a receiver's limits without breaking it. Pure.
//!
//! A limit counts what the receiver counts: bytes, characters, or the code units of UTF-16. Text that is to be escaped
//! is measured as it will be escaped, and cut before: so no entity and no tag is ever cut in two.

use std::borrow::Cow;

/// What a cut ends with.
const ELLIPSIS: char = '…';

/// How long one character of the text becomes.
pub(super) type Measure = fn(char) -> usize;

/// Each character counts as one.
pub(super) fn chars(_: char) -> usize {
    1
}

/// As JavaScript counts.
pub(super) fn utf16(c: char) -> usize {
    c.len_utf16()
}

/// `text` itself if it is at most `max` long by `measure`, else its beginning with an ellipsis, no longer than `max`.
pub(super) fn cut(text: &str, max: usize, measure: Measure) -> Cow<'_, str> {
    let room = max.saturating_sub(measure(ELLIPSIS));
    let (mut length, mut end) = (0, 0);
    for (at, c) in text.char_indices() {
        // The last place at which a cut still leaves room for the ellipsis.
        if length <= room {
            end = at;
        }
        length += measure(c);
        if length > max {
            let begin = text.get(..end).unwrap_or_default().trim_end();
            return if max < measure(ELLIPSIS) { Cow::Borrowed("") } else { Cow::Owned(format!("{begin}{ELLIPSIS}")) };
        }
    }
    Cow::Borrowed(text)
}

/// One line: what ends lines or drives terminals becomes a space.
pub(super) fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control()).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Takes from `all` as long as what they come to stays within `max`; gives how many that are.
pub(super) fn fit(lengths: impl IntoIterator<Item = usize>, max: usize) -> usize {
    let mut total = 0;
    lengths
        .into_iter()
        .take_while(|length| {
            total += length;
            total <= max
        })
        .count()
}

/// `&`, `<` and `>` as entities: HTML, Slack's mrkdwn and Telegram's HTML escape the same three.
pub(super) fn entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
    out
}

/// How long a character becomes by [`entities`], in UTF-16.
pub(super) fn entity_utf16(c: char) -> usize {
    match c {
        '&' => 5,
        '<' | '>' => 4,
        c => c.len_utf16(),
    }
}

/// Markdown that makes links out of text is broken up: what an alert says must not lead anywhere.
pub(super) fn no_links(text: &str) -> String {
    text.replace("](", "] (")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cuts() {
        for (text, max, want) in [
            ("", 0, ""),
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("abcd", 1, "…"),
            ("abcd", 0, ""),
            ("ab cd", 4, "ab…"),
            ("äöü€", 3, "äö…"),
        ] {
            assert_eq!(cut(text, max, chars), want, "{text:?} {max}");
        }
        // Two code units each: three do not fit into five with the ellipsis.
        assert_eq!(cut("😀😀😀", 5, utf16), "😀😀…");
        assert_eq!(cut("a&b", 7, entity_utf16), "a&b");
        assert_eq!(cut("a&b", 6, entity_utf16), "a…");
        assert_eq!(one_line("a\r\nb\u{1b}[2J\tc\n"), "a b [2J c");
        assert_eq!(entities("<a href=\"x\">&</a>"), "&lt;a href=\"x\"&gt;&amp;&lt;/a&gt;");
        assert_eq!(fit([3, 3, 3], 8), 2);
    }

    proptest! {
        #[test]
        fn a_cut_is_within_its_limit_and_a_beginning(text: String, max in 0_usize..64) {
            for measure in [chars as Measure, utf16, entity_utf16, char::len_utf8] {
                let short = cut(&text, max, measure);
                prop_assert!(short.chars().map(measure).sum::<usize>() <= max);
                match short.strip_suffix(ELLIPSIS) {
                    Some(begin) if short != text.as_str() => prop_assert!(text.starts_with(begin)),
                    _ => prop_assert!(short == text.as_str() || max < measure(ELLIPSIS)),
                }
            }
        }

        #[test]
        fn escaped_text_is_as_long_as_it_was_measured(text: String) {
            let measured: usize = text.chars().map(entity_utf16).sum();
            prop_assert_eq!(entities(&text).encode_utf16().count(), measured);
        }
    }
}
