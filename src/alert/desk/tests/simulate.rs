//! Thirty days of everything that can happen, in virtual time, and what has to hold whatever happens: see [`Witness`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::*;
use crate::alert::{
    NotificationId,
    rule::{Candidate, Evaluation, Policy, RuleState},
};
use crate::model::{OnError, OnNoData};

const DAY: i64 = 86_400;

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers for the same seed everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.roll(all.len() as u64) as usize]
    }
}

const RULES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const TARGETS: [&str; 5] = ["1", "2", "3", "4", "5"];
const CHANNELS: [&str; 5] = ["slack", "mail", "hook", "pager", "quiet"];

struct Rule {
    state: RuleState,
    policy: Policy,
    routing: Routing,
    /// The targets for which its condition holds, and with which severity.
    met: BTreeMap<&'static str, &'static str>,
    blind: bool,
}

/// One episode: the incident and when it began.
type Which = (Incident, i64);

/// What is true of an episode, as the rules said it.
#[derive(Default)]
struct Truth {
    fired: i64,
    ended: Option<i64>,
    /// Something stood in its way at some time, or it was acted on.
    hindered: bool,
    told: bool,
}

/// Sees what each channel hears, and holds it against what was.
#[derive(Default)]
struct Witness {
    truth: BTreeMap<Which, Truth>,
    /// Of each incident the episodes in order.
    order: BTreeMap<Incident, Vec<i64>>,
    /// What a channel has heard last of an incident: the number of the episode, and whether its end.
    last: BTreeMap<(ObjectKey, Incident), (usize, bool)>,
    /// Firings that a channel would not take. Their ends may be on their way to it already.
    missed: BTreeSet<(ObjectKey, Which)>,
    ids: BTreeSet<NotificationId>,
    heard: usize,
}

impl Witness {
    fn transition(&mut self, transition: &Transition, now: i64) {
        let episode = &transition.episode;
        let which = (episode.incident, episode.started().wall);
        match transition.turn {
            Turn::Firing => {
                assert!(self.truth.insert(which, Truth { fired: now, ..Truth::default() }).is_none());
                self.order.entry(episode.incident).or_default().push(which.1);
            }
            Turn::Resolved => self.truth.get_mut(&which).expect("it fired").ended = Some(now),
            _ => {}
        }
    }

    fn fact(&mut self, fact: &Fact) {
        let which = (fact.episode.incident, fact.episode.started().wall);
        let hinders = matches!(fact.what, What::Suppressed(_) | What::NotTold { .. } | What::Dead { .. });
        self.truth.get_mut(&which).expect("it fired").hindered |= hinders;
    }

    fn hear(&mut self, notification: &Notification, decided: i64, now: i64) {
        assert!(self.ids.insert(notification.id.clone()), "an id came twice: {notification:?}");
        assert!(!notification.alerts.is_empty());
        self.heard += 1;
        for alert in &notification.alerts {
            let which = (alert.incident, alert.starts_at);
            let truth = self.truth.get_mut(&which).expect("what is told of has fired");
            if !alert.news {
                continue;
            }
            truth.told = true;
            let number = self.order[&alert.incident].iter().position(|start| *start == alert.starts_at).unwrap();
            let place = (notification.channel.clone(), alert.incident);
            let before = self.last.get(&place).copied();
            if before.is_none_or(|(last, _)| last <= number) {
                self.last.insert(place, (number, alert.status == Status::Resolved));
            }
            let context = || format!("{now}s {}, before: {before:?}, now {number}: {notification:?}", notification.why);
            if alert.status == Status::Resolved {
                assert!(truth.ended.is_some(), "told of an end that was not: {}", context());
                // Who was told that it fires, or of both at once, or whose channel was told of it before an outage.
                let known = before == Some((number, false));
                // What stands in for another channel comes when that has answered.
                let late = notification.instead_of.is_some();
                let whole = alert.untold
                    && before.is_none_or(|(last, ended)| {
                        late || (last < number && (ended || is_quiet(&notification.channel)))
                    });
                let missed = self.missed.contains(&(notification.channel.clone(), which));
                assert!(known || whole || missed, "an end out of nothing: {}", context());
            } else {
                let again = before == Some((number, false));
                let next =
                    before.is_none_or(|(last, ended)| last < number && (ended || is_quiet(&notification.channel)));
                assert!(again || next, "out of order: {}", context());
                assert!(
                    truth.ended.is_none_or(|ended| decided <= ended || hears_both(&notification.channel)),
                    "told of what is over: {}",
                    context()
                );
            }
        }
    }

    /// A channel would not take it: of an end that it is told, it will not hear.
    fn miss(&mut self, notification: &Notification) {
        for alert in notification.alerts.iter().filter(|alert| alert.news) {
            let channel = notification.channel.clone();
            if alert.status != Status::Resolved {
                self.missed.insert((channel, (alert.incident, alert.starts_at)));
            } else if let Some(last) = self.last.get_mut(&(channel, alert.incident)) {
                last.1 = true;
            }
        }
    }

    /// Nobody waits for more than 30 s for what nothing stood in the way of.
    fn check_told(&self, now: i64) {
        for (which, truth) in &self.truth {
            assert!(
                truth.told || truth.hindered || truth.fired + 30 > now,
                "nobody was told of {which:?} of {}s",
                truth.fired
            );
        }
    }

    fn check_ends(&self) {
        for ((channel, incident), (number, ended)) in &self.last {
            assert!(*ended || is_quiet(channel), "{channel} was not told the end of {incident} no. {number}");
        }
    }

    /// Forgets what is long over, so that a month is not held in memory.
    fn forget(&mut self, now: i64) {
        self.truth.retain(|_, truth| truth.ended.is_none_or(|ended| ended + 2 * 3600 > now));
    }
}

/// It hears no ends.
fn is_quiet(channel: &ObjectKey) -> bool {
    &*channel.name == "quiet"
}

fn hears_both(channel: &ObjectKey) -> bool {
    &*channel.name == "hook"
}

struct World {
    dice: Dice,
    bench: Bench,
    rules: BTreeMap<&'static str, Rule>,
    witness: Witness,
    /// What the pager is sent, and when it answers.
    outbox: VecDeque<(i64, i64, Arc<Notification>)>,
    silences: BTreeSet<&'static str>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            dice: Dice(seed),
            bench: Bench::empty(),
            rules: BTreeMap::new(),
            witness: Witness::default(),
            outbox: VecDeque::new(),
            silences: BTreeSet::new(),
        };
        for name in RULES {
            let policy = Policy {
                hold: 0,
                keep: 0,
                on_no_data: OnNoData::Keep,
                on_error: OnError::Keep,
                generation: 1,
                limit: 100,
            };
            let state = RuleState::new(key(name), name);
            let rule = Rule { state, policy, routing: Routing::default(), met: BTreeMap::new(), blind: false };
            world.rules.insert(name, rule);
            world.edit(name);
        }
        for name in CHANNELS {
            world.bench.step(Event::Channel(key(name), ChannelIs::Valid(Arc::new(world_channel(name)))));
        }
        world.bench.step(Event::Loaded);
        world
    }

    /// A rule gets another spec.
    fn edit(&mut self, name: &'static str) {
        let some = |dice: &mut Dice| -> Arc<[ObjectKey]> {
            let names = ["slack", "mail", "hook", "quiet"];
            names.into_iter().filter(|_| dice.one_in(2)).map(key).collect()
        };
        let mut routing = Routing { notify: some(&mut self.dice), ..Routing::default() };
        if self.dice.one_in(2) {
            routing.escalate = [escalate(300, "pager")].into();
        }
        if self.dice.one_in(3) {
            let rule = key(self.dice.of::<&str>(&RULES));
            routing.inhibited_by = [Inhibition { rule, equal: ["i".into()].into() }].into();
        }
        let Some(rule) = self.rules.get_mut(name) else { return };
        rule.policy.hold = self.dice.of(&[0, 0, 30_000, 300_000]);
        rule.policy.keep = self.dice.of(&[0, 0, 60_000]);
        rule.policy.generation += 1;
        rule.routing = routing.clone();
        self.bench.rule(name, routing);
    }

    fn evaluate(&mut self, name: &'static str) {
        let now = self.bench.moment();
        let Some(rule) = self.rules.get_mut(name) else { return };
        let evaluation = if rule.blind {
            Evaluation::Failed("refused".into(), None)
        } else {
            Evaluation::Met(rule.met.iter().map(|(i, severity)| candidate(name, i, severity)).collect())
        };
        let mut out = Vec::new();
        rule.state.step(&"".into(), evaluation, &rule.policy, now, &mut out);
        self.tell_desk(out);
    }

    fn tell_desk(&mut self, transitions: Vec<Transition>) {
        for transition in &transitions {
            self.witness.transition(transition, self.bench.now);
        }
        if !transitions.is_empty() {
            self.bench.step(Event::Transitions(transitions));
        }
        self.listen();
    }

    fn listen(&mut self) {
        let now = self.bench.now;
        for fact in std::mem::take(&mut self.bench.facts) {
            self.witness.fact(&fact);
        }
        for notification in std::mem::take(&mut self.bench.notifications) {
            if &*notification.channel.name == "pager" {
                // It is slow, one after the other, and dead now and then.
                let slow = if self.dice.one_in(3) { self.dice.roll(1800) as i64 } else { 0 };
                let before = self.outbox.back().map_or(now, |(at, ..)| *at);
                self.outbox.push_back((before.max(now + slow), now, notification));
            } else {
                self.witness.hear(&notification, now, now);
            }
        }
        self.bench.heard.clear();
    }

    /// The pager takes the next notification, or not.
    fn answer(&mut self) {
        let Some((_, decided, notification)) = self.outbox.pop_front() else { return };
        if self.dice.one_in(3) {
            self.witness.miss(&notification);
            self.bench.step(Event::Dead { notification, error: "410".into() });
            self.listen();
        } else {
            self.witness.hear(&notification, decided, self.bench.now);
        }
    }

    /// Goes on to a time, doing what is due on the way.
    fn until(&mut self, seconds: i64) {
        loop {
            let now = self.bench.moment();
            let desk = self.bench.desk.next_due(now);
            let rules = self.rules.values().filter(|rule| !rule.blind).filter_map(|rule| rule.state.next_due()).min();
            let answer = self.outbox.front().map(|(at, ..)| EPOCH + at * 1000);
            let due = desk.into_iter().chain(rules).chain(answer).min().map(|at| (at - EPOCH + 999) / 1000);
            let Some(at) = due.filter(|at| *at <= seconds) else { break };
            self.bench.now = self.bench.now.max(at);
            let now = self.bench.moment();
            let mut out = Vec::new();
            for rule in self.rules.values_mut() {
                rule.state.tick(&rule.policy, now, &mut out);
            }
            self.tell_desk(out);
            while self.outbox.front().is_some_and(|(at, ..)| *at <= self.bench.now) {
                self.answer();
            }
            self.bench.step(Event::Time);
            self.listen();
        }
        self.bench.now = seconds;
        self.bench.step(Event::Time);
        self.listen();
    }

    /// Everything that is in memory goes, and comes again from what was kept.
    fn restart(&mut self) {
        let now = self.bench.moment();
        for (name, rule) in &mut self.rules {
            let json = serde_json::to_string(&rule.state.episodes().collect::<Vec<_>>()).unwrap();
            let open: Vec<Arc<Episode>> = serde_json::from_str(&json).unwrap();
            rule.state = RuleState::restore(key(name), *name, &rule.policy, open);
        }
        let rows = self.bench.rows.clone();
        let last = rows.get("clock").and_then(|clock| Desk::last_kept(clock));
        assert!(last.is_none_or(|last| last.at <= now.at));
        let (desk, unread) = Desk::restore("ops", rows.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        assert!(unread.is_empty());
        self.bench.desk = desk;
        for name in CHANNELS {
            self.bench.step(Event::Channel(key(name), ChannelIs::Valid(Arc::new(world_channel(name)))));
        }
        for (name, rule) in &self.rules {
            self.bench.rule(name, rule.routing.clone());
        }
        for name in std::mem::take(&mut self.silences) {
            self.silence(name);
        }
        self.bench.step(Event::Loaded);
        self.listen();
    }

    fn silence(&mut self, target: &'static str) {
        let (from, to) = (self.bench.now - 60, self.bench.now + 60 + self.dice.roll(7200) as i64);
        self.bench.silence(target, &format!("i={target}"), from, to);
        self.silences.insert(target);
    }

    fn something_happens(&mut self) {
        let name = self.dice.of(&RULES);
        match self.dice.roll(100) {
            0..60 => {
                let (target, severity) = (self.dice.of(&TARGETS), self.dice.of(&["low", "high", "critical"]));
                if let Some(rule) = self.rules.get_mut(name)
                    && rule.met.remove(target).is_none()
                {
                    rule.met.insert(target, severity);
                }
            }
            60..70 => {
                let severity = self.dice.of(&["low", "high", "critical"]);
                if let Some(rule) = self.rules.get_mut(name) {
                    rule.met.values_mut().for_each(|before| *before = severity);
                }
            }
            70..76 => {
                if let Some(rule) = self.rules.get_mut(name) {
                    rule.blind = !rule.blind;
                }
            }
            76..82 => {
                let target = self.dice.of(&TARGETS);
                if self.silences.remove(target) {
                    self.bench.step(Event::Mute(silence_key(target), None));
                } else {
                    self.silence(target);
                }
            }
            82..86 => self.edit(name),
            86..90 => {
                let incident = self.bench.desk.alerts().next().map(|view| view.episode().incident);
                if let Some(incident) = incident {
                    self.bench.step(Event::Acknowledge { incident, by: "ann".into(), comment: "".into() });
                }
            }
            90..93 => {
                let channel = self.dice.of(&CHANNELS);
                self.bench.step(Event::Channel(key(channel), ChannelIs::Refused));
                self.listen();
                let later = self.bench.now + self.dice.roll(300) as i64;
                self.until(later);
                self.bench.step(Event::Channel(key(channel), ChannelIs::Valid(Arc::new(world_channel(channel)))));
            }
            93..96 => self.restart(),
            96..98 => self.bench.offset += self.dice.roll(7_200_001) as i64 - 3_600_000,
            _ => {
                let now = self.bench.moment();
                if let Some(rule) = self.rules.get_mut(name) {
                    let mut out = Vec::new();
                    rule.state.close(Reason::RuleGone, &rule.policy, now, &mut out);
                    self.tell_desk(out);
                }
                // Made anew it has other episodes: they begin a while later.
                self.until(self.bench.now + 1);
            }
        }
        self.listen();
        self.evaluate(name);
    }
}

fn candidate(rule: &str, i: &str, severity: &str) -> Candidate {
    Candidate {
        labels: Labels::new([("alertname", rule), ("namespace", "shop"), ("i", i), ("severity", severity)]),
        message: "".into(),
        annotations: Labels::default(),
        value: None,
        object: crate::model::Labels::default(),
        dependency: None,
        fault: None,
    }
}

fn world_channel(name: &str) -> Channel {
    let plain = Channel { is_default: name == "slack", ..channel(name) };
    match name {
        "hook" => Channel { receiver: webhook(), ..plain },
        "mail" => Channel { rate_limit: rate(3, 60), ..plain },
        "pager" => Channel { fallback: Some(key("mail")), ..plain },
        "quiet" => Channel { send_resolved: false, ..plain },
        _ => plain,
    }
}

fn live(seed: u64, days: i64) -> World {
    let mut world = World::new(seed);
    let mut next_check = 0;
    while world.bench.now < days * DAY {
        let passed = match world.dice.roll(4) {
            0 => world.dice.roll(5),
            1 => world.dice.roll(30),
            _ => world.dice.roll(900),
        };
        world.until(world.bench.now + passed as i64);
        world.something_happens();
        if world.bench.now >= next_check {
            world.witness.check_told(world.bench.now);
            world.witness.forget(world.bench.now);
            next_check = world.bench.now + 3600;
        }
    }
    // Everything comes to its end.
    for name in RULES {
        if let Some(rule) = world.rules.get_mut(name) {
            (rule.blind, rule.policy.keep) = (false, 0);
            rule.met.clear();
        }
        world.evaluate(name);
    }
    world.until(world.bench.now + 3600);
    world.witness.check_told(world.bench.now);
    world.witness.check_ends();
    assert!(world.bench.desk.cases.is_empty() && world.bench.desk.groups.is_empty());
    assert!(world.bench.rows.keys().all(|key| key == "clock" || key.starts_with("line/")));
    world
}

#[test]
fn thirty_days() {
    let world = live(1, 30);
    assert!(world.witness.heard > 3_000, "only {} notifications", world.witness.heard);
}

#[test]
fn a_day_of_many_worlds() {
    for seed in 100..115 {
        live(seed, 1);
    }
}
