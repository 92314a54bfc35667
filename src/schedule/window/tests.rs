//! Windows against a walk over every minute of some years.

use std::{collections::HashSet, time::Duration};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use proptest::prelude::*;

use super::*;

const MINUTE_MS: i64 = 60_000;

/// Zones that change by an hour, by half an hour, in the south, and not at all; and one that skipped a day.
const ZONES: [&str; 5] = ["Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"];

fn at(text: &str) -> WallMs {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

fn window(schedule: &str, zone: &str, minutes: u64) -> Window {
    Window::recurring(schedule, zone, Duration::from_secs(minutes * 60)).unwrap()
}

/// Every minute from one time to another, with what the wall clock shows.
struct Walk {
    from: WallMs,
    /// What is shown, whether for the second time, and which minutes were skipped just before.
    minutes: Vec<(DateTime, bool, Vec<DateTime>)>,
}

impl Walk {
    fn over(zone: &TimeZone, from: WallMs, to: WallMs) -> Self {
        let mut minutes = Vec::new();
        let mut latest: Option<DateTime> = None;
        for at in (from..to).step_by(usize::try_from(MINUTE_MS).unwrap()) {
            let shown = zone.to_datetime(Timestamp::from_millisecond(at).unwrap());
            let mut skipped = Vec::new();
            if let Some(before) = latest {
                let mut next = before.checked_add(MINUTE).unwrap();
                while next < shown {
                    skipped.push(next);
                    next = next.checked_add(MINUTE).unwrap();
                }
            }
            let again = latest.is_some_and(|latest| shown <= latest);
            latest = latest.max(Some(shown));
            minutes.push((shown, again, skipped));
        }
        Self { from, minutes }
    }

    /// The times at which a window of `length` minutes is open, by looking at every minute.
    fn open(&self, cron: &Cron, length: usize) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        for (index, (shown, again, skipped)) in self.minutes.iter().enumerate() {
            let starts =
                cron.holds(*shown) && (!again || cron.every_hour()) || skipped.iter().any(|minute| cron.holds(*minute));
            if !starts {
                continue;
            }
            let start = self.from + i64::try_from(index).unwrap() * MINUTE_MS;
            let end = start + i64::try_from(length).unwrap() * MINUTE_MS;
            match spans.last_mut() {
                Some(last) if last.end >= start => last.end = end,
                _ => spans.push(Span { start, end }),
            }
        }
        spans
    }
}

/// Compares a window with the walk, between the ends of which no window reaches out.
fn compare(walk: &Walk, schedule: &str, zone: &str, length: u64) -> Result<(), TestCaseError> {
    let cron = Cron::parse(schedule).unwrap();
    let Ok(window) = Window::recurring(schedule, zone, Duration::from_secs(length * 60)) else {
        // It never closes: then the walk sees one span at most.
        prop_assert!(walk.open(&cron, usize::try_from(length).unwrap()).len() <= 3, "{} {}", schedule, zone);
        return Ok(());
    };
    let last = walk.from + i64::try_from(walk.minutes.len()).unwrap() * MINUTE_MS;
    let margin = (i64::try_from(length).unwrap() + 2 * 1440) * MINUTE_MS;
    let (from, to) = (walk.from + margin, last - margin);
    let clipped = |span: Span| Span { start: span.start.max(from), end: span.end.min(to) };
    let expected: Vec<Span> = walk
        .open(&cron, usize::try_from(length).unwrap())
        .into_iter()
        .map(clipped)
        .filter(|span| span.start < span.end)
        .collect();
    let found: Vec<Span> = window.overlaps(from, to).collect();
    for (expected, found) in expected.iter().zip(&found) {
        prop_assert_eq!(show(expected), show(found), "{} {} for {} minutes", schedule, zone, length);
    }
    prop_assert_eq!(expected.len(), found.len(), "{} {} for {} minutes", schedule, zone, length);
    for span in expected.iter().take(50) {
        for (at, open) in
            [(span.start - 1, span.start == from && window.is_open(from - 1)), (span.start, true), (span.end - 1, true)]
        {
            prop_assert_eq!(window.is_open(at), open, "{} {} at {}", schedule, zone, at);
            prop_assert_eq!(window.active_at(at).is_some(), open);
        }
        if span.end < to {
            prop_assert!(!window.is_open(span.end));
            prop_assert_eq!(window.next_change_after(span.start), Some(span.end));
            prop_assert_eq!(window.next_change_after(span.end - 1), Some(span.end));
        }
    }
    for pair in expected.windows(2) {
        prop_assert_eq!(window.next_change_after(pair[0].end), Some(pair[1].start));
    }
    Ok(())
}

fn show(span: &Span) -> String {
    let text = |at| Timestamp::from_millisecond(at).unwrap().to_string();
    format!("{} to {}", text(span.start), text(span.end))
}

fn walks() -> Vec<(&'static str, Walk)> {
    ZONES
        .iter()
        .map(|name| {
            // The year of Apia's skipped day, and a year after it for the others.
            let (from, to) = if *name == "Pacific/Apia" { (2011, 2012) } else { (2025, 2026) };
            let zone = zone(name).unwrap();
            let ends = [format!("{from}-09-01T00:00:00Z"), format!("{}-09-01T00:00:00Z", to)];
            (*name, Walk::over(&zone, at(&ends[0]), at(&ends[1])))
        })
        .collect()
}

#[test]
fn the_same_as_looking_at_every_minute() {
    let schedules = [
        ("0 3 * * SUN", 60),
        ("30 2 * * *", 60),
        ("0 2 * * *", 30),
        ("45 1 * * *", 20),
        ("*/30 * * * *", 15),
        ("*/7 1-3 * * *", 5),
        ("15 */2 * * *", 45),
        ("0 0 * * *", 1440),
        ("0 0 * * *", 1439),
        ("59 23 31 12 *", 120),
        ("30 2 29 3 *", 60),
        ("0 12 30 * *", 90),
        ("10,40 2 * * 0,6", 35),
        ("0 1 1 * MON", 1500),
    ];
    for (zone, walk) in walks() {
        for (schedule, length) in schedules {
            compare(&walk, schedule, zone, length).unwrap();
        }
    }
}

#[test]
fn random_schedules_are_the_same_as_looking_at_every_minute() {
    let walks = walks();
    let hours = prop_oneof![
        Just("*".to_owned()),
        (1_u8..12).prop_map(|step| format!("*/{step}")),
        (0_u8..4).prop_map(|hour| hour.to_string()),
        (0_u8..24).prop_map(|hour| hour.to_string()),
        Just("1-3".to_owned()),
    ];
    let minutes =
        prop_oneof![(0_u8..60).prop_map(|minute| minute.to_string()), (5_u8..40).prop_map(|step| format!("*/{step}"))];
    let days = prop_oneof![Just("* * *"), Just("* * SUN"), Just("* * 5-7"), Just("1-7 * SUN"), Just("*/2 3,10 *")];
    let length = prop_oneof![1_u64..120, 1_u64..3000];
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig { cases: 24, ..ProptestConfig::default() });
    runner
        .run(&(0..walks.len(), minutes, hours, days, length), |(index, minute, hour, days, length)| {
            let (zone, walk) = &walks[index];
            compare(walk, &format!("{minute} {hour} {days}"), zone, length)
        })
        .unwrap();
}

#[test]
fn what_happens_when_clocks_are_changed() {
    // In Vienna 02:00 to 03:00 does not come on 2026-03-29, and comes twice on 2026-10-25.
    let table = [
        ("30 2 * * *", 60, "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z to 2026-03-29T02:00:00Z"),
        ("30 2 * * *", 60, "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z to 2026-10-25T01:30:00Z"),
        // An open hour goes by elapsed time: both times.
        ("30 * * * *", 10, "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z to 2026-10-25T00:40:00Z"),
        ("30 * * * *", 10, "2026-10-25T00:40:00Z", "2026-10-25T01:30:00Z to 2026-10-25T01:40:00Z"),
        // A duration is elapsed time: from 01:30 for two hours it is 04:30 in that night.
        ("30 1 * * *", 120, "2026-03-29T00:00:00Z", "2026-03-29T00:30:00Z to 2026-03-29T02:30:00Z"),
        ("0 3 * * SUN", 60, "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z to 2026-03-29T02:00:00Z"),
        ("0 3 * * SUN", 60, "2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z to 2026-10-25T03:00:00Z"),
    ];
    for (schedule, minutes, from, expected) in table {
        let window = window(schedule, "Europe/Vienna", minutes);
        let open = window.next_change_after(at(from)).unwrap();
        assert_eq!(show(&window.active_at(open).unwrap()), expected, "{schedule}");
    }
    // A day that was skipped: in Apia there was no 30 December 2011.
    let apia = window("0 12 30 12 *", "Pacific/Apia", 60);
    assert_eq!(apia.next_change_after(at("2011-12-01T00:00:00Z")), Some(at("2011-12-30T10:00:00Z")));
    // The hour of New York's clocks, which the rule of 2007 changed.
    let new_york = window("30 2 * * *", "America/New_York", 60);
    assert_eq!(new_york.next_change_after(at("2026-03-08T05:30:00Z")), Some(at("2026-03-08T07:00:00Z")));
    // Beyond the table of the zone, by its rule.
    assert_eq!(new_york.next_change_after(at("2399-12-31T12:00:00Z")), Some(at("2400-01-01T07:30:00Z")));
}

#[test]
fn a_single_window() {
    let once = Window::once(1_000, 2_000).unwrap();
    let span = Span { start: 1_000, end: 2_000 };
    assert_eq!([999, 1_000, 1_999, 2_000].map(|at| once.is_open(at)), [false, true, true, false]);
    assert_eq!([999, 1_000, 2_000].map(|at| once.active_at(at)), [None, Some(span), None]);
    assert_eq!(
        [0, 1_000, 1_999, 2_000].map(|at| once.next_change_after(at)),
        [Some(1_000), Some(2_000), Some(2_000), None]
    );
    let overlaps = |from, to| once.overlaps(from, to).collect::<Vec<_>>();
    assert_eq!(overlaps(0, 5_000), [span]);
    assert_eq!(overlaps(1_500, 1_600), [Span { start: 1_500, end: 1_600 }]);
    assert_eq!([overlaps(0, 1_000), overlaps(2_000, 9_000), overlaps(5, 5)], [[], [], []]);
    assert_eq!(Window::once(5, 5).unwrap_err(), WindowError::EndsAt);
}

#[test]
fn what_is_no_window() {
    let make = |schedule, zone, seconds| Window::recurring(schedule, zone, Duration::from_secs(seconds)).map(drop);
    let field = |schedule, zone, seconds| make(schedule, zone, seconds).unwrap_err().field();
    assert_eq!(field("0 3 * *", "UTC", 60), "schedule");
    assert_eq!(field("0 0 30 2 *", "UTC", 60), "schedule");
    assert_eq!(field("0 3 * * *", "Mars/Olympus", 60), "timeZone");
    assert_eq!(field("0 3 * * *", "UTC", 0), "duration");
    assert_eq!(field("0 3 * * *", "UTC", 367 * 86_400), "duration");
    for (schedule, seconds) in
        [("* * * * *", 60), ("0 * * * *", 3_600), ("0 0 * * *", 86_400), ("0 0 1 * *", 32 * 86_400)]
    {
        assert_eq!(make(schedule, "UTC", seconds), Err(WindowError::NeverCloses), "{schedule}");
        assert_eq!(make(schedule, "UTC", seconds / 2), Ok(()), "{schedule}");
    }
    // In a zone with a night of 25 hours this closes once a year, for an hour.
    let nearly = window("0 0 * * *", "Europe/Vienna", 1440);
    assert!(!nearly.is_open(at("2026-10-25T22:30:00Z")) && nearly.is_open(at("2026-10-25T20:30:00Z")));
    // As far as a month of every minute.
    assert!(make("* * 1-20 * *", "UTC", 60).is_ok());
    let names: HashSet<_> = ["SUN", "sun", "0", "7"]
        .iter()
        .map(|day| window(&format!("0 3 * * {day}"), "UTC", 60).next_change_after(0))
        .collect();
    assert_eq!(names.len(), 1);
}

proptest! {
    #[test]
    fn no_time_is_too_far(at in proptest::num::i64::ANY, minutes in 1_u64..5000) {
        for window in [window("30 2 * * *", "Europe/Vienna", minutes.min(1000)), Window::once(-5, i64::MAX).unwrap()] {
            let _ = (window.is_open(at), window.active_at(at), window.next_change_after(at));
            let _ = window.overlaps(at, at.saturating_add(86_400_000)).count();
        }
    }
}
