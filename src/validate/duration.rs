//! Durations: from the text that the schema's pattern lets through to their value.

use std::time::Duration;

/// The longest duration that an API server can compute with: its rules count nanoseconds in 64 bits.
const MAX: Duration = Duration::from_nanos(i64::MAX.unsigned_abs());

/// Parses numbers that are each followed by `ms`, `s`, `m` or `h`, in any order, as Go's ParseDuration does.
///
/// # Errors
/// What is wrong, to follow the text itself.
pub fn parse(text: &str) -> Result<Duration, &'static str> {
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

    proptest! {
        #[test]
        fn never_panics_and_agrees_with_the_pattern(text in "[0-9mshd. ]{0,16}") {
            let pattern = regex::Regex::new(crate::api::DurationText::PATTERN).unwrap();
            let parsed = parse(&text);
            let shaped = parsed != Err("is not a duration");
            prop_assert_eq!(shaped, pattern.is_match(&text), "{}", text);
        }
    }
}
