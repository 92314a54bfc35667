//! Several targets of one check: they come, stay and go.

use super::*;
use crate::model::{Discover, DiscoverKind, Nowhere, Place, Port, Seek, Selector};

fn seeking(name: &str) -> Arc<HealthCheck> {
    let (kind, selector, port) = (DiscoverKind::Pod, Selector::default(), Port::Number(80));
    let seek = Seek::Discover(Discover { kind, selector, port, max_targets: 100 });
    Arc::new(HealthCheck { seek: Some(Arc::new(seek)), instance: "Pod():80".into(), ..check(name) })
}

fn aim(check: &HealthCheck, name: &str) -> Aim {
    let store_id = name.bytes().map(u32::from).sum();
    Aim {
        slot: name.into(),
        store_id,
        check: Arc::new(HealthCheck { instance: format!("{name}:80").into(), ..check.clone() }),
    }
}

fn missing(check: &HealthCheck) -> Aim {
    let place = Place::Nowhere(Arc::new(Nowhere { reason: Reason::TargetMissing, message: "no Pod runs".into() }));
    Aim { slot: "".into(), store_id: 9, check: Arc::new(HealthCheck { place, ..check.clone() }) }
}

impl World {
    /// The check `web` has these targets from now on.
    fn targets(&mut self, check: &Arc<HealthCheck>, names: &[&str]) {
        let mut aims: Vec<_> = names.iter().map(|name| aim(check, name)).collect();
        if aims.is_empty() {
            aims.push(missing(check));
        }
        self.accept_with(check, Wanted::Targets(aims, None));
    }

    fn instances(&self, name: &str) -> Vec<String> {
        self.checks[name].targets.iter().map(|cell| cell.instance.to_string()).collect()
    }

    fn state_of(&self, name: &str, instance: &str) -> State {
        let cell = self.checks[name].targets.iter().find(|cell| *cell.instance == *instance).unwrap();
        cell.view.load().state
    }
}

#[test]
fn each_target_has_a_state_and_a_phase_and_the_worst_speaks_with_counts() {
    let mut world = World::new(10);
    let web = seeking("web");
    world.script.insert("b:80", (secs(1), refused()));
    world.step(Event::SourceReady);
    world.targets(&web, &["a", "b", "c"]);
    assert_eq!(world.instances("web"), ["a:80", "b:80", "c:80"]);
    world.pass(secs(40));
    assert_eq!(world.state("web"), (State::Unhealthy, Reason::ConnectionRefused));
    assert_eq!(&*world.checks["web"].message, "1 of 3 targets are unhealthy; b:80: connection refused");
    assert_eq!(world.state_of("web", "a:80"), State::Healthy);
    let phases: Vec<_> = ["a:80", "b:80", "c:80"].iter().map(|name| world.starts_of(name)[1]).collect();
    assert!(phases[0] != phases[1] && phases[1] != phases[2], "{phases:?}");

    world.script.clear();
    world.pass(secs(11));
    assert_eq!(&*world.checks["web"].message, "3 of 3 targets are healthy");
}

#[test]
fn a_target_that_stays_keeps_everything_and_one_that_comes_runs_at_once() {
    let mut world = World::new(10);
    let web = seeking("web");
    world.step(Event::SourceReady);
    world.targets(&web, &["a", "b"]);
    world.pass(secs(25));
    let (cell, before) = (world.checks["web"].targets[0].clone(), world.starts_of("a:80"));
    world.targets(&web, &["a", "c"]);
    assert_eq!(world.instances("web"), ["a:80", "c:80"]);
    assert!(Arc::ptr_eq(&cell, &world.checks["web"].targets[0]), "the cell holds its history and series");
    assert_eq!(world.starts_of("c:80"), [world.now]);
    // Until the new one has run, the worst is Unknown.
    assert_eq!(world.state("web").0, State::Unknown);
    let gone = world.starts_of("b:80").len();
    world.pass(secs(20));
    assert_eq!(world.state("web").0, State::Healthy);
    assert_eq!(world.starts_of("b:80").len(), gone, "who is gone is not run");
    let starts = world.starts_of("a:80");
    assert_eq!(&starts[..before.len()], before);
    assert!(starts[1..].windows(2).all(|pair| pair[1] - pair[0] == secs(10)), "{starts:?}");
}

#[test]
fn a_target_that_ends_while_it_runs_frees_its_place() {
    let mut world = World::new(1);
    let web = seeking("web");
    world.step(Event::SourceReady);
    world.script.insert("a:80", (secs(5), refused()));
    world.targets(&web, &["a"]);
    world.targets(&web, &["b"]);
    assert!(world.starts_of("b:80").is_empty());
    world.pass(secs(6));
    assert_eq!(world.starts_of("b:80").len(), 1);
    assert_eq!(world.state("web"), (State::Healthy, Reason::Ok), "what a said is not told of b");
}

#[test]
fn none_is_a_target_that_is_missing_until_one_comes() {
    let mut world = World::new(10);
    let web = seeking("web");
    let gone = Outcome::failed(Reason::TargetMissing, "no Pod runs");
    world.script.insert("Pod():80", (Duration::ZERO, gone));
    world.step(Event::SourceReady);
    world.targets(&web, &["a"]);
    world.pass(secs(5));
    world.targets(&web, &[]);
    world.pass(Duration::from_millis(10));
    assert_eq!(world.state("web"), (State::Unhealthy, Reason::TargetMissing));
    assert_eq!(&*world.checks["web"].message, "no Pod runs");
    world.targets(&web, &["a"]);
    world.pass(Duration::from_millis(10));
    assert_eq!(world.state("web").0, State::Healthy);
    assert_eq!(world.instances("web"), ["a:80"]);
}

#[test]
fn a_single_target_whose_place_is_gone_is_looked_at_at_once() {
    let mut world = World::new(10);
    let web = seeking("web");
    let there = Aim { slot: "".into(), store_id: 9, check: web.clone() };
    world.step(Event::SourceReady);
    world.accept_with(&web, Wanted::Targets(vec![there], None));
    world.pass(secs(31));
    let runs = world.starts_of("Pod():80").len();
    world.accept_with(&web, Wanted::Targets(vec![missing(&web)], None));
    assert_eq!(world.starts_of("Pod():80").len(), runs + 1);
    // Nothing changed: nothing runs out of turn.
    world.accept_with(&web, Wanted::Targets(vec![missing(&web)], None));
    world.pass(Duration::from_millis(10));
    assert_eq!(world.starts_of("Pod():80").len(), runs + 1);
}

#[test]
fn what_cannot_be_told_or_looked_for_is_unknown_and_runs_nothing() {
    let mut world = World::new(10);
    let web = seeking("web");
    world.step(Event::SourceReady);
    world.accept_with(&web, Wanted::Nothing(Reason::Pending, "looking for Pods".into()));
    assert_eq!(world.state("web"), (State::Unknown, Reason::Pending));
    world.pass(secs(100));
    assert!(world.starts.is_empty() && world.instances("web").is_empty());

    world.targets(&web, &["a"]);
    world.pass(secs(1));
    assert_eq!(world.state("web").0, State::Healthy);
    let denied = || Refused { ready_reason: "NotPermitted", reason: Reason::NotPermitted, message: "no".into() };
    world.accept_with(&web, Wanted::Refused(denied()));
    assert_eq!(world.state("web"), (State::Unknown, Reason::NotPermitted));
    assert!(!world.checks["web"].ready.ok);
    let runs = world.starts.len();
    world.pass(secs(100));
    assert_eq!(world.starts.len(), runs);
    world.targets(&web, &["a", "b"]);
    world.pass(secs(1));
    assert_eq!(world.state("web").0, State::Healthy);
    assert!(world.checks["web"].ready.ok);
}

#[test]
fn a_dependency_with_several_targets_is_well_when_all_of_them_are() {
    let mut world = World::new(10);
    let db = seeking("db");
    world.step(Event::SourceReady);
    world.targets(&db, &["a", "b"]);
    world.accept(dependent("app", "db"));
    world.pass(secs(12));
    world.script.insert("app", (Duration::ZERO, refused()));
    world.script.insert("b:80", (secs(2), refused()));
    world.pass(secs(12));
    assert_eq!(world.state("app"), (State::Unhealthy, Reason::DependencyUnhealthy));
}
