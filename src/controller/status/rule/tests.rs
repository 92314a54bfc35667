//! Tables: what a rule looks like as a status, what differs, and what is told.

use serde_json::json;

use super::*;
use crate::{
    alert::{Counts, Episode, Moment, rule::Sight},
    controller::status::samples::{LATER, NOW, NOW_TEXT, alert, refused, rule_view, short, told},
    model::{Kind, ObjectKey},
};

/// A rule with these alerts, as it is shown.
fn seen(alerts: &[Arc<Shown>]) -> RuleSeen {
    let mut counts = Counts::default();
    alerts.iter().for_each(|alert| counts.add(alert.is()));
    let is = RuleIs::of(&Sight::Clear, counts);
    let view = RuleView { counts, is, ..rule_view(1) };
    RuleSeen { view: Arc::new(view), alerts: alerts.to_vec(), notified: None, sees: true }
}

fn blind(sight: Sight, alerts: &[Arc<Shown>]) -> RuleSeen {
    let mut seen = seen(alerts);
    let view = Arc::make_mut(&mut seen.view);
    (view.is, view.sight) = (RuleIs::of(&sight, view.counts), sight);
    seen
}

fn failing() -> Sight {
    Sight::Failing { subjects: 1, since: Moment { at: NOW, wall: NOW }, message: "connection refused".into() }
}

fn status(seen: &RuleSeen, before: &Written, now: WallMs) -> AlertRuleStatus {
    alert_rule(seen, before, now).unwrap()
}

/// What follows from going from one to the other: how much it matters, and what is told.
fn step(before: &RuleSeen, after: &RuleSeen) -> (Difference, Vec<String>) {
    let before = Written::of(&status(before, &Written::default(), NOW));
    let status = status(after, &before, LATER);
    let after = Written::of(&status);
    (before.difference(&after), short(&announcements(&before, &after, &status)))
}

#[test]
fn a_status_says_what_the_contract_has() {
    let mut seen =
        seen(&[alert("b", AlertIs::Pending, 90), alert("c", AlertIs::Silenced, 10), alert("a", AlertIs::Firing, 30)]);
    seen.notified = Some(Notified { channel: ObjectKey::new("shop", "ops"), outcome: "delivered", at: NOW });
    let labels =
        |check: &str| json!({"alertname": "Down", "namespace": "shop", "severity": "high", "healthcheck": check});
    let told = serde_json::to_value(status(&seen, &Written::default(), NOW)).unwrap();
    let fingerprint = |at: usize| told["alerts"][at]["fingerprint"].clone();
    let expected = json!({
        "observedGeneration": 1,
        "state": "Firing",
        "message": "1 firing, 1 silenced, 1 pending",
        "active": 2,
        "alerts": [
            {"fingerprint": fingerprint(0), "state": "Firing", "severity": "high", "labels": labels("a"), "value": "1",
             "message": "a is down", "startsAt": "2027-01-15T07:59:30Z"},
            {"fingerprint": fingerprint(1), "state": "Silenced", "severity": "high", "labels": labels("c"), "value": "1",
             "message": "c is down", "startsAt": "2027-01-15T07:59:50Z", "silencedBy": "Silence shop/deploy"},
            {"fingerprint": fingerprint(2), "state": "Pending", "severity": "high", "labels": labels("b"), "value": "1",
             "message": "b is down", "startsAt": "2027-01-15T07:58:30Z"},
        ],
        "lastTransitionTime": "2027-01-15T07:59:55Z",
        "lastNotification": {"channel": "shop/ops", "outcome": "delivered", "time": NOW_TEXT},
        "conditions": [
            {"type": "Ready", "status": "True", "reason": "Valid", "message": "in force",
             "lastTransitionTime": NOW_TEXT, "observedGeneration": 1},
            {"type": "Routed", "status": "True", "reason": "Routed", "message": "its alerts go to shop/ops",
             "lastTransitionTime": NOW_TEXT, "observedGeneration": 1},
        ],
    });
    assert_eq!(told, expected);
}

#[test]
fn a_transition_is_written_at_once_and_what_moves_at_every_evaluation_is_not() {
    let [a, b, c] = ["a", "b", "c"].map(|check| alert(check, AlertIs::Firing, 30));
    let pending = alert("p", AlertIs::Pending, 30);
    let valued = |value: f64| {
        let mut alert = Shown::clone(&a);
        let mut episode = Episode::clone(&alert.episode);
        (episode.value, episode.message) = (Some(value.into()), format!("{value} is too much").into());
        alert.episode = Arc::new(episode);
        seen(&[Arc::new(alert)])
    };
    let none = || seen(&[]);
    let one = || seen(std::slice::from_ref(&a));
    let fires = |check: &str| format!("!Firing Down{{healthcheck=\"{check}\"}}: {check} is down");
    let resolved = |check: &str| format!(" Resolved Down{{healthcheck=\"{check}\"}}");
    for (what, before, after, difference, notes) in [
        ("nothing", none(), none(), Difference::None, vec![]),
        ("it fires", none(), one(), Difference::Standing, vec![fires("a")]),
        ("it is resolved", one(), none(), Difference::Standing, vec![resolved("a")]),
        ("it is pending", none(), seen(std::slice::from_ref(&pending)), Difference::Standing, vec![]),
        ("another value", valued(1.0), valued(2.0), Difference::Figures, vec![]),
        ("another fires", one(), seen(&[a.clone(), b.clone()]), Difference::Words, vec![fires("b")]),
        ("one of two is over", seen(&[a.clone(), b.clone()]), one(), Difference::Words, vec![resolved("b")]),
        ("another one is pending beside it", one(), seen(&[a.clone(), pending]), Difference::Figures, vec![]),
        ("it is silenced", one(), seen(&[alert("a", AlertIs::Silenced, 30)]), Difference::Standing, vec![]),
        (
            "it cannot see",
            none(),
            blind(failing(), &[]),
            Difference::Standing,
            vec!["!Error connection refused".into()],
        ),
        (
            "it cannot see what fires",
            one(),
            blind(failing(), std::slice::from_ref(&a)),
            Difference::Standing,
            vec!["!Error connection refused; 1 firing".into()],
        ),
        (
            "it can again",
            blind(failing(), &[]),
            none(),
            Difference::Standing,
            vec![" Evaluated the rule can see again".into()],
        ),
        (
            "one for the other",
            one(),
            seen(std::slice::from_ref(&c)),
            Difference::Words,
            vec![fires("c"), resolved("a")],
        ),
    ] {
        assert_eq!(step(&before, &after), (difference, notes), "{what}");
    }
}

#[test]
fn a_long_list_stands_still_and_tells_no_end_that_was_none() {
    let alerts = |from: usize, to: usize| -> Vec<_> {
        (from..to).map(|n| alert(&format!("c{n:03}"), AlertIs::Firing, 1_000 - n as i64)).collect()
    };
    let long = seen(&alerts(0, 100));
    let status_of_long = status(&long, &Written::default(), NOW);
    assert_eq!((status_of_long.active, status_of_long.alerts.map(|list| list.len())), (Some(100), Some(MAX_ALERTS)));
    // Of a hundred others there are a few more, or fewer: that makes no write by itself.
    assert_eq!(step(&long, &seen(&alerts(0, 103))), (Difference::Figures, vec![]));
    let (difference, notes) = step(&long, &seen(&alerts(1, 100)));
    assert_eq!(
        (difference, notes),
        (Difference::Words, vec!["!Firing Down{healthcheck=\"c020\"}: c020 is down".into()])
    );
}

#[test]
fn times_stand_while_what_they_are_about_does() {
    let before = Written::of(&status(&seen(&[]), &Written::default(), NOW));
    let mut again = seen(&[]);
    Arc::make_mut(&mut again.view).since = NOW + 30_000;
    let same = status(&again, &before, LATER);
    assert_eq!(same.last_transition_time, Some(time(NOW / 1000 - 5)));
    assert_eq!(told(same.conditions.as_deref(), "Ready").3, 0);
    assert_eq!(before.difference(&Written::of(&same)), Difference::None);
    let mut fires = seen(&[alert("a", AlertIs::Firing, 0)]);
    Arc::make_mut(&mut fires.view).since = NOW + 30_000;
    let other = status(&fires, &before, LATER);
    assert_eq!(other.last_transition_time, Some(time(NOW / 1000 + 30)));
    assert_eq!(told(other.conditions.as_deref(), "Ready").3, 0);
}

#[test]
fn after_a_restart_what_stood_stands_until_the_rule_was_looked_at() {
    let fired = Written::of(&status(&seen(&[alert("a", AlertIs::Firing, 30)]), &Written::default(), NOW));
    let restarted = RuleSeen { sees: false, ..seen(&[]) };
    assert_eq!(alert_rule(&restarted, &fired, LATER), None);
    // A new one, another generation, and one that is refused are told at once.
    assert!(alert_rule(&restarted, &Written::default(), LATER).is_some());
    let other = RuleSeen { view: Arc::new(rule_view(2)), sees: false, ..seen(&[]) };
    assert!(alert_rule(&other, &fired, LATER).is_some());
    // Who was told last is not forgotten.
    let mut told = seen(&[]);
    told.notified = Some(Notified { channel: ObjectKey::new("shop", "ops"), outcome: "delivered", at: NOW });
    let before = Written::of(&status(&told, &Written::default(), NOW));
    let after = status(&seen(&[]), &before, LATER);
    assert_eq!(after.last_notification.unwrap().channel, "shop/ops");
}

#[test]
fn one_that_is_refused_says_why_and_what_fired_is_over() {
    let before = seen(&[alert("a", AlertIs::Firing, 30)]);
    let mut after = seen(&[]);
    let view = Arc::make_mut(&mut after.view);
    (view.entry, view.is) = (refused(Kind::AlertRule, "spec.for: no", 2), RuleIs::Error);
    let status = status(&after, &Written::default(), NOW);
    assert_eq!((status.state, status.message.as_deref()), (Some(RuleStateName::Error), Some("spec.for: no")));
    assert_eq!(told(status.conditions.as_deref(), "Ready").1, "InvalidSpec");
    assert!(find(status.conditions.as_deref(), "Routed").is_none());
    let expected = vec!["!InvalidSpec spec.for: no".to_owned(), " Resolved Down{healthcheck=\"a\"}".to_owned()];
    assert_eq!(step(&before, &after), (Difference::Standing, expected));
}

#[test]
fn where_its_alerts_go_is_said() {
    let ops = || vec![ObjectKey::new("shop", "ops")];
    let denied = |because| vec![(ObjectKey::new("web", "pager"), because)];
    for (routes, expected) in [
        (Routes { channels: ops(), ..Routes::default() }, ("True", "Routed", "its alerts go to shop/ops")),
        (
            Routes { to_log: true, ..Routes::default() },
            ("False", "NoChannel", "it names no channel and there is no default one, so its alerts go to the log"),
        ),
        (
            Routes { to_log: true, denied: denied(Because::NotPermitted), ..Routes::default() },
            (
                "False",
                "NoChannel",
                "no channel can be used, so its alerts go to the log: web/pager: its allowedNamespaces does not let this \
                 namespace in",
            ),
        ),
        (
            Routes { channels: ops(), denied: denied(Because::UnknownChannel), to_log: false },
            ("False", "UnresolvedReference", "not all of its channels are told: web/pager: there is no such channel"),
        ),
        (
            Routes { channels: ops(), denied: denied(Because::Severity), to_log: false },
            ("True", "Routed", "its alerts go to shop/ops"),
        ),
        (
            Routes { denied: denied(Because::Severity), ..Routes::default() },
            ("True", "Severity", "no channel wants alerts of its severity"),
        ),
    ] {
        let mut seen = seen(&[]);
        Arc::make_mut(&mut seen.view).routes = routes;
        let status = status(&seen, &Written::default(), NOW);
        let (answer, reason, message, _) = told(status.conditions.as_deref(), "Routed");
        assert_eq!((&*answer, &*reason, &*message), expected);
    }
}
