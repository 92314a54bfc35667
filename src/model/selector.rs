//! Kubernetes label selectors, in the form in which kubectl takes them: `tier=backend,app in (a, b),!beta`.
//! <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors>

use std::{collections::BTreeMap, fmt};

/// What a set of labels must be like. All requirements must hold; none holds for everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Exists,
    Absent,
    In(Vec<String>),
    /// Holds also where the label is absent, as in Kubernetes.
    NotIn(Vec<String>),
}

/// How a requirement of an object's selector compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

/// Why a text is no selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("label selector: {what} at character {at}")]
pub struct SelectorError {
    what: String,
    /// Counted from 1.
    at: usize,
}

impl Selector {
    /// As many requirements as a selector may have: far more than people write, and a bound on the work per check.
    const REQUIREMENTS_MAX: usize = 64;

    /// # Errors
    /// [`SelectorError`] says what is wrong and where.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let mut parser = Parser { text, at: 0 };
        let mut requirements = Vec::new();
        parser.space();
        if parser.rest().is_empty() {
            return Ok(Self(requirements));
        }
        loop {
            requirements.push(parser.requirement()?);
            if requirements.len() > Self::REQUIREMENTS_MAX {
                return Err(parser.error(format!("more than {} requirements", Self::REQUIREMENTS_MAX)));
            }
            if parser.rest().is_empty() {
                return Ok(Self(requirements));
            }
            parser.expect(',')?;
        }
    }

    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|requirement| {
            let value = labels.get(&requirement.key);
            match &requirement.test {
                Test::Exists => value.is_some(),
                Test::Absent => value.is_none(),
                Test::In(values) => value.is_some_and(|value| values.contains(value)),
                Test::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            }
        })
    }

    /// Adds a requirement. `values` says nothing where the label has to exist or to be absent.
    #[must_use]
    pub fn and(mut self, key: &str, operator: Operator, values: Vec<String>) -> Self {
        let test = match operator {
            Operator::In => Test::In(values),
            Operator::NotIn => Test::NotIn(values),
            Operator::Exists => Test::Exists,
            Operator::DoesNotExist => Test::Absent,
        };
        self.0.push(Requirement { key: key.to_owned(), test });
        self
    }

    /// A label with the one value that it must have, if there is such a requirement: whoever has an index of labels need
    /// not look at all.
    pub fn pinned(&self) -> Option<(&str, &str)> {
        self.0.iter().find_map(|requirement| match &requirement.test {
            Test::In(values) => match values.as_slice() {
                [value] => Some((&*requirement.key, &**value)),
                _ => None,
            },
            Test::Exists | Test::Absent | Test::NotIn(_) => None,
        })
    }

    /// Whether it holds for everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// As [`Selector::parse`] reads it.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Requirement { key, test }) in self.0.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            match test {
                Test::Exists => write!(f, "{comma}{key}")?,
                Test::Absent => write!(f, "{comma}!{key}")?,
                Test::In(values) => match values.as_slice() {
                    [value] => write!(f, "{comma}{key}={value}")?,
                    values => write!(f, "{comma}{key} in ({})", values.join(","))?,
                },
                Test::NotIn(values) => write!(f, "{comma}{key} notin ({})", values.join(","))?,
            }
        }
        Ok(())
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Takes `token` if it is next, and the space behind it.
    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
            self.space();
        }
        found
    }

    fn expect(&mut self, token: char) -> Result<(), SelectorError> {
        if self.take(token.encode_utf8(&mut [0; 4])) {
            return Ok(());
        }
        let found = self.rest().chars().next().map_or_else(|| "the end".to_owned(), |c| format!("{c:?}"));
        Err(self.error(format!("expected {token:?}, found {found}")))
    }

    fn error(&self, what: impl Into<String>) -> SelectorError {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        SelectorError { what: what.into(), at: before.chars().count() + 1 }
    }

    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_whitespace() || ",()=!<>".contains(c)).unwrap_or(rest.len());
        let word = rest.get(..end).unwrap_or_default();
        self.at += end;
        self.space();
        word
    }

    fn requirement(&mut self) -> Result<Requirement, SelectorError> {
        let absent = self.take("!");
        let key = self.key()?;
        if absent {
            return Ok(Requirement { key, test: Test::Absent });
        }
        let test = if self.take("==") || self.take("=") {
            Test::In(vec![self.value()?])
        } else if self.take("!=") {
            Test::NotIn(vec![self.value()?])
        } else if self.rest().is_empty() || self.rest().starts_with(',') {
            Test::Exists
        } else {
            let start = self.at;
            match self.word() {
                "in" => Test::In(self.values()?),
                "notin" => Test::NotIn(self.values()?),
                _ => {
                    self.at = start;
                    return Err(self.error("expected =, ==, !=, in, notin or a comma"));
                }
            }
        };
        Ok(Requirement { key, test })
    }

    fn key(&mut self) -> Result<String, SelectorError> {
        let start = self.at;
        let word = self.word();
        let (prefix, name) = word.rsplit_once('/').map_or((None, word), |(prefix, name)| (Some(prefix), name));
        let good = !name.is_empty() && is_name(name) && prefix.is_none_or(is_subdomain);
        if good {
            return Ok(word.to_owned());
        }
        self.at = start;
        Err(self.error(if word.is_empty() {
            "expected a label key".to_owned()
        } else {
            format!("{word:?} is no label key")
        }))
    }

    fn value(&mut self) -> Result<String, SelectorError> {
        let start = self.at;
        let word = self.word();
        if is_name(word) {
            return Ok(word.to_owned());
        }
        self.at = start;
        Err(self.error(format!("{word:?} is no label value")))
    }

    fn values(&mut self) -> Result<Vec<String>, SelectorError> {
        self.expect('(')?;
        let mut values = vec![self.value()?];
        while self.take(",") {
            values.push(self.value()?);
        }
        self.expect(')')?;
        Ok(values)
    }
}

/// A label value, or a key without its prefix: at most 63 of letters, digits, `-`, `_` and `.`, with a letter or
/// digit at both ends; a value may be empty.
fn is_name(text: &str) -> bool {
    let ends = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && ends(text.chars().next())
        && ends(text.chars().next_back())
}

fn is_subdomain(text: &str) -> bool {
    let label = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn selectors_match_as_kubectls_do() {
        let backend = labels(&[("tier", "backend"), ("app.kubernetes.io/name", "api"), ("empty", "")]);
        for (selector, want) in [
            ("", true),
            ("  ", true),
            ("tier=backend", true),
            ("tier == backend", true),
            ("tier=front", false),
            ("tier!=front", true),
            ("absent!=x", true),
            ("tier", true),
            ("absent", false),
            ("!absent", true),
            ("! tier", false),
            ("tier in (front, backend)", true),
            ("tier in(front)", false),
            ("tier notin (front,middle)", true),
            ("absent notin (a)", true),
            ("absent in (a)", false),
            ("empty=", true),
            ("empty in ()", true),
            ("empty in (a,)", true),
            ("app.kubernetes.io/name=api,tier in (backend),!beta", true),
            ("app.kubernetes.io/name=api,beta", false),
            ("in in (in)", false),
        ] {
            assert_eq!(Selector::parse(selector).unwrap().matches(&backend), want, "{selector}");
        }
    }

    #[test]
    fn what_is_no_selector_is_refused_with_the_place() {
        for (selector, want) in [
            ("=x", "expected a label key at character 1"),
            ("tier=a b", "expected ',', found 'b' at character 8"),
            ("tier in a", "expected '(', found 'a' at character 9"),
            ("tier in (a", "expected ')', found the end at character 11"),
            ("tier like a", "expected =, ==, !=, in, notin or a comma at character 6"),
            ("tier=a,", "expected a label key at character 8"),
            ("tier=-a", "\"-a\" is no label value at character 6"),
            ("A_/b=c", "\"A_/b\" is no label key at character 1"),
            ("n>1", "expected =, ==, !=, in, notin or a comma at character 2"),
            ("ü", "\"ü\" is no label key at character 1"),
        ] {
            let error = Selector::parse(selector).unwrap_err().to_string();
            assert_eq!(error, format!("label selector: {want}"), "{selector}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = Selector::parse(&text);
        }

        #[test]
        fn what_is_written_is_read_again(text in "[a-c]{1,2}(=[a-c]?|!=[a-c]| in \\([a-c](,[a-c])?\\)| notin \\([a-c]\\))?(,!d)?") {
            let selector = Selector::parse(&text).unwrap();
            prop_assert_eq!(Selector::parse(&selector.to_string()).unwrap(), selector);
        }

        #[test]
        fn an_equality_selects_its_label_and_no_other(key in "[a-z]{1,8}", a in "[a-z]{1,8}", b in "[a-z]{1,8}") {
            let selector = Selector::parse(&format!("{key}={a}")).unwrap();
            prop_assert!(selector.matches(&labels(&[(&key, &a)])));
            prop_assert_eq!(selector.matches(&labels(&[(&key, &b)])), a == b);
        }
    }
}
