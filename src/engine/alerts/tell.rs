//! What the log says of alerting: that alerts fire and end, and that rules cannot see.

use std::collections::BTreeMap;

use tracing::{debug, info, warn};

use crate::{
    alert::{Episode, Turn, rule::Sight},
    model::ObjectKey,
};

/// What was said of rules that do not see all.
#[derive(Default)]
pub(super) struct Sights(BTreeMap<ObjectKey, Blind>);

/// In which way a rule does not see all. How many alerts are over the limit, and what an error says, may be other at
/// each evaluation, and are no news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blind {
    Failing,
    Limited,
}

impl Blind {
    fn of(sight: &Sight) -> Option<Self> {
        match sight {
            Sight::Failing { .. } => Some(Self::Failing),
            Sight::Limited(_) => Some(Self::Limited),
            Sight::NoData { .. } | Sight::Clear => None,
        }
    }
}

impl Sights {
    /// Says when a rule cannot see what it is about, and when it can again; nothing twice. None: the rule is gone.
    pub(super) fn tell(&mut self, key: &ObjectKey, sight: Option<&Sight>) {
        if !self.note(key, sight) {
            return;
        }
        let (namespace, name) = (&*key.namespace, &*key.name);
        match sight {
            Some(Sight::Failing { message, .. }) => {
                warn!(namespace, name, reason = "Error", "the rule cannot see: {message}; no alert of it is resolved");
            }
            Some(Sight::Limited(over)) => {
                warn!(
                    namespace,
                    name,
                    reason = "Limit",
                    "the rule has {over} alerts more than it may have; they are left out"
                );
            }
            Some(Sight::NoData { .. } | Sight::Clear) => info!(namespace, name, "the rule can see again"),
            None => {}
        }
    }

    /// Whether there is something to say.
    fn note(&mut self, key: &ObjectKey, sight: Option<&Sight>) -> bool {
        let blind = sight.and_then(Blind::of);
        let before = match blind {
            Some(blind) => self.0.insert(key.clone(), blind),
            None => self.0.remove(key),
        };
        before != blind
    }
}

pub(super) fn turn(turn: Turn, episode: &Episode) {
    let (namespace, name, alert) = (&*episode.rule.namespace, &*episode.rule.name, &*episode.name);
    let (fingerprint, reason) = (episode.fingerprint.to_string(), episode.reason.map_or("", |reason| reason.as_str()));
    match turn {
        Turn::Firing => warn!(namespace, name, reason, fingerprint, "alert {alert} fires: {}", episode.message),
        Turn::Resolved => info!(namespace, name, reason, fingerprint, "alert {alert} is resolved"),
        Turn::Updated => {}
        _ => debug!(namespace, name, reason, fingerprint, "alert {alert}: {turn}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Moment;

    #[test]
    fn only_what_is_other_than_before_is_said() {
        let since = Moment { at: 0, wall: 0 };
        let failing = |message: &str| Some(Sight::Failing { subjects: 1, since, message: message.into() });
        let no_data = || Some(Sight::NoData { subjects: 1, since });
        let (mut sights, key) = (Sights::default(), ObjectKey::new("a", "b"));
        for (sight, says) in [
            (Some(Sight::Clear), false),
            (no_data(), false),
            (Some(Sight::Limited(1)), true),
            (Some(Sight::Limited(2)), false),
            (failing("one"), true),
            (failing("two"), false),
            (Some(Sight::Limited(2)), true),
            (no_data(), true),
            (Some(Sight::Clear), false),
            (failing("one"), true),
            (None, true),
            (None, false),
        ] {
            assert_eq!(sights.note(&key, sight.as_ref()), says, "{sight:?}");
        }
    }
}
