//! Who is to be told of an alert.

use std::sync::Arc;

use super::{
    Because, Desk, Step, What,
    case::{Place, Via},
    config::log_channel,
    groups::GroupKey,
};
use crate::{
    alert::{Incident, Severity, Why},
    model::{Channel, ObjectKey},
};

/// Whom the alerts of a rule are told to as things are now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Routes {
    /// The channels that the rule names, or the default ones.
    pub channels: Vec<ObjectKey>,
    /// Those that it names, to escalate too, and that are not told; the default ones that are not.
    pub denied: Vec<(ObjectKey, Because)>,
    /// No channel can be used: its alerts go to the log.
    pub to_log: bool,
}

impl Desk {
    /// Whom alerts of this severity are told to; nobody where there is no such rule.
    pub fn routes(&self, rule: &ObjectKey, severity: Severity) -> Routes {
        let Some(wanted) = self.wanted(rule, Some(severity)) else { return Routes::default() };
        let to_log = wanted.channels.iter().any(|(_, via)| *via == Via::Log);
        let channels = wanted.channels.into_iter().filter(|(_, via)| *via != Via::Log);
        let mut routes = Routes {
            channels: channels.map(|(channel, _)| channel.key.clone()).collect(),
            denied: wanted.denied,
            to_log,
        };
        let later = self.config.routing(rule).map(|routing| routing.escalate.clone()).unwrap_or_default();
        for escalation in later.iter() {
            if let Err(because) = self.usable(&escalation.channel, &rule.namespace, Some(severity)) {
                routes.denied.push((escalation.channel.clone(), because));
            }
        }
        routes
    }

    /// Whether this channel can be told of an alert on behalf of an object in `namespace`.
    pub(super) fn usable(
        &self,
        key: &ObjectKey,
        namespace: &Arc<str>,
        severity: Option<Severity>,
    ) -> Result<Arc<Channel>, Because> {
        let Some(channel) = self.config.channel(key) else {
            let refused = self.config.has_channel(key);
            return Err(if refused { Because::ChannelNotReady } else { Because::UnknownChannel });
        };
        if !self.config.may_use(channel, namespace) {
            Err(Because::NotPermitted)
        } else if !channel.severities.pass(severity) {
            Err(Because::Severity)
        } else {
            Ok(channel.clone())
        }
    }

    /// The channels that the rule names; else the default ones of its namespace, else those of the operator's. Where
    /// none of them can be used, the log. One that only does not want this severity can be used: that is a wish.
    fn wanted(&self, rule: &ObjectKey, severity: Option<Severity>) -> Option<Wanted> {
        let routing = self.config.routing(rule)?;
        let namespace = &rule.namespace;
        let mut wanted = Wanted::default();
        let mut ask = |key: &ObjectKey, via| match self.usable(key, namespace, severity) {
            Ok(channel) => wanted.channels.push((channel, via)),
            Err(because) => wanted.denied.push((key.clone(), because)),
        };
        if routing.notify.is_empty() {
            let own = self.config.defaults(namespace).count() > 0;
            let from = if own { namespace } else { &self.config.operator };
            self.config.defaults(from).for_each(|key| ask(key, Via::Default));
        } else {
            routing.notify.iter().for_each(|key| ask(key, Via::Rule));
        }
        let wished = wanted.denied.iter().any(|(_, because)| *because == Because::Severity);
        if wanted.channels.is_empty() && !wished {
            let log = self.config.channel(&log_channel().key);
            wanted.channels.extend(log.map(|log| (log.clone(), Via::Log)));
        }
        Some(wanted)
    }

    /// Brings the places of a firing alert up to who is to be told now. New ones are told as soon as nothing stands in
    /// the way; those that are no longer meant only hear the end of what they were told.
    pub(super) fn route(&mut self, incident: Incident, step: &mut Step<'_>) {
        self.route_and(incident, false, step);
    }

    /// As [`Desk::route`], for an alert that begins to fire: also says who is not told, and why.
    pub(super) fn route_new(&mut self, incident: Incident, step: &mut Step<'_>) {
        self.route_and(incident, true, step);
    }

    fn route_and(&mut self, incident: Incident, is_new: bool, step: &mut Step<'_>) {
        let Some(case) = self.cases.get(&incident).filter(|case| self.loaded && case.fires()) else { return };
        let episode = case.episode.clone();
        let Some(wanted) = self.wanted(&episode.rule, episode.severity) else { return };
        if is_new {
            for (channel, because) in wanted.denied {
                step.fact(&episode, What::NotTold { channel, because });
            }
            if wanted.channels.iter().any(|(_, via)| *via == Via::Log) {
                step.fact(&episode, What::NoChannel);
            }
        }
        let Some(case) = self.cases.get_mut(&incident) else { return };
        let suppressed = !case.suppressed.is_empty();
        for place in case.places.values_mut() {
            place.via = place.via.filter(|via| matches!(via, Via::Escalation | Via::Fallback));
        }
        let mut fresh = Vec::new();
        for (channel, via) in wanted.channels {
            let group = episode.labels.only(&channel.grouping.by);
            let place = case.places.entry(channel.key.clone()).or_insert_with(|| Place::new(via, group));
            place.via = Some(via);
            place.dead = place.dead.filter(|edition| *edition == channel.edition());
            if !suppressed && !place.told && place.fresh.is_none() && place.dead.is_none() {
                place.fresh = Some(Why::New);
                fresh.push(channel.key.clone());
            }
        }
        let mut left = Vec::new();
        for (channel, place) in &mut case.places {
            if place.via.is_none() && !place.told && place.fresh.take().is_some() {
                left.push(GroupKey::new(channel, &place.group));
            }
        }
        case.places.retain(|_, place| place.via.is_some() || place.is_live() || place.dead.is_some());
        self.dirty.cases.insert(incident);
        for group in left {
            self.settle(&group, incident);
        }
        for channel in fresh {
            self.schedule_fresh(incident, &channel, step);
        }
    }
}

#[derive(Default)]
struct Wanted {
    channels: Vec<(Arc<Channel>, Via)>,
    denied: Vec<(ObjectKey, Because)>,
}
