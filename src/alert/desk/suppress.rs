//! What stands between an alert and its channels: silences, windows, inhibition, a dependency that is down.

use std::collections::BTreeSet;

use super::{
    Desk, Mute, MuteKey, Step, Suppressed, What,
    groups::{GroupKey, Pace},
};
use crate::alert::{Incident, Why};

impl Desk {
    /// Looks at everything that may stand in the way of a firing alert.
    pub(super) fn look_anew(&mut self, incident: Incident, step: &mut Step<'_>) {
        let Some(case) = self.cases.get(&incident).filter(|case| case.fires()) else { return };
        let found = Suppressed {
            mutes: self.mutes.of(&case.episode, &self.config.rule_labels(&case.episode.rule)),
            inhibited: self.inhibitions.of(&case.episode),
            dependency: case.episode.dependency.clone(),
        };
        self.suppress(incident, found, step);
    }

    pub(super) fn look_at_mutes(&mut self, incident: Incident, step: &mut Step<'_>) {
        let Some(case) = self.cases.get(&incident).filter(|case| case.fires()) else { return };
        let mutes = self.mutes.of(&case.episode, &self.config.rule_labels(&case.episode.rule));
        let found = Suppressed { mutes, ..case.suppressed.clone() };
        self.suppress(incident, found, step);
    }

    pub(super) fn look_at_inhibition(&mut self, incident: Incident, step: &mut Step<'_>) {
        let Some(case) = self.cases.get(&incident).filter(|case| case.fires()) else { return };
        let found = Suppressed { inhibited: self.inhibitions.of(&case.episode), ..case.suppressed.clone() };
        self.suppress(incident, found, step);
    }

    pub(super) fn look_at_inhibition_of(&mut self, incidents: Vec<Incident>, step: &mut Step<'_>) {
        for incident in incidents {
            self.look_at_inhibition(incident, step);
        }
    }

    /// Where rules ask for other inhibitions than before, all firing alerts are looked at.
    pub(super) fn look_at_inhibitions(&mut self, step: &mut Step<'_>) {
        if !self.inhibitions.rebuild() {
            return;
        }
        let firing: Vec<_> = self.cases.values().filter(|case| case.fires()).map(|case| case.episode.clone()).collect();
        for episode in &firing {
            self.inhibitions.enter(episode);
        }
        self.look_at_inhibition_of(firing.iter().map(|episode| episode.incident).collect(), step);
    }

    pub(super) fn mute(&mut self, key: &MuteKey, mute: Option<Mute>, step: &mut Step<'_>) {
        let before = self.mutes.reached(key).cloned().unwrap_or_default();
        self.mutes.set(key, mute, step.now.wall);
        self.mute_changed(key, before, step);
    }

    /// Silences and windows that begin or end by now.
    pub(super) fn turn_mutes(&mut self, step: &mut Step<'_>) {
        for key in self.mutes.turned(step.now.wall) {
            let before = self.mutes.reached(&key).cloned().unwrap_or_default();
            self.mute_changed(&key, before, step);
        }
    }

    /// One is not what it was: the alerts that it reached, and those that it reaches now.
    fn mute_changed(&mut self, key: &MuteKey, before: BTreeSet<Incident>, step: &mut Step<'_>) {
        if !self.loaded || (before.is_empty() && !self.mutes.is_active(key)) {
            return;
        }
        let mut concerned: Vec<(Incident, bool)> = Vec::new();
        for (rule, incidents) in &self.by_rule {
            let labels = self.config.rule_labels(rule);
            for incident in incidents {
                let Some(case) = self.cases.get(incident) else { continue };
                let reached = self.mutes.reaches(key, &case.episode, &labels);
                if reached != before.contains(incident) {
                    concerned.push((*incident, reached));
                }
            }
        }
        for (incident, reached) in concerned {
            let Some(case) = self.cases.get(&incident) else { continue };
            let mut found = case.suppressed.clone();
            found.mutes.retain(|other| other != key);
            if reached {
                found.mutes.push(key.clone());
                found.mutes.sort();
            }
            self.suppress(incident, found, step);
        }
    }

    /// Takes what stands in the way now. When nothing does any more, what still fires is told: at once where it was
    /// muted, also to those who knew; else only to those who did not.
    fn suppress(&mut self, incident: Incident, found: Suppressed, step: &mut Step<'_>) {
        let Some(case) = self.cases.get_mut(&incident) else { return };
        for key in &found.mutes {
            self.mutes.note(key, incident, true);
        }
        if case.suppressed == found {
            return;
        }
        self.dirty.cases.insert(incident);
        let free = found.is_empty();
        let before = std::mem::replace(&mut case.suppressed, found);
        for key in before.mutes.iter().filter(|key| !case.suppressed.mutes.contains(key)) {
            self.mutes.note(key, incident, false);
        }
        case.owed |= !before.mutes.is_empty() && case.suppressed.mutes.is_empty();
        let what = if free { What::Unsuppressed } else { What::Suppressed(case.suppressed.clone()) };
        step.fact(&case.episode, what);
        if !free {
            let mut withheld = Vec::new();
            for (channel, place) in &mut case.places {
                if place.fresh.take().is_some() {
                    withheld.push(GroupKey::new(channel, &place.group));
                }
            }
            for group in withheld {
                self.settle(&group, incident);
            }
            return;
        }
        let muted = std::mem::take(&mut case.owed);
        let mut fresh = Vec::new();
        for (channel, place) in case.places.iter_mut().filter(|(_, place)| place.via.is_some() && place.dead.is_none())
        {
            if !place.told || (muted && case.ack.is_none()) {
                place.fresh = Some(if muted { Why::MuteEnded } else { Why::Unsuppressed });
                fresh.push(channel.clone());
            }
        }
        for channel in fresh {
            if muted {
                self.schedule(incident, &channel, Pace::Now, step);
            } else {
                self.schedule_fresh(incident, &channel, step);
            }
        }
        self.arm_escalation(incident);
    }
}
