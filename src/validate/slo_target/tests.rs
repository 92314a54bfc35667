//! From the spec of an SLOTarget to the model. What is refused is in tests/data.

use std::{sync::Arc, time::Duration};

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    model::{Kind, Object, ObjectKey, Severity, SloTarget},
    slo::{AllowanceOf, Auto, Combine, Indicator, Method, Period, Statistic, Tolerance, Window, auto_tiers},
    validate::{self, FieldError, Invalid, Lookup, References, ValueKind},
};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// Nothing to refer to, and history that is kept for some days.
struct Kept(u32);

impl References for Kept {
    fn value(&self, _: ValueKind, _: &ObjectKey, _: &str) -> Lookup {
        Lookup::NoObject
    }

    fn health_check_exists(&self, _: &ObjectKey) -> bool {
        false
    }

    fn health_checks(&self, _: &str) -> Vec<Arc<str>> {
        Vec::new()
    }

    fn in_cluster(&self) -> bool {
        true
    }

    fn is_operators(&self, _: &str) -> bool {
        false
    }

    fn retention(&self) -> Duration {
        DAY * self.0
    }
}

fn object(name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "probity.dev/v1alpha1", "kind": "SLOTarget",
        "metadata": {"name": name, "generation": 7, "labels": {"tier": "web"}},
        "spec": spec,
    })
}

fn judged(spec: &Value, kept: u32) -> Result<Arc<SloTarget>, Vec<FieldError>> {
    match validate::object(Kind::SloTarget, &object("shop-front.eu", spec), "shop", &Kept(kept)) {
        Ok(Object::SloTarget(target)) => Ok(target),
        Ok(other) => panic!("{other:?}"),
        Err(Invalid(mistakes)) => Err(mistakes),
    }
}

fn target(spec: Value) -> Arc<SloTarget> {
    judged(&spec, 100).unwrap()
}

fn mistakes(spec: Value) -> Vec<String> {
    judged(&spec, 100).err().into_iter().flatten().map(|mistake| mistake.to_string()).collect()
}

fn availability(target: f64, alerting: &Value) -> Value {
    let mut spec =
        json!({"target": target, "window": {"rolling": "30d"}, "indicator": {"availability": {"healthChecks": {}}}});
    if !alerting.is_null() {
        spec["alerting"] = alerting.clone();
    }
    spec
}

#[test]
fn what_is_not_said_has_the_documented_value() {
    let made = target(availability(99.9, &Value::Null));
    assert_eq!((&made.key, made.generation), (&ObjectKey::new("shop", "shop-front.eu"), 7));
    assert_eq!((&*made.report_as, made.description.as_deref()), ("shop_front_eu", None));
    assert_eq!(made.labels["tier"], "web");
    assert!(made.checks.is_empty() && made.alerting.is_none() && made.left_out.is_empty());
    let objective = &made.objective;
    assert_eq!(objective.indicator, Indicator::Availability { method: Method::Time, combine: Combine::All });
    assert_eq!((objective.target, objective.tiers.len()), (99.9, 0));
    assert_eq!(objective.tolerance, Tolerance { percent: 10.0, of: AllowanceOf::Allowance });
    assert!(matches!(objective.window, Window::Rolling(length) if length == DAY * 30));
    // Of a target that is no percentage there is no allowance.
    let made = target(json!({
        "target": 200, "window": {"calendar": {"period": "week"}}, "indicator": {"responseTime": {"healthChecks": {}}},
    }));
    assert_eq!(made.objective.indicator, Indicator::ResponseTime { statistic: Statistic::Average });
    assert_eq!(made.objective.tolerance, Tolerance { percent: 10.0, of: AllowanceOf::Target });
    let Window::Calendar { period: Period::Week, zone } = &made.objective.window else { panic!("{made:?}") };
    assert_eq!(zone.iana_name(), Some("UTC"));
}

#[test]
fn what_is_said_is_taken() {
    let made = target(json!({
        "description": "d", "reportAs": "errors", "target": 0.5,
        "window": {"calendar": {"period": "quarter", "timeZone": "Europe/Vienna"}},
        "tolerance": {"percent": 0, "of": "Target"},
        "indicator": {"errorRate": {"healthChecks": {"matchLabels": {"tier": "web"}}}},
        "alerting": {
            "burnRates": {"mode": "Custom", "tiers": [
                {"long": "1d", "short": "2h", "factor": 3, "severity": "low"},
                {"long": "1h", "short": "5m", "factor": 14.4, "severity": "critical"},
            ]},
            "notify": [{"name": "here"}, {"name": "there", "namespace": "ops"}],
        },
    }));
    assert_eq!((&*made.report_as, made.description.as_deref()), ("errors", Some("d")));
    assert_eq!(made.checks.to_string(), "tier=web");
    let objective = &made.objective;
    assert_eq!((objective.indicator, objective.target), (Indicator::ErrorRate, 0.5));
    assert_eq!(objective.tolerance, Tolerance { percent: 0.0, of: AllowanceOf::Target });
    let Window::Calendar { period: Period::Quarter, zone } = &objective.window else { panic!("{made:?}") };
    assert_eq!(zone.iana_name(), Some("Europe/Vienna"));
    // The fastest first, whatever the order in which they stand.
    let tiers: Vec<_> =
        objective.tiers.iter().map(|tier| (tier.long, tier.short, tier.factor, tier.severity)).collect();
    let minutes = Duration::from_secs(300);
    assert_eq!(tiers, [(HOUR, minutes, 14.4, Severity::Critical), (DAY, 2 * HOUR, 3.0, Severity::Low)]);
    let notify = &made.alerting.as_ref().unwrap().notify;
    assert_eq!(**notify, [ObjectKey::new("shop", "here"), ObjectKey::new("ops", "there")]);
}

#[test]
fn who_wants_no_alerts_has_none() {
    for alerting in [json!(null), json!({"burnRates": {"mode": "None"}, "notify": [{"name": "a"}]})] {
        let made = target(availability(99.9, &alerting));
        assert!(made.alerting.is_none() && made.objective.tiers.is_empty(), "{alerting}");
    }
    for alerting in [json!({}), json!({"burnRates": {}}), json!({"burnRates": {"mode": "Auto"}})] {
        let made = target(availability(99.9, &alerting));
        assert!(made.alerting.is_some() && made.objective.tiers.len() == 4, "{alerting}");
    }
}

/// What can never fire at a target: left out where Probity chose it, refused where a user did.
#[test]
fn a_tier_that_nothing_can_reach_is_left_out_or_refused() {
    let factors = |tiers: &[crate::slo::Tier]| tiers.iter().map(|tier| tier.factor).collect::<Vec<_>>();
    let made = target(availability(90.0, &json!({})));
    assert_eq!(factors(&made.objective.tiers), [6.0, 3.0, 1.0]);
    assert_eq!(factors(&made.left_out), [14.4]);
    let custom = |factor: f64| {
        let tiers = json!([{"long": "1h", "short": "5m", "factor": factor}]);
        judged(&availability(90.0, &json!({"burnRates": {"mode": "Custom", "tiers": tiers}})), 100)
    };
    assert_eq!(factors(&custom(9.999).unwrap().objective.tiers), [9.999]);
    let refused = custom(10.0).unwrap_err();
    let [FieldError { hint, .. }] = &refused[..] else { panic!("{refused:?}") };
    assert_eq!(hint.as_deref(), Some("under 10"));
    assert!(refused[0].to_string().contains("the budget burns 10 times as fast as it may"), "{refused:?}");
}

#[test]
fn a_window_is_as_long_as_history_is_kept_at_the_most() {
    let rolling = |window: &str, kept| {
        judged(
            &json!({
                "target": 99.9, "window": {"rolling": window}, "indicator": {"availability": {"healthChecks": {}}},
            }),
            kept,
        )
    };
    assert!(rolling("100d", 100).is_ok() && rolling("400d", 400).is_ok());
    let refused = rolling("100d1m", 100).unwrap_err();
    assert_eq!(refused[0].to_string(), "spec.window.rolling: is longer than history is kept, which is 100d");
    assert!(refused[0].hint.as_deref().is_some_and(|hint| hint.contains("--retention history=")), "{refused:?}");
    // A calendar's window by its longest: a quarter has up to 92 days, a month 31.
    let calendar = |period: &str, kept| {
        judged(
            &json!({
                "target": 99.9, "window": {"calendar": {"period": period}}, "indicator": {"availability": {"healthChecks": {}}},
            }),
            kept,
        )
    };
    assert!(calendar("quarter", 92).is_ok() && calendar("month", 31).is_ok() && calendar("day", 1).is_ok());
    for (period, kept) in [("quarter", 91), ("month", 30), ("week", 6)] {
        let refused = calendar(period, kept).unwrap_err();
        let expected = format!("spec.window.calendar.period: is longer than history is kept, which is {kept}d");
        assert_eq!(refused[0].to_string(), expected);
    }
}

#[test]
fn one_mistake_does_not_hide_the_others() {
    let spec = json!({
        "target": 100, "window": {"rolling": "1s", "calendar": {"period": "day", "timeZone": "x"}},
        "tolerance": {"percent": 200}, "indicator": {"availability": {"healthChecks": {}, "combine": "Most"}},
        "alerting": {"burnRates": {"mode": "Custom", "tiers": [{"long": "1h", "short": "2h", "factor": -1}]}},
    });
    let found = mistakes(spec);
    let expected = [
        "spec.indicator.availability.combine: \"Most\" is not known here",
        "spec.target: must be over 0 and under 100, in percent",
        "spec.window: exactly one of rolling, calendar must be set, and rolling and calendar are",
        "spec.window.rolling: must be at least 5m",
        "spec.window.calendar.timeZone: is no time zone: write an IANA name, such as Europe/Vienna",
        "spec.tolerance.percent: must be 0 to 100",
        "spec.alerting.burnRates.tiers[0].short: must be shorter than long",
        "spec.alerting.burnRates.tiers[0].factor: must be a number over 0",
    ];
    assert_eq!(found, expected);
}

/// `probity validate` says of a set which targets would see nothing.
#[test]
fn a_selector_that_finds_nothing_is_noted() {
    let check = |namespace: &str, labels: Value| {
        json!({
            "apiVersion": "probity.dev/v1alpha1", "kind": "HealthCheck",
            "metadata": {"name": "a", "namespace": namespace, "labels": labels}, "spec": {"tcp": {"address": "a:1"}},
        })
    };
    let mut target = object("t", &availability(99.9, &Value::Null));
    target["spec"]["indicator"] = json!({"errorRate": {"healthChecks": {"matchLabels": {"tier": "web"}}}});
    let notes = |others: &[Value]| {
        let all: Vec<&Value> = others.iter().chain([&target]).collect();
        let judged = validate::set(&all);
        let last = judged.last().unwrap();
        assert!(last.mistakes.is_empty(), "{last:?}");
        last.notes.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let blind = [
        "spec.indicator.errorRate.healthChecks: finds none of the HealthChecks that are given: there is nothing to observe",
    ];
    assert_eq!(notes(&[]), blind);
    assert_eq!(notes(&[check("default", json!({"tier": "back"})), check("shop", json!({"tier": "web"}))]), blind);
    assert_eq!(notes(&[check("default", json!({"tier": "web"}))]), [""; 0]);
    // Also one that has mistakes of its own is there.
    let mut wrong = check("default", json!({"tier": "web"}));
    wrong["spec"]["interval"] = json!("0s");
    assert_eq!(notes(&[wrong]), [""; 0]);
}

proptest! {
    /// What is chosen is what a user could have written.
    #[test]
    fn chosen_tiers_are_valid(minutes in 5u32..144_000, allowance in 0.000_001f64..1.0) {
        let window = Duration::from_secs(60) * minutes;
        let Auto { tiers, left_out } = auto_tiers(window, allowance);
        for tier in tiers.iter().chain(&left_out) {
            prop_assert!(tier.short < tier.long && tier.long <= window, "{tier:?}");
            prop_assert!(super::is_whole_minutes(tier.short) && super::is_whole_minutes(tier.long), "{tier:?}");
        }
        prop_assert!(tiers.iter().all(|tier| tier.factor * allowance < 1.0));
        prop_assert!(left_out.iter().all(|tier| tier.factor * allowance >= 1.0));
        prop_assert!(tiers.windows(2).all(|pair| pair[0].factor > pair[1].factor));
    }

    #[test]
    fn no_numbers_make_it_panic(
        indicator in prop_oneof![Just("availability"), Just("errorRate")],
        target in prop_oneof![any::<f64>(), 0.0..100.0, Just(5e-324)],
        percent in prop_oneof![any::<f64>(), 0.0..100.0],
        factor in prop_oneof![any::<f64>(), 0.0..20.0, Just(5e-324)],
        long in prop_oneof!["[0-9]{1,8}[mhdw]", "[1-9]d"],
    ) {
        let spec = json!({
            "target": target, "window": {"rolling": long}, "tolerance": {"percent": percent},
            "indicator": {indicator: {"healthChecks": {}}},
            "alerting": {"burnRates": {"mode": "Custom", "tiers": [{"long": long, "short": "1m", "factor": factor}]}},
        });
        match judged(&spec, 100) {
            // Of a target that is next to nothing, all.
            Ok(made) => prop_assert!(made.objective.allowance().is_some_and(|share| share > 0.0 && share <= 1.0)),
            Err(mistakes) => prop_assert!(!mistakes.is_empty()),
        }
    }
}
