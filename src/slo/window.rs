//! Where a window stands at a time: when it began, how long it is, when it ends. Pure.

use std::time::Duration;

use jiff::{Span, Timestamp, civil::Date, tz::AmbiguousOffset, tz::TimeZone};

use crate::{
    clock::WallMs,
    history::{MINUTE_MS, WALL_MAX},
};

use super::{Period, Window};

/// A window, at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// The minute that it begins with, since the epoch.
    pub start: u32,
    /// Up to here things have been seen.
    pub now: WallMs,
    /// Of the whole of it. A period of the calendar has its own: a day may have 23 hours.
    pub length_ms: i64,
    /// When a period of the calendar ends, and the next begins. A rolling window never does.
    pub ends: Option<WallMs>,
}

impl Window {
    /// Where it stands at `now`. A rolling window is so many whole minutes and the one that runs; a period of the
    /// calendar begins with the first moment of its first day, which is not midnight where the clock skips that.
    pub fn at(&self, now: WallMs) -> Extent {
        let now = now.clamp(0, WALL_MAX);
        match self {
            Self::Rolling(length) => Extent { start: back(now, *length), now, length_ms: millis(*length), ends: None },
            Self::Calendar { period, zone } => match bounds(*period, zone, now) {
                Some((start, end)) => {
                    Extent { start: minute(start), now, length_ms: (end - start).max(MINUTE_MS), ends: Some(end) }
                }
                // Not before the year 9999, where time ends.
                None => Extent { start: back(now, self.nominal()), now, length_ms: millis(self.nominal()), ends: None },
            },
        }
    }

    /// How long it is as a rule: tiers, burn rates and bounds are to be the same in February and in March.
    pub fn nominal(&self) -> Duration {
        let days = |days: u64| Duration::from_secs(days * 86_400);
        match self {
            Self::Rolling(length) => *length,
            Self::Calendar { period: Period::Day, .. } => days(1),
            Self::Calendar { period: Period::Week, .. } => days(7),
            Self::Calendar { period: Period::Month, .. } => days(30),
            Self::Calendar { period: Period::Quarter, .. } => days(90),
        }
    }
}

/// The minute with which the last `length`, in whole minutes, begins.
pub(super) fn back(now: WallMs, length: Duration) -> u32 {
    let minutes = u32::try_from(length.as_secs() / 60).unwrap_or(u32::MAX);
    minute(now).saturating_sub(minutes)
}

/// The minute that runs at a time of 0 to [`WALL_MAX`].
pub(super) fn minute(at: WallMs) -> u32 {
    u32::try_from(at.max(0) / MINUTE_MS).unwrap_or(u32::MAX)
}

pub(super) fn millis(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}

/// When the period around `now` began, and when the next one does.
fn bounds(period: Period, zone: &TimeZone, now: WallMs) -> Option<(WallMs, WallMs)> {
    let today = zone.to_datetime(Timestamp::from_millisecond(now).ok()?).date();
    let first = first_day(period, today)?;
    let next = first_day(period, first.checked_add(length(period)).ok()?)?;
    let (start, end) = (begins(zone, first)?, begins(zone, next)?);
    // Where the clock goes back by a day and more, as a date line moves, a date comes again after its end.
    if now < end { Some((start, end)) } else { Some((end, end + (end - start))) }
}

fn first_day(period: Period, day: Date) -> Option<Date> {
    match period {
        Period::Day => Some(day),
        Period::Week => {
            let since = i64::from(day.weekday().to_monday_zero_offset());
            day.checked_sub(Span::new().days(since)).ok()
        }
        Period::Month => Some(day.first_of_month()),
        Period::Quarter => Date::new(day.year(), (day.month() - 1) / 3 * 3 + 1, 1).ok(),
    }
}

fn length(period: Period) -> Span {
    match period {
        Period::Day => Span::new().days(1),
        Period::Week => Span::new().days(7),
        Period::Month => Span::new().months(1),
        Period::Quarter => Span::new().months(3),
    }
}

/// The first moment of a day: midnight, the first of two, or where midnight is skipped the moment at which it is.
fn begins(zone: &TimeZone, day: Date) -> Option<WallMs> {
    let midnight = day.at(0, 0, 0, 0);
    let at = match zone.to_ambiguous_timestamp(midnight).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(midnight).ok()?,
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(midnight).ok()?,
        AmbiguousOffset::Gap { before, .. } => {
            let skipped = before.to_timestamp(midnight).ok()?;
            let just_after = skipped.checked_add(jiff::SignedDuration::from_nanos(1)).ok()?;
            zone.preceding(just_after).next()?.timestamp()
        }
    };
    Some(at.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{history::DAY_MS, schedule::zone};

    fn at(text: &str) -> WallMs {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn shown(minute: u32) -> String {
        Timestamp::from_millisecond(i64::from(minute) * MINUTE_MS).unwrap().to_string()
    }

    fn calendar(period: Period, name: &str) -> Window {
        Window::Calendar { period, zone: zone(name).unwrap() }
    }

    #[test]
    fn a_rolling_window_is_whole_minutes_and_the_running_one() {
        let window = Window::Rolling(Duration::from_secs(300));
        for (now, start) in [
            ("2026-03-01T12:00:00Z", "2026-03-01T11:55:00Z"),
            ("2026-03-01T12:00:00.001Z", "2026-03-01T11:55:00Z"),
            ("2026-03-01T12:00:59.999Z", "2026-03-01T11:55:00Z"),
            ("2026-03-01T12:01:00Z", "2026-03-01T11:56:00Z"),
        ] {
            let extent = window.at(at(now));
            assert_eq!((shown(extent.start).as_str(), extent.length_ms, extent.ends), (start, 300_000, None), "{now}");
        }
        assert_eq!(Window::Rolling(Duration::from_secs(86_400)).at(60_000).start, 0);
        assert_eq!(window.at(i64::MIN).start, 0);
        assert_eq!(window.at(i64::MAX).now, WALL_MAX);
    }

    #[test]
    fn periods_of_the_calendar() {
        use Period::*;
        for (period, name, now, start, end) in [
            (Day, "UTC", "2026-03-01T12:00:00Z", "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"),
            (Day, "UTC", "2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"),
            (Week, "UTC", "2026-03-01T12:00:00Z", "2026-02-23T00:00:00Z", "2026-03-02T00:00:00Z"),
            (Week, "UTC", "2026-03-02T00:00:00Z", "2026-03-02T00:00:00Z", "2026-03-09T00:00:00Z"),
            (Month, "UTC", "2028-02-29T23:59:59Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
            (Quarter, "UTC", "2026-12-31T23:59:59Z", "2026-10-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            (Quarter, "UTC", "2026-06-30T23:59:59Z", "2026-04-01T00:00:00Z", "2026-07-01T00:00:00Z"),
            // 23 and 25 hours.
            (Day, "Europe/Vienna", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
            (Day, "Europe/Vienna", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
            (Month, "Europe/Vienna", "2026-03-15T00:00:00Z", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z"),
            // No whole hours, and a change of half an hour.
            (Day, "Asia/Kathmandu", "2026-03-01T12:00:00Z", "2026-02-28T18:15:00Z", "2026-03-01T18:15:00Z"),
            (Month, "Asia/Kolkata", "2026-03-31T18:30:00Z", "2026-03-31T18:30:00Z", "2026-04-30T18:30:00Z"),
            (Day, "Australia/Lord_Howe", "2026-04-05T00:00:00Z", "2026-04-04T13:00:00Z", "2026-04-05T13:30:00Z"),
            // Midnight is skipped: the day begins at one. Midnight comes twice: with the first.
            (Day, "America/Sao_Paulo", "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"),
            (Day, "America/Havana", "2024-11-03T12:00:00Z", "2024-11-03T04:00:00Z", "2024-11-04T05:00:00Z"),
            // A day that never was: the one before it lasts until the one after it.
            (Day, "Pacific/Apia", "2011-12-30T09:59:00Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"),
            (Day, "Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"),
        ] {
            let extent = calendar(period, name).at(at(now));
            let shown = (shown(extent.start), extent.ends.map(|end| shown(minute(end))));
            assert_eq!(shown, (start.to_owned(), Some(end.to_owned())), "{period:?} {name} {now}");
            assert_eq!(extent.length_ms, at(end) - at(start));
        }
    }

    #[test]
    fn a_day_whose_midnight_is_in_the_midst_of_what_is_skipped_begins_behind_that() {
        // On the last Sunday of March half past eleven is followed by half past midnight.
        let zone = TimeZone::posix("AAA0BBB,M3.5.0/23:30,M10.5.0").unwrap();
        let extent = Window::Calendar { period: Period::Day, zone }.at(at("2026-03-30T12:00:00Z"));
        assert_eq!(shown(extent.start), "2026-03-29T23:30:00Z");
    }

    #[test]
    fn periods_follow_upon_each_other_in_every_zone() {
        let from = at("2025-12-30T00:00:00Z");
        for name in
            ["UTC", "Europe/Vienna", "America/Havana", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Sao_Paulo"]
        {
            for period in [Period::Day, Period::Week, Period::Month, Period::Quarter] {
                let window = calendar(period, name);
                let mut now = from;
                while now < from + 400 * DAY_MS {
                    let extent = window.at(now);
                    let end = extent.ends.unwrap();
                    assert!(i64::from(extent.start) * MINUTE_MS <= now && now < end, "{period:?} {name} {now}");
                    assert_eq!(window.at(end - 1), Extent { now: end - 1, ..extent }, "{period:?} {name} {now}");
                    assert_eq!(i64::from(window.at(end).start) * MINUTE_MS, end, "{period:?} {name} {now}");
                    now = end;
                }
            }
        }
    }
}
