//! The event that every kind tells of: an object is refused, or is in force again. Pure.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::condition::{Answer, Standing};
use crate::controller::events::{Gravity, Note};

/// What is told of the condition Ready.
pub(super) fn ready(before: Standing, after: Standing, condition: Option<&Condition>) -> Vec<Note> {
    let Some(ready) = condition else { return Vec::new() };
    let was_refused = before.status == Answer::False;
    let gravity = match after.status {
        Answer::False if !(was_refused && before.why == after.why) => Gravity::Warning,
        Answer::True if was_refused => Gravity::Normal,
        _ => return Vec::new(),
    };
    vec![Note::new(gravity, &ready.reason, "Validate", &ready.message)]
}
