//! Tables: what an SLOTarget looks like as a status, what differs, and what is told.

use std::{sync::Arc, time::Duration};

use serde_json::json;

use super::*;
use crate::{
    controller::status::samples::{NOW, entry, refused, short as notes_of, told},
    model::Kind,
    slo::{Alarms, Bounds, Burn, Counts, Evaluation, Resolution},
};

/// An availability of 99.9 % over 30 days: what is current, and how much was observed, in percent.
fn view(current: Option<f64>, coverage: f64, generation: i64) -> View {
    let spec = json!({
        "target": 99.9, "window": {"rolling": "30d"},
        "indicator": {"availability": {"healthChecks": {"matchLabels": {"tier": "web"}}}},
    });
    let entry = entry(Kind::SloTarget, &spec, generation);
    let state = match current {
        None => State::Unknown,
        Some(current) if current >= 99.9 => State::Compliant,
        Some(current) if current >= 99.89 => State::Warning,
        Some(_) => State::Violated,
    };
    let total = 0.001 * 30.0 * 86_400_000.0;
    let left = current.map_or(1.0, |current| 1.0 - (100.0 - current) / 0.1);
    let standing = Standing {
        state,
        current,
        raw: current,
        unit: Unit::Percent,
        budget: Some(Budget {
            counts: Counts::Time,
            total,
            remaining: left * total,
            remaining_percent: 100.0 * left,
            exhausted_at: None,
        }),
        burn_rates: vec![
            Burn { window: Duration::from_secs(300), rate: None },
            Burn { window: Duration::from_secs(3_600), rate: Some(0.404) },
        ],
        coverage: Some(coverage),
        bounds: Some(Bounds { lowest: 98.666, highest: 99.951 }),
        excluded_ms: 0.0,
        is_exact: true,
    };
    let model = match &entry.verdict {
        crate::source::Verdict::Accepted(crate::model::Object::SloTarget(model)) => model.clone(),
        _ => unreachable!(),
    };
    let figures = Figures {
        evaluation: Evaluation { standing, alarms: Alarms::default() },
        resolution: Resolution::of(&model.objective, [Duration::from_secs(10)]),
        checks: 2,
        at: NOW,
    };
    View { entry, figures: Some(Arc::new(figures)), since: NOW - 5_000 }
}

/// Seconds after `NOW`.
fn at(seconds: i64, view: &View, before: &Written) -> SloTargetStatus {
    slo_target(view, before, NOW + seconds * 1000).unwrap()
}

#[test]
fn what_kubectl_shows() {
    let status = serde_json::to_value(at(0, &view(Some(99.95), 98.66, 3), &Written::default())).unwrap();
    for (pointer, want) in [
        ("/observedGeneration", json!(3)),
        ("/state", json!("Compliant")),
        ("/message", json!("99.95% over 30d, at least 99.9%; 98.7% of it was observed")),
        ("/summary/indicator", json!("availability")),
        ("/summary/target", json!("99.9%")),
        ("/summary/current", json!("99.95%")),
        ("/summary/budget", json!("50% (21m36s)")),
        ("/summary/burn1h", json!("0.4")),
        ("/current", json!(99.95)),
        ("/target", json!(99.9)),
        ("/unit", json!("%")),
        ("/period", json!("30d")),
        ("/errorBudget", json!({"total": "43m12s", "remaining": "21m36s", "remainingPercent": 50.0})),
        ("/burnRates", json!([{"window": "1h", "rate": 0.4}])),
        ("/coverage", json!(98.7)),
        ("/bounds", json!({"lowest": 98.66, "highest": 99.96})),
        ("/lastTransitionTime", json!("2027-01-15T07:59:55Z")),
    ] {
        assert_eq!(status.pointer(pointer), Some(&want), "{pointer}");
    }
    assert_eq!(status.get("raw"), None, "nothing is left out");
    let conditions = status["conditions"].as_array().unwrap();
    let told: Vec<_> = conditions.iter().map(|one| format!("{}={}", one["type"], one["status"])).collect();
    let want = [r#""Ready"="True""#, r#""Compliant"="True""#, r#""Observed"="True""#, r#""Resolvable"="True""#];
    assert_eq!(told, want);
}

#[test]
fn from_unknown_through_compliant_to_violated_and_back() {
    let mut before = Written::default();
    for (seconds, current, coverage, state, compliant, since, difference_is, told_is) in [
        (0, None, 0.0, "Unknown", "Unknown", -5, Difference::Standing, &[][..]),
        (10, Some(100.0), 100.0, "Compliant", "True", -5, Difference::Standing, &[" Compliant"]),
        (20, Some(100.0), 100.0, "Compliant", "True", -5, Difference::None, &[]),
        (30, Some(99.95), 100.0, "Compliant", "True", -5, Difference::Figures, &[]),
        (40, Some(99.895), 100.0, "Warning", "False", -5, Difference::Standing, &["!Warning"]),
        (50, Some(99.5), 100.0, "Violated", "False", -5, Difference::Standing, &["!Violated"]),
        (60, Some(99.4), 100.0, "Violated", "False", -5, Difference::Figures, &[]),
        // Less of it was seen: that is a condition of its own.
        (70, Some(99.4), 90.0, "Violated", "False", -5, Difference::Standing, &[]),
    ] {
        let view = view(current, coverage, 1);
        let status = at(seconds, &view, &before);
        let after = Written::of(&status);
        assert_eq!(serde_json::to_value(status.state).unwrap(), state, "{seconds}");
        let (answer, ..) = told(status.conditions.as_deref(), "Compliant");
        assert_eq!(answer, compliant, "{seconds}");
        let since_now = status.last_transition_time.as_ref().map(super::seconds);
        assert_eq!(since_now, Some(NOW / 1000 + since), "{seconds}");
        assert_eq!(before.difference(&after), difference_is, "{seconds}");
        let notes = notes_of(&announcements(&before, &after, &status));
        assert_eq!(notes.len(), told_is.len(), "{seconds}: {notes:?}");
        assert!(notes.iter().zip(told_is).all(|(note, want)| note.starts_with(want)), "{notes:?}");
        // What was written and read again is the same.
        let read: SloTargetStatus = serde_json::from_value(serde_json::to_value(&status).unwrap()).unwrap();
        assert_eq!(Written::of(&read), after);
        before = after;
    }
}

#[test]
fn what_stood_before_stands_until_history_was_read_and_a_refused_one_says_why() {
    let unread = View { figures: None, ..view(None, 0.0, 1) };
    assert_eq!(slo_target(&unread, &Written::default(), NOW), None);
    let refused = View { entry: refused(Kind::SloTarget, "spec.target: must be", 2), ..unread };
    let status = at(0, &refused, &Written::default());
    assert_eq!((status.state, status.observed_generation), (Some(SloStateName::Unknown), Some(2)));
    assert_eq!(told(status.conditions.as_deref(), "Ready").0, "False");
    let after = Written::of(&status);
    let notes = notes_of(&announcements(&Written::default(), &after, &status));
    assert_eq!(notes, ["!InvalidSpec spec.target: must be"]);
}
