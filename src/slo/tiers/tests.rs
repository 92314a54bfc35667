//! Tiers for windows of all lengths, and those that a user wrote.

use proptest::prelude::*;

use super::*;
use crate::slo::{Combine, Method};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// `long/short factor share%`.
fn shown(window: u64) -> Vec<String> {
    let window = seconds(window);
    let tiers = auto(window, 0.001).tiers.into_iter();
    let length = |length: Duration| show::window(length.as_millis() as i64);
    tiers
        .map(|tier| {
            let share = show::figure(100.0 * tier.share(window), 0.0);
            format!("{}/{} {} {share}%", length(tier.long), length(tier.short), show::figure(tier.factor, 0.0))
        })
        .collect()
}

#[test]
fn windows_of_all_lengths() {
    for (window, want) in [
        (30 * DAY, vec!["1h/5m 14.4 2%", "6h/30m 6 5%", "1d/2h 3 10%", "3d/6h 1 10%"]),
        (28 * DAY, vec!["1h/5m 13.44 2%", "6h/30m 5.6 5%", "1d/2h 2.8 10%", "3d/6h 0.9333 10%"]),
        (14 * DAY, vec!["1h/5m 13.44 4%", "6h/30m 4.4272 7.9057%", "1d/2h 1.9799 14.1421%", "3d/6h 0.9564 20.4939%"]),
        (7 * DAY, vec!["1h/5m 13.44 8%", "6h/30m 3.5 12.5%", "1d/2h 1.4 20%", "3d/6h 0.98 42%"]),
        (90 * DAY, vec!["1h/5m 43.2 2%", "6h/30m 18 5%", "1d/2h 9 10%", "3d/6h 3 10%"]),
        (DAY, vec!["9m/1m 12.8 8%", "51m/4m 3.5294 12.5%", "3h26m/17m 1.3981 20%", "10h17m/51m 0.9802 42%"]),
        (12 * HOUR, vec!["26m/2m 3.4615 12.5%", "1h43m/9m 1.3981 20%", "5h9m/26m 0.9786 42%"]),
        (HOUR, vec!["9m/1m 1.3333 20%", "26m/2m 0.9692 42%"]),
        (5 * MINUTE, vec![]),
    ] {
        assert_eq!(shown(window), want, "{window}");
    }
}

#[test]
fn severities_fall_from_tier_to_tier() {
    let tiers = auto(seconds(30 * DAY), 0.001).tiers;
    let severities: Vec<_> = tiers.iter().map(|tier| tier.severity).collect();
    assert_eq!(severities, [Severity::Critical, Severity::High, Severity::Medium, Severity::Low]);
}

#[test]
fn what_can_never_fire_is_left_out() {
    let left_out = |target: f64| {
        let auto = auto(seconds(30 * DAY), (100.0 - target) / 100.0);
        (auto.tiers.len(), auto.left_out.iter().map(|tier| tier.factor).collect::<Vec<_>>())
    };
    assert_eq!(left_out(99.9), (4, vec![]));
    assert_eq!(left_out(93.06), (4, vec![]));
    assert_eq!(left_out(93.05), (3, vec![14.4]));
    assert_eq!(left_out(83.0), (2, vec![14.4, 6.0]));
    let fastest = auto(seconds(30 * DAY), 0.1).left_out[0];
    let availability = Indicator::Availability { method: Method::Time, combine: Combine::All };
    assert!((fastest.stops_at(availability) - 93.0556).abs() < 1e-4);
    assert!((fastest.stops_at(Indicator::ErrorRate) - 6.9444).abs() < 1e-4);
}

#[test]
fn detection_times() {
    let tiers = auto(seconds(30 * DAY), 0.001).tiers;
    let times = |bad: f64| tiers.iter().map(|tier| tier.detection_time(0.001, bad)).collect::<Vec<_>>();
    let millis = |millis| Some(Duration::from_millis(millis));
    // All is bad: 2, 5, 10 and 10 % of 43.2 minutes.
    assert_eq!(times(1.0), [millis(51_840), millis(129_600), millis(259_200), millis(259_200)]);
    assert_eq!(times(0.01), [None, millis(12_960_000), millis(25_920_000), millis(25_920_000)]);
    assert_eq!(times(0.0), [None; 4]);
}

#[test]
fn tiers_that_a_user_wrote() {
    let check = |long, short, factor: f64| {
        let tier = Tier { long: seconds(long), short: seconds(short), factor, severity: Severity::Low };
        tier.check(seconds(DAY), 0.05).map_err(|error| (error.field(), error.to_string()))
    };
    assert_eq!(check(HOUR, 5 * MINUTE, 14.4), Ok(()));
    assert_eq!(check(DAY, 23 * HOUR, 0.5), Ok(()));
    for (long, short, factor, field, says) in [
        (HOUR, HOUR, 2.0, "short", "must be shorter than long"),
        (HOUR, 30, 2.0, "short", "must be whole minutes, at least one"),
        (HOUR, 90, 2.0, "short", "must be whole minutes, at least one"),
        (0, 60, 2.0, "long", "must be whole minutes, at least one"),
        (DAY + HOUR, HOUR, 2.0, "long", "must be no longer than the window of 1d"),
        (HOUR, MINUTE, 0.0, "factor", "must be a number over 0"),
        (HOUR, MINUTE, f64::NAN, "factor", "must be a number over 0"),
        (
            HOUR,
            MINUTE,
            20.0,
            "factor",
            "can never be reached: if everything fails the budget burns 20 times as fast as it may; 20 must be below that",
        ),
    ] {
        assert_eq!(check(long, short, factor), Err((field, says.to_owned())));
    }
}

proptest! {
    #[test]
    fn every_auto_tier_is_one_that_a_user_could_write(minutes in 5u64..200_000, allowance in 0.000_01..0.99f64) {
        let window = seconds(60 * minutes);
        let auto = auto(window, allowance);
        for tier in &auto.tiers {
            prop_assert_eq!(tier.check(window, allowance), Ok(()), "{:?}", tier);
            prop_assert!(tier.factor > 0.85, "{tier:?}");
            prop_assert!(tier.share(window) < 0.43, "{tier:?}");
        }
        for pair in auto.tiers.windows(2) {
            prop_assert!(pair[0].factor > pair[1].factor && pair[0].long < pair[1].long, "{:?}", auto.tiers);
        }
        for tier in &auto.left_out {
            let never_fires = matches!(tier.check(window, allowance), Err(TierError::NeverFires { .. }));
            prop_assert!(never_fires, "{tier:?}");
        }
    }
}
