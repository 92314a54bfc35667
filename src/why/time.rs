//! Times and spans as a person reads them at night.

use crate::clock::{WallMs, rfc3339};

/// `03:12:05` where it is on the day of `near`, else with the day before it. UTC.
pub(super) fn clock(at: WallMs, near: WallMs) -> String {
    let (text, near) = (rfc3339(at), rfc3339(near));
    // 2026-11-23T03:12:05.120Z
    match (text.split_once('T'), near.split_once('T')) {
        (Some((day, time)), Some((today, _))) => {
            let time = time.split('.').next().unwrap_or(time);
            if day == today { time.to_owned() } else { format!("{day} {time}") }
        }
        _ => text,
    }
}

/// How long that is, in its two greatest units: `45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`.
pub(super) fn span(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let two = |great: i64, unit: &str, small: i64, part: &str| match small {
        0 => format!("{great} {unit}"),
        small => format!("{great} {unit} {small} {part}"),
    };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => two(minutes, "min", if minutes < 5 { seconds % 60 } else { 0 }, "s"),
        (0, hours, minutes) => two(hours, "h", minutes, "min"),
        (days, hours, _) => two(days, "d", hours, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short_and_spans_have_two_units() {
        // 2027-01-15T08:00:00Z
        let now = 1_800_000_000_000;
        assert_eq!(clock(now + 5_120, now), "08:00:05");
        assert_eq!(clock(now - 86_400_000, now), "2027-01-14 08:00:00");
        for (ms, want) in [
            (-5, "0 s"),
            (45_999, "45 s"),
            (60_000, "1 min"),
            (95_000, "1 min 35 s"),
            (725_000, "12 min"),
            (11_100_000, "3 h 5 min"),
            (7_200_000, "2 h"),
            (187_200_000, "2 d 4 h"),
        ] {
            assert_eq!(span(ms), want, "{ms}");
        }
    }
}
