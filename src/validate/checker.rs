//! What the judging of one object carries along: where it stands, and the mistakes so far.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::{
    duration,
    field::{Fault, FieldError, FieldPath},
    references::References,
    shape::shown,
};
use crate::{
    alert::template::Template,
    api::{DurationText, WindowText},
    model::{Expression, Pattern},
    promql::{self, ValueType},
};

pub struct Checker<'a> {
    /// The object as it was written.
    pub raw: &'a Value,
    pub namespace: &'a str,
    pub references: &'a dyn References,
    /// What the shape left out: a rule about something else must not take it for absent.
    pub left_out: &'a [FieldPath],
    pub mistakes: Vec<FieldError>,
}

impl Checker<'_> {
    pub fn refuse(&mut self, path: &FieldPath, message: impl Into<String>) {
        self.mistakes.push(FieldError::invalid(path.clone(), message));
    }

    pub fn refuse_with(&mut self, path: &FieldPath, message: impl Into<String>, hint: impl Into<String>) {
        self.mistakes.push(FieldError::invalid(path.clone(), message).hint(hint));
    }

    /// Whether something was written at `path`, right or wrong.
    pub fn is_set(&self, path: &FieldPath) -> bool {
        path.lookup(self.raw).is_some_and(|value| !value.is_null())
    }

    /// Whether what was written at `path` was so wrong that it is not there any more.
    pub fn was_left_out(&self, path: &FieldPath) -> bool {
        self.left_out.contains(path)
    }

    /// Refuses all but exactly one of the fields of the object at `path`.
    pub fn exactly_one(&mut self, path: &FieldPath, fields: &[&str]) {
        let set: Vec<_> = fields.iter().copied().filter(|field| self.is_set(&path.field(*field))).collect();
        let message = format!("exactly one of {} must be set", fields.join(", "));
        match set.as_slice() {
            [_] => {}
            [] => self.refuse(path, format!("{message}, and none is")),
            [all @ .., last] => self.refuse(path, format!("{message}, and {} and {last} are", all.join(", "))),
        }
    }

    pub fn duration(&mut self, path: &FieldPath, text: &DurationText) -> Option<Duration> {
        match duration::parse(&text.0) {
            Ok(duration) => Some(duration),
            Err(problem) => {
                self.refuse_with(path, format!("{} {problem}", shown(&text.0)), "such as 500ms, 30s or 1h30m");
                None
            }
        }
    }

    /// The length of a window, which may be in days and weeks.
    pub fn window(&mut self, path: &FieldPath, text: &WindowText) -> Option<Duration> {
        match duration::parse_window(&text.0) {
            Ok(duration) => Some(duration),
            Err(problem) => {
                self.refuse_with(path, format!("{} {problem}", shown(&text.0)), "such as 5m, 24h or 30d");
                None
            }
        }
    }

    /// A regular expression that may match anywhere.
    pub fn unanchored(&mut self, path: &FieldPath, source: &str) -> Option<Pattern> {
        let compiled = Pattern::unanchored(source);
        self.compiled(path, "regular expression", source, compiled)
    }

    /// A regular expression that has to match the whole of a text.
    pub fn anchored(&mut self, path: &FieldPath, source: &str) -> Option<Pattern> {
        let compiled = Pattern::anchored(source);
        self.compiled(path, "regular expression", source, compiled)
    }

    pub fn expression(&mut self, path: &FieldPath, source: &str) -> Option<Expression> {
        self.compiled_expression(path, source, Expression::compile(source))
    }

    /// An expression over `object`, and not over a response.
    pub fn expression_over_object(&mut self, path: &FieldPath, source: &str) -> Option<Expression> {
        self.compiled_expression(path, source, Expression::over_object(source))
    }

    fn compiled_expression(
        &mut self,
        path: &FieldPath,
        source: &str,
        compiled: Result<Expression, String>,
    ) -> Option<Expression> {
        let expression = self.compiled(path, "CEL expression", source, compiled);
        if let (None, Some(mistake)) = (&expression, self.mistakes.last_mut())
            && has_lone_equals(source)
        {
            mistake.hint = Some("to compare, write ==".to_owned());
        }
        expression
    }

    /// A Go template, when it parses.
    pub fn template(&mut self, path: &FieldPath, text: &str) -> Option<Template> {
        match Template::parse(text) {
            Ok(template) => Some(template),
            Err(error) => {
                let message = format!("{} is not a template: {error}", shown(text));
                let mistake = FieldError::new(path.clone(), Fault::InvalidExpression, message);
                self.mistakes.push(mistake.hint("such as {{ $labels.instance }} is down"));
                None
            }
        }
    }

    /// An expression of PromQL; its text, when it parses.
    pub fn promql(&mut self, path: &FieldPath, text: &str) -> Option<Arc<str>> {
        let checked = match promql::check(text) {
            Ok(checked) if matches!(checked.gives, ValueType::Matrix | ValueType::String) => {
                Err("it gives no value at one time: a rule needs an instant vector or a scalar".to_owned())
            }
            Ok(_) => Ok(Arc::from(text)),
            Err(mistake) => Err(mistake.to_string()),
        };
        self.compiled(path, "PromQL expression", text, checked)
    }

    /// One pattern for each of `sources`, or None when one of them does not compile.
    pub fn patterns(
        &mut self,
        path: &FieldPath,
        sources: Option<&Vec<String>>,
        compile: impl Fn(&mut Self, &FieldPath, &str) -> Option<Pattern>,
    ) -> Option<Vec<Pattern>> {
        let sources = sources.map(Vec::as_slice).unwrap_or_default();
        let compiled: Vec<_> =
            sources.iter().enumerate().map(|(at, source)| compile(self, &path.index(at), source)).collect();
        compiled.into_iter().collect()
    }

    fn compiled<T>(&mut self, path: &FieldPath, what: &str, source: &str, compiled: Result<T, String>) -> Option<T> {
        compiled
            .map_err(|problem| {
                let message = format!("{} is not a {what}: {problem}", shown(source));
                self.mistakes.push(FieldError::new(path.clone(), Fault::InvalidExpression, message));
            })
            .ok()
    }
}

/// Whether there is a `=` that is no part of `==`, `!=`, `<=` or `>=`.
fn has_lone_equals(source: &str) -> bool {
    let bytes = source.as_bytes();
    (0..bytes.len()).any(|at| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        bytes[at] == b'='
            && !before.is_some_and(|c| b"=!<>".contains(c))
            && bytes.get(at + 1).is_none_or(|after| *after != b'=')
    })
}
