//! What a rule says of an alert, and what that means for each channel.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Because, Desk, RESOLVED_KEPT, Step, What,
    case::{Case, ENDED_MAX, Ended, PAST_MAX, Place},
    groups::{GroupKey, Pace},
    timers::Timer,
};
use crate::alert::{Episode, Incident, Phase, Transition, Turn, Why};

impl Desk {
    pub(super) fn transition(&mut self, transition: Transition, step: &mut Step<'_>) {
        let Transition { turn, episode } = transition;
        match turn {
            Turn::Pending | Turn::Dropped => {}
            Turn::Firing => self.fire(episode, step),
            Turn::Changed | Turn::Updated | Turn::Recovering | Turn::Relapsed => {
                if turn.is_kept() {
                    self.dirty.cases.insert(episode.incident);
                }
                self.refresh(episode, step);
            }
            Turn::Resolved => self.resolve(episode, step),
        }
    }

    /// An alert begins to fire. That it does, once more, is no news: whoever restarts may say so again.
    fn fire(&mut self, episode: Arc<Episode>, step: &mut Step<'_>) {
        let incident = episode.incident;
        if let Some(case) = self.cases.get(&incident).filter(|case| case.fires()) {
            if case.episode.fired == episode.fired {
                return self.refresh(episode, step);
            }
            // The end of the episode before was lost, and is told now.
            let mut ended = Episode::clone(&case.episode);
            (ended.phase, ended.resolved) = (Phase::Resolved, Some(step.now));
            self.resolve(Arc::new(ended), step);
        }
        if !self.cases.contains_key(&incident) && !self.has_room_for(&episode.rule.namespace) {
            return step.fact(&episode, What::Refused);
        }
        let before = self.cases.insert(incident, Case::new(episode.clone()));
        if let Some(before) = before {
            self.timers.set(Timer::Forget(incident), before.forget_at, None);
            // Of those that have an end to hear of, that alone stays.
            let heard = |place: Place| Place { via: None, dead: None, instead_of: None, ..place };
            let ended = before.places.into_iter().filter(|(_, place)| !place.ended.is_empty());
            let places: BTreeMap<_, _> = ended.map(|(channel, place)| (channel, heard(place))).collect();
            if let Some(case) = self.cases.get_mut(&incident) {
                case.places = places;
                case.past = before.past;
                case.past.push(before.episode);
                let over = case.past.len().saturating_sub(PAST_MAX);
                case.past.drain(..over);
                case.closed = before.closed;
                case.closed.retain(|(_, start)| case.past.iter().any(|past| past.started().wall == *start));
            }
        }
        self.by_rule.entry(episode.rule.clone()).or_default().insert(incident);
        self.dirty.cases.insert(incident);
        let concerned = self.inhibitions.enter(&episode);
        self.look_anew(incident, step);
        self.route_new(incident, step);
        self.arm_escalation(incident);
        self.look_at_inhibition_of(concerned, step);
    }

    /// It fires on, and something about it is new.
    fn refresh(&mut self, episode: Arc<Episode>, step: &mut Step<'_>) {
        let incident = episode.incident;
        let Some(case) = self.cases.get_mut(&incident).filter(|case| case.fires()) else { return };
        if case.episode.fired != episode.fired {
            return;
        }
        let old = std::mem::replace(&mut case.episode, episode.clone());
        if old.labels == episode.labels {
            if old.dependency != episode.dependency || old.object != episode.object {
                self.dirty.cases.insert(incident);
                self.look_anew(incident, step);
            }
            return;
        }
        let mut concerned = self.inhibitions.leave(&old);
        concerned.extend(self.inhibitions.enter(&episode));
        self.regroup(incident, step);
        self.look_anew(incident, step);
        self.route(incident, step);
        if episode.severity > old.severity {
            self.tell_that_it_is_worse(incident, step);
        }
        self.look_at_inhibition_of(concerned, step);
    }

    /// Whoever was told of a lower severity is told again.
    fn tell_that_it_is_worse(&mut self, incident: Incident, step: &mut Step<'_>) {
        let Some(case) = self.cases.get_mut(&incident).filter(|case| case.suppressed.is_empty()) else { return };
        let mut told = Vec::new();
        for (channel, place) in case.places.iter_mut().filter(|(_, place)| place.told && place.via.is_some()) {
            place.fresh.get_or_insert(Why::New);
            told.push(channel.clone());
        }
        for channel in told {
            self.schedule_fresh(incident, &channel, step);
        }
    }

    fn resolve(&mut self, episode: Arc<Episode>, step: &mut Step<'_>) {
        let incident = episode.incident;
        let Some(case) = self.cases.get_mut(&incident).filter(|case| case.fires()) else { return };
        let old = std::mem::replace(&mut case.episode, episode.clone());
        let suppressed = std::mem::take(&mut case.suppressed);
        (case.owed, case.ack) = (false, None);
        self.timers.set(Timer::Escalate(incident), case.escalate_at.take(), None);
        let forget_at = step.now.at.saturating_add(RESOLVED_KEPT);
        case.forget_at = Some(forget_at);
        self.timers.set(Timer::Forget(incident), None, Some(forget_at));

        let mut heard = Vec::new();
        let mut was_told = false;
        // What remains is who has heard of it.
        case.places.retain(|_, place| place.is_live() || place.dead.is_some());
        for (key, place) in &mut case.places {
            let (told, fresh) = (std::mem::take(&mut place.told), place.fresh.take());
            let tellings = std::mem::take(&mut place.tellings);
            if !told && fresh.is_none() {
                continue;
            }
            was_told = true;
            let wants_end = self.config.channel(key).is_none_or(|channel| channel.send_resolved);
            if told && !wants_end {
                step.fact(&episode, What::NotTold { channel: key.clone(), because: Because::SendResolved });
                heard.push((GroupKey::new(key, &place.group), false));
            } else {
                if place.ended.len() >= ENDED_MAX {
                    let oldest = place.ended.remove(0);
                    let left_out = What::NotTold { channel: key.clone(), because: Because::Flapping };
                    step.fact(&oldest.episode, left_out);
                }
                place.ended.push(Ended { episode: episode.clone(), untold: !told, tellings });
                heard.push((GroupKey::new(key, &place.group), true));
            }
        }
        if !was_told {
            step.fact(&episode, What::NeverTold);
        }
        self.dirty.cases.insert(incident);
        if let Some(incidents) = self.by_rule.get_mut(&episode.rule) {
            incidents.remove(&incident);
            if incidents.is_empty() {
                self.by_rule.remove(&episode.rule);
            }
        }
        for key in &suppressed.mutes {
            self.mutes.note(key, incident, false);
        }
        for (group, tell) in heard {
            self.settle(&group, incident);
            if tell {
                self.schedule(incident, &group.channel, Pace::Interval, step);
            }
        }
        let concerned = self.inhibitions.leave(&old);
        self.look_at_inhibition_of(concerned, step);
    }

    /// A resolved alert has been shown for long enough. One that a channel has still to hear the end of stays.
    pub(super) fn forget(&mut self, incident: Incident, step: &mut Step<'_>) {
        let Some(case) = self.cases.get_mut(&incident) else { return };
        let Some(resolved) = case.episode.resolved else { return };
        let waits = case.places.values().any(Place::has_news);
        if waits && step.now.since(resolved.at) < WAIT_MAX {
            let at = step.now.at.saturating_add(RESOLVED_KEPT);
            case.forget_at = Some(at);
            self.timers.set(Timer::Forget(incident), None, Some(at));
        } else if let Some(case) = self.cases.remove(&incident) {
            for (channel, place) in case.places.into_iter().filter(|(_, place)| place.has_news()) {
                step.fact(&case.episode, What::NotTold { channel: channel.clone(), because: Because::ChannelNotReady });
                self.settle(&GroupKey::new(&channel, &place.group), incident);
            }
        }
        self.dirty.cases.insert(incident);
    }
}

/// An end waits this long for a channel that is refused: whoever mends it after more than a week does not care.
const WAIT_MAX: i64 = 7 * 86_400_000;
