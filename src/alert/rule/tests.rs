//! The state machine, as tables: what is seen, evaluation by evaluation, and what becomes of it.

use std::{sync::Arc, time::Duration};

use proptest::prelude::*;

use super::*;
use crate::{
    alert::{Episode, Labels, Phase, Reason, Severity, Transition, Turn, Value, template::Template},
    model::{Condition, ObjectKey},
};

fn key() -> ObjectKey {
    ObjectKey::new("shop", "rule")
}

fn policy(hold: i64, keep: i64) -> Policy {
    Policy {
        hold: hold * 1000,
        keep: keep * 1000,
        on_no_data: OnNoData::Keep,
        on_error: OnError::Keep,
        generation: 1,
        limit: ALERTS_MAX,
    }
}

fn candidate(labels: &[(&str, &str)]) -> Candidate {
    Candidate {
        labels: Labels::new(labels.iter().copied()).with([("alertname", "A")]),
        message: "".into(),
        annotations: Labels::default(),
        value: Some(Value(1.0)),
        object: crate::model::Labels::default(),
        dependency: None,
        fault: None,
    }
}

fn at(seconds: i64) -> Moment {
    Moment { at: seconds * 1000, wall: 1_700_000_000_000 + seconds * 1000 }
}

/// What an evaluation sees, in short: an instance per letter, `-` for nothing, `?` for no data, `!` for an error, and
/// `x` for a subject that is gone.
fn seen(short: &str) -> Evaluation {
    match short {
        "-" => Evaluation::Met(Vec::new()),
        "?" => Evaluation::NoData(Some(Box::new(candidate(&[])))),
        "!" => Evaluation::Failed("refused".into(), Some(Box::new(candidate(&[])))),
        "x" => Evaluation::Gone,
        letters => Evaluation::Met(letters.chars().map(|c| candidate(&[("i", &c.to_string())])).collect()),
    }
}

fn short(out: &[Transition]) -> String {
    let mut texts: Vec<_> = out
        .iter()
        .map(|transition| {
            let episode = &transition.episode;
            let reason = episode.reason.map(|reason| format!("({reason})")).unwrap_or_default();
            format!("{}{}{reason}", transition.turn, episode.labels.value("i"))
        })
        .collect();
    texts.sort();
    texts.join(" ")
}

/// Evaluates every 10 s, and shows what turned at each.
fn run(policy: &Policy, script: &[&str]) -> Vec<String> {
    let mut state = RuleState::new(key(), "uid");
    let subject: Arc<str> = "".into();
    let mut shown = Vec::new();
    for (n, text) in script.iter().enumerate() {
        let mut out = Vec::new();
        state.step(&subject, seen(text), policy, at(n as i64 * 10), &mut out);
        shown.push(short(&out));
    }
    shown
}

/// What it shows, under which policy, and what each evaluation sees and turns.
type Case = (&'static str, Policy, &'static [(&'static str, &'static str)]);

#[test]
fn evaluations_every_ten_seconds() {
    let keep_all = policy(0, 0);
    let fire = Policy { on_no_data: OnNoData::Fire, on_error: OnError::Fire, ..keep_all };
    let fire_for = Policy { hold: 20_000, ..fire };
    let resolve = Policy { on_no_data: OnNoData::Resolve, ..keep_all };
    let cases: &[Case] = &[
        ("without `for` it fires at once", keep_all, &[("a", "Firinga"), ("a", ""), ("-", "Resolveda"), ("-", "")]),
        (
            "with `for` it is pending until it has held that long",
            policy(20, 0),
            &[("a", "Pendinga"), ("a", ""), ("a", "Firinga"), ("-", "Resolveda")],
        ),
        (
            "a `for` shorter than the interval fires at the second evaluation",
            policy(1, 0),
            &[("a", "Pendinga"), ("a", "Firinga")],
        ),
        (
            "what was only pending is dropped, and begins anew",
            policy(20, 0),
            &[("a", "Pendinga"), ("-", "Droppeda"), ("a", "Pendinga"), ("a", ""), ("a", "Firinga")],
        ),
        (
            "each label set goes its own way",
            policy(10, 0),
            &[("a", "Pendinga"), ("ab", "Firinga Pendingb"), ("b", "Firingb Resolveda"), ("-", "Resolvedb")],
        ),
        (
            "it is kept firing for a while",
            policy(0, 20),
            &[("a", "Firinga"), ("-", "Recoveringa"), ("-", ""), ("-", "Resolveda")],
        ),
        (
            "what comes back while it is kept firing was never away",
            policy(0, 20),
            &[
                ("a", "Firinga"),
                ("-", "Recoveringa"),
                ("a", "Relapseda"),
                ("-", "Recoveringa"),
                ("-", ""),
                ("-", "Resolveda"),
            ],
        ),
        (
            "while blind nothing is resolved, fires or is dropped",
            policy(20, 0),
            &[("a", "Pendinga"), ("?", ""), ("!", ""), ("a", "Firinga"), ("?", ""), ("!", ""), ("-", "Resolveda")],
        ),
        (
            "the time while blind counts once it sees again",
            policy(0, 20),
            &[("a", "Firinga"), ("-", "Recoveringa"), ("!", ""), ("!", ""), ("!", ""), ("-", "Resolveda")],
        ),
        (
            "no data may fire, and what it says then goes with the data",
            fire,
            &[("?", "Firing(NoData)"), ("?", ""), ("-", "Resolved"), ("a", "Firinga"), ("?", ""), ("-", "Resolveda")],
        ),
        (
            "no data goes through `for` like the condition itself",
            fire_for,
            &[("?", "Pending(NoData)"), ("?", ""), ("?", "Firing(NoData)"), ("-", "Resolved")],
        ),
        (
            "what was pending goes on under no data that fires",
            fire_for,
            &[("a", "Pendinga"), ("?", ""), ("?", "Firinga(NoData)"), ("a", "Updateda"), ("-", "Resolveda")],
        ),
        ("an error may fire", fire, &[("!", "Firing(Error)"), ("!", ""), ("-", "Resolved")]),
        ("no data may resolve", resolve, &[("a", "Firinga"), ("!", ""), ("?", "Resolveda(NoDataResolved)"), ("?", "")]),
        (
            "what is gone is resolved, also while it is kept firing",
            policy(0, 60),
            &[("a", "Firinga"), ("-", "Recoveringa"), ("x", "Resolveda(ObjectGone)"), ("x", "")],
        ),
        ("what is gone while pending is dropped", policy(60, 0), &[("a", "Pendinga"), ("x", "Droppeda")]),
        (
            "two with the same labels are an error, and nothing changes",
            keep_all,
            &[("a", "Firinga"), ("bb", ""), ("a", ""), ("-", "Resolveda")],
        ),
    ];
    for (name, policy, script) in cases {
        let (inputs, expected): (Vec<_>, Vec<_>) = script.iter().copied().unzip();
        assert_eq!(run(policy, &inputs), expected, "{name}");
    }
}

#[test]
fn what_a_rule_does_not_see_is_said() {
    let mut state = RuleState::new(key(), "uid");
    let (one, two): (Arc<str>, Arc<str>) = ("one".into(), "two".into());
    let policy = policy(0, 0);
    let mut out = Vec::new();
    assert!(!state.step(&one, seen("-"), &policy, at(0), &mut out));
    assert!(state.step(&one, seen("?"), &policy, at(1), &mut out));
    assert!(!state.step(&one, seen("?"), &policy, at(2), &mut out));
    assert_eq!(state.sight(), Sight::NoData { subjects: 1, since: at(1) });
    assert!(state.step(&two, seen("!"), &policy, at(3), &mut out));
    let failing = Sight::Failing { subjects: 1, since: at(3), message: "refused".into() };
    assert_eq!(state.sight(), failing);
    assert!(state.step(&two, seen("-"), &policy, at(4), &mut out));
    assert!(state.step(&one, Evaluation::Gone, &policy, at(5), &mut out));
    assert_eq!((state.sight(), state.subjects().count()), (Sight::Clear, 0));
}

#[test]
fn two_subjects_with_the_same_labels_are_an_error_of_the_second() {
    let mut state = RuleState::new(key(), "uid");
    let policy = policy(0, 0);
    let mut out = Vec::new();
    state.step(&"one".into(), seen("a"), &policy, at(0), &mut out);
    state.step(&"two".into(), seen("a"), &policy, at(0), &mut out);
    assert_eq!(short(&out), "Firinga");
    assert!(matches!(state.sight(), Sight::Failing { message, .. } if message.contains("one and two")));
}

#[test]
fn a_limit_hides_nothing_that_was_found_before() {
    let policy = Policy { limit: 2, ..policy(0, 0) };
    let subject: Arc<str> = "".into();
    let mut state = RuleState::new(key(), "uid");
    let mut out = Vec::new();
    state.step(&subject, seen("c"), &policy, at(0), &mut out);
    assert!(state.step(&subject, seen("abcd"), &policy, at(10), &mut out));
    assert_eq!((state.episodes().count(), state.sight()), (2, Sight::Limited(2)));
    assert!(state.episodes().any(|episode| episode.labels.value("i") == "c"));
    assert!(!out.iter().any(|transition| transition.turn == Turn::Resolved));
    state.step(&subject, seen("-"), &policy, at(20), &mut out);
    assert_eq!((state.episodes().count(), state.sight()), (0, Sight::Clear));
}

#[test]
fn an_edit_raises_for_or_ends_what_it_no_longer_makes() {
    let subject: Arc<str> = "".into();
    let mut state = RuleState::new(key(), "uid");
    let mut step = |policy: &Policy, what: &str, seconds| {
        let mut out = Vec::new();
        state.step(&subject, seen(what), policy, at(seconds), &mut out);
        (short(&out), out)
    };
    assert_eq!(step(&policy(0, 600), "ab", 0).0, "Firinga Firingb");
    let raised = Policy { generation: 2, ..policy(60, 600) };
    let (shown, out) = step(&raised, "ab", 10);
    assert_eq!(shown, "Pendinga Pendingb Resolveda(RuleChanged) Resolvedb(RuleChanged)");
    assert!(out.iter().all(|transition| transition.episode.active == at(0)));
    assert_eq!(step(&raised, "ab", 60).0, "Firinga Firingb");
    // What the edited rule does not make is at its end, whatever keepFiringFor.
    let edited = Policy { generation: 3, ..raised };
    assert_eq!(step(&edited, "a", 70).0, "Resolvedb(RuleChanged)");
    assert_eq!(step(&edited, "-", 80).0, "Recoveringa");
}

#[test]
fn a_new_severity_is_the_same_alert() {
    let subject: Arc<str> = "".into();
    let policy = policy(30, 0);
    let mut state = RuleState::new(key(), "uid");
    let mut out = Vec::new();
    let of = |severity: &str| Evaluation::Met(vec![candidate(&[("i", "a"), ("severity", severity)])]);
    state.step(&subject, of("high"), &policy, at(0), &mut out);
    state.step(&subject, of("high"), &policy, at(30), &mut out);
    state.step(&subject, of("critical"), &policy, at(40), &mut out);
    let turns: Vec<_> = out.iter().map(|transition| transition.turn).collect();
    assert_eq!(turns, [Turn::Pending, Turn::Firing, Turn::Changed]);
    let last = &out[2].episode;
    assert_eq!((last.severity, last.started()), (Some(Severity::Critical), at(30)));
    assert_eq!(last.fingerprint, last.labels.fingerprint());
    assert_eq!(last.incident, out[0].episode.incident);
    // Of two that differ in nothing else, the graver counts.
    let both = vec![candidate(&[("i", "a"), ("severity", "high")]), candidate(&[("i", "a"), ("severity", "low")])];
    state.step(&subject, Evaluation::Met(both), &policy, at(50), &mut out);
    assert_eq!(out[3].episode.severity, Some(Severity::High));
}

#[test]
fn time_alone_fires_and_resolves_what_is_evaluated_on_change() {
    let policy = policy(30, 60);
    let (one, two): (Arc<str>, Arc<str>) = ("one".into(), "two".into());
    let mut state = RuleState::new(key(), "uid");
    let mut out = Vec::new();
    state.step(&one, seen("a"), &policy, at(0), &mut out);
    state.step(&two, seen("b"), &policy, at(10), &mut out);
    assert_eq!(state.next_due(), Some(30_000));
    state.tick(&policy, at(29), &mut out);
    assert_eq!(short(&out), "Pendinga Pendingb");
    // It cannot see `two`: neither fires nor is dropped.
    state.step(&two, seen("?"), &policy, at(35), &mut out);
    out.clear();
    state.tick(&policy, at(45), &mut out);
    assert_eq!((short(&out).as_str(), state.next_due()), ("Firinga", None));
    state.step(&two, seen("b"), &policy, at(50), &mut out);
    state.step(&one, seen("-"), &policy, at(50), &mut out);
    assert_eq!((short(&out).as_str(), state.next_due()), ("Firinga Firingb Recoveringa", Some(110_000)));
    out.clear();
    state.tick(&policy, at(110), &mut out);
    assert_eq!((short(&out).as_str(), state.next_due()), ("Resolveda", None));
}

#[test]
fn a_rule_that_ends_resolves_all_it_has() {
    let policy = policy(10, 0);
    let mut state = RuleState::new(key(), "uid");
    let mut out = Vec::new();
    state.step(&"one".into(), seen("a"), &policy, at(0), &mut out);
    state.step(&"one".into(), seen("a"), &policy, at(10), &mut out);
    state.step(&"two".into(), seen("b"), &policy, at(10), &mut out);
    out.clear();
    state.close(Reason::RuleGone, &policy, at(20), &mut out);
    assert_eq!(short(&out), "Droppedb Resolveda(RuleGone)");
    assert_eq!((state.episodes().count(), state.next_due(), state.subjects().count()), (0, None, 0));
}

fn template(text: &str) -> Template {
    Template::parse(text).unwrap()
}

fn rule() -> AlertRule {
    AlertRule {
        key: key(),
        generation: 1,
        labels: crate::model::Labels::default(),
        alert_name: "HighErrorRate".into(),
        severity: Severity::High,
        interval: Duration::from_secs(15),
        hold: Duration::ZERO,
        keep_firing_for: Duration::ZERO,
        condition: Condition::Promql { expr: "up".into(), source: None, bound: None },
        on_no_data: OnNoData::Keep,
        on_error: OnError::Keep,
        alert_labels: [
            ("job", ""),
            ("namespace", "other"),
            ("team", "{{ $labels.team }}"),
            ("alertname", "Other"),
            ("severity", "critical"),
        ]
        .map(|(name, text)| (name.into(), template(text)))
        .into(),
        labels_from_object: [].into(),
        message: Some(template("{{ $labels.broken }}")),
        annotations: [("b", "{{ $labels.broken }}"), ("a", "plain")]
            .map(|(name, text)| (name.into(), template(text)))
            .into(),
        notify: [].into(),
        escalate: [].into(),
        inhibited_by: [].into(),
    }
}

#[test]
fn labels_of_the_series_then_of_the_rule_and_two_are_forced() {
    let found = Found {
        labels: Labels::new([("__name__", "up"), ("job", "x"), ("instance", "1"), ("alertname", "X")]),
        value: Some(Value(0.5)),
        message: Some("not used".into()),
        ..Found::default()
    };
    let mut seen = Vec::new();
    let mut render = |template: &Template, found: &Found| {
        seen.push(found.labels.value("__name__").to_owned());
        if template.source().contains("broken") { Err("no such function".to_owned()) } else { Ok("infra".to_owned()) }
    };
    let candidate = compose(&rule(), &found, &mut render);
    let expected = r#"{alertname="HighErrorRate", instance="1", namespace="shop", severity="critical", team="infra"}"#;
    assert_eq!(candidate.labels.to_string(), expected);
    assert_eq!(candidate.severity(), Some(Severity::Critical));
    let broken = "<error expanding template: no such function>";
    assert_eq!(&*candidate.message, broken);
    assert_eq!(candidate.annotations, Labels::new([("a", "plain"), ("b", broken)]));
    assert_eq!(candidate.fault.as_deref(), Some("no such function"));
    assert_eq!(seen, ["up"; 3], "templates see the labels of the series, and plain texts are no templates");
}

/// What a rule may see at each evaluation.
fn script() -> impl Strategy<Value = Vec<(u8, i64)>> {
    proptest::collection::vec((0_u8..8, 0_i64..40), 1..60)
}

proptest! {
    /// Nothing fires without its transition, nothing is resolved that did not fire, nothing while blind, and a restart
    /// at any moment changes nothing.
    #[test]
    fn episodes_are_whole(script in script(), hold in 0_i64..30, keep in 0_i64..30, restart in 0_usize..60) {
        let policy = policy(hold, keep);
        let subject: Arc<str> = "".into();
        let mut state = RuleState::new(key(), "uid");
        let mut firing = std::collections::BTreeSet::new();
        let mut seconds = 0;
        for (n, (what, passed)) in script.into_iter().enumerate() {
            seconds += passed;
            let what = ["-", "a", "b", "ab", "abc", "?", "!", "x"][usize::from(what)];
            if n == restart {
                let json = serde_json::to_string(&state.episodes().collect::<Vec<_>>()).unwrap();
                let kept: Vec<Arc<Episode>> = serde_json::from_str(&json).unwrap();
                let restored = RuleState::restore(key(), "uid", &policy, kept);
                prop_assert!(restored.episodes().eq(state.episodes()));
                prop_assert_eq!(restored.next_due(), state.next_due());
                state = restored;
            }
            let mut out = Vec::new();
            state.step(&subject, seen(what), &policy, at(seconds), &mut out);
            for Transition { turn, episode } in out {
                match turn {
                    Turn::Firing => {
                        prop_assert!(firing.insert(episode.incident));
                        prop_assert!(episode.fired.unwrap().since(episode.active.at) >= policy.hold);
                    }
                    Turn::Resolved => {
                        prop_assert!(firing.remove(&episode.incident));
                        prop_assert!(!["?", "!"].contains(&what), "resolved while blind");
                        prop_assert!(episode.resolved.is_some());
                    }
                    Turn::Recovering | Turn::Relapsed | Turn::Updated | Turn::Changed => {
                        prop_assert!(firing.contains(&episode.incident));
                    }
                    Turn::Pending | Turn::Dropped => prop_assert!(!firing.contains(&episode.incident)),
                }
            }
            let now: std::collections::BTreeSet<_> = state
                .episodes()
                .filter(|episode| episode.phase == Phase::Firing)
                .map(|episode| episode.incident)
                .collect();
            prop_assert_eq!(&now, &firing);
        }
    }
}
