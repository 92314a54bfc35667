//! Selectors: a metric's name, and matchers in braces.

use regex::RegexBuilder;

use super::{Mistake, lexer::Token, parser::Parser};

/// As much as RE2 takes by default for the program of one expression: a tenth of it holds what people write.
const REGEX_MAX: usize = 1 << 20;

impl Parser<'_> {
    /// The matchers behind `{`, which was taken. With a name before them they may be empty.
    pub(super) fn selector(&mut self, name: Option<&str>, at: usize) -> Result<(), Mistake> {
        let mut named = name.is_some();
        let mut restricts = named;
        while !self.take(&Token::Mark('}'))? {
            let (label, place) = match self.next()? {
                (Token::Name(label), place) if !label.contains(':') => (label.to_owned(), place),
                (Token::String(label), place) if !label.is_empty() => {
                    // A quoted name that no operator follows is the metric's.
                    if self.is_next(&Token::Mark(','))? || self.is_next(&Token::Mark('}'))? {
                        self.set_name(&mut named, place)?;
                        restricts = true;
                        self.take(&Token::Mark(','))?;
                        continue;
                    }
                    (label, place)
                }
                (token, place) => {
                    return Err(self.mistake(place, format!("unexpected {token}: a label's name is missing here")));
                }
            };
            let matches_empty = self.matcher()?;
            if label == "__name__" && name.is_some() {
                return Err(self.mistake(place, "the metric's name is set twice"));
            }
            restricts |= !matches_empty;
            if !self.take(&Token::Mark(','))? {
                self.expect('}')?;
                break;
            }
        }
        if restricts {
            return Ok(());
        }
        Err(self.mistake(at, "a selector needs at least one matcher that does not match the empty text"))
    }

    fn set_name(&self, named: &mut bool, at: usize) -> Result<(), Mistake> {
        if std::mem::replace(named, true) { Err(self.mistake(at, "the metric's name is set twice")) } else { Ok(()) }
    }

    /// Operator and value of a matcher: whether it matches the empty text.
    fn matcher(&mut self) -> Result<bool, Mistake> {
        let operator = match self.next()? {
            (Token::Operator(operator @ ("=" | "!=" | "=~" | "!~")), _) => operator,
            (token, at) => return Err(self.mistake(at, format!("unexpected {token}: write =, !=, =~ or !~ here"))),
        };
        let (value, at) = match self.next()? {
            (Token::String(value), at) => (value, at),
            (token, at) => return Err(self.mistake(at, format!("unexpected {token}: a matcher's value is a string"))),
        };
        match operator {
            "=" => return Ok(value.is_empty()),
            "!=" => return Ok(!value.is_empty()),
            _ => {}
        }
        // Alone first, so that an unbalanced `)` cannot close the group around it.
        let compile = |text: &str| RegexBuilder::new(text).size_limit(REGEX_MAX).build();
        let compiled = compile(&value).and_then(|_| compile(&format!("^(?s:{value})$")));
        let regex =
            compiled.map_err(|error| self.mistake(at, format!("bad regular expression: {}", one_line(&error))))?;
        Ok(regex.is_match("") == (operator == "=~"))
    }
}

fn one_line(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(limit) => format!("compiles to more than {limit} bytes"),
        // The last line of a syntax error says what is wrong; those before draw where.
        other => other.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
    }
}
