//! Whether an answer is what is expected. Pure.
//!
//! The order is status, headers, `bodyMatches`, `bodyNotMatches`, `when`: the first that does not hold is told.

use std::borrow::Cow;

use hyper::{StatusCode, http::response::Parts};

use super::body::{End, Text};
use crate::{
    health::Reason,
    model::{Degraded, HttpExpect, Response},
    net::Failure,
};

/// How much of the body somebody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Nothing,
    /// As far as each of `bodyMatches` is found.
    Matches,
    All,
}

/// What does not hold.
pub(super) struct Miss {
    pub(super) failure: Failure,
    /// Found by `when`.
    pub(super) by_expression: bool,
}

impl Need {
    pub(super) fn of(expect: &HttpExpect, degraded: &Degraded) -> Self {
        let by_expression = [&expect.when, &degraded.when].into_iter().flatten().any(|when| when.needs_body());
        if by_expression || !expect.body_not_matches.is_empty() {
            Self::All
        } else if !expect.body_matches.is_empty() {
            Self::Matches
        } else {
            Self::Nothing
        }
    }
}

fn miss(reason: Reason, message: impl Into<String>) -> Miss {
    Miss { failure: Failure::new(reason, message), by_expression: false }
}

/// What the head alone decides.
pub(super) fn head(expect: &HttpExpect, head: &Parts) -> Result<(), Miss> {
    if !expect.status.contains(head.status.as_u16()) {
        let message = format!("{}, expected {}", status_text(head.status), expect.status);
        return Err(miss(Reason::UnexpectedStatus, message));
    }
    for expected in &expect.headers {
        let mut values = head.headers.get_all(&expected.name).iter().peekable();
        // A value may hold what changes from run to run, so it is not told.
        let what = if values.peek().is_none() { "is not there" } else { "does not match" };
        if !values.any(|value| expected.matches.is_match(value.as_bytes())) {
            let message = format!("header {} {what}: expected {:?}", expected.name, expected.matches);
            return Err(miss(Reason::HeaderMismatch, message));
        }
    }
    Ok(())
}

/// What is decided when the body has been read up to `end`.
pub(super) fn body(
    expect: &HttpExpect,
    text: &Text<'_>,
    end: End,
    max: u64,
    response: &Response<'_>,
) -> Result<(), Miss> {
    let too_large = |what: String| {
        miss(Reason::BodyTooLarge, format!("the body is over {max} bytes, which are not enough to tell {what}"))
    };
    if let Some(pattern) = text.missing() {
        return Err(match end {
            End::Cut => too_large(format!("whether it matches {pattern:?}")),
            _ => miss(Reason::BodyMismatch, format!("the body does not match {pattern:?}")),
        });
    }
    for pattern in &expect.body_not_matches {
        let found = match end {
            End::Cut => pattern.is_match_so_far(text.bytes()),
            _ => pattern.is_match(text.bytes()),
        };
        if found {
            return Err(miss(Reason::BodyMismatch, format!("the body matches {pattern:?}, which it must not")));
        }
    }
    if let (End::Cut, Some(pattern)) = (end, expect.body_not_matches.first()) {
        return Err(too_large(format!("that it does not match {pattern:?}")));
    }
    let Some(when) = &expect.when else { return Ok(()) };
    if end == End::Cut && when.needs_body() {
        return Err(Miss { by_expression: true, ..too_large("whether expect.when holds".to_owned()) });
    }
    let (reason, message) = match when.holds(response) {
        Ok(true) => return Ok(()),
        Ok(false) => (Reason::ExpectationFailed, format!("expect.when does not hold: {}", when.source())),
        Err(error) => (Reason::ExpressionError, format!("expect.when: {error}")),
    };
    Err(Miss { by_expression: true, ..miss(reason, message) })
}

/// "503 Service Unavailable"; the number alone when it has no name.
pub(super) fn status_text(status: StatusCode) -> Cow<'static, str> {
    match status.as_u16() {
        // What nearly every run that passes says, without an allocation.
        200 => Cow::Borrowed("200 OK"),
        204 => Cow::Borrowed("204 No Content"),
        number => match status.canonical_reason() {
            Some(name) => Cow::Owned(format!("{number} {name}")),
            None => Cow::Owned(number.to_string()),
        },
    }
}
