//! Regular expressions: RE2-like, over bytes, linear in time, bounded in size.

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use regex::bytes::{Regex, RegexBuilder};

use super::Pool;

static POOL: LazyLock<Pool<Regex>> = LazyLock::new(Pool::new);

/// A compiled program may take this much. RE2's own default budget is 8 MiB; a tenth of it holds every
/// expression that a person writes, and bounds what one object can cost.
const SIZE_LIMIT: usize = 1 << 20;

/// A regular expression, shared with every other object that has the same one.
#[derive(Clone)]
pub struct Pattern {
    regex: Arc<Regex>,
    source: Arc<str>,
}

impl Pattern {
    /// Compiles `source` as it stands: it may match anywhere.
    ///
    /// # Errors
    /// What is wrong with the expression, in one line.
    pub fn unanchored(source: &str) -> Result<Self, String> {
        Self::compile(source, source)
    }

    /// Compiles `source` so that it has to match the whole of the text.
    ///
    /// # Errors
    /// What is wrong with the expression, in one line.
    pub fn anchored(source: &str) -> Result<Self, String> {
        // Compiled alone first, so that an unbalanced `)` cannot close the group around it.
        Self::compile(source, source)?;
        Self::compile(&format!("^(?:{source})$"), source)
    }

    fn compile(full: &str, source: &str) -> Result<Self, String> {
        let regex = POOL.get(full, || {
            RegexBuilder::new(full).size_limit(SIZE_LIMIT).dfa_size_limit(SIZE_LIMIT).build().map_err(one_line)
        })?;
        Ok(Self { regex, source: source.into() })
    }

    pub fn is_match(&self, text: &[u8]) -> bool {
        self.regex.is_match(text)
    }

    /// Where the first match ends.
    pub fn match_end(&self, text: &[u8]) -> Option<usize> {
        self.regex.find(text).map(|found| found.end())
    }

    /// Whether it matches `text`, and goes on to whatever follows it. A match that reaches to the very end of
    /// `text` does not count: a `$` or `\b` there could be undone by the next byte.
    pub fn is_match_so_far(&self, text: &[u8]) -> bool {
        self.regex.shortest_match(text).is_some_and(|end| end < text.len())
    }

    /// As the user wrote it.
    pub fn source(&self) -> &str {
        &self.source
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.source)
    }
}

fn one_line(error: regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(limit) => format!("compiles to more than {limit} bytes"),
        // The last line of a syntax error says what is wrong; those before draw where.
        other => other.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchored_takes_the_whole_text_and_cannot_be_escaped() {
        let pattern = Pattern::anchored("a|bc").unwrap();
        assert!(pattern.is_match(b"a") && pattern.is_match(b"bc") && !pattern.is_match(b"abc"));
        assert!(Pattern::anchored("a)|(b").is_err());
    }

    #[test]
    fn a_match_so_far_cannot_be_undone() {
        let cases = [
            ("ok", "ok", false),
            ("ok", "ok.", true),
            ("ok.*", "ok and more", true),
            ("ok$", "ok", false),
            ("^ok$", "okay", false),
            (r"ok\b", "ok", false),
            (r"ok\b", "ok ", true),
            ("(?m)ok$", "ok\n", true),
            ("no|ok$", "no ok", true),
        ];
        for (pattern, text, expected) in cases {
            let pattern = Pattern::unanchored(pattern).unwrap();
            assert_eq!(pattern.is_match_so_far(text.as_bytes()), expected, "{pattern:?} {text}");
        }
    }

    #[test]
    fn errors_are_one_line_and_size_is_bounded() {
        assert_eq!(Pattern::unanchored("(").unwrap_err(), "unclosed group");
        assert!(Pattern::unanchored(r"\pL{1000}{100}").unwrap_err().contains("more than"));
    }
}
