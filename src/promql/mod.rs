//! PromQL, read as far as it takes to say whether an expression is one, where its mistake is, and what it gives; and what
//! a server answers to it.
//!
//! Pure. It evaluates nothing: that is for a Prometheus-compatible server, which `query` asks. Called by `validate`
//! when an object is accepted, so that a mistake is shown at once and with its place. The grammar is that of
//! Prometheus 3, experimental functions included; what only another dialect knows is a mistake here.
//!
//! An expression is bounded in length and nesting, so that none can exhaust the stack.

mod answer;
mod call;
mod functions;
mod lexer;
mod mistake;
mod number;
mod operator;
mod parser;
mod selector;
mod string;
#[cfg(test)]
mod tests;

pub use answer::{Answer, AnswerError, Found, Point, SERIES_MAX, Sample, Series};
pub use mistake::Mistake;
use parser::Parser;

/// The longest expression: dashboards' longest are a few KB, and the object has to fit into the API server.
pub const LENGTH_MAX: usize = 32 << 10;

/// What an expression gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueType {
    Scalar,
    /// An instant vector.
    Vector,
    /// A range vector.
    Matrix,
    String,
}

/// An expression that is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    pub gives: ValueType,
    /// It is an instant vector selector and nothing else, without offset and `@`: `up{job="a"}`.
    pub is_selector: bool,
}

/// Reads a whole expression.
///
/// # Errors
/// The first mistake, with its place.
pub fn check(text: &str) -> Result<Checked, Mistake> {
    if text.len() > LENGTH_MAX {
        return Err(Mistake::at(text, LENGTH_MAX, format!("longer than {LENGTH_MAX} bytes")));
    }
    Parser::new(text).whole()
}

impl ValueType {
    fn name(self) -> &'static str {
        match self {
            Self::Scalar => "a scalar",
            Self::Vector => "an instant vector",
            Self::Matrix => "a range vector",
            Self::String => "a string",
        }
    }
}

impl std::fmt::Display for ValueType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
