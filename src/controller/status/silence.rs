//! What the status of a Silence says. Pure.

use super::{
    Difference, announce,
    condition::{Standing, find, ready, time},
};
use crate::{
    api::{SilenceStateName, SilenceStatus},
    clock::{WallMs, rfc3339},
    controller::events::{Gravity, Note},
    engine::{
        Ready,
        alerts::board::{SilenceIs, SilenceView, ready as in_force},
    },
};

/// The status of a silence now.
pub(crate) fn silence(view: &SilenceView, before: &SilenceStatus, now: WallMs) -> SilenceStatus {
    let (entry, model, is) = (&view.entry, view.model(), view.is(now));
    let mut in_force = in_force(entry);
    if let (true, Some(model), Some(is)) = (in_force.ok, model, is) {
        in_force = Ready { message: message(is, view.mutes, model.starts_at, model.ends_at).into(), ..in_force };
    }
    let stood = Standing::of(find(before.conditions.as_deref(), "Ready"));
    SilenceStatus {
        observed_generation: Some(entry.generation),
        state: is.map(|is| match is {
            SilenceIs::Pending => SilenceStateName::Pending,
            SilenceIs::Active => SilenceStateName::Active,
            SilenceIs::Expired => SilenceStateName::Expired,
        }),
        matches: is.map(|_| i64::try_from(view.mutes).unwrap_or(i64::MAX)),
        ends_at: model.map(|model| time(model.ends_at.div_euclid(1000))),
        conditions: Some(vec![ready(&in_force, stood, now, entry.generation)]),
    }
}

/// Without the number of alerts, which would be another text whenever one more fires.
fn message(is: SilenceIs, mutes: usize, starts_at: WallMs, ends_at: WallMs) -> String {
    match is {
        SilenceIs::Pending => format!("valid; it begins at {}", rfc3339(starts_at)),
        SilenceIs::Active if mutes == 0 => "in force; no alert that fires now matches".to_owned(),
        SilenceIs::Active => "in force".to_owned(),
        SilenceIs::Expired => format!("it ended at {}", rfc3339(ends_at)),
    }
}

/// How the present differs from what stands there.
pub(super) fn difference(before: &SilenceStatus, present: &SilenceStatus) -> Difference {
    let acted_on = |status: &SilenceStatus| {
        let ready =
            find(status.conditions.as_deref(), "Ready").map(|ready| (ready.status.clone(), ready.reason.clone()));
        (status.observed_generation, status.state, status.ends_at.clone(), ready)
    };
    if acted_on(before) != acted_on(present) {
        Difference::Standing
    } else if before.conditions != present.conditions {
        Difference::Words
    } else if before != present {
        Difference::Figures
    } else {
        Difference::None
    }
}

/// In the order in which they are told.
pub(super) fn announcements(before: &SilenceStatus, after: &SilenceStatus) -> Vec<Note> {
    let of = |status: &SilenceStatus| Standing::of(find(status.conditions.as_deref(), "Ready"));
    let condition = find(after.conditions.as_deref(), "Ready");
    let mut notes = announce::ready(of(before), of(after), condition);
    let told = match after.state.filter(|state| before.state != Some(*state)) {
        Some(SilenceStateName::Active) => Some("Active"),
        // One that was over before anybody looked is no news.
        Some(SilenceStateName::Expired) if before.state.is_some() => Some("Expired"),
        _ => None,
    };
    let message = condition.map(|ready| ready.message.as_str()).unwrap_or_default();
    notes.extend(told.map(|reason| Note::new(Gravity::Normal, reason, "Silence", message)));
    notes
}

#[cfg(test)]
mod tests;
