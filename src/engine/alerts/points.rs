//! The names of the fail points of what the desk decides: passed before any of it is handed to the store. Pure.

use crate::alert::{
    Why,
    desk::{Effect, What},
};

pub(super) fn of(effect: &Effect) -> Option<&'static str> {
    Some(match effect {
        Effect::Notify(notification) if notification.instead_of.is_some() => "desk.fallback",
        Effect::Notify(notification) => match notification.why {
            Why::First | Why::New => "desk.flush",
            Why::SomeResolved | Why::AllResolved => "desk.resolve",
            Why::Digest => "desk.digest",
            Why::Escalation => "desk.escalation",
            Why::MuteEnded | Why::Unsuppressed => "desk.unmuted",
            Why::Repeat | Why::Test => return None,
        },
        Effect::Fact(fact) => match &fact.what {
            What::Suppressed(by) if !by.mutes.is_empty() => "desk.silence",
            What::Waits { .. } => "desk.wait",
            What::Acknowledged(_) => "desk.ack",
            _ => return None,
        },
        Effect::Keep { .. } | Effect::Show(_) => return None,
    })
}
