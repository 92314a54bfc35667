//! What the time between runs counts as.
//!
//! A result covers the time until the next one, at most two intervals; beyond that nothing was seen. Time that
//! follows a failed run which is below its threshold is held back: it is bad if the streak reaches the threshold,
//! and what the state was if it does not.

use std::time::Duration;

use crate::{
    clock::{Now, WallMs},
    history::Class,
};

/// A stretch of time and what it counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The wall time at which it ends.
    pub end: WallMs,
    /// Its length, on the monotonic clock.
    pub length: Duration,
    pub class: Class,
}

/// What the time after a result counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// It counts as this, whatever comes.
    Counts(Class),
    /// Not known before the streak has ended; `recovered` is what it was if the target recovers.
    Held { recovered: Class },
    /// Nothing was seen.
    Unobserved,
}

/// The time since the last result of one target.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// Up to where the time is accounted for, and how it goes on.
    last: Option<(Now, After)>,
    /// How much longer the last result speaks.
    left: Duration,
    /// Held back: at most one stretch per failed run below the threshold, and neighbours are merged.
    held: Vec<(WallMs, Duration)>,
}

impl Seen {
    /// Accounts for the time up to `now`, as the last result has it.
    pub(super) fn advance(&mut self, now: Now, spans: &mut Vec<Span>) {
        let Some((since, after)) = self.last else { return };
        let passed = now.mono.saturating_sub(since.mono);
        let length = passed.min(self.left);
        if length.is_zero() {
            return;
        }
        self.left -= length;
        // A full stretch ends now on the wall clock too; a cut one ended earlier.
        let end = if length == passed { now.wall } else { since.wall + millis(length) };
        self.last = Some((now, after));
        match after {
            After::Counts(class) => spans.push(Span { end, length, class }),
            After::Held { .. } => self.hold(end, length),
            After::Unobserved => {}
        }
    }

    fn hold(&mut self, end: WallMs, length: Duration) {
        if let Some((last_end, last_length)) = self.held.last_mut()
            && (end - millis(length) - *last_end).abs() <= 1
        {
            *last_end = end;
            *last_length += length;
            return;
        }
        self.held.push((end, length));
    }

    /// Says what all that was held back counts as; None drops it as unobserved.
    pub(super) fn release(&mut self, class: Option<Class>, spans: &mut Vec<Span>) {
        for (end, length) in self.held.drain(..) {
            if let Some(class) = class {
                spans.push(Span { end, length, class });
            }
        }
        self.held.shrink_to_fit();
    }

    /// From `now` on, for at most `speaks`, time counts as `after`.
    pub(super) fn go_on(&mut self, now: Now, after: After, speaks: Duration) {
        self.last = Some((now, after));
        self.left = speaks;
    }

    /// What held time was if the streak that holds it ends well.
    pub(super) fn recovered(&self) -> Option<Class> {
        match self.last {
            Some((_, After::Held { recovered })) if recovered != Class::Excluded => Some(recovered),
            _ => None,
        }
    }

    /// The monotonic time up to which time is accounted for.
    pub(super) fn accounted(&self) -> Option<Duration> {
        self.last.map(|(now, _)| now.mono)
    }
}

fn millis(duration: Duration) -> WallMs {
    WallMs::try_from(duration.as_millis()).unwrap_or(WallMs::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Now {
        Now { mono: Duration::from_secs(seconds), wall: 1_000_000 + seconds as i64 * 1000 }
    }

    const TWO: Duration = Duration::from_secs(20);

    #[test]
    fn a_result_speaks_for_two_intervals_and_no_longer() {
        let (mut seen, mut spans) = (Seen::default(), Vec::new());
        seen.go_on(at(0), After::Counts(Class::Good), TWO);
        seen.advance(at(15), &mut spans);
        seen.advance(at(60), &mut spans);
        seen.advance(at(90), &mut spans);
        assert_eq!(
            spans,
            [
                Span { end: at(15).wall, length: Duration::from_secs(15), class: Class::Good },
                Span { end: at(20).wall, length: Duration::from_secs(5), class: Class::Good },
            ]
        );
    }

    #[test]
    fn held_time_is_told_once_as_what_it_turned_out_to_be() {
        let (mut seen, mut spans) = (Seen::default(), Vec::new());
        let held = After::Held { recovered: Class::Good };
        seen.go_on(at(0), held, TWO);
        seen.advance(at(10), &mut spans);
        seen.go_on(at(10), held, TWO);
        seen.advance(at(20), &mut spans);
        assert!(spans.is_empty());
        seen.release(Some(Class::Failed), &mut spans);
        assert_eq!(spans, [Span { end: at(20).wall, length: TWO, class: Class::Failed }]);
        seen.release(Some(Class::Failed), &mut spans);
        assert_eq!(spans.len(), 1);
    }

    #[test]
    fn a_step_of_the_wall_clock_does_not_change_lengths() {
        let (mut seen, mut spans) = (Seen::default(), Vec::new());
        seen.go_on(at(0), After::Counts(Class::Good), TWO);
        seen.advance(Now { mono: Duration::from_secs(10), wall: 0 }, &mut spans);
        assert_eq!(spans, [Span { end: 0, length: Duration::from_secs(10), class: Class::Good }]);
    }
}
