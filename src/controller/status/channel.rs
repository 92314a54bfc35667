//! What the status of a NotificationChannel says. Pure.

use super::{
    Difference, announce,
    condition::{Answer, Standing, condition, cut, find, ready, time},
};
use crate::{
    api::NotificationChannelStatus,
    clock::WallMs,
    controller::events::{Gravity, Note},
    engine::{
        Ready,
        alerts::board::{ChannelView, ready as in_force},
    },
    model::AllowedNamespaces,
    notify::outbox,
};

const READY: &str = "Ready";
const DELIVERING: &str = "Delivering";
/// What a receiver said, in characters.
const MAX_ANSWER: usize = 512;

/// Why the labels of namespaces may not be read; None where they may.
pub(crate) type Reading<'w> = Option<&'w str>;

/// The status of a channel now. What its outbox has not said since the process began stays as it stood.
pub(crate) fn channel(
    view: &ChannelView,
    unread: Reading<'_>,
    before: &NotificationChannelStatus,
    now: WallMs,
) -> NotificationChannelStatus {
    let (entry, outbox, model) = (&view.entry, &view.outbox, view.model());
    let standing = |name| Standing::of(find(before.conditions.as_deref(), name));
    let by_labels = model.is_some_and(|model| matches!(model.allowed_namespaces, AllowedNamespaces::Selector(_)));
    let in_force = match unread.filter(|_| by_labels) {
        Some(why) => Ready {
            ok: false,
            reason: "NotPermitted",
            message: format!(
                "labels of namespaces may not be read, so none but its own may use it: {why}; grant it, or name \
                 namespaces another way than by allowedNamespaces.selector"
            )
            .into(),
        },
        None => in_force(entry),
    };
    let ready = ready(&in_force, standing(READY), now, entry.generation);
    let delivering = delivering(outbox, standing(DELIVERING), now, entry.generation);
    let delivering = match find(before.conditions.as_deref(), DELIVERING) {
        Some(stood) if outbox.last.is_none() => stood.clone(),
        _ => delivering,
    };
    let delivered = outbox.last.as_ref().filter(|last| last.outcome == "delivered");
    NotificationChannelStatus {
        observed_generation: Some(entry.generation),
        kind: model.map_or_else(|| before.kind.clone(), |model| Some(model.receiver.kind().as_str().to_owned())),
        waiting: Some(i64::try_from(outbox.waiting).unwrap_or(i64::MAX)),
        dead: Some(i64::try_from(outbox.dead).unwrap_or(i64::MAX)),
        last_delivery: delivered.map(|last| time(last.at.div_euclid(1000))).or_else(|| before.last_delivery.clone()),
        conditions: Some(vec![ready, delivering]),
    }
}

fn delivering(
    outbox: &outbox::View,
    before: Standing,
    now: WallMs,
    generation: i64,
) -> k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition {
    let (answer, at, reason, message) = match (&outbox.last, &outbox.gone) {
        (None, _) => (Answer::Unknown, now, "NothingSent", "nothing was sent yet".into()),
        (Some(last), Some(gone)) => (Answer::False, last.at, "Gone", cut(gone, MAX_ANSWER)),
        (Some(last), None) if outbox.is_delivering() == Some(true) => {
            (Answer::True, last.at, "Delivered", "what was sent last has arrived".into())
        }
        (Some(last), None) if last.outcome == "dead" => {
            (Answer::False, last.at, "Undeliverable", cut(&last.answer, MAX_ANSWER))
        }
        (Some(last), None) => (Answer::False, last.at, "Retrying", cut(&last.answer, MAX_ANSWER)),
    };
    condition(DELIVERING, answer, before, at, reason, &message, generation)
}

/// How the present differs from what stands there.
pub(super) fn difference(before: &NotificationChannelStatus, present: &NotificationChannelStatus) -> Difference {
    let acted_on = |status: &NotificationChannelStatus| {
        let of =
            |name| find(status.conditions.as_deref(), name).map(|one| (one.status.clone(), one.observed_generation));
        let why = find(status.conditions.as_deref(), READY).map(|ready| ready.reason.clone());
        (status.observed_generation, status.kind.clone(), of(READY), of(DELIVERING).map(|(status, _)| status), why)
    };
    // How many could not be delivered begins anew with the process: that it is 0 again is no news.
    let lost = present.dead != before.dead && present.dead > Some(0);
    if acted_on(before) != acted_on(present) {
        Difference::Standing
    } else if before.conditions != present.conditions || lost {
        Difference::Words
    } else if before != present {
        Difference::Figures
    } else {
        Difference::None
    }
}

/// In the order in which they are told.
pub(super) fn announcements(before: &NotificationChannelStatus, after: &NotificationChannelStatus) -> Vec<Note> {
    let of = |status: &NotificationChannelStatus, name| Standing::of(find(status.conditions.as_deref(), name));
    let (stood, stands) = (of(before, DELIVERING).status, of(after, DELIVERING).status);
    let mut notes = announce::ready(of(before, READY), of(after, READY), find(after.conditions.as_deref(), READY));
    let Some(delivering) = find(after.conditions.as_deref(), DELIVERING) else { return notes };
    let lost = match (before.dead.unwrap_or(0), after.dead.unwrap_or(0)) {
        (before, after) if after > before => after - before,
        // It has begun anew.
        (before, after) if after < before => after,
        _ => 0,
    };
    if lost > 0 {
        let what = if lost == 1 { "a notification".to_owned() } else { format!("{lost} notifications") };
        // Another one may have arrived since.
        let why = if stands == Answer::False { format!(": {}", delivering.message) } else { String::new() };
        let text = format!("{what} could not be delivered and will not be tried again{why}");
        notes.push(Note::new(Gravity::Warning, "Undeliverable", "Notify", &text));
    } else if stands == Answer::False && stood != Answer::False {
        notes.push(Note::new(Gravity::Warning, &delivering.reason, "Notify", &delivering.message));
    }
    if stands == Answer::True && stood == Answer::False {
        notes.push(Note::new(Gravity::Normal, &delivering.reason, "Notify", &delivering.message));
    }
    notes
}

#[cfg(test)]
mod tests;
