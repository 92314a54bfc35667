//! What the status of a MaintenanceWindow says. Pure.

use super::{
    Difference, announce,
    condition::{Standing, find, ready, time},
};
use crate::{
    api::MaintenanceWindowStatus,
    clock::{WallMs, rfc3339},
    controller::events::{Gravity, Note},
    engine::{
        Ready,
        alerts::board::{WindowView, ready as in_force},
    },
};

/// The status of a window now.
pub(crate) fn window(view: &WindowView, before: &MaintenanceWindowStatus, now: WallMs) -> MaintenanceWindowStatus {
    let (entry, model) = (&view.entry, view.model());
    let is_open = view.is_open(now);
    let mut in_force = in_force(entry);
    if let (true, Some(model)) = (in_force.ok, model) {
        let effect = match (model.mute_alerts, model.exclude_from_slo) {
            (true, false) => "alerts are muted",
            (true, true) => "alerts are muted, and SLOs leave the time out",
            (false, true) => "SLOs leave the time out; muteAlerts is false",
            (false, false) => "muteAlerts is false",
        };
        let message = match view.span {
            Some(span) if is_open => format!("open until {}; {effect}", rfc3339(span.end)),
            Some(span) => format!("valid; it opens at {}", rfc3339(span.start)),
            None => "it is over, and does not come again".to_owned(),
        };
        in_force = Ready { message: message.into(), ..in_force };
    }
    let stood = Standing::of(find(before.conditions.as_deref(), "Ready"));
    // One that is over says when it was.
    let (from, to) = match (view.span, model) {
        (Some(span), _) => (Some(time(span.start.div_euclid(1000))), Some(time(span.end.div_euclid(1000)))),
        (None, Some(_)) => (before.from.clone(), before.to.clone()),
        (None, None) => (None, None),
    };
    MaintenanceWindowStatus {
        observed_generation: Some(entry.generation),
        open: model.map(|_| is_open),
        from,
        to,
        conditions: Some(vec![ready(&in_force, stood, now, entry.generation)]),
    }
}

/// How the present differs from what stands there: nothing of it moves but by opening and closing.
pub(super) fn difference(before: &MaintenanceWindowStatus, present: &MaintenanceWindowStatus) -> Difference {
    if before == present { Difference::None } else { Difference::Standing }
}

/// In the order in which they are told.
pub(super) fn announcements(before: &MaintenanceWindowStatus, after: &MaintenanceWindowStatus) -> Vec<Note> {
    let of = |status: &MaintenanceWindowStatus| Standing::of(find(status.conditions.as_deref(), "Ready"));
    let condition = find(after.conditions.as_deref(), "Ready");
    let mut notes = announce::ready(of(before), of(after), condition);
    let told = match (before.open, after.open) {
        (None | Some(false), Some(true)) => Some("Open"),
        (Some(true), Some(false)) => Some("Closed"),
        _ => None,
    };
    let message = condition.map(|ready| ready.message.as_str()).unwrap_or_default();
    notes.extend(told.map(|reason| Note::new(Gravity::Normal, reason, "Maintain", message)));
    notes
}

#[cfg(test)]
mod tests;
