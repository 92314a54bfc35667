//! The step, in simulated time: runs take as long and end as the test says.

mod targets;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    clock::Now,
    health::{Reason, State},
    model::{Address, Degraded, HealthCheck, IpFamily, Labels, Object, ObjectId, ObjectKey, Place, Probe, Tcp, Tls},
    probe::{Details, Outcome},
    source::{Entry, Refused, Verdict},
};

use super::{Aim, CheckView, Core, Effect, Event, Skip, TargetView, Wanted};

/// How runs of a check end, and how long they take.
type Script = BTreeMap<&'static str, (Duration, Outcome)>;

struct World {
    core: Core,
    now: Duration,
    script: Script,
    /// Runs under way: when each ends, its slot, its number and whose it is.
    running: Vec<(Duration, u32, u64, String)>,
    /// Every start: when, and whose.
    starts: Vec<(Duration, String)>,
    checks: BTreeMap<String, Arc<CheckView>>,
    targets: BTreeMap<String, TargetView>,
    skipped: Vec<Skip>,
    lags: Vec<Duration>,
    transitions: Vec<(String, State, Reason)>,
    observed: BTreeMap<u32, Duration>,
}

/// A discovered target by its instance, any other by its check.
fn called(check: &HealthCheck) -> String {
    let name = if check.seek.is_some() { &check.instance } else { &check.key.name };
    name.to_string()
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn good() -> Outcome {
    Outcome::good("connected", Details::None)
}

fn refused() -> Outcome {
    Outcome::failed(Reason::ConnectionRefused, "connection refused")
}

fn check(name: &str) -> HealthCheck {
    let address = Address { host: "127.0.0.1".into(), port: 1 };
    let tcp = Tcp { address, ip_family: IpFamily::Any, tls: Arc::new(Tls::default()), steps: Vec::new() };
    HealthCheck {
        key: ObjectKey::new("default", name),
        generation: 1,
        labels: Labels::default(),
        report_as: name.into(),
        interval: secs(10),
        timeout: secs(5),
        failure_threshold: 1,
        success_threshold: 1,
        retries: 0,
        suspend: false,
        degraded: Degraded::default(),
        depends_on: Arc::new([]),
        probe: Arc::new(Probe::Tcp(tcp)),
        instance: "127.0.0.1:1".into(),
        seek: None,
        place: Place::Named,
    }
}

impl World {
    fn new(max_in_flight: usize) -> Self {
        Self {
            core: Core::new(max_in_flight),
            now: secs(1000),
            script: Script::new(),
            running: Vec::new(),
            starts: Vec::new(),
            checks: BTreeMap::new(),
            targets: BTreeMap::new(),
            skipped: Vec::new(),
            lags: Vec::new(),
            transitions: Vec::new(),
            observed: BTreeMap::new(),
        }
    }

    fn now(&self) -> Now {
        Now { mono: self.now, wall: 1_700_000_000_000 + self.now.as_millis() as i64 }
    }

    fn step(&mut self, event: Event) {
        let mut effects = Vec::new();
        self.core.step(event, self.now(), &mut effects);
        for effect in effects {
            match effect {
                Effect::Run(order) => {
                    let name = called(&order.check);
                    let took = self.script.get(&*name).map_or(Duration::from_millis(1), |(took, _)| *took);
                    self.starts.push((self.now, name.clone()));
                    self.running.push((self.now + took, order.slot, order.run, name));
                }
                Effect::Lag(lag) => self.lags.push(lag),
                Effect::Skipped(skip, count) => self.skipped.extend(std::iter::repeat_n(skip, count as usize)),
                Effect::Record(_, record) => *self.observed.entry(record.target).or_default() += record.span,
                Effect::Due { .. } | Effect::Attach(_) | Effect::Detach(_) => {}
                Effect::Transition(key, t) => self.transitions.push((key.name.to_string(), t.to, t.reason)),
                Effect::Target(cell, view, _) => {
                    cell.view.store(Arc::new(view.clone()));
                    self.targets.insert(cell.key.check.name.to_string(), view);
                }
                Effect::Check(_, view) => {
                    self.checks.insert(view.key.name.to_string(), view);
                }
                Effect::Insert(key, cell) => {
                    self.checks.insert(key.name.to_string(), cell.view.load_full());
                }
                Effect::Remove(key) => {
                    self.checks.remove(&*key.name);
                }
            }
        }
    }

    fn accept(&mut self, check: HealthCheck) {
        let store_id = check.key.name.bytes().map(u32::from).sum();
        let check = Arc::new(check);
        let aim = Aim { slot: "".into(), store_id, check: check.clone() };
        self.accept_with(&check, Wanted::Targets(vec![aim], None));
    }

    fn accept_with(&mut self, check: &Arc<HealthCheck>, wanted: Wanted) {
        let (key, generation, labels) = (check.key.clone(), check.generation, check.labels.clone());
        let entry = Entry {
            id: ObjectId::check(key.clone()),
            uid: Arc::default(),
            generation,
            labels,
            verdict: Verdict::Accepted(Object::HealthCheck(check.clone())),
            stale: None,
            note: None,
        };
        self.step(Event::Object { key, entry: Some(Arc::new(entry)), wanted });
    }

    fn refuse(&mut self, name: &str, reason: Reason) {
        let key = ObjectKey::new("default", name);
        let verdict =
            Verdict::Refused(Refused { ready_reason: "InvalidSpec", reason, message: "spec.http: no".into() });
        let entry = Entry {
            id: ObjectId::check(key.clone()),
            uid: Arc::default(),
            generation: 2,
            labels: Labels::default(),
            verdict,
            stale: None,
            note: None,
        };
        self.step(Event::Object { key, entry: Some(Arc::new(entry)), wanted: Wanted::Targets(vec![], None) });
    }

    /// Lets time pass, and runs end when they end.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let ends = self.running.iter().map(|run| run.0).min();
            let next = ends.into_iter().fold(self.core.wake(), Duration::min).max(self.now);
            if next > end {
                break;
            }
            self.now = next;
            if let Some(index) = self.running.iter().position(|run| run.0 <= next) {
                let (_, slot, run, name) = self.running.remove(index);
                let outcome = self.script.get(&*name).map_or_else(good, |(_, outcome)| outcome.clone());
                self.step(Event::Finished { slot, run, outcome });
            } else {
                self.step(Event::Time);
            }
        }
        self.now = end;
    }

    fn starts_of(&self, name: &str) -> Vec<Duration> {
        self.starts.iter().filter(|(_, who)| who == name).map(|(at, _)| *at).collect()
    }

    fn state(&self, name: &str) -> (State, Reason) {
        let view = &self.checks[name];
        (view.state, view.reason)
    }
}

#[test]
fn runs_keep_their_phase_and_load_is_even_at_start() {
    let mut world = World::new(100);
    for n in 0..50 {
        world.accept(check(&format!("check-{n}")));
    }
    world.step(Event::SourceReady);
    world.pass(secs(100));
    for n in 0..50 {
        let starts = world.starts_of(&format!("check-{n}"));
        assert_eq!(starts.len(), 10);
        assert!(starts.windows(2).all(|pair| pair[1] - pair[0] == secs(10)), "{starts:?}");
    }
    let first_second = world.starts.iter().filter(|(at, _)| *at < secs(1001)).count();
    assert!(first_second < 15, "{first_second} of 50 checks with an interval of 10 s started in the first second");
    assert_eq!((world.skipped.len(), world.lags.iter().max().copied()), (0, Some(Duration::ZERO)));
}

#[test]
fn a_check_that_appears_later_runs_at_once_and_then_at_its_phase() {
    let mut world = World::new(100);
    world.step(Event::SourceReady);
    world.accept(check("late"));
    assert_eq!(world.starts_of("late"), [secs(1000)]);
    world.pass(secs(30));
    let starts = world.starts_of("late");
    assert_eq!(starts.len(), 4, "{starts:?}");
    assert!(starts[1..].windows(2).all(|pair| pair[1] - pair[0] == secs(10)));
}

#[test]
fn no_run_overlaps_itself_and_skipped_runs_are_counted() {
    let mut world = World::new(100);
    world.script.insert("slow", (secs(25), good()));
    world.accept(check("slow"));
    world.pass(secs(60));
    let starts = world.starts_of("slow");
    assert!(starts.windows(2).all(|pair| pair[1] - pair[0] == secs(30)), "{starts:?}");
    assert!(world.skipped.iter().all(|skip| *skip == Skip::Overlap) && world.skipped.len() >= 3);
}

#[test]
fn what_waits_for_a_place_starts_late_and_is_not_a_failure() {
    let mut world = World::new(1);
    world.step(Event::SourceReady);
    for name in ["a", "b", "c"] {
        world.script.insert(name, (secs(2), good()));
        world.accept(check(name));
    }
    world.pass(secs(7));
    assert!(world.lags.contains(&secs(2)) && world.lags.contains(&secs(4)), "{:?}", world.lags);
    for name in ["a", "b", "c"] {
        assert_eq!(world.state(name), (State::Healthy, Reason::Ok));
    }
    world.pass(secs(60));
    assert!(world.core.in_flight() <= 1);
}

#[test]
fn a_stall_of_the_process_skips_runs_and_does_not_repeat_them() {
    let mut world = World::new(10);
    world.accept(check("a"));
    world.pass(secs(20));
    let before = world.starts.len();
    // The process stands still: no event reaches the engine for over five intervals.
    world.now += secs(55);
    world.running.clear();
    world.step(Event::Time);
    assert_eq!(world.starts.len(), before + 1);
    assert!(world.skipped.iter().filter(|skip| **skip == Skip::Stall).count() >= 4, "{:?}", world.skipped);
    // Thawed after a month: what was missed is a number, not a list of a quarter of a million.
    world.now += secs(30 * 86_400);
    let mut effects = Vec::new();
    world.core.step(Event::Time, world.now(), &mut effects);
    assert!(effects.len() < 10, "{}", effects.len());
    let missed = effects.iter().find_map(|effect| match effect {
        Effect::Skipped(Skip::Stall, count) => Some(*count),
        _ => None,
    });
    assert!(missed.is_some_and(|missed| (259_195..=259_200).contains(&missed)), "{missed:?}");
}

#[test]
fn a_refused_object_does_not_run_on_under_its_old_spec() {
    let mut world = World::new(10);
    world.step(Event::SourceReady);
    world.accept(check("a"));
    world.pass(secs(15));
    assert_eq!(world.state("a"), (State::Healthy, Reason::Ok));
    world.refuse("a", Reason::InvalidSpec);
    assert_eq!(world.state("a"), (State::Unknown, Reason::InvalidSpec));
    assert!(!world.checks["a"].ready.ok);
    let before = world.starts.len();
    world.pass(secs(30));
    assert_eq!(world.starts.len(), before);
    world.accept(HealthCheck { generation: 3, ..check("a") });
    world.pass(secs(1));
    assert_eq!(world.state("a"), (State::Healthy, Reason::Ok));
    assert!(world.checks["a"].ready.ok);
}

#[test]
fn a_new_spec_starts_over_and_voids_the_run_under_way_but_a_new_secret_does_not() {
    let mut world = World::new(10);
    world.step(Event::SourceReady);
    world.accept(check("a"));
    world.pass(secs(1));
    let starts = world.starts.len();
    world.accept(check("a"));
    assert_eq!((world.starts.len(), world.state("a").0), (starts, State::Healthy));
    world.script.insert("a", (secs(3), refused()));
    world.accept(HealthCheck { generation: 2, ..check("a") });
    assert_eq!(world.state("a"), (State::Unknown, Reason::Pending));
    // A third spec comes while the run of the second is under way: its result is void.
    world.pass(secs(1));
    world.script.insert("a", (secs(4), good()));
    world.accept(HealthCheck { generation: 3, ..check("a") });
    world.pass(secs(3));
    assert_eq!(world.state("a"), (State::Unknown, Reason::Pending));
    world.pass(secs(2));
    assert_eq!(world.state("a"), (State::Healthy, Reason::Ok));
    assert_eq!(world.core.in_flight(), 0);
}

#[test]
fn one_that_was_made_anew_takes_nothing_over_from_the_old_one() {
    let mut world = World::new(10);
    world.script.insert("a", (Duration::from_millis(1), refused()));
    world.accept(check("a"));
    world.step(Event::SourceReady);
    world.pass(secs(30));
    assert_eq!(world.state("a").0, State::Unhealthy);
    let starts = world.starts_of("a").len();
    let again = Arc::new(check("a"));
    let key = again.key.clone();
    let entry = Entry {
        id: ObjectId::check(key.clone()),
        uid: "another".into(),
        generation: 1,
        labels: Labels::default(),
        verdict: Verdict::Accepted(Object::HealthCheck(again.clone())),
        stale: None,
        note: None,
    };
    let aim = Aim { slot: "".into(), store_id: 97, check: again };
    let wanted = Wanted::Targets(vec![aim], None);
    world.step(Event::Object { key, entry: Some(Arc::new(entry)), wanted });
    assert_eq!(world.state("a"), (State::Unknown, Reason::Pending));
    world.pass(Duration::from_millis(10));
    assert_eq!(world.starts_of("a").len(), starts + 1, "it is run at once");
}

#[test]
fn suspend_stops_runs_and_resume_runs_at_once() {
    let mut world = World::new(10);
    world.step(Event::SourceReady);
    world.accept(check("a"));
    world.pass(secs(1));
    world.accept(HealthCheck { generation: 2, suspend: true, ..check("a") });
    assert_eq!(world.state("a"), (State::Suspended, Reason::Suspended));
    let starts = world.starts.len();
    world.pass(secs(60));
    assert_eq!((world.starts.len(), world.state("a").0), (starts, State::Suspended));
    world.accept(HealthCheck { generation: 3, ..check("a") });
    assert_eq!(world.starts.len(), starts + 1);
}

fn dependent(name: &str, on: &str) -> HealthCheck {
    HealthCheck { depends_on: Arc::new([ObjectKey::new("default", on)]), ..check(name) }
}

#[test]
fn a_failing_dependency_is_asked_at_once_and_blamed() {
    let mut world = World::new(10);
    world.step(Event::SourceReady);
    world.accept(HealthCheck { failure_threshold: 3, interval: secs(3600), ..check("db") });
    world.accept(dependent("app", "db"));
    world.pass(secs(12));
    world.transitions.clear();
    world.script.insert("db", (secs(1), refused()));
    world.script.insert("app", (Duration::from_millis(1), refused()));
    let asked = world.starts_of("db").len();
    world.pass(secs(12));
    assert!(world.starts_of("db").len() > asked, "the dependency runs out of turn");
    assert_eq!(world.state("app"), (State::Unhealthy, Reason::DependencyUnhealthy));
    assert_eq!(&*world.checks["app"].message, "db fails: connection refused");
    // Nobody was told anything else in between.
    let told: Vec<_> = world.transitions.iter().filter(|(who, ..)| who == "app").collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(world.state("db").0, State::Healthy, "below its own threshold");
}

#[test]
fn a_failure_stands_when_the_dependency_is_well_or_gives_no_verdict() {
    let mut world = World::new(10);
    world.step(Event::SourceReady);
    world.accept(HealthCheck { interval: secs(3600), ..check("db") });
    world.accept(dependent("app", "db"));
    world.accept(dependent("web", "nowhere"));
    world.script.insert("app", (Duration::from_millis(1), refused()));
    world.script.insert("web", (Duration::from_millis(1), refused()));
    world.pass(secs(12));
    assert_eq!(world.state("app"), (State::Unhealthy, Reason::ConnectionRefused));
    assert_eq!(world.state("web"), (State::Unhealthy, Reason::ConnectionRefused));
    // The dependency hangs beyond its own timeout: the wait is bounded by it.
    world.script.insert("app", (Duration::from_millis(1), good()));
    world.pass(secs(12));
    world.script.insert("db", (secs(100), good()));
    world.script.insert("app", (Duration::from_millis(1), refused()));
    world.pass(secs(10) + secs(6));
    assert_eq!(world.state("app"), (State::Unhealthy, Reason::ConnectionRefused));
}

#[test]
fn a_thousand_dependents_ask_once_a_second_at_most() {
    let mut world = World::new(2000);
    world.step(Event::SourceReady);
    world.script.insert("db", (Duration::from_millis(5), refused()));
    world.accept(HealthCheck { interval: secs(3600), ..check("db") });
    world.pass(secs(2));
    let names: Vec<&'static str> = (0..1000).map(|n| &*format!("app-{n}").leak()).collect();
    for name in &names {
        world.script.insert(name, (Duration::from_millis(1), refused()));
        world.accept(dependent(name, "db"));
    }
    world.pass(secs(10));
    assert!(names.iter().all(|name| world.state(name) == (State::Unhealthy, Reason::DependencyUnhealthy)));
    assert!(world.starts_of("db").len() <= 13, "{}", world.starts_of("db").len());
}

#[test]
fn what_is_gone_is_gone_and_draining_starts_nothing() {
    let mut world = World::new(10);
    world.step(Event::SourceReady);
    world.accept(check("a"));
    world.accept(check("b"));
    world.pass(secs(1));
    let (key, wanted) = (ObjectKey::new("default", "a"), Wanted::Targets(vec![], None));
    world.step(Event::Object { key, entry: None, wanted });
    assert!(!world.checks.contains_key("a"));
    let starts = world.starts_of("a").len();
    world.pass(secs(30));
    assert_eq!(world.starts_of("a").len(), starts);
    world.step(Event::Drain);
    let starts = world.starts.len();
    world.pass(secs(30));
    assert_eq!(world.starts.len(), starts);
    assert!(world.skipped.contains(&Skip::Shutdown));
}

#[test]
fn a_step_of_the_wall_clock_moves_no_run_and_loses_no_time() {
    let mut world = World::new(10);
    world.step(Event::SourceReady);
    world.accept(check("a"));
    world.pass(secs(100));
    let starts = world.starts_of("a");
    // `World::now` ties the clocks together, so the step is made on the core directly.
    let mut effects = Vec::new();
    let stepped = Now { wall: world.now().wall - 3_600_000, ..world.now() };
    world.core.step(Event::Time, stepped, &mut effects);
    world.pass(secs(100));
    let all = world.starts_of("a");
    assert!(all[1..].windows(2).all(|pair| pair[1] - pair[0] == secs(10)), "{all:?}");
    assert_eq!(all.len(), starts.len() + 10);
    let observed: Duration = world.observed.values().sum();
    assert!(observed >= secs(185) && observed <= secs(200), "{observed:?}");
}
