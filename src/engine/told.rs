//! What a check says as a whole: the worst of its targets, with counts when there are several. Pure.

use std::sync::Arc;

use crate::{
    clock::WallMs,
    health::{Reason, State, worst},
};

use super::{core::Core, slot::Slot};

/// What the targets of a check come to.
pub(super) struct Told {
    pub(super) state: State,
    pub(super) reason: Reason,
    pub(super) message: Arc<str>,
    /// Since when the target that speaks for them has been so.
    pub(super) since: WallMs,
    /// The check that is down, where that is the reason.
    pub(super) blamed: Option<Arc<str>>,
}

impl Core {
    /// None when there is no target.
    pub(super) fn told(&self, numbers: &[u32]) -> Option<Told> {
        let slots: Vec<&Slot> = numbers.iter().filter_map(|&number| self.slots.get(number)).collect();
        let speaker = slots[worst(slots.iter().map(|slot| slot.target.state))?];
        let target = &speaker.target;
        let message = if slots.len() == 1 {
            target.message.clone()
        } else {
            let alike = slots.iter().filter(|slot| slot.target.state == target.state).count();
            message(target.state, alike, slots.len(), &speaker.cell.instance, &target.message)
        };
        let blamed = speaker.blamed.clone().filter(|_| target.reason == Reason::DependencyUnhealthy);
        Some(Told { state: target.state, reason: target.reason, message, since: target.since, blamed })
    }
}

fn message(state: State, alike: usize, total: usize, instance: &str, message: &str) -> Arc<str> {
    match state {
        State::Suspended => message.into(),
        State::Healthy => format!("{alike} of {total} targets are healthy").into(),
        _ => format!("{alike} of {total} targets are {}; {instance}: {message}", state.as_lower()).into(),
    }
}
