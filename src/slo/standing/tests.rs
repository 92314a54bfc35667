//! States, figures and bounds.

use std::time::Duration;

use super::*;
use crate::slo::{
    Combine, Method, Tolerance, Window,
    tests::{DAY, objective, with},
};

const EVENTS: Indicator = Indicator::Availability { method: Method::Events, combine: Combine::Average };
const AVERAGE: Indicator = Indicator::ResponseTime { statistic: Statistic::Average };

fn sum(part: f64, whole: f64, seen_ms: f64) -> Sum {
    let cell = Cell { part, whole, seen_ms };
    Sum { raw: cell, corrected: cell, elapsed_ms: 3_600_000.0, excluded_ms: 0.0, is_exact: true }
}

fn judged(objective: &Objective, sum: &Sum) -> Standing {
    judge(objective, &objective.window.at(0), sum, Percentile::default(), Vec::new())
}

fn day(target: f64, indicator: Indicator) -> Objective {
    with(target, Window::Rolling(DAY), indicator)
}

#[test]
fn states() {
    use State::*;
    for (target, indicator, part, whole, state) in [
        (99.9, EVENTS, 0.0, 1000.0, Compliant),
        // Exactly on target.
        (99.9, EVENTS, 1.0, 1000.0, Compliant),
        (99.9, EVENTS, 3.0, 3000.0, Compliant),
        (99.9, EVENTS, 1_000.0, 999_999.0, Warning),
        (99.9, EVENTS, 11.0, 10_000.0, Warning),
        (99.9, EVENTS, 12.0, 10_000.0, Violated),
        (99.9, EVENTS, 1.0, 1.0, Violated),
        (99.9, EVENTS, 0.0, 0.0, Unknown),
        (99.99, EVENTS, 1.0, 10_000.0, Compliant),
        (33.3, EVENTS, 667.0, 1000.0, Compliant),
        (99.999_999, EVENTS, 1.0, 100_000_000.0, Compliant),
        (1.0, Indicator::ErrorRate, 1.0, 100.0, Compliant),
        (1.0, Indicator::ErrorRate, 11.0, 1000.0, Warning),
        (1.0, Indicator::ErrorRate, 12.0, 1000.0, Violated),
        (0.3, Indicator::ErrorRate, 3.0, 1000.0, Compliant),
        (200.0, AVERAGE, 200_000.0, 1.0, Compliant),
        (200.0, AVERAGE, 220_000.0, 1.0, Warning),
        (200.0, AVERAGE, 220_001.0, 1.0, Violated),
    ] {
        let standing = judged(&day(target, indicator), &sum(part, whole, 0.0));
        assert_eq!(standing.state, state, "{target} {indicator:?} {part} of {whole}: {:?}", standing.current);
        assert_eq!(standing.current.is_none(), state == Unknown);
    }
}

#[test]
fn what_is_on_target_shows_the_target() {
    // A hundredth of a millisecond beside it, as an f32 may be.
    let standing = judged(&day(99.9, EVENTS), &sum(2_592_000.01, 2_592_000_000.0, 0.0));
    assert_eq!((standing.state, standing.current), (State::Compliant, Some(99.9)));
}

#[test]
fn a_tolerance_of_the_target() {
    let mut objective = day(99.0, EVENTS);
    objective.tolerance = Tolerance { percent: 1.0, of: AllowanceOf::Target };
    assert_eq!(judged(&objective, &sum(199.0, 10_000.0, 0.0)).state, State::Warning);
    assert_eq!(judged(&objective, &sum(200.0, 10_000.0, 0.0)).state, State::Violated);
    objective.tolerance.percent = 0.0;
    assert_eq!(judged(&objective, &sum(101.0, 10_000.0, 0.0)).state, State::Violated);
}

#[test]
fn bounds_are_what_it_would_be_if_the_unseen_were_bad_or_good() {
    let of = |indicator, part, whole, seen| {
        let bounds = judged(&day(99.0, indicator), &sum(part, whole, seen)).bounds;
        bounds.map(|bounds| (bounds.lowest, bounds.highest))
    };
    let time = objective(99.0, DAY).indicator;
    // Half of an hour was seen, and a tenth of that was bad.
    assert_eq!(of(time, 180_000.0, 1_800_000.0, 1_800_000.0), Some((45.0, 95.0)));
    assert_eq!(of(EVENTS, 10.0, 100.0, 1_800_000.0), Some((45.0, 95.0)));
    assert_eq!(of(Indicator::ErrorRate, 10.0, 100.0, 1_800_000.0), Some((5.0, 55.0)));
    assert_eq!(of(time, 360_000.0, 3_600_000.0, 3_600_000.0), Some((90.0, 90.0)));
    for indicator in [time, EVENTS, Indicator::ErrorRate] {
        assert_eq!(of(indicator, 0.0, 0.0, 0.0), Some((0.0, 100.0)), "{indicator:?}");
    }
    assert_eq!(of(AVERAGE, 1.0, 1.0, 1.0), None);
    let mut nothing = sum(0.0, 0.0, 0.0);
    nothing.elapsed_ms = 0.0;
    let standing = judged(&day(99.0, time), &nothing);
    assert_eq!((standing.bounds, standing.coverage, standing.state), (None, None, State::Unknown));
}

#[test]
fn percentiles_come_from_the_caller() {
    let percentile = Percentile { raw: Some(300.0), corrected: Some(199.0) };
    let p99 = day(200.0, Indicator::ResponseTime { statistic: Statistic::P99 });
    let standing = judge(&p99, &p99.window.at(0), &sum(9e9, 1.0, 1.0), percentile, Vec::new());
    assert_eq!((standing.state, standing.current, standing.raw), (State::Compliant, Some(199.0), Some(300.0)));
    assert_eq!((standing.budget, standing.unit), (None, Unit::Millis));
    let nothing = judge(&p99, &p99.window.at(0), &sum(9e9, 1.0, 1.0), Percentile::default(), Vec::new());
    assert_eq!((nothing.state, nothing.current), (State::Unknown, None));
}

#[test]
fn a_window_that_was_seen_for_an_hour() {
    let standing = judged(&objective(99.9, Duration::from_secs(2_592_000)), &sum(300_000.0, 3_600_000.0, 3_600_000.0));
    assert_eq!((standing.coverage, standing.budget.unwrap().remaining), (Some(100.0), 2_292_000.0));
}
