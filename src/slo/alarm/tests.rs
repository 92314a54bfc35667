//! When a burning budget is told, and when not.

use super::*;
use crate::slo::{
    Combine, Indicator, Method, Window,
    tests::{DAY, objective, with},
};

const EVENTS: Indicator = Indicator::Availability { method: Method::Events, combine: Combine::All };

/// Of a window of 30 days and 99.9 %, with everything seen as `cell` says of a number of minutes.
fn of(indicator: Indicator, cell: impl Fn(f64) -> (f64, f64)) -> Alarms {
    let target = if indicator == Indicator::ErrorRate { 0.1 } else { 99.9 };
    let objective = with(target, Window::Rolling(30 * DAY), indicator);
    let looks: Vec<_> = lookbacks(&objective)
        .into_iter()
        .map(|window| {
            let minutes = window.as_secs_f64() / 60.0;
            let (part, whole) = cell(minutes);
            let seen_ms =
                if indicator == EVENTS || indicator == Indicator::ErrorRate { 60_000.0 * minutes } else { whole };
            Look { window, cell: Cell { part, whole, seen_ms } }
        })
        .collect();
    alarms(&objective, &looks)
}

fn time() -> Indicator {
    objective(99.9, DAY).indicator
}

#[test]
fn the_windows_that_are_looked_at() {
    let minutes = |objective: &Objective| -> Vec<_> {
        lookbacks(objective).into_iter().map(|window| window.as_secs() / 60).collect()
    };
    assert_eq!(minutes(&objective(99.9, 30 * DAY)), [5, 30, 60, 120, 360, 1_440, 4_320]);
    assert_eq!(minutes(&objective(99.9, DAY)), [1, 4, 5, 9, 17, 30, 51, 60, 120, 206, 360, 617]);
}

#[test]
fn the_gravest_tier_that_burns_in_both_windows_fires() {
    // The same share of the time is bad in all windows.
    let severity = |rate: f64| of(time(), |minutes| (60.0 * rate * minutes, 60_000.0 * minutes)).severity();
    assert_eq!(severity(14.5), Some(Severity::Critical));
    assert_eq!(severity(14.4), Some(Severity::High));
    assert_eq!(severity(6.0), Some(Severity::Medium));
    assert_eq!(severity(3.0), Some(Severity::Low));
    assert_eq!(severity(1.0), None);
    assert_eq!(severity(0.0), None);
}

#[test]
fn what_has_ended_fires_no_more() {
    // A minute was bad, ten minutes ago: the hour burns, five minutes do not; half an hour and six do not go together.
    let ended = of(time(), |minutes| (if minutes > 10.0 { 60_000.0 } else { 0.0 }, 60_000.0 * minutes));
    assert_eq!(ended, Alarms::default());
    let running = of(time(), |minutes| (60_000.0, 60_000.0 * minutes)).fires.unwrap();
    assert_eq!(running.tier.severity, Severity::Critical);
    assert!((running.long - 16.666_667).abs() < 1e-5 && (running.short - 200.0).abs() < 1e-9, "{running:?}");
}

#[test]
fn few_requests() {
    // Five in an hour, over all of time; so many of them fail.
    let hourly = |failed: f64, indicator| {
        of(indicator, move |minutes| {
            let hours = (minutes / 60.0).floor();
            (failed * hours, 5.0 * hours)
        })
    };
    let one = |indicator| {
        of(indicator, |minutes| if minutes >= 60.0 { (1.0, 5.0 * (minutes / 60.0).floor()) } else { (0.0, 0.0) })
    };
    for indicator in [EVENTS, Indicator::ErrorRate] {
        assert_eq!(one(indicator).fires, None, "one of five in the last hour");
        assert_eq!(hourly(2.0, indicator).severity(), Some(Severity::Critical), "40 % for an hour");
        assert_eq!(hourly(0.0, indicator).fires, None);
    }
}

#[test]
fn forty_percent_of_many_and_two_of_many() {
    let of = |failed: f64, runs: f64| of(EVENTS, move |minutes| (failed * minutes, runs * minutes));
    assert_eq!(of(0.8, 2.0).severity(), Some(Severity::Critical));
    // As many as there may be just, ten thousand in an hour: no chance, but not too fast.
    assert_eq!(of(0.166, 166.0).severity(), None);
    // Two of 120 are 16.7 times what may fail, and might be chance: 0.55 % for sure.
    assert!((surely(2.0, 120.0) - 0.005_54).abs() < 1e-5);
    let two = super::tests::of(EVENTS, |minutes| (2.0, 2.0 * minutes));
    assert_eq!(two.severity(), None);
    assert!(surely(0.0, 10.0) >= 0.0 && surely(10.0, 10.0) <= 1.0 && surely(1.0, 1.0) < 1.0);
}

#[test]
fn a_short_window_of_few_runs_is_widened_and_ends_all_the_same() {
    // Twenty runs an hour; all failed, but for those of the last half hour.
    let ended = of(EVENTS, |minutes| ((minutes - 30.0).max(0.0) / 3.0, minutes / 3.0));
    assert_eq!(ended.severity(), Some(Severity::Medium), "five minutes are widened to half an hour, which is well");
    assert_eq!(of(EVENTS, |minutes| (minutes / 3.0, minutes / 3.0)).severity(), Some(Severity::Critical));
}

#[test]
fn not_seen_is_not_well() {
    // Nothing in the last twenty minutes; before it, all was bad.
    let blind = of(time(), |minutes| {
        let seen = (minutes - 20.0).max(0.0) * 60_000.0;
        (seen, seen)
    });
    // Half an hour and six hours can tell.
    assert_eq!((blind.severity(), blind.unseen), (Some(Severity::High), Some(Severity::Critical)));
    assert!(blind.keeps(Severity::Critical) && blind.keeps(Severity::High) && !blind.keeps(Severity::Medium));
    let nothing = of(time(), |_| (0.0, 0.0));
    assert_eq!((nothing.fires, nothing.unseen), (None, Some(Severity::Critical)));
    assert!(nothing.keeps(Severity::Low));
    let well = of(time(), |minutes| (0.0, 60_000.0 * minutes));
    assert_eq!(well, Alarms::default());
    assert!(!well.keeps(Severity::Low));
}

#[test]
fn runs_that_were_not_seen_are_not_few() {
    // Two a minute; twenty minutes ago all failed for ten; nothing was seen in the last four and a half, or in the last ten.
    let of = |blind: f64| {
        let objective = with(99.9, Window::Rolling(30 * DAY), EVENTS);
        let looks: Vec<_> = lookbacks(&objective)
            .into_iter()
            .map(|window| {
                let minutes = window.as_secs_f64() / 60.0;
                let (seen, failing) = ((minutes - blind).max(0.0), (minutes - 20.0).clamp(0.0, 10.0));
                Look { window, cell: Cell { part: 2.0 * failing, whole: 2.0 * seen, seen_ms: 60_000.0 * seen } }
            })
            .collect();
        alarms(&objective, &looks)
    };
    // The fastest tier sees that it is over, or cannot tell; it does not fire anew.
    assert_eq!((of(0.0).severity(), of(0.0).unseen), (Some(Severity::High), None));
    assert_eq!((of(4.5).severity(), of(4.5).unseen), (Some(Severity::High), None));
    assert_eq!((of(10.0).severity(), of(10.0).unseen), (Some(Severity::High), Some(Severity::Critical)));
}

#[test]
fn a_long_window_of_which_little_was_seen_waits() {
    // Four minutes of history, all bad: less than five.
    let young = |seen: f64| {
        let objective = objective(99.9, 30 * DAY);
        let looks: Vec<_> = lookbacks(&objective)
            .into_iter()
            .map(|window| {
                let seen_ms = 60_000.0 * seen.min(window.as_secs_f64() / 60.0);
                Look { window, cell: Cell { part: seen_ms, whole: seen_ms, seen_ms } }
            })
            .collect();
        alarms(&objective, &looks)
    };
    assert_eq!((young(4.0).fires, young(4.0).unseen), (None, Some(Severity::Critical)));
    let fires = young(5.0);
    assert_eq!((fires.severity(), fires.unseen), (Some(Severity::Critical), Some(Severity::High)));
}

#[test]
fn what_has_no_budget_or_no_tiers_tells_nobody() {
    let response = Indicator::ResponseTime { statistic: crate::slo::Statistic::Average };
    assert_eq!(alarms(&with(200.0, Window::Rolling(DAY), response), &[]), Alarms::default());
    let mut silent = objective(99.9, DAY);
    silent.tiers = [].into();
    assert_eq!(alarms(&silent, &[]), Alarms::default());
    // What was not looked at was not seen.
    assert_eq!(alarms(&objective(99.9, 30 * DAY), &[]).unseen, Some(Severity::Critical));
}
