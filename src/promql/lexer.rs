//! From characters to tokens.

use super::{Mistake, number, string};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token<'a> {
    End,
    /// One of `( ) { } [ ] , : @`.
    Mark(char),
    /// An operator, of expressions or of matchers.
    Operator(&'static str),
    /// A name, which may be a keyword. Metrics' names may hold colons.
    Name(&'a str),
    Number(f64),
    /// In seconds.
    Duration(f64),
    String(String),
}

/// The longer before those that they begin with.
const OPERATORS: [&str; 15] = ["==", "=~", "!=", "!~", "<=", ">=", "=", "<", ">", "+", "-", "*", "/", "%", "^"];

pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// Between `[` and `]`, where a colon is a mark and no part of a name.
    pub(super) in_brackets: bool,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, in_brackets: false }
    }

    pub(super) fn mistake(&self, at: usize, message: impl Into<String>) -> Mistake {
        Mistake::at(self.text, at, message)
    }

    /// The next token, and where it begins.
    pub(super) fn next(&mut self) -> Result<(Token<'a>, usize), Mistake> {
        self.skip();
        let (start, rest) = (self.at, &self.text[self.at..]);
        let Some(first) = rest.chars().next() else { return Ok((Token::End, start)) };
        let (token, length) = match first {
            '(' | ')' | '{' | '}' | '[' | ']' | ',' | '@' => (Token::Mark(first), 1),
            ':' if self.in_brackets => (Token::Mark(first), 1),
            '"' | '\'' | '`' => {
                let (value, length) = string::read(rest).map_err(|(at, what)| self.mistake(start + at, what))?;
                (Token::String(value), length)
            }
            '0'..='9' => number::read(rest).map_err(|what| self.mistake(start, what))?,
            '.' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                number::read(rest).map_err(|what| self.mistake(start, what))?
            }
            first if is_name_start(first) => {
                let length = rest.find(|c: char| !is_name_start(c) && !c.is_ascii_digit()).unwrap_or(rest.len());
                let name = &rest[..length];
                // These two are numbers in any case of letters.
                match name.to_ascii_lowercase().as_str() {
                    "inf" => (Token::Number(f64::INFINITY), length),
                    "nan" => (Token::Number(f64::NAN), length),
                    _ => (Token::Name(name), length),
                }
            }
            _ => match OPERATORS.iter().find(|operator| rest.starts_with(**operator)) {
                Some(operator) => (Token::Operator(operator), operator.len()),
                None => return Err(self.mistake(start, format!("unexpected character '{}'", first.escape_default()))),
            },
        };
        self.at += length;
        Ok((token, start))
    }

    /// Passes over white space and comments.
    fn skip(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r']);
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with('#') {
                return;
            }
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }
}

fn is_name_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || c == ':'
}

impl std::fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::End => f.write_str("end of the expression"),
            Self::Mark(mark) => write!(f, "'{mark}'"),
            Self::Operator(operator) => write!(f, "'{operator}'"),
            Self::Name(name) => write!(f, "'{}'", name.chars().take(40).collect::<String>()),
            Self::Number(_) => f.write_str("number"),
            Self::Duration(_) => f.write_str("duration"),
            Self::String(_) => f.write_str("string"),
        }
    }
}
