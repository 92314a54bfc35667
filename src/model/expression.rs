//! CEL expressions over what a run saw.

use std::{fmt, sync::Arc, time::Duration};

use crate::clock::WallMs;

/// A CEL expression that gives a boolean, shared with every other object that has the same one.
#[derive(Clone)]
pub struct Expression {
    source: Arc<str>,
}

/// What an expression can see of a run: the variables of `design/api.md`.
#[derive(Debug, Default)]
pub struct Response<'a> {
    pub status: Option<u16>,
    /// Lower-case names; several values of one name are joined by ", ".
    pub headers: Vec<(String, String)>,
    pub body: Option<&'a [u8]>,
    pub latency: Duration,
    /// `certificate.notAfter`, where there was a certificate.
    pub certificate_not_after: Option<WallMs>,
}

impl Expression {
    /// # Errors
    /// What is wrong with the expression, in one line.
    pub fn compile(source: &str) -> Result<Self, String> {
        Ok(Self { source: source.into() })
    }

    /// Whether the expression holds.
    ///
    /// # Errors
    /// Why there is no answer (ExpressionError): a missing key, a body that is not JSON, not a boolean.
    pub fn holds(&self, _response: &Response<'_>) -> Result<bool, String> {
        Err("not written yet".to_owned())
    }

    /// Whether the body must be read, and to its end, before this can be evaluated.
    pub fn needs_body(&self) -> bool {
        self.source.contains("response.body") || self.source.contains("response.json")
    }

    pub fn source(&self) -> &str {
        &self.source
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cel({})", self.source)
    }
}
