//! What becomes of a notification that a channel would not take: its fallback is told.

use std::sync::Arc;

use super::{
    Because, Desk, Step, What,
    case::{Case, Ended, Place, Via},
    groups::{GroupKey, Pace},
};
use crate::{
    alert::{Alert, Episode, Incident, Notification, Status, Why},
    model::{Channel, ObjectKey},
};

impl Case {
    /// The episode that an alert of a notification is of, as far back as it is known.
    fn episode_of(&self, alert: &Alert) -> Option<Arc<Episode>> {
        let mut known = self.past.iter().chain([&self.episode]);
        known.find(|episode| episode.started().wall == alert.starts_at).cloned()
    }
}

impl Desk {
    /// A channel gave a permanent error. It is not tried again for these episodes, and its fallback is told.
    pub(super) fn dead(&mut self, notification: &Notification, error: &Arc<str>, step: &mut Step<'_>) {
        let channel = &notification.channel;
        let spec = self.config.channel(channel).cloned();
        let fallback = spec.as_ref().and_then(|spec| spec.fallback.clone()).filter(|fallback| fallback != channel);
        let fallback = fallback.and_then(|key| self.usable(&key, &channel.namespace, None).ok());
        let edition = spec.map_or(0, |spec| spec.edition());
        let mut strays = Vec::new();
        for alert in notification.alerts.iter().filter(|alert| alert.news) {
            let Some(episode) = self.cases.get(&alert.incident).and_then(|case| case.episode_of(alert)) else {
                strays.push(alert);
                continue;
            };
            if alert.status != Status::Resolved {
                self.give_up(channel, &episode, edition);
            }
            let instead = fallback.as_ref().filter(|fallback| self.is_open(alert.incident, &fallback.key));
            let what = What::Dead {
                channel: channel.clone(),
                notification: notification.id.clone(),
                error: error.clone(),
                instead: instead.map(|instead| instead.key.clone()),
            };
            step.fact(&episode, what);
            if let Some(instead) = instead {
                self.tell_instead(&episode, channel, instead, step);
            }
        }
        // What was passed on once is not passed on again: nobody would know where it had been.
        if let Some(fallback) = fallback.filter(|_| !strays.is_empty() && notification.instead_of.is_none()) {
            self.forward(notification, &fallback, &strays, step);
        }
    }

    /// A channel was not told that an episode fires, and, unless it was before, is not told its end either.
    fn give_up(&mut self, channel: &ObjectKey, episode: &Arc<Episode>, edition: i64) {
        let incident = episode.incident;
        let Some(case) = self.cases.get_mut(&incident) else { return };
        let newest = case.episode.started() == episode.started();
        let Some(place) = case.places.get_mut(channel) else { return };
        if newest {
            place.tellings = place.tellings.saturating_sub(1);
            if place.tellings == 0 {
                (place.told, place.dead) = (false, Some(edition));
            }
        }
        place.ended.retain_mut(|ended| {
            let other = ended.episode.started() != episode.started();
            ended.tellings = ended.tellings.saturating_sub(u32::from(!other));
            other || ended.tellings > 0
        });
        let group = GroupKey::new(channel, &place.group);
        self.dirty.cases.insert(incident);
        self.settle(&group, incident);
    }

    /// Whether a channel may stand in for another one: it has not given up on this alert itself.
    fn is_open(&self, incident: Incident, channel: &ObjectKey) -> bool {
        let place = self.cases.get(&incident).and_then(|case| case.places.get(channel));
        place.is_none_or(|place| place.dead.is_none())
    }

    /// Has a fallback told of an episode in place of `channel`, unless it knows.
    fn tell_instead(&mut self, episode: &Arc<Episode>, channel: &ObjectKey, instead: &Channel, step: &mut Step<'_>) {
        let Some(case) = self.cases.get_mut(&episode.incident) else { return };
        let newest = case.episode.started() == episode.started();
        let (fires, free) = (newest && case.fires(), case.suppressed.is_empty());
        let group = case.episode.labels.only(&instead.grouping.by);
        let place = case.places.entry(instead.key.clone()).or_insert_with(|| Place::new(Via::Fallback, group));
        let own = !matches!(place.via, None | Some(Via::Fallback));
        let closed = case.closed.iter().any(|(to, start)| *to == instead.key && *start == episode.started().wall);
        if own || closed || place.knows(episode, newest) {
            let already = What::NotTold { channel: instead.key.clone(), because: Because::AlreadyTold };
            return step.fact(episode, already);
        }
        (place.via, place.instead_of) = (Some(Via::Fallback), Some(channel.clone()));
        self.dirty.cases.insert(episode.incident);
        if !fires {
            // It has heard nothing of it, whatever the other channel had.
            place.ended.push(Ended { episode: episode.clone(), untold: true, tellings: 0 });
            place.ended.sort_by_key(|ended| ended.episode.started());
        } else if free {
            place.fresh = Some(Why::New);
        } else {
            // It is told when nothing stands in the way any more.
            return;
        }
        self.schedule(episode.incident, &instead.key, Pace::Now, step);
    }

    /// What was dead has been delivered after all: the channel hears the end of it like any other.
    pub(super) fn revived(&mut self, notification: &Notification, step: &mut Step<'_>) {
        let channel = &notification.channel;
        for alert in notification.alerts.iter().filter(|alert| alert.news && alert.status != Status::Resolved) {
            let Some(case) = self.cases.get_mut(&alert.incident) else { continue };
            let (fires, episode) = (case.fires(), case.episode.clone());
            let Some(place) = case.places.get_mut(channel) else { continue };
            if episode.started().wall != alert.starts_at || place.is_live() {
                continue;
            }
            place.dead = None;
            let group = GroupKey::new(channel, &place.group);
            self.dirty.cases.insert(alert.incident);
            if fires {
                (place.told, place.tellings) = (true, 1);
                self.settle(&group, alert.incident);
            } else {
                place.ended.push(Ended { episode, untold: false, tellings: 1 });
                self.schedule(alert.incident, channel, Pace::Now, step);
            }
        }
    }
}

impl Place {
    /// Whether the channel has been told of an episode, or is about to be.
    fn knows(&self, episode: &Episode, newest: bool) -> bool {
        (newest && (self.told || self.fresh.is_some()))
            || self.ended.iter().any(|ended| ended.episode.started() == episode.started())
    }
}
