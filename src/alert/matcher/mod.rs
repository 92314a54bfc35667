//! Matchers over labels, as Alertmanager's silences and routes have them: `=`, `!=`, `=~` and `!~`.
//!
//! A regular expression has to match the whole value, and a missing label is the empty text. Texts are read in
//! `parse`. Called by `validate` (silences), by the HTTP API (filters) and by the desk.

mod parse;

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use super::Labels;
use crate::model::Pattern;

pub use parse::MatcherError;

/// How a matcher compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Compare {
    Equal,
    NotEqual,
    Matches,
    NotMatches,
}

impl Compare {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Matches => "=~",
            Self::NotMatches => "!~",
        }
    }
}

/// One comparison of one label.
#[derive(Clone)]
pub struct Matcher {
    name: Arc<str>,
    compare: Compare,
    value: Arc<str>,
    /// What a regular expression compiles to. It is shared with all others that have the same.
    pattern: Option<Pattern>,
}

impl Matcher {
    /// # Errors
    /// An empty name; a name or value over its bound; a regular expression that does not compile or is too large.
    pub fn new(name: impl Into<Arc<str>>, compare: Compare, value: impl Into<Arc<str>>) -> Result<Self, MatcherError> {
        let (name, value) = (name.into(), value.into());
        if name.is_empty() {
            return Err(MatcherError::EmptyName);
        }
        if name.len() + value.len() > parse::TEXT_MAX {
            return Err(MatcherError::TooLong);
        }
        let pattern = match compare {
            Compare::Equal | Compare::NotEqual => None,
            Compare::Matches | Compare::NotMatches => Some(
                Pattern::anchored(&value)
                    .map_err(|what| MatcherError::Pattern { pattern: value.as_ref().to_owned(), what })?,
            ),
        };
        Ok(Self { name, compare, value, pattern })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn compare(&self) -> Compare {
        self.compare
    }

    /// The text or the regular expression, without quotes.
    pub fn value(&self) -> &str {
        &self.value
    }

    pub fn matches(&self, labels: &Labels) -> bool {
        self.matches_value(labels.value(&self.name))
    }

    fn matches_value(&self, value: &str) -> bool {
        let found = self.pattern.as_ref().is_some_and(|pattern| pattern.is_match(value.as_bytes()));
        match self.compare {
            Compare::Equal => *self.value == *value,
            Compare::NotEqual => *self.value != *value,
            Compare::Matches => found,
            Compare::NotMatches => !found,
        }
    }

    /// Whether it asks for something to be there. Alertmanager takes a silence only if one of its matchers does;
    /// `!=` and `!~` always count as asking.
    fn asks(&self) -> bool {
        match self.compare {
            Compare::Equal | Compare::Matches => !self.matches_value(""),
            Compare::NotEqual | Compare::NotMatches => true,
        }
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.compare, &self.value) == (&other.name, other.compare, &other.value)
    }
}

impl Eq for Matcher {}

/// As [`Matcher::parse`] reads it, and as Alertmanager prints it: the value in quotes.
impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if parse::is_plain(&self.name) {
            write!(f, "{}{}", self.name, self.compare.as_str())?;
        } else {
            write!(f, "{}{}", parse::Quoted(&self.name), self.compare.as_str())?;
        }
        parse::Quoted(&self.value).fmt(f)
    }
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Matchers that all have to hold.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Matchers(Arc<[Matcher]>);

impl Matchers {
    /// As many as a silence may have: far more than people write, and a bound on the work per alert.
    pub const MAX: usize = 64;

    /// # Errors
    /// There are more than [`Matchers::MAX`].
    pub fn new(matchers: Vec<Matcher>) -> Result<Self, MatcherError> {
        if matchers.len() > Self::MAX { Err(MatcherError::TooMany) } else { Ok(Self(matchers.into())) }
    }

    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|matcher| matcher.matches(labels))
    }

    /// Whether they would mute everything: no one of them asks for a label to be there, as `a=""` and `a=~".*"`
    /// do not. A silence must not be so.
    pub fn matches_everything(&self) -> bool {
        !self.0.iter().any(Matcher::asks)
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Matcher> {
        self.0.iter()
    }
}

/// `{a="1",b=~"2|3"}`, as Alertmanager prints it.
impl fmt::Display for Matchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, matcher) in self.0.iter().enumerate() {
            write!(f, "{}{matcher}", if at > 0 { "," } else { "" })?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Matchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Matchers {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Matchers {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_comparison_and_a_missing_label_is_empty() {
        let labels = Labels::new([("a", "one"), ("b", "x\ny")]);
        let cases = [
            ("a=one", true),
            ("a=on", false),
            ("a!=one", false),
            ("a!=two", true),
            ("a=~o.e", true),
            ("a=~on", false),
            ("a=~on|one", true),
            ("a!~on|one", false),
            ("a!~on", true),
            ("gone=\"\"", true),
            ("gone!=\"\"", false),
            ("gone=~.*", true),
            ("gone=~.+", false),
            ("gone!~.+", true),
            ("gone!=x", true),
        ];
        for (text, expected) in cases {
            assert_eq!(Matcher::parse(text).unwrap().matches(&labels), expected, "{text}");
        }
    }

    #[test]
    fn what_would_mute_everything() {
        let cases: [(&[&str], bool); 8] = [
            (&[], true),
            (&["a=\"\""], true),
            (&["a=~.*", "b=\"\""], true),
            (&["a=~\"x|\""], true),
            (&["a=x"], false),
            (&["a=~.*", "b=x"], false),
            (&["a!=x"], false),
            (&["a!~.*"], false),
        ];
        for (texts, expected) in cases {
            let matchers = texts.iter().map(|text| Matcher::parse(text).unwrap()).collect();
            assert_eq!(Matchers::new(matchers).unwrap().matches_everything(), expected, "{texts:?}");
        }
    }

    #[test]
    fn bounded() {
        let matcher = Matcher::parse("a=b").unwrap();
        assert_eq!(Matchers::new(vec![matcher; Matchers::MAX + 1]), Err(MatcherError::TooMany));
        assert!(Matcher::parse(&format!("a={}", "x".repeat(parse::TEXT_MAX))).is_err());
        assert!(matches!(Matcher::parse(r"a=~\pL{1000}{100}"), Err(MatcherError::Pattern { .. })));
    }
}
