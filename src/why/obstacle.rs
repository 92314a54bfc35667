//! What stands between an alert and all of its channels.

use std::sync::Arc;

use super::time::clock;
use crate::clock::WallMs;

/// One silence, window, rule or check that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Obstacle {
    /// silence, maintenance, inhibition or dependency.
    pub by: Arc<str>,
    pub name: Arc<str>,
    pub until: Option<WallMs>,
    /// Who made it, and what for.
    pub said: Arc<str>,
}

impl Obstacle {
    /// Whether rows with this `by` say that nobody at all is told.
    pub(super) fn is(by: &str) -> bool {
        matches!(by, "silence" | "maintenance" | "inhibition" | "dependency")
    }

    /// As the rest of "nobody is told: …".
    pub(super) fn words(&self, near: WallMs) -> String {
        let Self { by, name, until, said } = self;
        let until = until.map_or(String::new(), |until| format!(" until {}", clock(until, near)));
        let said = if said.is_empty() { String::new() } else { format!(", {said}") };
        match &**by {
            "silence" => format!("silence {name} mutes it{until}{said}"),
            "maintenance" => format!("maintenance window {name} is open{until}{said}"),
            "inhibition" => format!("an alert of rule {name} fires, which inhibits it"),
            "dependency" => format!("it depends on {name}, which is down: only that one is told"),
            other => format!("{other} {name}{until}{said}"),
        }
    }

    /// When it is over, as the rest of "it is told at once when …".
    pub(super) fn over(&self, near: WallMs) -> String {
        let Self { by, name, until, .. } = self;
        match (&**by, until) {
            ("silence", Some(until)) => format!("silence {name} ends at {}", clock(*until, near)),
            ("silence", None) => format!("silence {name} ends"),
            ("maintenance", Some(until)) => format!("window {name} closes at {}", clock(*until, near)),
            ("maintenance", None) => format!("window {name} closes"),
            ("inhibition", _) => format!("rule {name} has no such alert any more"),
            ("dependency", _) => format!("{name} is up again"),
            (other, _) => format!("{other} {name} is gone"),
        }
    }
}

/// Several of them in one sentence.
pub(super) fn all(obstacles: &[Obstacle], words: impl Fn(&Obstacle) -> String) -> String {
    obstacles.iter().map(words).collect::<Vec<_>>().join("; and ")
}
