//! Rules, channels and namespaces as they are now, and what becomes of alerts when they change.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{ChannelIs, Desk, Routing, Step, timers::Timer};
use crate::{
    alert::Incident,
    model::{self, AllowedNamespaces, Channel, Grouping, ObjectKey, Receiver, Severities},
};

/// A change of a channel or a namespace is looked at after this long, together with those that come meanwhile: each
/// one concerns every alert.
const REROUTE_AFTER: i64 = 1000;

pub(super) struct Config {
    pub operator: Arc<str>,
    pub rules: BTreeMap<ObjectKey, Arc<Routing>>,
    /// None: it is refused.
    channels: BTreeMap<ObjectKey, Option<Arc<Channel>>>,
    /// Channels with `default: true`, by namespace.
    defaults: BTreeMap<Arc<str>, BTreeSet<ObjectKey>>,
    namespaces: BTreeMap<Arc<str>, model::Labels>,
    pub in_cluster: bool,
    reroute_at: Option<i64>,
}

/// The channel of alerts for which no channel can be used: a line on stdout. No object has its name.
pub fn log_channel() -> Channel {
    Channel {
        key: ObjectKey::new("", "log"),
        generation: 1,
        labels: model::Labels::default(),
        receiver: Receiver::Log,
        is_default: false,
        severities: Severities::ALL,
        send_resolved: true,
        grouping: Grouping::default(),
        rate_limit: None,
        fallback: None,
        allowed_namespaces: AllowedNamespaces::All,
    }
}

impl Config {
    pub fn new(operator: &str) -> Self {
        let log = log_channel();
        Self {
            operator: operator.into(),
            rules: BTreeMap::new(),
            channels: BTreeMap::from([(log.key.clone(), Some(Arc::new(log)))]),
            defaults: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            in_cluster: false,
            reroute_at: None,
        }
    }

    pub fn namespace(&mut self, name: Arc<str>, labels: Option<model::Labels>) {
        match labels {
            Some(labels) => self.namespaces.insert(name, labels),
            None => self.namespaces.remove(&name),
        };
    }

    /// What a rule says; nothing of one that is gone.
    pub fn routing(&self, rule: &ObjectKey) -> Option<&Arc<Routing>> {
        self.rules.get(rule)
    }

    pub fn rule_labels(&self, rule: &ObjectKey) -> model::Labels {
        self.rules.get(rule).map(|routing| routing.labels.clone()).unwrap_or_default()
    }

    /// A channel that can be used.
    pub fn channel(&self, key: &ObjectKey) -> Option<&Arc<Channel>> {
        self.channels.get(key)?.as_ref()
    }

    /// Whether there is such a channel, also one that is refused.
    pub fn has_channel(&self, key: &ObjectKey) -> bool {
        self.channels.contains_key(key)
    }

    /// The default channels of a namespace.
    pub fn defaults(&self, namespace: &str) -> impl Iterator<Item = &ObjectKey> {
        self.defaults.get(namespace).into_iter().flatten()
    }

    /// Whether objects of `namespace` may use the channel.
    pub fn may_use(&self, channel: &Channel, namespace: &Arc<str>) -> bool {
        if channel.key.namespace == *namespace {
            return true;
        }
        match &channel.allowed_namespaces {
            AllowedNamespaces::Same => false,
            AllowedNamespaces::All => true,
            AllowedNamespaces::Selector(selector) => match self.namespaces.get(namespace) {
                Some(labels) => selector.matches(labels),
                None if self.in_cluster => false,
                // Stand-alone a namespace has no object, and the one label that each has in a cluster.
                None => selector.matches(&BTreeMap::from([(
                    "kubernetes.io/metadata.name".to_owned(),
                    namespace.as_ref().to_owned(),
                )])),
            },
        }
    }

    fn set_channel(&mut self, key: ObjectKey, is: ChannelIs) {
        if let Some(defaults) = self.defaults.get_mut(&key.namespace) {
            defaults.remove(&key);
        }
        match is {
            ChannelIs::Valid(channel) => {
                if channel.is_default {
                    self.defaults.entry(key.namespace.clone()).or_default().insert(key.clone());
                }
                self.channels.insert(key, Some(channel));
            }
            ChannelIs::Refused => {
                self.channels.insert(key, None);
            }
            ChannelIs::Gone => {
                self.channels.remove(&key);
            }
        }
    }
}

impl Desk {
    pub(super) fn rule(&mut self, key: &ObjectKey, routing: Option<Arc<Routing>>, step: &mut Step<'_>) {
        self.inhibitions.declare(key, routing.as_ref().map(|routing| &routing.inhibited_by));
        let labels = self.config.rule_labels(key);
        match routing {
            Some(routing) => self.config.rules.insert(key.clone(), routing),
            None => self.config.rules.remove(key),
        };
        let relabelled = labels != self.config.rule_labels(key);
        let incidents: Vec<_> = self.by_rule.get(key).into_iter().flatten().copied().collect();
        for incident in incidents {
            if relabelled {
                self.look_at_mutes(incident, step);
            }
            self.route(incident, step);
            self.arm_escalation(incident);
        }
    }

    pub(super) fn channel(&mut self, key: ObjectKey, is: ChannelIs, step: &mut Step<'_>) {
        let gone = matches!(is, ChannelIs::Gone);
        self.config.set_channel(key.clone(), is);
        if gone {
            self.drop_places(&key);
        } else {
            self.wake_groups(&key, step);
        }
        self.reroute_soon(step);
    }

    pub(super) fn reroute_soon(&mut self, step: &Step<'_>) {
        if self.loaded && self.config.reroute_at.is_none() {
            let at = step.now.at + REROUTE_AFTER;
            self.config.reroute_at = Some(at);
            self.timers.set(Timer::Reroute, None, Some(at));
        }
    }

    /// Decides for each firing alert anew who is told.
    pub(super) fn reroute(&mut self, step: &mut Step<'_>) {
        self.config.reroute_at = None;
        let firing: Vec<Incident> =
            self.cases.iter().filter(|(_, case)| case.fires()).map(|(incident, _)| *incident).collect();
        for incident in firing {
            self.regroup(incident, step);
            self.route(incident, step);
        }
    }

    /// Everything that is configured has come: what an earlier process left behind is held against it.
    pub(super) fn load(&mut self, step: &mut Step<'_>) {
        if self.loaded {
            return;
        }
        self.loaded = true;
        let known: BTreeSet<ObjectKey> =
            self.cases.values().flat_map(|case| case.places.keys()).chain(self.lines.keys()).cloned().collect();
        for channel in known {
            if !self.config.has_channel(&channel) {
                self.drop_places(&channel);
            }
        }
        self.inhibitions.rebuild();
        let firing: Vec<_> = self.cases.values().filter(|case| case.fires()).map(|case| case.episode.clone()).collect();
        for episode in &firing {
            self.inhibitions.enter(episode);
        }
        for episode in &firing {
            self.look_at_mutes(episode.incident, step);
            self.look_at_inhibition(episode.incident, step);
            self.arm_escalation(episode.incident);
        }
        self.reroute(step);
        let channels: Vec<_> = self.config.channels.keys().cloned().collect();
        for channel in channels {
            self.wake_groups(&channel, step);
        }
    }
}
