//! Durations: from the text that a schema's pattern lets through to their value.

use std::time::Duration;

/// The longest duration that an API server can compute with: its rules count nanoseconds in 64 bits.
const MAX: Duration = Duration::from_nanos(i64::MAX.unsigned_abs());

/// Parses numbers that are each followed by `ms`, `s`, `m` or `h`, in any order, as Go's ParseDuration does.
///
/// # Errors
/// What is wrong, to follow the text itself.
pub fn parse(text: &str) -> Result<Duration, &'static str> {
    read(text, false)
}

/// The same for windows and retention, which take `d` and `w` too: 24 and 168 hours.
///
/// # Errors
/// As [`parse`].
pub fn parse_window(text: &str) -> Result<Duration, &'static str> {
    read(text, true)
}

fn read(text: &str, with_days: bool) -> Result<Duration, &'static str> {
    const SHAPE: &str = "is not a duration";
    const LONG: &str = "is longer than 292 years";
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|digits| *digits > 0).ok_or(SHAPE)?;
        let (number, after) = rest.split_at(digits);
        // Sixteen digits at most get here, and they fit.
        let number: u64 = number.parse().map_err(|_| LONG)?;
        let (unit, seconds) = match after.as_bytes() {
            [b'm', b's', ..] => ("ms", None),
            [b's', ..] => ("s", Some(1)),
            [b'm', ..] => ("m", Some(60)),
            [b'h', ..] => ("h", Some(3600)),
            [b'd', ..] if with_days => ("d", Some(86_400)),
            [b'w', ..] if with_days => ("w", Some(604_800)),
            _ => return Err(SHAPE),
        };
        let part = match seconds {
            None => Duration::from_millis(number),
            Some(seconds) => Duration::from_secs(number.checked_mul(seconds).ok_or(LONG)?),
        };
        total = total.checked_add(part).filter(|total| *total <= MAX).ok_or(LONG)?;
        rest = &after[unit.len()..];
    }
    if text.is_empty() { Err(SHAPE) } else { Ok(total) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::{DurationText, WindowText};

    #[test]
    fn reads_what_the_pattern_lets_through() {
        let cases = [
            ("500ms", Ok(500)),
            ("30s", Ok(30_000)),
            ("1h30m", Ok(5_400_000)),
            ("1m1ms", Ok(60_001)),
            ("2s1h", Ok(3_602_000)),
            ("0ms", Ok(0)),
            ("007s", Ok(7_000)),
            ("2562047h", Ok(9_223_369_200_000)),
            ("2562048h", Err("is longer than 292 years")),
            ("999999999999999h", Err("is longer than 292 years")),
            ("", Err("is not a duration")),
            ("5", Err("is not a duration")),
            ("s", Err("is not a duration")),
            ("5d", Err("is not a duration")),
            ("1.5s", Err("is not a duration")),
            ("5 s", Err("is not a duration")),
            ("-5s", Err("is not a duration")),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).map(|duration| duration.as_millis()), expected, "{text}");
        }
    }

    #[test]
    fn windows_take_days_and_weeks_too() {
        let cases = [
            ("30d", Ok(2_592_000)),
            ("4w", Ok(2_419_200)),
            ("1w2d3h", Ok(788_400)),
            ("90m", Ok(5_400)),
            ("106752d", Err("is longer than 292 years")),
            ("9999999999999w", Err("is longer than 292 years")),
            ("1y", Err("is not a duration")),
            ("d", Err("is not a duration")),
            ("", Err("is not a duration")),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_window(text).map(|duration| duration.as_secs()), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_agrees_with_the_pattern(text in "[0-9mshdw. ]{0,16}") {
            for (parse, pattern) in [
                (parse as fn(&str) -> Result<Duration, &'static str>, DurationText::PATTERN),
                (parse_window, WindowText::PATTERN),
            ] {
                let pattern = regex::Regex::new(pattern).unwrap();
                let shaped = parse(&text) != Err("is not a duration");
                prop_assert_eq!(shaped, pattern.is_match(&text), "{}", text);
            }
        }
    }
}
