//! When a window of planned work is open: once, or by a cron schedule in a time zone. Pure.
//!
//! Owns what becomes of a schedule when clocks are changed; says nothing of what a window mutes or leaves out.
//! Called by `validate`, which makes windows, and by alerts and SLOs, which ask whether one is open.
//!
//! Clocks are changed:
//! - A start that the clock skips is at the moment of the skip: 02:30 is at 03:00 on a night that has no 02:30.
//! - A start that comes twice is at the first of the two; where the hour is open (`*`, `*/2`), at both, as such a
//!   schedule goes by elapsed time.
//! - A duration is elapsed time: an hour is an hour also in such a night.

use std::time::Duration;

use jiff::{
    SignedDuration, Timestamp,
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone},
};

use super::{Cron, zone};
use crate::clock::WallMs;

/// Starts whose windows run into each other make one window. A window that is still open after this many of them is
/// refused: it is open for ever, or made of minutes where it could be made of hours. A month of every minute is
/// just in it.
const MERGED_MAX: usize = 31 * 24 * 60;

/// A window that comes again may be open for this long; a year of 366 days is over any schedule's turn.
const DURATION_MAX: Duration = Duration::from_secs(366 * 86_400);

/// A valid window.
#[derive(Debug, Clone)]
pub struct Window(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Once(Span),
    Again { cron: Cron, zone: TimeZone, millis: i64 },
}

/// From `start` up to, and without, `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub start: WallMs,
    pub end: WallMs,
}

/// Why there is no such window. The text follows the name of [`WindowError::field`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    #[error("{0}")]
    Schedule(String),
    #[error("is no time zone: write an IANA name, such as Europe/Vienna")]
    TimeZone,
    #[error("must be between 1ms and 366 days")]
    Duration,
    #[error("is so long that the next start comes before the end, and the window never closes")]
    NeverCloses,
    #[error("must be after startsAt")]
    EndsAt,
}

impl WindowError {
    /// The field of a MaintenanceWindow that is wrong.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Schedule(_) => "schedule",
            Self::TimeZone => "timeZone",
            Self::Duration | Self::NeverCloses => "duration",
            Self::EndsAt => "endsAt",
        }
    }
}

impl Window {
    /// A single window.
    ///
    /// # Errors
    /// [`WindowError::EndsAt`] when it ends before it has begun.
    pub fn once(starts_at: WallMs, ends_at: WallMs) -> Result<Self, WindowError> {
        if ends_at <= starts_at {
            return Err(WindowError::EndsAt);
        }
        Ok(Self(Kind::Once(Span { start: starts_at, end: ends_at })))
    }

    /// A window that opens whenever the wall clock of `time_zone`, an IANA name, shows a minute of `schedule`, which
    /// is one of [`Cron::parse`].
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn recurring(schedule: &str, time_zone: &str, duration: Duration) -> Result<Self, WindowError> {
        let cron = Cron::parse(schedule).map_err(WindowError::Schedule)?;
        let zone = zone(time_zone).ok_or(WindowError::TimeZone)?;
        let millis = i64::try_from(duration.as_millis()).ok().filter(|millis| *millis > 0 && duration <= DURATION_MAX);
        let window = Self(Kind::Again { cron, zone, millis: millis.ok_or(WindowError::Duration)? });
        // 2000-01-01: any time will do.
        let first = window.next_start(946_684_800_000);
        match first.map(|first| window.merge_end(first)) {
            Some(None) => Err(WindowError::NeverCloses),
            _ => Ok(window),
        }
    }

    /// Whether the window is open at `at`. Costs about a microsecond.
    pub fn is_open(&self, at: WallMs) -> bool {
        match &self.0 {
            Kind::Once(span) => span.holds(at),
            Kind::Again { millis, .. } => self.previous_start(at).is_some_and(|start| at < start + millis),
        }
    }

    /// The window around `at`, if it is open then. Windows that touch or run into each other are one.
    pub fn active_at(&self, at: WallMs) -> Option<Span> {
        match &self.0 {
            Kind::Once(span) => span.holds(at).then_some(*span),
            Kind::Again { millis, .. } => {
                let last = self.previous_start(at).filter(|start| at < start + millis)?;
                let end = self.merge_end(last).unwrap_or(last + millis);
                Some(Span { start: self.merge_start(last, *millis), end })
            }
        }
    }

    /// When the window next opens, if it is closed at `at`, or closes; None when it never does again.
    pub fn next_change_after(&self, at: WallMs) -> Option<WallMs> {
        if let Some(open) = self.active_at(at) {
            return Some(open.end);
        }
        match &self.0 {
            Kind::Once(span) => (at < span.start).then_some(span.start),
            Kind::Again { .. } => self.next_start(at + 1),
        }
    }

    /// Every time between `from` and `to` at which the window is open, in order, cut to these.
    pub fn overlaps(&self, from: WallMs, to: WallMs) -> impl Iterator<Item = Span> + '_ {
        let mut at = from;
        std::iter::from_fn(move || {
            if at >= to {
                return None;
            }
            let open = self.active_at(at).or_else(|| self.active_at(self.next_change_after(at)?))?;
            at = open.end;
            (open.start < to).then(|| Span { start: open.start.max(from), end: open.end.min(to) })
        })
    }

    /// The end of the window that begins, or goes on, at the start `last`; None when it never ends.
    fn merge_end(&self, mut last: WallMs) -> Option<WallMs> {
        let Kind::Again { millis, .. } = &self.0 else { return None };
        for _ in 0..MERGED_MAX {
            match self.previous_start(last + millis) {
                Some(later) if later > last => last = later,
                _ => return Some(last + millis),
            }
        }
        None
    }

    fn merge_start(&self, mut first: WallMs, millis: i64) -> WallMs {
        for _ in 0..MERGED_MAX {
            match self.next_start(first - millis) {
                Some(earlier) if earlier < first => first = earlier,
                _ => break,
            }
        }
        first
    }

    /// The first start at or after `from`.
    fn next_start(&self, from: WallMs) -> Option<WallMs> {
        let Kind::Again { cron, zone, .. } = &self.0 else { return None };
        let at = Timestamp::from_millisecond(from).ok()?;
        let margin = margin(zone, at);
        let mut local = zone.to_datetime(at).checked_sub(margin).ok()?;
        let mut second = None;
        loop {
            let Some(minute) = cron.next(local) else { return second };
            let starts = Starts::of(cron, zone, minute)?;
            // Of the minutes that come twice, an earlier one may come the second time first.
            second = second.or(starts.second.filter(|second| *second >= from));
            if starts.first >= from {
                return Some(second.map_or(starts.first, |second| second.min(starts.first)));
            }
            local = minute.checked_add(MINUTE).ok()?;
        }
    }

    /// The last start at or before `until`.
    fn previous_start(&self, until: WallMs) -> Option<WallMs> {
        let Kind::Again { cron, zone, .. } = &self.0 else { return None };
        let at = Timestamp::from_millisecond(until).ok()?;
        let margin = margin(zone, at);
        let here = zone.to_datetime(at);
        let mut local = here.checked_add(margin).ok()?;
        let floor = here.checked_sub(margin).ok()?;
        let mut best = None;
        loop {
            let Some(minute) = cron.previous(local) else { return best };
            let starts = Starts::of(cron, zone, minute)?;
            best = best.max(starts.last_until(until));
            if best.is_some() && minute <= floor {
                return best;
            }
            local = minute.checked_sub(MINUTE).ok()?;
        }
    }
}

impl Span {
    fn holds(&self, at: WallMs) -> bool {
        (self.start..self.end).contains(&at)
    }
}

const MINUTE: SignedDuration = SignedDuration::from_secs(60);

/// When a minute of the wall clock begins: the first time, and the second where it comes twice and both count.
struct Starts {
    first: WallMs,
    second: Option<WallMs>,
}

impl Starts {
    /// None outside of the years that time is counted in (up to 9999).
    fn of(cron: &Cron, zone: &TimeZone, minute: DateTime) -> Option<Self> {
        let once = |first: Timestamp| Self { first: first.as_millisecond(), second: None };
        match zone.to_ambiguous_timestamp(minute).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(minute).ok().map(once),
            AmbiguousOffset::Gap { before, .. } => {
                let skipped = before.to_timestamp(minute).ok()?;
                let just_after = skipped.checked_add(SignedDuration::from_nanos(1)).ok()?;
                zone.preceding(just_after).next().map(|change| once(change.timestamp()))
            }
            AmbiguousOffset::Fold { before, after } => {
                let mut starts = once(before.to_timestamp(minute).ok()?);
                if cron.every_hour() {
                    starts.second = after.to_timestamp(minute).ok().map(Timestamp::as_millisecond);
                }
                Some(starts)
            }
        }
    }

    fn last_until(&self, until: WallMs) -> Option<WallMs> {
        self.second.filter(|second| *second <= until).or((self.first <= until).then_some(self.first))
    }
}

/// How far from the wall clock of `at` minutes have to be looked at, since their order is not that of time: the
/// size of a change of the clock that is near, else nothing.
fn margin(zone: &TimeZone, at: Timestamp) -> SignedDuration {
    // The largest change skips or repeats a day.
    let (day, moment) = (SignedDuration::from_hours(26), SignedDuration::from_nanos(1));
    let Ok(horizon) = at.checked_add(day) else { return SignedDuration::ZERO };
    let changes = zone.preceding(horizon).map(|change| change.timestamp());
    let near = changes.take_while(|change| at.duration_since(*change) < day);
    let sizes = near.filter_map(|change| {
        let before = zone.to_offset(change.checked_sub(moment).ok()?);
        let size = zone.to_offset(change).duration_since(before).abs();
        (at.duration_since(change).abs() <= size + MINUTE).then_some(size + MINUTE)
    });
    sizes.max().unwrap_or(SignedDuration::ZERO)
}

#[cfg(test)]
mod tests;
