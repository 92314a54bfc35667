//! CEL expressions over what a run saw: compiled when an object is accepted, evaluated per run.
//!
//! Owns the one place that knows the CEL crate. [`accept`] decides what may run at all, [`variables`] what an
//! expression sees, [`budget`] how much work one evaluation may do, [`stack`] where it runs, [`explain`] what a failure is called.

mod accept;
mod budget;
mod explain;
mod json;
mod stack;
mod variables;

use std::{
    fmt,
    sync::{Arc, LazyLock},
    time::Duration,
};

use cel::{Context, IdedExpr, Value, common::types::CelBool};
use hyper::HeaderMap;

use self::variables::Variables;
use super::{Pattern, Pool};
use crate::clock::WallMs;

static POOL: LazyLock<Pool<Program>> = LazyLock::new(Pool::new);

/// Longer ones are refused: a page of text, and what bounds every other cost of an expression.
const SOURCE_MAX: usize = 4096;

/// A CEL expression that gives a boolean, shared with every other object that has the same one.
#[derive(Clone)]
pub struct Expression(Arc<Program>);

/// What an expression can see of a run. What the kind of probe does not have is None.
#[derive(Debug, Default)]
pub struct Response<'a> {
    pub status: Option<u16>,
    pub headers: Option<&'a HeaderMap>,
    /// After decompression, and whole: an expression that needs the body is not asked about a part of it.
    pub body: Option<&'a [u8]>,
    /// Since the run began.
    pub latency: Duration,
    /// `certificate.notAfter`, where there was a certificate.
    pub certificate_not_after: Option<WallMs>,
}

struct Program {
    source: Box<str>,
    tree: IdedExpr,
    uses: Uses,
    /// The patterns of `matches()`, compiled with the expression.
    patterns: Vec<budget::Matcher>,
    /// How deep the tree is.
    depth: usize,
}

/// What an expression is about: which variables it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    /// `response` and `certificate`.
    Response,
    /// `object`.
    Object,
}

/// Which variables an expression refers to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Uses {
    body: bool,
    json: bool,
    certificate: bool,
}

impl Expression {
    /// # Errors
    /// What is wrong with the expression, in one line.
    pub fn compile(source: &str) -> Result<Self, String> {
        if source.len() > SOURCE_MAX {
            return Err(format!("longer than {SOURCE_MAX} characters"));
        }
        POOL.get(source, || accept::accept(source, About::Response)).map(Self)
    }

    /// An expression over `object`: what an API server gave, which is then the body of the [`Response`].
    ///
    /// # Errors
    /// What is wrong with the expression, in one line.
    pub fn over_object(source: &str) -> Result<Self, String> {
        if source.len() > SOURCE_MAX {
            return Err(format!("longer than {SOURCE_MAX} characters"));
        }
        // No expression begins with a colon, so that none over a response is taken for one over an object.
        POOL.get(&format!(":{source}"), || accept::accept(source, About::Object)).map(Self)
    }

    /// Whether the expression holds.
    ///
    /// # Errors
    /// Why there is no answer (ExpressionError): a missing key, a body that is not JSON, not a boolean, too
    /// much work. Says what, without values, so that it stays the same from run to run.
    pub fn holds(&self, response: &Response<'_>) -> Result<bool, String> {
        stack::with_room(self.0.depth, || self.evaluate(response))?
    }

    fn evaluate(&self, response: &Response<'_>) -> Result<bool, String> {
        let program = &*self.0;
        let variables = Variables::new(program, response);
        let mut context = Context::with_env(budget::env());
        context.set_variable_resolver(&variables);
        let result = Value::resolve_val(&program.tree, &context);
        // Checked first: an error that the budget raised may have been absorbed by a `||`.
        if variables.budget.is_spent() {
            return Err("needs too many steps over this response".to_owned());
        }
        match result {
            Ok(value) => match value.downcast_ref::<CelBool>() {
                Some(holds) => Ok(*holds.inner()),
                None => Err(format!("gives {}, not a boolean", explain::type_name(value.as_ref()))),
            },
            Err(error) => Err(explain::explain(&error, &program.tree, &context, &variables)),
        }
    }

    /// Whether the body must be read, and to its end, before this can be evaluated.
    pub fn needs_body(&self) -> bool {
        self.0.uses.body || self.0.uses.json
    }

    /// Whether this looks at the peer's certificate.
    pub fn needs_certificate(&self) -> bool {
        self.0.uses.certificate
    }

    /// As the user wrote it.
    pub fn source(&self) -> &str {
        &self.0.source
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cel({})", self.source())
    }
}

#[cfg(test)]
mod tests;
