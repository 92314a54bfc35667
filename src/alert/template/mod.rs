//! Templates of messages, labels and annotations: Go's `text/template` with the functions of Prometheus.
//!
//! Pure. Owns the language: its grammar, its functions, how it writes numbers, and what a rendering may take. It asks
//! nobody anything: a template that calls `query` says which result it needs, whoever called asks a server, and
//! renders again. `validate` parses, so that a mistake is refused with its place; alerts render.
//!
//! Every rendering is bounded: in steps, in what it writes, in what its values weigh, and in how deep it goes
//! ([`Limits`]). What fails on its data becomes a text that says so, and the alert goes out all the same.

mod compare;
mod env;
mod eval;
mod functions;
mod humanize;
mod lexer;
mod number;
mod parser;
mod printf;
#[cfg(test)]
mod tests;
mod time;
mod tree;
mod value;
mod words;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, LazyLock},
};

use super::Labels;
use crate::{clock::WallMs, model::Pool};

/// The longest template: people write some hundred bytes, and 16 KiB is more than any channel shows.
pub const LENGTH_MAX: usize = 16 << 10;

/// What a rendering may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Nodes, operands and turns of a `range`. 100,000 take some 20 ms.
    pub steps: usize,
    /// Bytes written.
    pub output: usize,
    /// Different queries of one rendering.
    pub queries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps: 100_000, output: 16 << 10, queries: 10 }
    }
}

/// What a template is about.
#[derive(Debug, Clone, Copy)]
pub struct Data<'a> {
    /// `$labels`: of the result, before the rule's own are added.
    pub labels: &'a Labels,
    /// `$value`.
    pub value: f64,
    /// `$externalLabels`.
    pub external_labels: &'a Labels,
    /// `$externalURL`.
    pub external_url: &'a str,
    /// When the rule was evaluated: what `now` gives.
    pub now: WallMs,
}

/// An element of a query's result.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// With `__name__`, where the result has it.
    pub labels: Labels,
    pub value: f64,
}

/// What a query found.
type Found = Result<Arc<[Arc<Sample>]>, String>;

/// Results of the queries that a template has asked for so far, or why there is none.
#[derive(Debug, Clone, Default)]
pub struct Queries(BTreeMap<String, Found>);

impl Queries {
    /// The result of `query`: an instant vector, or a scalar as a sample without labels.
    pub fn insert(&mut self, query: String, result: Result<Vec<Sample>, String>) {
        self.0.insert(query, result.map(|samples| samples.into_iter().map(Arc::new).collect()));
    }

    fn get(&self, query: &str) -> Option<&Found> {
        self.0.get(query)
    }
}

/// A template that parses. Cheap to clone; equal texts are one.
#[derive(Clone)]
pub struct Template(Arc<Parsed>);

struct Parsed {
    source: Arc<str>,
    tree: tree::Tree,
}

/// Why a text is no template, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct ParseError {
    pub message: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// In bytes, from 0; at most the length of the text.
    pub offset: usize,
}

/// Why there is no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// This query's result is not among those that were given: ask for it, and render again. At most
    /// [`Limits::queries`] times, then it fails.
    #[error("needs the result of the query {0}")]
    NeedsQuery(String),
    #[error("line {line}, column {column}: {message}")]
    Failed { message: String, line: usize, column: usize },
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// The first mistake, with its place: an unknown function or variable is one.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        static POOL: LazyLock<Pool<Parsed>> = LazyLock::new(Pool::new);
        if text.len() > LENGTH_MAX {
            return Err(ParseError::at(text, LENGTH_MAX, format!("longer than {LENGTH_MAX} bytes")));
        }
        POOL.get(text, || Ok(Parsed { source: text.into(), tree: parser::parse(text)? })).map(Self)
    }

    /// As the user wrote it.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// Renders it.
    ///
    /// # Errors
    /// [`RenderError::NeedsQuery`]; or what failed on this data, or went over a limit.
    pub fn render(&self, data: &Data<'_>, queries: &Queries, limits: Limits) -> Result<String, RenderError> {
        eval::render(&self.0.tree, &self.0.source, data, queries, limits).0
    }

    /// As [`Self::render`], with the steps out of `left`, which several renderings share.
    ///
    /// # Errors
    /// As [`Self::render`].
    pub fn render_within(
        &self,
        data: &Data<'_>,
        queries: &Queries,
        limits: Limits,
        left: &mut usize,
    ) -> Result<String, RenderError> {
        let limits = Limits { steps: limits.steps.min(*left), ..limits };
        let (text, used) = eval::render(&self.0.tree, &self.0.source, data, queries, limits);
        *left -= used;
        text
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.source)
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.0.source == other.0.source
    }
}

impl ParseError {
    fn at(text: &str, offset: usize, message: impl Into<String>) -> Self {
        let (offset, line, column) = place(text, offset);
        Self { message: message.into(), line, column, offset }
    }
}

impl RenderError {
    fn failed(text: &str, offset: usize, message: String) -> Self {
        let (_, line, column) = place(text, offset);
        Self::Failed { message, line, column }
    }
}

/// Offset, at the boundary of a character, with line and column.
fn place(text: &str, offset: usize) -> (usize, usize, usize) {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (offset, before.matches('\n').count() + 1, column)
}
