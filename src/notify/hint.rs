//! When a receiver says that it wants to be left alone until. Pure.

use std::time::Duration;

use crate::clock::WallMs;

/// The longest pause that is taken at its word. One that means more says so again; one that is mad costs an hour.
pub(super) const MOST: Duration = Duration::from_secs(3600);

/// `Retry-After` (RFC 9110, section 10.2.3): seconds, some servers with a fraction, or an HTTP date. A date in the
/// past is no hint.
pub(super) fn retry_after(value: &str, now: WallMs) -> Option<Duration> {
    let value = value.trim();
    if let Ok(number) = value.parse::<f64>() {
        return seconds(number);
    }
    let date = http_date(value)?;
    let wait = u64::try_from(date.saturating_sub(now)).ok().filter(|&wait| wait > 0)?;
    Some(Duration::from_millis(wait).min(MOST))
}

/// A number of seconds from a body. Zero, and what is no time, is no hint.
pub(super) fn seconds(number: f64) -> Option<Duration> {
    // Above all durations is above [`MOST`] too.
    if number.is_nan() || number <= 0.0 {
        return None;
    }
    Some(Duration::try_from_secs_f64(number).map_or(MOST, |wait| wait.min(MOST)))
}

/// An HTTP date in the one form that may be sent (RFC 9110, section 5.6.7).
fn http_date(text: &str) -> Option<WallMs> {
    jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates() {
        // 1994-11-06T08:49:37Z
        let now = 784_111_777_000;
        for (value, wait) in [
            ("120", Some(120_000)),
            (" 1 ", Some(1_000)),
            ("0.25", Some(250)),
            ("0", None),
            ("-1", None),
            ("NaN", None),
            ("inf", Some(3_600_000)),
            ("1e300", Some(3_600_000)),
            ("86400", Some(3_600_000)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10_000)),
            ("Sun, 06 Nov 1994 08:49:27 GMT", None),
            ("Sat, 06 Nov 2094 08:49:27 GMT", Some(3_600_000)),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(retry_after(value, now), wait.map(Duration::from_millis), "{value:?}");
        }
    }
}
