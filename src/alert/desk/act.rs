//! Acknowledgement, and escalation while nobody acts.

use std::sync::Arc;

use super::{
    Ack, Because, Desk, Step, What,
    case::{Place, Via},
    groups::Pace,
    timers::Timer,
};
use crate::{
    alert::{Incident, Why, millis},
    model::Channel,
};

impl Desk {
    pub(super) fn acknowledge(&mut self, incident: Incident, by: Arc<str>, comment: Arc<str>, step: &mut Step<'_>) {
        let Some(case) = self.cases.get_mut(&incident).filter(|case| case.fires()) else { return };
        let ack = Ack { by, comment, at: step.now.wall };
        case.ack = Some(ack.clone());
        step.fact(&case.episode, What::Acknowledged(ack));
        self.dirty.cases.insert(incident);
        self.arm_escalation(incident);
    }

    pub(super) fn unacknowledge(&mut self, incident: Incident, by: Arc<str>, step: &mut Step<'_>) {
        let Some(case) = self.cases.get_mut(&incident).filter(|case| case.ack.is_some()) else { return };
        case.ack = None;
        step.fact(&case.episode, What::Unacknowledged { by });
        self.dirty.cases.insert(incident);
        self.arm_escalation(incident);
    }

    /// Sets the timer of the next escalation. Nobody is told more while somebody acts or something stands in the way.
    pub(super) fn arm_escalation(&mut self, incident: Incident) {
        let Some(case) = self.cases.get_mut(&incident) else { return };
        let waits = case.fires() && case.ack.is_none() && case.suppressed.is_empty();
        let next = self.config.routing(&case.episode.rule).and_then(|routing| routing.escalate.get(case.escalated));
        let at = next
            .filter(|_| waits && self.loaded)
            .map(|next| case.episode.started().at.saturating_add(millis(next.after)));
        if at != case.escalate_at {
            let before = std::mem::replace(&mut case.escalate_at, at);
            self.timers.set(Timer::Escalate(incident), before, at);
            self.dirty.cases.insert(incident);
        }
    }

    /// Nobody has acted for so long: the next channel is told, at once.
    pub(super) fn escalate(&mut self, incident: Incident, step: &mut Step<'_>) {
        let Some(case) = self.cases.get_mut(&incident) else { return };
        case.escalate_at = None;
        self.dirty.cases.insert(incident);
        if !case.fires() || case.ack.is_some() || !case.suppressed.is_empty() {
            return;
        }
        let episode = case.episode.clone();
        let routing = self.config.routing(&episode.rule).cloned();
        let Some(next) = routing.as_ref().and_then(|routing| routing.escalate.get(case.escalated)) else { return };
        case.escalated += 1;
        match self.usable(&next.channel, &episode.rule.namespace, episode.severity) {
            Err(because) => step.fact(&episode, What::NotTold { channel: next.channel.clone(), because }),
            Ok(channel) => self.tell_escalated(incident, &channel, step),
        }
        self.arm_escalation(incident);
    }

    fn tell_escalated(&mut self, incident: Incident, channel: &Channel, step: &mut Step<'_>) {
        let Some(case) = self.cases.get_mut(&incident) else { return };
        let group = case.episode.labels.only(&channel.grouping.by);
        let place = case.places.entry(channel.key.clone()).or_insert_with(|| Place::new(Via::Escalation, group));
        let key = channel.key.clone();
        if place.told {
            return step.fact(&case.episode, What::NotTold { channel: key, because: Because::AlreadyTold });
        }
        place.via.get_or_insert(Via::Escalation);
        place.fresh = Some(Why::Escalation);
        step.fact(&case.episode, What::Escalated { channel: key.clone() });
        self.schedule(incident, &key, Pace::Now, step);
    }
}
