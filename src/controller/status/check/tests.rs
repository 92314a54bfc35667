//! Tables: what a check looks like as a status, what differs, and what is told.

use std::{sync::Arc, time::Duration};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use proptest::prelude::*;

use super::{
    compose::{TargetSeen, health_check},
    *,
};
use crate::{
    api::{HealthCheckStatus, StateName},
    clock::WallMs,
    controller::{
        events::{Gravity, Note},
        status::Difference,
    },
    engine::{CheckView, Ready, TargetView},
    health::{Reason, State, worst},
    history::Uptime,
    model::{Labels, ObjectKey, ProbeKind},
};

const NOW: WallMs = 1_800_000_000_000;

fn target(name: &str, state: State, reason: Reason, since: WallMs) -> TargetSeen {
    TargetSeen {
        instance: name.into(),
        view: Arc::new(TargetView { state, reason, message: reason.as_str().into(), since, last: None }),
        uptime: Uptime { hour: Some(100.0), day: Some(99.98), month: None },
        latency: Some(Duration::from_millis(11)),
    }
}

fn view(targets: &[TargetSeen], generation: i64) -> CheckView {
    let told = worst(targets.iter().map(|target| target.view.state)).map(|index| &targets[index].view);
    CheckView {
        key: ObjectKey::new("shop", "cart"),
        uid: "u".into(),
        generation,
        labels: Labels::default(),
        report_as: "cart".into(),
        kind: Some(ProbeKind::Http),
        interval: Duration::from_secs(10),
        timeout: Duration::from_secs(5),
        ready: Ready { ok: true, reason: "Valid", message: "in force".into() },
        state: told.map_or(State::Unknown, |told| told.state),
        reason: told.map_or(Reason::Pending, |told| told.reason),
        message: told.map_or_else(|| "".into(), |told| told.message.clone()),
        blamed: None,
        since: told.map_or(NOW, |told| told.since),
        targets: Arc::new([]),
    }
}

/// One target in this state since then.
fn check(state: State, reason: Reason, since: WallMs, before: &Written, now: WallMs) -> HealthCheckStatus {
    let targets = [target("a:80", state, reason, since)];
    health_check(&view(&targets, 1), &targets, before, now)
}

fn refused(message: &str, generation: i64, before: &Written) -> HealthCheckStatus {
    let mut view = view(&[], generation);
    view.ready = Ready { ok: false, reason: "InvalidSpec", message: message.into() };
    (view.reason, view.message) = (Reason::InvalidSpec, message.into());
    health_check(&view, &[], before, NOW)
}

fn conditions(status: &HealthCheckStatus) -> Vec<(&str, &str, &str, i64)> {
    let told = |c: &'_ Condition| c.last_transition_time.0.as_second() - NOW / 1000;
    let all = status.conditions.iter().flatten();
    all.map(|c| (c.type_.as_str(), c.status.as_str(), c.reason.as_str(), told(c))).collect()
}

#[test]
fn a_status_says_what_the_contract_has() {
    let targets = [
        target("b:80", State::Healthy, Reason::Ok, NOW - 9_000),
        target("a:80", State::Unhealthy, Reason::Timeout, NOW - 5_500),
        target("c:80", State::Degraded, Reason::Slow, NOW - 4_000),
        target("d:80", State::Unknown, Reason::Pending, NOW),
    ];
    let status = health_check(&view(&targets, 3), &targets, &Written::default(), NOW);
    let json = serde_json::to_value(&status).unwrap();
    let expected = serde_json::json!({
        "observedGeneration": 3,
        "probe": "http",
        "state": "Unhealthy",
        "reason": "Timeout",
        "message": "Timeout",
        "targets": {"total": 4, "healthy": 1, "degraded": 1, "unhealthy": 1, "unknown": 1, "summary": "2/4"},
        "failing": [
            {"target": "a:80", "reason": "Timeout", "message": "Timeout", "since": "2027-01-15T07:59:54Z"},
            {"target": "c:80", "reason": "Slow", "message": "Slow", "since": "2027-01-15T07:59:56Z"},
        ],
        "lastTransitionTime": "2027-01-15T07:59:54Z",
        "latency": "10ms",
        "uptime": {"1h": "100", "24h": "99.98"},
        "conditions": [
            {"type": "Ready", "status": "True", "reason": "Valid", "message": "in force",
             "lastTransitionTime": "2027-01-15T08:00:00Z", "observedGeneration": 3},
            {"type": "Healthy", "status": "False", "reason": "Timeout", "message": "Timeout",
             "lastTransitionTime": "2027-01-15T07:59:54Z", "observedGeneration": 3},
        ],
    });
    assert_eq!(json, expected);
}

#[test]
fn the_healthy_condition_follows_the_state() {
    for (state, reason, status) in [
        (State::Healthy, Reason::Ok, "True"),
        (State::Degraded, Reason::Slow, "True"),
        (State::Unhealthy, Reason::DNSError, "False"),
        (State::Unknown, Reason::Stale, "Unknown"),
        (State::Suspended, Reason::Suspended, "Unknown"),
    ] {
        let told = check(state, reason, NOW, &Written::default(), NOW);
        assert_eq!(conditions(&told)[1], ("Healthy", status, reason.as_str(), 0), "{state:?}");
    }
}

#[test]
fn lists_and_texts_keep_to_the_bounds_of_the_schema() {
    let long = "é".repeat(5_000);
    let mut many: Vec<_> =
        (0..100).map(|n| target(&format!("{n:03}{long}"), State::Degraded, Reason::Slow, NOW)).collect();
    many.push(target("z", State::Unhealthy, Reason::Timeout, NOW));
    let mut view = view(&many, 1);
    view.message = long.as_str().into();
    view.ready.message = view.message.clone();
    let status = health_check(&view, &many, &Written::default(), NOW);
    let failing = status.failing.unwrap();
    assert_eq!((failing.len(), failing[0].target.as_str()), (20, "z"));
    assert!(failing.iter().all(|one| one.target.chars().count() <= 2_048), "{}", failing[1].target);
    assert_eq!(status.message.unwrap().chars().count(), 1_024);
    assert!(status.conditions.unwrap().iter().all(|condition| condition.message.chars().count() <= 1_024));
}

#[test]
fn times_of_transition_move_with_what_they_are_about_only() {
    let was = |status: &HealthCheckStatus| Written::of(status);
    let first = check(State::Healthy, Reason::Ok, NOW - 60_000, &Written::default(), NOW - 50_000);
    assert_eq!(conditions(&first), [("Ready", "True", "Valid", -50), ("Healthy", "True", "Ok", -60)]);
    // Another process, by whose knowledge it is healthy since a moment ago.
    let restarted = check(State::Healthy, Reason::Ok, NOW, &was(&first), NOW);
    assert_eq!(restarted, first);
    // Degraded is another state, and still Healthy=True.
    let slow = check(State::Degraded, Reason::Slow, NOW, &was(&first), NOW);
    assert_eq!(conditions(&slow), [("Ready", "True", "Valid", -50), ("Healthy", "True", "Slow", -60)]);
    assert_eq!(slow.last_transition_time.as_ref().unwrap().0.as_millisecond(), NOW);
    let down = check(State::Unhealthy, Reason::Timeout, NOW + 5_000, &was(&slow), NOW + 5_000);
    assert_eq!(conditions(&down)[1], ("Healthy", "False", "Timeout", 5));
    // A target that another process has said to fail fails since then.
    let again = check(State::Unhealthy, Reason::ConnectionRefused, NOW + 90_000, &was(&down), NOW + 90_000);
    assert_eq!(again.failing.unwrap()[0].since, down.failing.unwrap()[0].since);
}

#[test]
fn what_differs_says_how_soon_it_is_written() {
    let none = Written::default();
    let healthy = check(State::Healthy, Reason::Ok, NOW, &none, NOW);
    let before = Written::of(&healthy);
    let change = |edit: &dyn Fn(&mut TargetSeen)| {
        let mut one = [target("a:80", State::Healthy, Reason::Ok, NOW)];
        edit(&mut one[0]);
        before.difference(&Written::of(&health_check(&view(&one, 1), &one, &before, NOW)))
    };
    assert_eq!(none.difference(&before), Difference::Standing);
    assert_eq!(change(&|_| {}), Difference::None);
    assert_eq!(change(&|one| one.latency = Some(Duration::from_millis(13))), Difference::None);
    assert_eq!(change(&|one| one.latency = Some(Duration::from_millis(130))), Difference::Figures);
    assert_eq!(change(&|one| one.uptime.day = Some(99.5)), Difference::Figures);
    assert_eq!(change(&|one| one.instance = "b:80".into()), Difference::None);
    let state = |state, reason| before.difference(&Written::of(&check(state, reason, NOW, &before, NOW)));
    assert_eq!(state(State::Healthy, Reason::Ok), Difference::None);
    assert_eq!(state(State::Degraded, Reason::Slow), Difference::Standing);
    assert_eq!(state(State::Unknown, Reason::Stale), Difference::Standing);
    let slow = Written::of(&check(State::Degraded, Reason::Slow, NOW, &before, NOW));
    let expiring = check(State::Degraded, Reason::CertificateExpiring, NOW, &slow, NOW);
    assert_eq!(slow.difference(&Written::of(&expiring)), Difference::Words);
    let no = Written::of(&refused("spec.http: no", 1, &before));
    assert_eq!(before.difference(&no), Difference::Standing);
    assert_eq!(no.difference(&Written::of(&refused("spec.tcp: no", 1, &no))), Difference::Words);
    assert_eq!(no.difference(&Written::of(&refused("spec.http: no", 2, &no))), Difference::Standing);
}

#[test]
fn until_a_restarted_process_has_a_verdict_the_one_before_stands() {
    let pending = |before: &Written, generation| {
        let targets = [target("a:80", State::Unknown, Reason::Pending, NOW)];
        Written::of(&health_check(&view(&targets, generation), &targets, before, NOW))
    };
    for (state, reason) in
        [(State::Healthy, Reason::Ok), (State::Unhealthy, Reason::Timeout), (State::Unknown, Reason::Stale)]
    {
        let before = Written::of(&check(state, reason, NOW - 60_000, &Written::default(), NOW));
        assert_eq!(before.difference(&pending(&before, 1)), Difference::None, "{state:?}");
        assert_eq!(before.difference(&pending(&before, 2)), Difference::Standing, "{state:?}");
    }
    let none = Written::default();
    assert_eq!(none.difference(&pending(&none, 1)), Difference::Standing);
    let no = Written::of(&refused("spec.http: no", 1, &none));
    assert_eq!(no.difference(&pending(&no, 1)), Difference::Standing);
}

#[test]
fn transitions_and_refusals_are_told_once() {
    let told = |before: &Written, status: &HealthCheckStatus| {
        let notes = announcements(before, &Written::of(status), status);
        let text = |note: &Note| {
            let gravity = if note.gravity == Gravity::Warning { "!" } else { "" };
            format!("{gravity}{} {}", note.reason, note.text)
        };
        notes.iter().map(text).collect::<Vec<_>>()
    };
    let none = Written::default();
    let state = |before: &Written, state, reason| check(state, reason, NOW, before, NOW);
    let was = |state, reason| Written::of(&check(state, reason, NOW, &Written::default(), NOW));
    let (good, bad) = (was(State::Healthy, Reason::Ok), was(State::Unhealthy, Reason::Timeout));
    let pending = was(State::Unknown, Reason::Pending);
    let stale = was(State::Unknown, Reason::Stale);
    let no = Written::of(&refused("spec.http: no", 1, &none));

    for (before, now, reason, expected) in [
        (&none, State::Healthy, Reason::Ok, &[][..]),
        (&pending, State::Healthy, Reason::Ok, &[]),
        (&none, State::Unknown, Reason::Pending, &[]),
        (&good, State::Unknown, Reason::Pending, &[]),
        (&none, State::Unhealthy, Reason::Timeout, &["!Unhealthy Timeout: Timeout"]),
        (&good, State::Unhealthy, Reason::Timeout, &["!Unhealthy Timeout: Timeout"]),
        (&bad, State::Unhealthy, Reason::DNSError, &[]),
        (&bad, State::Healthy, Reason::Ok, &["Healthy Ok: Ok"]),
        (&bad, State::Degraded, Reason::Slow, &["!Degraded Slow: Slow"]),
        (&good, State::Unknown, Reason::Stale, &["!Unknown Stale: Stale"]),
        (&stale, State::Healthy, Reason::Ok, &["Healthy Ok: Ok"]),
        (&good, State::Suspended, Reason::Suspended, &["Suspended Suspended: Suspended"]),
        (&no, State::Unknown, Reason::Pending, &["Valid in force"]),
    ] {
        assert_eq!(told(before, &state(before, now, reason)), expected, "{:?} to {now:?} {reason}", before.state);
    }
    let expected = ["!InvalidSpec spec.http: no"];
    assert_eq!(told(&none, &refused("spec.http: no", 1, &none)), expected);
    assert_eq!(told(&good, &refused("spec.http: no", 2, &good)), expected);
    assert_eq!(told(&no, &refused("spec.http: no", 1, &no)), [""; 0]);
    assert_eq!(told(&no, &refused("spec.tcp: no", 2, &no)), ["!InvalidSpec spec.tcp: no"]);
}

proptest! {
    /// What the API server gives back is what was written: nothing differs after a restart.
    #[test]
    fn a_status_that_went_to_the_api_server_and_back_does_not_differ(
        states in prop::collection::vec((0usize..5, 0usize..30, 0i64..1_000_000), 0..30),
        uptime in prop::option::of(0.0f64..=100.0),
        latency in prop::option::of(0u64..100_000_000),
        generation in 1i64..5,
    ) {
        let targets: Vec<_> = states.into_iter().enumerate().map(|(n, (state, reason, ago))| TargetSeen {
            uptime: Uptime { hour: uptime, day: uptime, month: None },
            latency: latency.map(Duration::from_micros),
            ..target(&format!("t{n}"), State::ALL[state], Reason::ALL[reason], NOW - ago)
        }).collect();
        let view = view(&targets, generation);
        let status = health_check(&view, &targets, &Written::default(), NOW);
        let text = serde_json::to_string(&status).unwrap();
        let back: HealthCheckStatus = serde_json::from_str(&text).unwrap();
        let written = Written::of(&back);
        prop_assert_eq!(&written, &Written::of(&status));
        // Another process, an hour later, with times of its own.
        let later = health_check(&CheckView { since: NOW + 3_600_000, ..view }, &targets, &written, NOW + 3_600_000);
        prop_assert_eq!(written.difference(&Written::of(&later)), Difference::None);
        prop_assert!(status.state != Some(StateName::Healthy) || !text.contains("\"False\""));
    }
}
