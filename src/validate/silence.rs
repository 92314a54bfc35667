//! A Silence: from its text to the model.

use std::sync::LazyLock;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::Value;

use super::{
    FieldError,
    checker::Checker,
    field::{Fault, FieldPath},
    form::{Form, labels},
    metadata::Metadata,
    references::References,
    shape::shown,
};
use crate::{
    alert::{Matcher, Matchers},
    api::SilenceSpec,
    clock::WallMs,
    model::{Kind, ObjectKey, Silence},
};

pub static FORM: LazyLock<Form> =
    LazyLock::new(|| Form::of(Kind::Silence, "spec: {matchers: ['alertname=\"…\"'], duration: 2h}"));

/// The model, or every mistake.
pub fn judge(object: &Value, namespace: &str, references: &dyn References) -> Result<Silence, Vec<FieldError>> {
    FORM.judge(object, namespace, references, model)
}

fn model(checker: &mut Checker<'_>, path: &FieldPath, metadata: &Metadata, spec: &SilenceSpec) -> Option<Silence> {
    let matchers = matchers(checker, &path.field("matchers"), &spec.matchers);
    checker.exactly_one(path, &["duration", "endsAt"]);
    let starts_at = match &spec.starts_at {
        Some(Time(at)) => Some(at.as_millisecond()),
        None => created(checker, path),
    };
    let duration = spec.duration.as_ref().map(|text| checker.duration(&path.field("duration"), text));
    if duration.flatten().is_some_and(|duration| duration.is_zero()) {
        checker.refuse(&path.field("duration"), "must be over 0");
        return None;
    }
    let ends_at = match (&spec.ends_at, duration) {
        (Some(Time(at)), _) => at.as_millisecond(),
        (None, duration) => starts_at?.saturating_add(i64::try_from(duration??.as_millis()).unwrap_or(i64::MAX)),
    };
    let starts_at = starts_at?;
    if ends_at <= starts_at {
        checker.refuse(&path.field("endsAt"), "must be after startsAt");
        return None;
    }
    Some(Silence {
        key: ObjectKey::new(checker.namespace, metadata.name.as_str()),
        generation: metadata.generation,
        labels: labels(&metadata.labels),
        matchers: matchers?,
        starts_at,
        ends_at,
        comment: spec.comment.as_deref().unwrap_or_default().into(),
        created_by: spec.created_by.as_deref().unwrap_or_default().into(),
        is_kept: false,
    })
}

pub fn matchers(checker: &mut Checker<'_>, path: &FieldPath, texts: &[String]) -> Option<Matchers> {
    let mut all = Vec::new();
    let mut right = true;
    for (at, text) in texts.iter().enumerate() {
        match Matcher::parse(text) {
            Ok(matcher) => all.push(matcher),
            Err(error) => {
                let message = format!("{} is no matcher: {error}", shown(text));
                checker.refuse_with(&path.index(at), message, "such as service=~\"coord.*\"");
                right = false;
            }
        }
    }
    let all = Matchers::new(all).map_err(|error| checker.refuse(path, error.to_string())).ok()?;
    if right && all.matches_everything() {
        checker.refuse_with(
            path,
            "they match every alert",
            "name a label that must be there, such as alertname=~\".+\"",
        );
        return None;
    }
    right.then_some(all)
}

/// When the object was made. A file does not tell.
fn created(checker: &mut Checker<'_>, path: &FieldPath) -> Option<WallMs> {
    let text = checker.raw.pointer("/metadata/creationTimestamp").and_then(Value::as_str);
    let at = text.and_then(|text| text.parse::<jiff::Timestamp>().ok());
    if at.is_none() {
        let message = "is required where no API server says when the object was made";
        let mistake = FieldError::new(path.field("startsAt"), Fault::NotSupported, message);
        checker.mistakes.push(mistake.hint("such as startsAt: 2026-01-31T12:00:00Z"));
    }
    at.map(jiff::Timestamp::as_millisecond)
}
