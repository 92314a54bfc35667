//! Which events a written status is worth. Pure.
//!
//! From what stood there to what stands there now: so that a restart tells nothing twice, and what came and went
//! while the API server was away is not told as if it were news.

use super::written::Written;
use crate::{
    api::{HealthCheckStatus, StateName},
    controller::{
        events::{Gravity, Note},
        status::{
            announce,
            condition::{Answer, find},
        },
    },
};

/// In the order in which they are told.
pub(crate) fn announcements(before: &Written, after: &Written, status: &HealthCheckStatus) -> Vec<Note> {
    let mut notes = announce::ready(before.ready, after.ready, find(status.conditions.as_deref(), "Ready"));
    let refused = after.ready.status == Answer::False;
    let Some(state) = after.state.filter(|state| before.state != Some(*state)) else { return notes };
    let (reason, message) = (status.reason.as_deref().unwrap_or_default(), status.message.as_deref());
    let message = message.unwrap_or_default();
    let known_before = before.state.is_some() && !before.pending;
    let gravity = match state {
        StateName::Unhealthy | StateName::Degraded => Some(Gravity::Warning),
        // That a new check is well, or that one is asked anew under its new spec, is no transition.
        StateName::Healthy | StateName::Suspended => known_before.then_some(Gravity::Normal),
        // The refusal says it already.
        StateName::Unknown => (!after.pending && !refused).then_some(Gravity::Warning),
    };
    let text = if message.is_empty() { reason.to_owned() } else { format!("{reason}: {message}") };
    notes.extend(gravity.map(|gravity| Note::new(gravity, name(state), "Probe", &text)));
    notes
}

fn name(state: StateName) -> &'static str {
    match state {
        StateName::Healthy => "Healthy",
        StateName::Degraded => "Degraded",
        StateName::Unhealthy => "Unhealthy",
        StateName::Unknown => "Unknown",
        StateName::Suspended => "Suspended",
    }
}
