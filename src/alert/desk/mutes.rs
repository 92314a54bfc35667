//! Silences and maintenance windows: which are in force, and which alerts each of them reaches.

use std::collections::{BTreeMap, BTreeSet};

use super::{Mute, MuteKey};
use crate::{
    alert::{Episode, Incident},
    clock::WallMs,
    model,
};

/// All that there are, also those that are not in force.
#[derive(Debug, Default)]
pub(super) struct Mutes {
    all: BTreeMap<MuteKey, Entry>,
    /// Those in force.
    active: BTreeSet<MuteKey>,
    /// When the next of each begins or ends, on the wall clock, as that is what people set them by.
    turns: BTreeSet<(WallMs, MuteKey)>,
    last: WallMs,
}

#[derive(Debug)]
struct Entry {
    mute: Mute,
    turn: Option<WallMs>,
    /// Firing alerts that it mutes now.
    reached: BTreeSet<Incident>,
}

impl Mutes {
    /// Puts one in place of what stood under its key; what it reaches is said later, by [`Self::note`].
    pub fn set(&mut self, key: &MuteKey, mute: Option<Mute>, wall: WallMs) {
        let before = self.all.remove(key);
        if let Some(turn) = before.as_ref().and_then(|entry| entry.turn) {
            self.turns.remove(&(turn, key.clone()));
        }
        self.active.remove(key);
        if let Some(mute) = mute {
            let reached = before.map(|entry| entry.reached).unwrap_or_default();
            self.all.insert(key.clone(), Entry { mute, turn: None, reached });
            self.look(key, wall);
        }
    }

    /// Those that begin or end by now. All of them when the wall clock was set back.
    pub fn turned(&mut self, wall: WallMs) -> Vec<MuteKey> {
        let back = wall < self.last;
        self.last = wall;
        let mut turned = Vec::new();
        if back {
            turned.extend(self.all.keys().cloned());
        } else {
            turned.extend(self.turns.iter().take_while(|(at, _)| *at <= wall).map(|(_, key)| key.clone()));
        }
        for key in &turned {
            self.look(key, wall);
        }
        turned
    }

    /// When the next begins or ends.
    pub fn next(&self) -> Option<WallMs> {
        self.turns.first().map(|(at, _)| *at)
    }

    fn look(&mut self, key: &MuteKey, wall: WallMs) {
        let Some(entry) = self.all.get_mut(key) else { return };
        let turn = [entry.mute.starts_at, entry.mute.ends_at].into_iter().find(|at| *at > wall);
        if let Some(before) = std::mem::replace(&mut entry.turn, turn) {
            self.turns.remove(&(before, key.clone()));
        }
        self.turns.extend(turn.map(|at| (at, key.clone())));
        if entry.mute.starts_at <= wall && wall < entry.mute.ends_at {
            self.active.insert(key.clone());
        } else {
            self.active.remove(key);
        }
    }

    pub fn is_active(&self, key: &MuteKey) -> bool {
        self.active.contains(key)
    }

    /// Whether one that is in force reaches this alert.
    pub fn reaches(&self, key: &MuteKey, episode: &Episode, rule: &model::Labels) -> bool {
        self.active.contains(key)
            && self.all.get(key).is_some_and(|entry| {
                let namespace = &episode.rule.namespace;
                entry.mute.scope.as_ref().is_none_or(|scope| scope == namespace)
                    && entry.mute.muted.reaches(&episode.labels, rule, &episode.object)
            })
    }

    /// All in force that reach an alert.
    pub fn of(&self, episode: &Episode, rule: &model::Labels) -> Vec<MuteKey> {
        self.active.iter().filter(|key| self.reaches(key, episode, rule)).cloned().collect()
    }

    /// Notes whether it mutes this alert now.
    pub fn note(&mut self, key: &MuteKey, incident: Incident, mutes: bool) {
        let Some(entry) = self.all.get_mut(key) else { return };
        if mutes {
            entry.reached.insert(incident);
        } else {
            entry.reached.remove(&incident);
        }
    }

    /// The firing alerts that it mutes now; None when there is no such silence or window.
    pub fn reached(&self, key: &MuteKey) -> Option<&BTreeSet<Incident>> {
        self.all.get(key).map(|entry| &entry.reached)
    }
}
