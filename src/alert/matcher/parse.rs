//! Texts of matchers, as Alertmanager takes them: first by its UTF-8 grammar, and where that fails by its older one.
//! <https://prometheus.io/docs/alerting/latest/configuration/#matcher>
//!
//! The first reads `"any name"="any value"` with the escapes of a Go string, and bare words without spaces and
//! without any of `{}!=~,\"'` and the backquote. The older one takes a plain name and whatever stands behind the
//! operator, so that `a=~\d{3}` and `a=two words` are read too.

use std::fmt;

use super::{Compare, Matcher, Matchers};

/// A name and a value, or a text of matchers, has at most this many bytes: a page of text, and a bound on the work.
pub(super) const TEXT_MAX: usize = 8192;

/// Why a text is no matcher.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MatcherError {
    #[error("a matcher needs a label name")]
    EmptyName,
    #[error("a matcher has at most {TEXT_MAX} bytes")]
    TooLong,
    #[error("at most {} matchers", Matchers::MAX)]
    TooMany,
    #[error(
        "{text:?} is no matcher: write a label, one of = != =~ !~, and a value, such as severity=~\"high|critical\""
    )]
    Syntax { text: String },
    #[error("{pattern:?} is no regular expression: {what}")]
    Pattern { pattern: String, what: String },
}

impl Matcher {
    /// # Errors
    /// [`MatcherError`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, MatcherError> {
        if text.len() > TEXT_MAX {
            return Err(MatcherError::TooLong);
        }
        match modern(text) {
            Some((name, compare, value)) => Self::new(name, compare, value),
            None => older(text),
        }
    }
}

impl Matchers {
    /// Several, with commas between them, in braces or without: `{a="1", b!="2"}`. An empty text is none.
    ///
    /// # Errors
    /// [`MatcherError`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, MatcherError> {
        if text.len() > TEXT_MAX * 4 {
            return Err(MatcherError::TooLong);
        }
        let trimmed = text.trim();
        let inner = match (trimmed.strip_prefix('{'), trimmed.ends_with('}')) {
            // `a=~x{2}` ends with a brace of its own.
            (None, _) => trimmed,
            (Some(rest), true) => rest.strip_suffix('}').unwrap_or(rest),
            (Some(_), false) => return Err(MatcherError::Syntax { text: text.to_owned() }),
        };
        if inner.trim().is_empty() {
            return Ok(Self::default());
        }
        let mut parts = split(inner);
        // One comma may stand at the end.
        if parts.len() > 1 && parts.last().is_some_and(|last| last.trim().is_empty()) {
            parts.pop();
        }
        if parts.len() > Self::MAX {
            return Err(MatcherError::TooMany);
        }
        Self::new(parts.into_iter().map(Matcher::parse).collect::<Result<_, _>>()?)
    }
}

/// At commas that stand outside of quotes.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                parts.extend(text.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(text.get(start..));
    parts
}

fn is_reserved(c: char) -> bool {
    c.is_whitespace() || "{}!=~,\\\"'`".contains(c)
}

/// Whether a name needs no quotes.
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.contains(is_reserved)
}

/// The UTF-8 grammar.
fn modern(text: &str) -> Option<(String, Compare, String)> {
    let (name, rest) = word(text.trim())?;
    let (compare, rest) = operator(rest.trim_start())?;
    let (value, rest) = word(rest.trim_start())?;
    rest.trim().is_empty().then_some((name, compare, value))
}

/// A quoted text or a bare word, and what follows it.
fn word(text: &str) -> Option<(String, &str)> {
    if text.starts_with('"') {
        return quoted(text);
    }
    let end = text.find(is_reserved).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end)?;
    (!word.is_empty()).then(|| (word.to_owned(), rest))
}

fn operator(text: &str) -> Option<(Compare, &str)> {
    [Compare::Matches, Compare::NotMatches, Compare::NotEqual, Compare::Equal]
        .into_iter()
        .find_map(|compare| Some((compare, text.strip_prefix(compare.as_str())?)))
}

/// A Go string in double quotes, and what follows it. None where it is not closed or an escape is not one.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut chars = text.strip_prefix('"')?.chars();
    let mut bytes = Vec::new();
    loop {
        match chars.next()? {
            '"' => return Some((String::from_utf8(bytes).ok()?, chars.as_str())),
            '\n' => return None,
            '\\' => match escape(&mut chars)? {
                Escape::Char(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                Escape::Byte(byte) => bytes.push(byte),
            },
            c => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

enum Escape {
    Char(char),
    /// `\xNN` and `\NNN` are bytes, and several of them may be one character.
    Byte(u8),
}

/// What stands behind a backslash: <https://go.dev/ref/spec#Rune_literals>.
fn escape(chars: &mut std::str::Chars<'_>) -> Option<Escape> {
    let first = chars.next()?;
    let simple = match first {
        'a' => Some('\u{07}'),
        'b' => Some('\u{08}'),
        'f' => Some('\u{0C}'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'v' => Some('\u{0B}'),
        '\\' | '"' => Some(first),
        _ => None,
    };
    if let Some(c) = simple {
        return Some(Escape::Char(c));
    }
    let (digits, radix, start) = match first {
        'x' => (2, 16, 0),
        'u' => (4, 16, 0),
        'U' => (8, 16, 0),
        '0'..='7' => (2, 8, first.to_digit(8)?),
        _ => return None,
    };
    let mut number = start;
    for _ in 0..digits {
        number = number.checked_mul(radix)?.checked_add(chars.next()?.to_digit(radix)?)?;
    }
    match first {
        'u' | 'U' => char::from_u32(number).map(Escape::Char),
        _ => u8::try_from(number).ok().map(Escape::Byte),
    }
}

/// The older grammar: a plain name, an operator, and the rest is the value, in quotes or not. A backslash that
/// escapes nothing is a backslash.
fn older(text: &str) -> Result<Matcher, MatcherError> {
    let wrong = || MatcherError::Syntax { text: text.to_owned() };
    let trimmed = text.trim();
    let end = trimmed.find(|c: char| !(c.is_ascii_alphanumeric() || "_:".contains(c))).ok_or_else(wrong)?;
    let (name, rest) = trimmed.split_at_checked(end).ok_or_else(wrong)?;
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(wrong());
    }
    let (compare, rest) = operator(rest.trim_start()).ok_or_else(wrong)?;
    let raw = rest.trim_start();
    let (raw, mut open) = raw.strip_prefix('"').map_or((raw, false), |raw| (raw, true));
    let mut value = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => value.push('\n'),
                Some(c @ ('"' | '\\')) => value.push(c),
                Some(c) => value.extend(['\\', c]),
                None => value.push('\\'),
            },
            // A quote closes the value, and nothing may follow.
            '"' if open && chars.as_str().is_empty() => open = false,
            '"' => return Err(wrong()),
            c => value.push(c),
        }
    }
    if open {
        return Err(wrong());
    }
    Matcher::new(name, compare, value)
}

/// A text in quotes, so that [`quoted`] reads it back.
pub(super) struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                '\r' => f.write_str("\\r")?,
                c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_of_matchers() {
        let cases = [
            ("foo=bar", Some(r#"foo="bar""#)),
            (" foo = bar ", Some(r#"foo="bar""#)),
            (r#"foo="bar""#, Some(r#"foo="bar""#)),
            ("foo!=bar", Some(r#"foo!="bar""#)),
            ("foo=~bar.*", Some(r#"foo=~"bar.*""#)),
            ("service=~coord.*", Some(r#"service=~"coord.*""#)),
            ("foo!~bar|baz", Some(r#"foo!~"bar|baz""#)),
            (r#""héllo wörld"="a b""#, Some(r#""héllo wörld"="a b""#)),
            ("schön=ja", Some(r#"schön="ja""#)),
            (r#"foo="a\"b\\c\nd""#, Some(r#"foo="a\"b\\c\nd""#)),
            (r#"foo="\u00e9\x41\101""#, Some("foo=\"éAA\"")),
            (r#"foo="\xc3\xa9""#, Some("foo=\"é\"")),
            // Only the older grammar reads these.
            ("foo=", Some(r#"foo="""#)),
            ("foo=two words", Some(r#"foo="two words""#)),
            (r"foo=~\d{3}", Some(r#"foo=~"\\d{3}""#)),
            (r#"foo=~"\d+""#, Some(r#"foo=~"\\d+""#)),
            ("foo=a=b", Some(r#"foo="a=b""#)),
            ("", None),
            ("foo", None),
            ("=bar", None),
            (r#"""=bar"#, None),
            (r#"foo="bar"#, None),
            (r#"foo=bar""#, None),
            (r#"foo="bar"baz"#, None),
            ("1foo=two words", None),
            ("foo=~(", None),
        ];
        for (text, expected) in cases {
            let found = Matcher::parse(text).ok().map(|matcher| matcher.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn lists_of_matchers() {
        let cases = [
            ("", Some("{}")),
            ("{}", Some("{}")),
            ("a=1", Some(r#"{a="1"}"#)),
            ("{a=1,b!=2}", Some(r#"{a="1",b!="2"}"#)),
            (r#"{ a="x,y" , b=~"z" , }"#, Some(r#"{a="x,y",b=~"z"}"#)),
            ("a=~x{2}", Some(r#"{a=~"x{2}"}"#)),
            ("{a=~x{2}}", Some(r#"{a=~"x{2}"}"#)),
            ("{a=1", None),
            ("{,}", None),
            ("a=1,,b=2", None),
        ];
        for (text, expected) in cases {
            let found = Matchers::parse(text).ok().map(|matchers| matchers.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(name in "\\PC{1,8}", value in any::<String>(), regex in any::<bool>()) {
            let compare = if regex { Compare::NotEqual } else { Compare::Equal };
            let matcher = Matcher::new(name, compare, value).unwrap();
            prop_assert_eq!(&Matcher::parse(&matcher.to_string()).unwrap(), &matcher);
            let both = Matchers::new(vec![matcher.clone(), matcher]).unwrap();
            prop_assert_eq!(Matchers::parse(&both.to_string()).unwrap(), both);
        }

        #[test]
        fn no_text_is_too_odd(text in any::<String>()) {
            let _ = Matcher::parse(&text);
            let _ = Matchers::parse(&text);
        }
    }
}
