//! The desk, told what happens in virtual time; what each channel hears is written short, one line per notification:
//! `12s slack First +a -b ±c (d)` is news of `a` that fires, of `b` that is resolved, of `c` of which both are told at
//! once, and `d` that fires beside them.

mod deliver;
mod group;
mod restart;
mod simulate;
mod suppress;

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use super::*;
use crate::{
    alert::{Alert, Fingerprint, Incident, Labels, Notification, Phase, Reason, Status, Transition, Turn},
    model::{
        AllowedNamespaces, Channel, Escalation, Grouping, HttpEndpoint, Inhibition, RateLimit, Receiver, Severities,
        Severity, Webhook,
    },
};

const EPOCH: i64 = 1_700_000_000_000;

fn key(name: &str) -> ObjectKey {
    ObjectKey::new("shop", name)
}

fn moment(seconds: i64) -> Moment {
    Moment { at: EPOCH + seconds * 1000, wall: EPOCH + seconds * 1000 }
}

fn channel(name: &str) -> Channel {
    Channel { key: key(name), ..log_channel() }
}

fn rate(max: u32, seconds: u64) -> Option<RateLimit> {
    Some(RateLimit { max: NonZeroU32::new(max).unwrap(), per: Duration::from_secs(seconds) })
}

fn notify(names: &[&str]) -> Routing {
    Routing { notify: names.iter().map(|name| key(name)).collect(), ..Routing::default() }
}

fn escalate(after: u64, name: &str) -> Escalation {
    Escalation { after: Duration::from_secs(after), channel: key(name) }
}

/// An episode of the rule `rule` about `i`, with more labels.
fn episode(rule: &str, i: &str, more: &[(&str, &str)]) -> Arc<Episode> {
    let labels = Labels::new([("alertname", rule), ("namespace", "shop"), ("i", i)]).with(more.iter().copied());
    Arc::new(Episode {
        incident: Incident::of(rule, &labels),
        rule: key(rule),
        generation: 1,
        subject: "".into(),
        phase: Phase::Pending,
        name: rule.into(),
        severity: labels.get("severity").and_then(|text| text.parse().ok()),
        fingerprint: labels.fingerprint(),
        labels,
        message: "".into(),
        annotations: Labels::default(),
        value: None,
        reason: None,
        object: crate::model::Labels::default(),
        dependency: None,
        active: moment(0),
        fired: None,
        keeping: None,
        resolved: None,
    })
}

/// A desk, its clock in seconds, and what came out.
struct Bench {
    desk: Desk,
    now: i64,
    /// What the wall clock is off, in milliseconds.
    offset: i64,
    heard: Vec<String>,
    notifications: Vec<Arc<Notification>>,
    facts: Vec<Fact>,
    rows: std::collections::BTreeMap<String, String>,
    firing: BTreeMap<Incident, Arc<Episode>>,
}

impl Bench {
    /// With these channels, and a rule `r` that tells all of them.
    fn new(channels: Vec<Channel>) -> Self {
        let mut bench = Self::empty();
        let names: Vec<String> = channels.iter().map(|channel| channel.key.name.to_string()).collect();
        for channel in channels {
            bench.step(Event::Channel(channel.key.clone(), ChannelIs::Valid(Arc::new(channel))));
        }
        bench.rule("r", notify(&names.iter().map(String::as_str).collect::<Vec<_>>()));
        bench.step(Event::Loaded);
        bench
    }

    fn empty() -> Self {
        Self {
            desk: Desk::new("ops"),
            now: 0,
            offset: 0,
            heard: Vec::new(),
            notifications: Vec::new(),
            facts: Vec::new(),
            rows: BTreeMap::new(),
            firing: BTreeMap::new(),
        }
    }

    fn moment(&self) -> Moment {
        Moment { wall: moment(self.now).wall + self.offset, ..moment(self.now) }
    }

    fn step(&mut self, event: Event) {
        self.step_at(event, self.moment());
    }

    fn step_at(&mut self, event: Event, now: Moment) {
        let mut out = Vec::new();
        self.desk.step(event, now, &mut out);
        for effect in out {
            match effect {
                Effect::Notify(notification) => {
                    self.heard.push(format!("{}s {}", (now.at - EPOCH) / 1000, short(&notification)));
                    self.notifications.push(notification);
                }
                Effect::Fact(fact) => self.facts.push(fact),
                Effect::Keep { key, value: Some(value) } => {
                    self.rows.insert(key, value);
                }
                Effect::Keep { key, value: None } => {
                    self.rows.remove(&key);
                }
                Effect::Show(_) => {}
            }
        }
    }

    fn rule(&mut self, name: &str, routing: Routing) {
        self.step(Event::Rule(key(name), Some(Arc::new(routing))));
    }

    /// Goes on to a time, doing what is due on the way, each when it is.
    fn until(&mut self, seconds: i64) {
        while let Some(at) = self.desk.next_due(self.moment()).filter(|at| *at <= moment(seconds).at) {
            self.now = self.now.max((at - EPOCH) / 1000);
            self.step(Event::Time);
        }
        self.now = seconds;
        self.step(Event::Time);
    }

    fn fire<'a>(&mut self, episodes: impl IntoIterator<Item = &'a Arc<Episode>>) {
        let now = moment(self.now);
        let transitions = episodes.into_iter().map(|episode| {
            let mut episode = Episode::clone(episode);
            (episode.phase, episode.active, episode.fired) = (Phase::Firing, now, Some(now));
            let episode = Arc::new(episode);
            self.firing.insert(episode.incident, episode.clone());
            Transition { turn: Turn::Firing, episode }
        });
        let transitions = transitions.collect();
        self.step(Event::Transitions(transitions));
    }

    fn resolve<'a>(&mut self, episodes: impl IntoIterator<Item = &'a Arc<Episode>>) {
        let now = moment(self.now);
        let ended = episodes.into_iter().filter_map(|episode| {
            let mut episode = Episode::clone(&*self.firing.remove(&episode.incident)?);
            (episode.phase, episode.resolved) = (Phase::Resolved, Some(now));
            Some(Transition { turn: Turn::Resolved, episode: Arc::new(episode) })
        });
        let ended = ended.collect();
        self.step(Event::Transitions(ended));
    }

    /// It fires on, with something changed.
    fn change(&mut self, episode: &Arc<Episode>, turn: Turn, change: impl FnOnce(&mut Episode)) {
        let Some(known) = self.firing.get_mut(&episode.incident) else { return };
        change(Arc::make_mut(known));
        let transition = Transition { turn, episode: known.clone() };
        self.step(Event::Transitions(vec![transition]));
    }

    fn silence(&mut self, name: &str, matcher: &str, from: i64, to: i64) {
        let mute = Mute {
            scope: None,
            muted: Muted::Alerts(crate::alert::Matchers::parse(matcher).unwrap()),
            starts_at: moment(from).wall + self.offset,
            ends_at: moment(to).wall + self.offset,
        };
        self.step(Event::Mute(silence_key(name), Some(mute)));
    }

    fn heard(&mut self) -> Vec<String> {
        std::mem::take(&mut self.heard)
    }

    /// The decisions of a kind, short.
    fn facts(&self, wanted: impl Fn(&What) -> bool) -> Vec<String> {
        let facts = self.facts.iter().filter(|fact| wanted(&fact.what));
        facts.map(|fact| format!("{} {:?}", fact.episode.labels.value("i"), fact.what)).collect()
    }

    fn dead(&mut self, notification: usize) {
        let notification = self.notifications[notification].clone();
        self.step(Event::Dead { notification, error: "410 Gone".into() });
    }
}

fn webhook() -> Receiver {
    let endpoint = HttpEndpoint::plain("http://127.0.0.1/".parse().unwrap()).unwrap();
    Receiver::Webhook(Webhook { endpoint, hmac: None })
}

fn silence_key(name: &str) -> MuteKey {
    MuteKey { kind: MuteKind::Silence, object: key(name) }
}

fn short(notification: &Notification) -> String {
    let mut text = format!("{} {}", notification.channel.name, notification.why);
    let mut alerts: Vec<_> = notification.alerts.iter().enumerate().collect();
    // By name, but what is said of one alert in its order.
    alerts.sort_by_key(|(at, alert)| (!alert.news, alert.labels.value("i").to_owned(), *at));
    for (_, alert) in alerts {
        let name = alert.labels.value("i");
        text += &match alert.status {
            _ if !alert.news => format!(" ({name})"),
            Status::Resolved if alert.untold => format!(" ±{name}"),
            Status::Resolved => format!(" -{name}"),
            _ => format!(" +{name}"),
        };
    }
    if notification.truncated > 0 {
        text += &format!(" …{}", notification.truncated);
    }
    text
}
