//! What the audit trail says of a silence or a window that stands in the way of an alert: until when, who made it, and
//! what for, as nobody can look it up when it is gone.

use std::sync::Arc;

use super::record::Known;
use crate::{
    alert::desk::{MuteKey, MuteKind},
    clock::WallMs,
    model::{Kind, Object, ObjectId},
    source::{Catalog, Verdict},
};

pub(super) fn of(catalog: &Catalog, key: &MuteKey, at: WallMs) -> Known {
    let kind = match key.kind {
        MuteKind::Silence => Kind::Silence,
        MuteKind::MaintenanceWindow => Kind::MaintenanceWindow,
    };
    let entry = catalog.get(&ObjectId { kind, key: key.object.clone() });
    match entry.as_ref().map(|entry| &entry.verdict) {
        Some(Verdict::Accepted(Object::Silence(silence))) => {
            Known { until: Some(silence.ends_at), said: words(&silence.created_by, &silence.comment).into() }
        }
        Some(Verdict::Accepted(Object::MaintenanceWindow(window))) => {
            Known { until: window.window.active_at(at).map(|span| span.end), said: Arc::from("") }
        }
        _ => Known::default(),
    }
}

/// `by ann: deploy`, as far as either is known.
fn words(by: &str, comment: &str) -> String {
    match (by, comment) {
        ("", comment) => comment.to_owned(),
        (by, "") => format!("by {by}"),
        (by, comment) => format!("by {by}: {comment}"),
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn who_and_what_for_are_said_as_far_as_they_are_known() {
        for (by, comment, want) in
            [("ann", "deploy", "by ann: deploy"), ("ann", "", "by ann"), ("", "deploy", "deploy"), ("", "", "")]
        {
            assert_eq!(words(by, comment), want);
        }
    }
}
