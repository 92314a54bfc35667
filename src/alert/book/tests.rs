//! What the book makes of rules, checks and time.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    sync::Arc,
    time::Duration,
};

use super::*;
use crate::{
    alert::{
        Incident,
        rule::{Candidate, Evaluation, Found, Sight, compose},
        template::Template,
    },
    health::State,
    model::{Bound, Checks, Condition as C, Labels, OnError, OnNoData, ProbeMetric, Selector, Severity},
};

const START: i64 = 1_800_000_000_000;

#[derive(Default)]
struct Known(RefCell<BTreeMap<ObjectKey, (Seen, Option<f64>)>>, Cell<bool>);

impl World for Known {
    fn check(&self, key: &ObjectKey) -> Option<Seen> {
        self.0.borrow().get(key).map(|(seen, _)| seen.clone())
    }

    fn checks(&self, namespace: &str) -> Vec<Seen> {
        let all = self.0.borrow();
        all.values().filter(|(seen, _)| &*seen.key.namespace == namespace).map(|(seen, _)| seen.clone()).collect()
    }

    fn figures(&self, check: &ObjectKey, _: ProbeMetric, _: u32) -> Vec<Target> {
        if self.1.get() {
            return Vec::new();
        }
        let value = self.0.borrow().get(check).and_then(|(_, value)| *value);
        vec![Target { instance: "i".into(), is_one_of_many: false, value }]
    }
}

struct Scene {
    book: Book,
    world: Known,
    now: i64,
    /// `TURN subject reason`, of each transition.
    turns: Vec<String>,
    asked: Vec<Order>,
    skipped: i64,
    looked: Vec<Looked>,
    /// When what was looked at on its interval was due.
    due: Vec<i64>,
    /// What the board would show.
    shown: BTreeMap<Incident, Arc<Episode>>,
}

impl Scene {
    fn new() -> Self {
        Self::with(Book::default())
    }

    fn with(book: Book) -> Self {
        Self {
            book,
            world: Known::default(),
            now: 0,
            turns: Vec::new(),
            asked: Vec::new(),
            skipped: 0,
            looked: Vec::new(),
            due: Vec::new(),
            shown: BTreeMap::new(),
        }
    }

    fn step(&mut self, event: Event) {
        let now = Moment { at: START + self.now, wall: START + self.now };
        let mut out = Vec::new();
        let mut render = |template: &Template, _: &Found| Ok(template.source().to_owned());
        self.book.step(event, now, &self.world, &mut render, &mut out);
        for effect in out {
            match effect {
                Effect::Transitions(all) => {
                    for ended in all.iter().filter(|transition| transition.turn.is_end()) {
                        self.show(&ended.episode.rule, [ended.episode.incident]);
                    }
                    self.turns.extend(all.iter().map(|transition| {
                        let reason = transition.episode.reason.map_or(String::new(), |reason| format!(" {reason}"));
                        format!("{} {}{reason}", transition.turn, transition.episode.subject)
                    }));
                }
                Effect::Alerts(rule, incidents) => self.show(&rule, incidents),
                Effect::Evaluated(_, looked, due) => {
                    self.looked.push(looked);
                    self.due.extend(due);
                }
                Effect::Ask(order) => self.asked.push(order),
                Effect::Skipped(_, count) => self.skipped += count,
                Effect::Rule(_) => {}
            }
        }
        let all = self.book.rules().flat_map(|(_, _, state)| state.episodes());
        let all: BTreeMap<_, _> = all.map(|episode| (episode.incident, episode.clone())).collect();
        assert_eq!(self.shown, all, "who follows the effects sees what the book has");
    }

    /// As the board does it.
    fn show(&mut self, rule: &ObjectKey, incidents: impl IntoIterator<Item = Incident>) {
        for incident in incidents {
            match self.book.rule(rule).and_then(|(_, state)| state.get(incident)) {
                Some(episode) => self.shown.insert(incident, episode.clone()),
                None => self.shown.remove(&incident),
            };
        }
    }

    /// What has happened since this was asked last.
    fn turns(&mut self) -> Vec<String> {
        std::mem::take(&mut self.turns)
    }

    fn rule(&mut self, rule: AlertRule) {
        let event = Event::Rule { key: rule.key.clone(), uid: "u".into(), rule: Some(Arc::new(rule)) };
        self.step(event);
    }

    fn see(&mut self, name: &str, state: State, tier: &str) {
        let seen = Seen {
            key: key(name),
            labels: labels(tier),
            state,
            is_verdict: state != State::Unknown,
            message: "why".into(),
            dependency: None,
        };
        self.world.0.borrow_mut().insert(key(name), (seen.clone(), None));
        self.step(Event::Check { key: key(name), seen: Some(seen) });
    }

    fn lose(&mut self, name: &str) {
        self.world.0.borrow_mut().remove(&key(name));
        self.step(Event::Check { key: key(name), seen: None });
    }

    fn pass(&mut self, seconds: i64) {
        self.now += seconds * 1000;
        self.step(Event::Time);
    }
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::new("ns", name)
}

fn labels(tier: &str) -> Labels {
    Arc::new(BTreeMap::from([("tier".to_owned(), tier.to_owned())]))
}

fn rule(condition: C) -> AlertRule {
    AlertRule {
        key: key("r"),
        generation: 1,
        labels: Labels::default(),
        alert_name: "Down".into(),
        severity: Severity::High,
        interval: Duration::from_secs(15),
        hold: Duration::ZERO,
        keep_firing_for: Duration::ZERO,
        condition,
        on_no_data: OnNoData::Keep,
        on_error: OnError::Keep,
        alert_labels: Arc::new([]),
        labels_from_object: Arc::new(["tier".into()]),
        message: None,
        annotations: Arc::new([]),
        notify: Arc::new([]),
        escalate: Arc::new([]),
        inhibited_by: Arc::new([]),
    }
}

fn unhealthy(checks: Checks) -> C {
    C::HealthCheck { checks, states: Arc::new([State::Unhealthy]) }
}

#[test]
fn a_named_check_fires_and_is_resolved_and_while_it_is_not_seen_nothing_happens() {
    let mut scene = Scene::new();
    scene.rule(rule(unhealthy(Checks::Named("a".into()))));
    scene.step(Event::Loaded);
    for (state, expected) in [
        (State::Unhealthy, &["Firing a"][..]),
        (State::Unknown, &[]),
        (State::Unhealthy, &[]),
        (State::Degraded, &["Resolved a"]),
        (State::Unknown, &[]),
        (State::Healthy, &[]),
        (State::Unhealthy, &["Firing a"]),
    ] {
        scene.see("a", state, "web");
        assert_eq!(scene.turns(), expected, "{state:?}");
    }
    scene.see("b", State::Unhealthy, "web");
    assert_eq!(scene.turns(), [""; 0]);
    scene.lose("a");
    assert_eq!(scene.turns(), ["Resolved a ObjectGone"]);
}

#[test]
fn what_it_selects_comes_and_goes_with_labels_and_edits() {
    let mut scene = Scene::new();
    let selector = || Checks::Selected(Selector::parse("tier=web").unwrap());
    scene.see("a", State::Unhealthy, "web");
    scene.see("b", State::Unhealthy, "db");
    scene.rule(rule(unhealthy(selector())));
    assert_eq!(scene.turns(), [""; 0], "not before everything has come");
    scene.step(Event::Loaded);
    assert_eq!(scene.turns(), ["Firing a"]);
    scene.see("b", State::Unhealthy, "web");
    assert_eq!(scene.turns(), ["Firing b"]);
    scene.see("a", State::Unhealthy, "db");
    assert_eq!(scene.turns(), ["Resolved a ObjectGone"]);
    scene.rule(rule(unhealthy(Checks::Named("a".into()))));
    assert_eq!(scene.turns(), ["Firing a", "Resolved b ObjectGone"]);
    scene.step(Event::Rule { key: key("r"), uid: "".into(), rule: None });
    assert_eq!(scene.turns(), ["Resolved a RuleGone"]);
    scene.see("a", State::Healthy, "web");
    assert_eq!(scene.turns(), [""; 0]);
}

#[test]
fn for_passes_without_another_event() {
    let mut scene = Scene::new();
    scene.rule(AlertRule { hold: Duration::from_secs(60), ..rule(unhealthy(Checks::Named("a".into()))) });
    scene.step(Event::Loaded);
    scene.see("a", State::Unhealthy, "web");
    assert_eq!(scene.turns(), ["Pending a"]);
    assert_eq!(scene.book.next_due(), Some(START + 60_000));
    scene.pass(59);
    assert_eq!(scene.turns(), [""; 0]);
    scene.pass(1);
    assert_eq!(scene.turns(), ["Firing a"]);
}

#[test]
fn a_restart_goes_on_where_it_was_and_ends_what_has_no_rule() {
    let mut scene = Scene::new();
    scene.rule(rule(unhealthy(Checks::Named("a".into()))));
    scene.step(Event::Loaded);
    scene.see("a", State::Unhealthy, "web");
    let open: Vec<_> =
        scene.book.rules().flat_map(|(_, _, state)| state.episodes().cloned().collect::<Vec<_>>()).collect();
    assert_eq!(open.len(), 1);

    let mut again = Scene::with(Book::restore(open.clone()));
    again.rule(rule(unhealthy(Checks::Named("a".into()))));
    again.see("a", State::Unknown, "web");
    again.step(Event::Loaded);
    assert_eq!(again.turns(), [""; 0], "what is not seen yet is not resolved");
    again.see("a", State::Unhealthy, "web");
    assert_eq!(again.turns(), [""; 0], "and does not fire again");
    again.see("a", State::Healthy, "web");
    assert_eq!(again.turns(), ["Resolved a"]);

    let mut gone = Scene::with(Book::restore(open));
    gone.step(Event::Loaded);
    assert_eq!(gone.turns(), ["Resolved a RuleGone"]);
}

#[test]
fn figures_are_looked_at_every_interval_and_no_data_is_not_good() {
    let mut scene = Scene::new();
    let checks = Checks::Selected(Selector::parse("").unwrap());
    let (metric, over) = (ProbeMetric::FailureRatio, Duration::from_secs(300));
    scene.rule(rule(C::Probe { checks, metric, over, bound: Bound::Above(0.5) }));
    scene.step(Event::Loaded);
    scene.see("a", State::Healthy, "web");
    for (value, expected) in [
        (Some(0.6), &["Firing a"][..]),
        (None, &[]),
        (Some(0.7), &[]),
        (Some(0.5), &["Resolved a"]),
        (Some(0.9), &["Firing a"]),
    ] {
        scene.world.0.borrow_mut().get_mut(&key("a")).unwrap().1 = value;
        scene.pass(15);
        let turns: Vec<_> = scene.turns().into_iter().filter(|turn| !turn.starts_with("Updated")).collect();
        assert_eq!(turns, expected, "{value:?}");
    }
    // Its Secret is not there, or its Service is looked for: nothing is known of its targets.
    scene.world.1.set(true);
    scene.pass(15);
    assert_eq!(scene.turns(), [""; 0]);
    assert!(matches!(scene.book.rule(&key("r")).unwrap().1.sight(), Sight::NoData { .. }));
    scene.world.1.set(false);
    scene.lose("a");
    scene.pass(15);
    assert_eq!(scene.turns(), ["Resolved a ObjectGone"]);
    assert_eq!(scene.skipped, 0);
    let ok = Looked::Ok;
    assert_eq!(scene.looked, [ok, Looked::NoData, ok, ok, ok, Looked::NoData, ok]);
}

#[test]
fn a_rule_that_asks_a_source_from_now_on_ends_what_it_said_of_checks() {
    let promql = || rule(C::Promql { expr: "up".into(), source: None, bound: None });
    let mut scene = Scene::new();
    scene.rule(rule(unhealthy(Checks::Named("a".into()))));
    scene.step(Event::Loaded);
    scene.see("a", State::Unhealthy, "web");
    assert_eq!(scene.turns(), ["Firing a"]);
    let open: Vec<_> =
        scene.book.rules().flat_map(|(_, _, state)| state.episodes().cloned().collect::<Vec<_>>()).collect();
    scene.rule(promql());
    assert_eq!(scene.turns(), ["Resolved a RuleChanged"]);
    // The same when it was edited while nobody was there.
    let mut again = Scene::with(Book::restore(open));
    again.rule(promql());
    again.step(Event::Loaded);
    assert_eq!(again.turns(), ["Resolved a RuleChanged"]);
    assert_eq!(again.book.rule(&key("r")).unwrap().1.sight(), Sight::Clear);
}

#[test]
fn a_source_is_asked_at_the_rules_own_phase_and_never_twice_at_once() {
    let mut scene = Scene::new();
    scene.rule(rule(C::Promql { expr: "up".into(), source: None, bound: None }));
    scene.step(Event::Loaded);
    for _ in 0..15 {
        scene.pass(1);
    }
    let [first] = &scene.asked[..] else { panic!("{} questions", scene.asked.len()) };
    let (number, asked_at) = (first.number, first.at.at);
    scene.pass(15);
    assert_eq!((scene.asked.len(), scene.skipped), (1, 1), "it has not been answered");
    let answer = |number, evaluation| Event::Answered { rule: key("r"), number, evaluation };
    scene.step(answer(number + 1, Evaluation::Met(vec![candidate()])));
    assert_eq!(scene.turns(), [""; 0], "of another question");
    scene.step(answer(number, Evaluation::Met(vec![candidate()])));
    assert_eq!(scene.turns(), ["Firing "]);
    scene.pass(15);
    assert_eq!(scene.asked.len(), 2);
    scene.step(answer(number + 1, Evaluation::Failed("away".into(), None)));
    assert_eq!(scene.turns(), [""; 0], "what cannot be seen is not resolved");
    assert_eq!(scene.looked, [Looked::Ok, Looked::Failed]);
    let [due, next] = scene.due[..] else { panic!("{:?}", scene.due) };
    assert!((asked_at - 1_000..=asked_at).contains(&due) && next == due + 30_000, "{asked_at}: {due}, {next}");
    scene.pass(150);
    assert_eq!((scene.asked.len(), scene.skipped), (3, 10), "a process that stood still asks once");
}

fn candidate() -> Candidate {
    let found = Found::default();
    compose(&rule(unhealthy(Checks::Named("a".into()))), &found, &mut |template, _| Ok(template.source().to_owned()))
}

#[test]
fn a_check_that_is_down_because_of_another_is_left_to_the_rules_over_that_one_if_there_are_any() {
    let blamed = |scene: &mut Scene, name: &str| {
        let mut seen = scene.world.check(&key(name)).unwrap();
        seen.dependency = Some("db".into());
        scene.world.0.borrow_mut().get_mut(&key(name)).unwrap().0 = seen.clone();
        scene.step(Event::Check { key: key(name), seen: Some(seen) });
    };
    let dependency = |scene: &Scene| {
        let (_, _, state) = scene.book.rules().find(|(key, ..)| &*key.name == "r").unwrap();
        state.episodes().next().unwrap().dependency.clone()
    };
    let mut scene = Scene::new();
    scene.rule(rule(unhealthy(Checks::Named("shop".into()))));
    scene.step(Event::Loaded);
    scene.see("db", State::Unhealthy, "db");
    scene.see("shop", State::Unhealthy, "web");
    blamed(&mut scene, "shop");
    assert_eq!(dependency(&scene), None, "nobody would be told");
    scene.rule(AlertRule { key: key("over-db"), ..rule(unhealthy(Checks::Named("db".into()))) });
    blamed(&mut scene, "shop");
    assert_eq!(dependency(&scene).as_deref(), Some("db"));
    // The rule over the other one goes: without a word of the check, somebody is told of it again.
    scene.step(Event::Rule { key: key("over-db"), uid: "".into(), rule: None });
    assert_eq!(dependency(&scene), None);
}
