//! The desk: from what happened to alerts to who is told what, and when. Owns every such decision; does no I/O.
//!
//! ```text
//!   transitions ─► case ──► what stands in its way?       ─► place per channel ─► group ─► notification ─► outbox
//!   (from rules)   (one     mutes     silences, windows      route  who is       groups   wait, interval,
//!                  per      inhibit   inhibitedBy                   to be told            repeat
//!                  incident)          a dependency           act    escalation,  limit    rate limit, digest
//!                                                                   fallback     tell     makes the message
//! ```
//! One function: [`Desk::step`] takes an event and the time, and gives effects; [`Desk::next_due`] says when time alone
//! is an event. What a step changes comes out as rows to keep, in the same transaction as its notifications, and
//! [`Desk::restore`] goes on from them exactly. Called by the engine only.
//!
//! What holds, and what the tests hold it to:
//! - A channel hears of an episode's end if and only if it heard that it fires, or hears of both at once. No silence,
//!   edit or deletion of the rule changes that; only `sendResolved: false` or the deletion of the channel does.
//! - Of one incident a channel hears everything in the order in which it was.
//! - Each decision not to tell, or not yet, is a [`Fact`].

mod act;
mod case;
mod config;
mod dead;
mod effect;
mod event;
mod groups;
mod inhibit;
mod keep;
mod limit;
mod mutes;
mod route;
mod suppress;
mod tell;
#[cfg(test)]
mod tests;
mod timers;
mod turns;
mod view;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Episode, Incident, Moment};
use crate::model::ObjectKey;

use case::Case;
use config::Config;
use groups::{Group, GroupKey};
use inhibit::Inhibitions;
use limit::Line;
use mutes::Mutes;
use timers::{Timer, Timers};

pub use config::log_channel;
pub use effect::{Ack, Because, Effect, Fact, Suppressed, Wait, What};
pub use event::{ChannelIs, Event, Mute, MuteKey, MuteKind, Muted, Routing};
pub use route::Routes;
pub use view::{Told, View};

/// At most so many incidents are on the desk, ten times what has to be told within 30 s. At about 3 KB each, 300 MB.
const CASES_MAX: usize = 100_000;

/// From half of that on a namespace has a quarter of it at most: what fires in one never keeps all others out.
const SHARED_FROM: usize = CASES_MAX / 2;
const SHARE: usize = CASES_MAX / 4;

/// What is said when there is no room.
pub const TOO_MANY: &str = "there are 100000 alerts, or 25000 of this namespace among over 50000: what is over that is \
    told to nobody until there is room; see /api/v1/rules for who has so many";

/// A resolved alert is shown, and told to an Alertmanager again, for this long, as Prometheus does it.
const RESOLVED_KEPT: i64 = 15 * 60_000;

/// All that is known of alerts that fire, or did a moment ago.
pub struct Desk {
    config: Config,
    loaded: bool,
    mutes: Mutes,
    inhibitions: Inhibitions,
    cases: BTreeMap<Incident, Case>,
    /// Firing ones, by their rule.
    by_rule: BTreeMap<ObjectKey, BTreeSet<Incident>>,
    groups: BTreeMap<GroupKey, Group>,
    lines: BTreeMap<ObjectKey, Line>,
    timers: Timers,
    dirty: Dirty,
}

/// What the step under way has changed, and what is to be kept of it.
#[derive(Default)]
struct Dirty {
    cases: BTreeSet<Incident>,
    groups: BTreeSet<GroupKey>,
    lines: BTreeSet<ObjectKey>,
}

/// What a step works with, beside the desk.
struct Step<'a> {
    now: Moment,
    out: &'a mut Vec<Effect>,
}

impl Step<'_> {
    fn fact(&mut self, episode: &Arc<Episode>, what: What) {
        self.out.push(Effect::Fact(Fact { at: self.now.wall, episode: episode.clone(), what }));
    }
}

impl Desk {
    /// An empty desk. Objects in the namespace `operator` serve, and mute, all others.
    pub fn new(operator: &str) -> Self {
        Self {
            config: Config::new(operator),
            loaded: false,
            mutes: Mutes::default(),
            inhibitions: Inhibitions::default(),
            cases: BTreeMap::new(),
            by_rule: BTreeMap::new(),
            groups: BTreeMap::new(),
            lines: BTreeMap::new(),
            timers: Timers::default(),
            dirty: Dirty::default(),
        }
    }

    /// Where namespaces have labels: of one that is not known, nobody may use a channel by them.
    #[must_use]
    pub fn in_cluster(mut self) -> Self {
        self.config.in_cluster = true;
        self
    }

    /// Takes one event. What is due by `now` is done, whatever the event.
    pub fn step(&mut self, event: Event, now: Moment, out: &mut Vec<Effect>) {
        let mut step = Step { now, out };
        match event {
            Event::Rule(key, routing) => self.rule(&key, routing, &mut step),
            Event::Channel(key, is) => self.channel(key, is, &mut step),
            Event::Namespace(name, labels) => {
                self.config.namespace(name, labels);
                self.reroute_soon(&step);
            }
            Event::Mute(key, mute) => self.mute(&key, mute, &mut step),
            Event::Loaded => self.load(&mut step),
            Event::Transitions(transitions) => {
                self.look_at_inhibitions(&mut step);
                for transition in transitions {
                    self.transition(transition, &mut step);
                }
            }
            Event::Acknowledge { incident, by, comment } => self.acknowledge(incident, by, comment, &mut step),
            Event::Unacknowledge { incident, by } => self.unacknowledge(incident, by, &mut step),
            Event::Dead { notification, error } => self.dead(&notification, &error, &mut step),
            Event::Revived(notification) => self.revived(&notification, &mut step),
            Event::Time => {}
        }
        if self.loaded {
            self.look_at_inhibitions(&mut step);
            self.turn_mutes(&mut step);
            self.run_due(&mut step);
        }
        self.keep(&mut step);
    }

    /// When [`Event::Time`] is due, on the timeline; silences go by the wall clock, which may be stepped, so a caller
    /// asks again now and then.
    /// Nothing is before [`Event::Loaded`].
    pub fn next_due(&self, now: Moment) -> Option<i64> {
        if !self.loaded {
            return None;
        }
        let turn = self.mutes.next().map(|wall| now.at.saturating_add(wall.saturating_sub(now.wall)));
        self.timers.next().into_iter().chain(turn).min()
    }

    fn run_due(&mut self, step: &mut Step<'_>) {
        while let Some(timer) = self.timers.pop(step.now.at) {
            match timer {
                Timer::Group(key) => self.run_group(&key, step),
                Timer::Digest(channel) => self.digest(&channel, step),
                Timer::Escalate(incident) => self.escalate(incident, step),
                Timer::Forget(incident) => self.forget(incident, step),
                Timer::Reroute => self.reroute(step),
            }
        }
    }
}
