//! What is shown of rules and of their alerts: to statuses, the API, metrics and `probity why`. Owned, so that a reader
//! holds up nobody. Made by the engine from the book and the desk.

use std::sync::Arc;

use super::{
    Episode, Phase,
    desk::{Ack, Suppressed, Told, View},
    rule::Sight,
};
use crate::model::ObjectKey;

/// One alert that is pending or fires, as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    pub episode: Arc<Episode>,
    /// What stands between it and its channels.
    pub suppressed: Suppressed,
    pub ack: Option<Ack>,
    /// The channels that have to do with it, and how far each has been told.
    pub channels: Box<[(ObjectKey, Told)]>,
}

impl Shown {
    /// An alert as its rule has it, with what the desk knows of it, if anything.
    pub fn of(episode: Arc<Episode>, desk: Option<View<'_>>) -> Self {
        // What the desk knows of an incident may be of an episode before this one.
        match desk.filter(|view| episode.phase == Phase::Firing && view.episode().fired == episode.fired) {
            Some(view) => Self {
                episode,
                suppressed: view.suppressed().clone(),
                ack: view.ack().cloned(),
                channels: view.channels().map(|(key, told)| (key.clone(), told)).collect(),
            },
            None => Self { episode, suppressed: Suppressed::default(), ack: None, channels: Box::default() },
        }
    }

    pub fn is(&self) -> AlertIs {
        match self.episode.phase {
            Phase::Pending => AlertIs::Pending,
            _ if self.suppressed.mutes.is_empty() => AlertIs::Firing,
            _ => AlertIs::Silenced,
        }
    }
}

/// How an open alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertIs {
    Pending,
    Firing,
    /// It fires, and a silence or a maintenance window mutes it.
    Silenced,
}

impl AlertIs {
    pub const ALL: [Self; 3] = [Self::Pending, Self::Firing, Self::Silenced];

    /// As statuses write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Firing => "Firing",
            Self::Silenced => "Silenced",
        }
    }

    /// As metrics write it.
    pub fn as_lower(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Firing => "firing",
            Self::Silenced => "silenced",
        }
    }
}

/// How many alerts a rule has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub pending: usize,
    /// That fire and are told.
    pub firing: usize,
    /// That fire and are muted.
    pub silenced: usize,
}

impl Counts {
    /// Those that fire, muted or not.
    pub fn active(self) -> usize {
        self.firing + self.silenced
    }

    /// One alert more in this state.
    pub fn add(&mut self, is: AlertIs) {
        *self.of(is) += 1;
    }

    /// One alert less in this state.
    pub fn take(&mut self, is: AlertIs) {
        let count = self.of(is);
        *count = count.saturating_sub(1);
    }

    fn of(&mut self, is: AlertIs) -> &mut usize {
        match is {
            AlertIs::Pending => &mut self.pending,
            AlertIs::Firing => &mut self.firing,
            AlertIs::Silenced => &mut self.silenced,
        }
    }
}

/// The state of a rule: the gravest of its alerts, or why there can be none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleIs {
    Inactive,
    Pending,
    Firing,
    /// Something fires, and all of that is muted.
    Silenced,
    /// It is refused, or its evaluation fails, in whole or in part. What fired fires on.
    Error,
    /// There is nothing to look at.
    NoData,
}

impl RuleIs {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inactive => "Inactive",
            Self::Pending => "Pending",
            Self::Firing => "Firing",
            Self::Silenced => "Silenced",
            Self::Error => "Error",
            Self::NoData => "NoData",
        }
    }

    /// Of a rule in force. That something fails is always seen; that some of many have no data hides no alert of the
    /// others.
    pub fn of(sight: &Sight, counts: Counts) -> Self {
        match sight {
            Sight::Failing { .. } => Self::Error,
            _ if counts.firing > 0 => Self::Firing,
            _ if counts.silenced > 0 => Self::Silenced,
            _ if counts.pending > 0 => Self::Pending,
            Sight::NoData { .. } => Self::NoData,
            Sight::Clear | Sight::Limited(_) => Self::Inactive,
        }
    }
}

/// Why a rule's state is what it is, in one line; empty where there is nothing to say. It tells no times, so that it
/// stays as long as the state does.
pub fn explain(sight: &Sight, counts: Counts) -> String {
    let mut parts = Vec::new();
    match sight {
        Sight::Clear => {}
        Sight::Failing { subjects: 0 | 1, message, .. } => parts.push(message.to_string()),
        Sight::Failing { subjects, message, .. } => parts.push(format!("fails for {subjects}: {message}")),
        Sight::NoData { subjects: 0 | 1, .. } => parts.push("no data".to_owned()),
        Sight::NoData { subjects, .. } => parts.push(format!("no data of {subjects}")),
        Sight::Limited(over) => parts.push(format!("{over} alerts over the limit are left out")),
    }
    let counted = [(counts.firing, "firing"), (counts.silenced, "silenced"), (counts.pending, "pending")];
    let counted = counted.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    let counted = counted.collect::<Vec<_>>().join(", ");
    parts.extend((!counted.is_empty()).then_some(counted));
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Moment;

    #[test]
    fn a_rules_state_is_the_gravest_and_a_failure_is_always_seen() {
        let since = Moment { at: 0, wall: 0 };
        let failing = || Sight::Failing { subjects: 1, since, message: "refused".into() };
        let blind = || Sight::NoData { subjects: 2, since };
        for (sight, pending, firing, silenced, want, why) in [
            (Sight::Clear, 0, 0, 0, RuleIs::Inactive, ""),
            (Sight::Clear, 2, 0, 0, RuleIs::Pending, "2 pending"),
            (Sight::Clear, 2, 1, 3, RuleIs::Firing, "1 firing, 3 silenced, 2 pending"),
            (Sight::Clear, 2, 0, 3, RuleIs::Silenced, "3 silenced, 2 pending"),
            (Sight::Limited(7), 0, 1, 0, RuleIs::Firing, "7 alerts over the limit are left out; 1 firing"),
            (Sight::Limited(7), 0, 0, 0, RuleIs::Inactive, "7 alerts over the limit are left out"),
            (failing(), 0, 0, 0, RuleIs::Error, "refused"),
            (failing(), 0, 1, 0, RuleIs::Error, "refused; 1 firing"),
            (blind(), 0, 0, 0, RuleIs::NoData, "no data of 2"),
            (blind(), 1, 0, 0, RuleIs::Pending, "no data of 2; 1 pending"),
            (blind(), 0, 1, 0, RuleIs::Firing, "no data of 2; 1 firing"),
        ] {
            let counts = Counts { pending, firing, silenced };
            assert_eq!(RuleIs::of(&sight, counts), want, "{sight:?} {counts:?}");
            assert_eq!(explain(&sight, counts), why);
        }
    }

    #[test]
    fn counts_go_up_and_down_and_never_below_zero() {
        let mut counts = Counts::default();
        counts.add(AlertIs::Firing);
        counts.add(AlertIs::Silenced);
        assert_eq!(counts.active(), 2);
        for is in AlertIs::ALL {
            counts.take(is);
            counts.take(is);
        }
        assert_eq!(counts, Counts::default());
    }
}
