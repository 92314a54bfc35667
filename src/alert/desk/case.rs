//! An alert on the desk: what is known of it, what stands in its way, and how far each channel has been told.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{Ack, Suppressed};
use crate::{
    alert::{Episode, Labels, Phase, Why},
    clock::WallMs,
    model::ObjectKey,
};

/// One incident, from its first firing until a while after its last resolve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Case {
    /// The newest: it fires, or it is resolved.
    pub episode: Arc<Episode>,
    /// Those before it, the newest last: of them, too, a channel may turn out not to have been told.
    pub past: Vec<Arc<Episode>>,
    /// Which channels were told the end of which of these, by when it began.
    pub closed: Vec<(ObjectKey, WallMs)>,
    pub suppressed: Suppressed,
    /// A mute ended while something else still stood in the way: once nothing does, all are told again.
    pub owed: bool,
    pub ack: Option<Ack>,
    /// How many of the rule's escalations have been dealt with.
    pub escalated: usize,
    pub escalate_at: Option<i64>,
    pub forget_at: Option<i64>,
    #[serde(with = "places")]
    pub places: BTreeMap<ObjectKey, Place>,
}

/// What one channel knows of an incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Place {
    /// Why the channel is told; None when it no longer is, and only hears the end of what it was told.
    pub via: Option<Via>,
    /// Of the group that it stands in.
    pub group: Labels,
    /// It was told that the newest episode fires.
    pub told: bool,
    /// In how many notifications, less those that it would not take.
    pub tellings: u32,
    /// It is to be told that the newest episode fires.
    pub fresh: Option<Why>,
    /// Episodes that have ended, of which it is to be told. One for each flap between two notifications, at most
    /// [`ENDED_MAX`].
    pub ended: Vec<Ended>,
    /// The edition of the channel under which it gave a permanent error: it is not tried again for this episode.
    pub dead: Option<i64>,
    /// The channel that it stands in for.
    pub instead_of: Option<ObjectKey>,
}

/// An episode that has ended and whose end a channel is to be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Ended {
    pub episode: Arc<Episode>,
    /// It was not told of the firing either.
    pub untold: bool,
    /// In how many notifications it was, less those that it would not take.
    pub tellings: u32,
}

/// Of so many episodes before the newest a channel may turn out to be dead; of older ones the fallback is told that
/// they are over.
pub(super) const PAST_MAX: usize = 4;

/// When so many ends wait the group goes out at once, so that none has to be left out.
pub(super) const ENDED_MANY: usize = 8;

/// So many ends wait at most, where the group cannot go out: its channel is refused, or over its limit. An alert that
/// flaps on has its oldest ones left out, which a fact says.
pub(super) const ENDED_MAX: usize = 64;

/// Why a channel is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Via {
    /// The rule names it.
    Rule,
    /// The rule names none.
    Default,
    /// No channel can be used.
    Log,
    /// Nobody acted.
    Escalation,
    /// It stands in for a channel that gave a permanent error.
    Fallback,
}

impl Case {
    /// Whether the channel is to hear that it fires: one that it is not meant for any more hears its end alone.
    pub(super) fn is_meant_for(&self, channel: &ObjectKey) -> bool {
        self.suppressed.is_empty() && self.places.get(channel).is_some_and(|place| place.via.is_some())
    }

    pub fn new(episode: Arc<Episode>) -> Self {
        Self {
            episode,
            past: Vec::new(),
            closed: Vec::new(),
            suppressed: Suppressed::default(),
            owed: false,
            ack: None,
            escalated: 0,
            escalate_at: None,
            forget_at: None,
            places: BTreeMap::new(),
        }
    }

    pub fn fires(&self) -> bool {
        self.episode.phase == Phase::Firing
    }
}

impl Place {
    pub fn new(via: Via, group: Labels) -> Self {
        Self {
            via: Some(via),
            group,
            told: false,
            tellings: 0,
            fresh: None,
            ended: Vec::new(),
            dead: None,
            instead_of: None,
        }
    }

    /// Whether there is something to tell.
    pub fn has_news(&self) -> bool {
        self.fresh.is_some() || !self.ended.is_empty()
    }

    /// Whether the channel has to do with the incident: something to be told, or to be told the end of.
    pub fn is_live(&self) -> bool {
        self.told || self.has_news()
    }
}

/// Maps with keys that are no texts are lists of pairs in JSON.
mod places {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::{ObjectKey, Place};

    pub(super) fn serialize<S: Serializer>(places: &BTreeMap<ObjectKey, Place>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(places.iter())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<ObjectKey, Place>, D::Error> {
        Vec::<(ObjectKey, Place)>::deserialize(from).map(|pairs| pairs.into_iter().collect())
    }
}
