//! Tables: what a silence looks like as a status, what differs, and what is told.

use serde_json::json;

use super::*;
use crate::{
    controller::status::samples::{NOW, entry, refused, short, told},
    model::Kind,
};

/// From a minute after `NOW`, for an hour.
fn view(mutes: usize) -> SilenceView {
    let spec = json!({"matchers": ["a=b"], "startsAt": "2027-01-15T08:01:00Z", "duration": "1h"});
    SilenceView { entry: entry(Kind::Silence, &spec, 1), mutes }
}

fn none() -> SilenceStatus {
    SilenceStatus::default()
}

/// Seconds after `NOW`.
fn at(seconds: i64, mutes: usize, before: &SilenceStatus) -> SilenceStatus {
    silence(&view(mutes), before, NOW + seconds * 1000)
}

#[test]
fn it_is_pending_active_expired() {
    let mut before = none();
    for (seconds, mutes, state, message, difference_is, notes) in [
        (0, 0, "Pending", "valid; it begins at 2027-01-15T08:01:00", Difference::Standing, &[][..]),
        (30, 0, "Pending", "valid; it begins at 2027-01-15T08:01:00", Difference::None, &[]),
        (60, 2, "Active", "in force", Difference::Standing, &[" Active in force"]),
        (61, 5, "Active", "in force", Difference::Figures, &[]),
        (62, 0, "Active", "in force; no alert that fires now matches", Difference::Words, &[]),
        (63, 0, "Active", "in force; no alert that fires now matches", Difference::None, &[]),
        (
            3_660,
            0,
            "Expired",
            "it ended at 2027-01-15T09:01:00",
            Difference::Standing,
            &[" Expired it ended at 2027-01-15T09:01:00"],
        ),
    ] {
        let status = at(seconds, mutes, &before);
        let json = serde_json::to_value(&status).unwrap();
        assert_eq!(
            (&json["state"], &json["matches"], &json["endsAt"]),
            (&state.into(), &mutes.into(), &"2027-01-15T09:01:00Z".into())
        );
        let (answer, reason, said, since) = told(status.conditions.as_deref(), "Ready");
        assert_eq!((&*answer, &*reason, since), ("True", "Valid", 0));
        assert!(said.starts_with(message), "{seconds}: {said}");
        assert_eq!(difference(&before, &status), difference_is, "{seconds}");
        let told = short(&announcements(&before, &status));
        assert_eq!(told.len(), notes.len(), "{told:?}");
        assert!(told.iter().zip(notes).all(|(told, note)| told.starts_with(note)), "{told:?}");
        before = status;
    }
}

#[test]
fn one_that_is_refused_has_no_state() {
    let before = at(60, 1, &none());
    let view = SilenceView { entry: refused(Kind::Silence, "spec.matchers: no", 2), mutes: 0 };
    let after = silence(&view, &before, NOW + 61_000);
    assert_eq!((after.state, after.matches, after.ends_at.clone()), (None, None, None));
    assert_eq!(told(after.conditions.as_deref(), "Ready").0, "False");
    assert_eq!(difference(&before, &after), Difference::Standing);
    assert_eq!(short(&announcements(&before, &after)), ["!InvalidSpec spec.matchers: no"]);
}

#[test]
fn one_that_was_over_before_anybody_looked_is_no_news() {
    let status = at(10_000, 0, &none());
    assert_eq!(short(&announcements(&none(), &status)), [""; 0]);
}
