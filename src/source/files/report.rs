//! What the log says about files. Each thing is said once: when it comes, not while it lasts.

use super::index::Shadowed;
use crate::{
    model::{ObjectId, ObjectKey},
    source::{
        manifest::{Document, Mistake},
        verdicts::Id,
    },
    validate::{Fault, FieldError},
};

/// Mistakes of one file or object beyond these are counted only.
const MAX_LINES: usize = 20;

/// The file cannot be read, as a whole or in part.
pub(super) fn unreadable(mistakes: &[Mistake], keeps: bool) {
    for mistake in mistakes.iter().take(MAX_LINES) {
        let hint = mistake.hint.as_deref().unwrap_or_default();
        tracing::error!(
            reason = "SourceStale",
            file = %mistake.file,
            line = mistake.position.line,
            column = mistake.position.column,
            path = %mistake.path,
            hint,
            "{mistake}{}", if keeps { "; what it said before stays" } else { "" }
        );
    }
    left_out(mistakes.len(), mistakes.first().map_or("", |mistake| &mistake.file));
}

/// Mistakes in one document, of an object or of none.
pub(super) fn invalid(document: &Document, key: Option<&ObjectKey>, mistakes: &[FieldError]) {
    for mistake in mistakes.iter().take(MAX_LINES) {
        let at = match mistake.about_name {
            true => document.key_position(&mistake.path),
            false => document.position(&mistake.path),
        };
        let hint = mistake.hint.clone().or_else(|| document.hint(&mistake.path)).unwrap_or_default();
        tracing::error!(
            reason = mistake.fault.as_str(),
            namespace = key.map_or("", |key| &key.namespace),
            name = key.map_or("", |key| &key.name),
            file = %document.file,
            line = at.line,
            column = at.column,
            path = %mistake.path,
            hint,
            "{}:{at}: {mistake}", document.file
        );
    }
    left_out(mistakes.len(), &document.file);
}

fn left_out(count: usize, file: &str) {
    if count > MAX_LINES {
        tracing::error!(file, "{file}: {} more mistakes; `probity validate` tells them all", count - MAX_LINES);
    }
}

/// A check's dependencies go in a circle.
pub(super) fn circle(key: &ObjectKey, file: &std::path::Path, line: u32, message: &str) {
    tracing::error!(
        reason = Fault::InvalidSpec.as_str(),
        namespace = &*key.namespace,
        name = &*key.name,
        file = %file.display(),
        line,
        "{}:{line}: {message}", file.display()
    );
}

/// Documents that another one of the same name shadows.
pub(super) fn shadowed(shadowed: &[Shadowed]) {
    for Shadowed { id, file, start, by: (first, first_start) } in shadowed.iter().take(MAX_LINES) {
        let (kind, key) = match id {
            Id::Object(ObjectId { kind, key }) => (kind.to_string(), key),
            Id::Values(kind, key) => (kind.to_string(), key),
        };
        tracing::error!(
            reason = "Duplicate",
            namespace = &*key.namespace,
            name = &*key.name,
            file = %file.display(),
            line = start.line,
            "{}:{start}: {kind} {key} is there already: {}:{first_start}; that one is used, this one is not",
            file.display(),
            first.display()
        );
    }
    left_out(shadowed.len(), "duplicates");
}
