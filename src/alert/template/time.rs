//! Times and durations: how Go writes them, and what can be asked of them. All times are UTC.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp, Zoned, tz::TimeZone};

use super::value::Value;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

fn zoned(millis: i64) -> Option<Zoned> {
    Timestamp::from_millisecond(millis).ok().map(|at| at.to_zoned(TimeZone::UTC))
}

/// As Go prints a time: `2009-11-10 23:00:00.5 +0000 UTC`.
pub(super) fn text(millis: i64) -> String {
    format(millis, "2006-01-02 15:04:05.999999999 -0700 MST")
}

/// As Go prints a duration: `1h0m0.5s`, `1.5ms`.
pub(super) fn duration_text(nanos: i64) -> String {
    if nanos == 0 {
        return "0s".to_owned();
    }
    let sign = if nanos < 0 { "-" } else { "" };
    let nanos = nanos.unsigned_abs();
    let fraction = |unit: u64| {
        let text = format!("{}.{:0width$}", nanos / unit, nanos % unit, width = unit.ilog10() as usize);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    match nanos {
        0..1_000 => format!("{sign}{nanos}ns"),
        1_000..1_000_000 => format!("{sign}{}µs", fraction(1_000)),
        1_000_000..1_000_000_000 => format!("{sign}{}ms", fraction(1_000_000)),
        _ => {
            let (minutes, rest) = (nanos / 60_000_000_000, nanos % 60_000_000_000);
            let seconds = format!("{}.{:09}", rest / 1_000_000_000, rest % 1_000_000_000);
            let seconds = seconds.trim_end_matches('0').trim_end_matches('.');
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
                (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

/// The pieces of a layout, the longer before those that they begin with.
const LAYOUT: [&str; 34] = [
    "January",
    "Jan",
    "Monday",
    "Mon",
    "MST",
    "2006",
    "-07:00",
    "-0700",
    "-07",
    "Z07:00",
    "Z0700",
    "002",
    "01",
    "02",
    "03",
    "04",
    "05",
    "06",
    "__2",
    "_2",
    "15",
    "PM",
    "pm",
    ".000000000",
    ".000000",
    ".000",
    ".0",
    ".999999999",
    ".999999",
    ".999",
    "1",
    "2",
    "3",
    "4",
];

/// Go's `Time.Format`: the layout shows how the second of January 2006, 15:04:05, would be written.
pub(super) fn format(millis: i64, layout: &str) -> String {
    let Some(at) = zoned(millis) else { return "a time out of range".to_owned() };
    let mut out = String::new();
    let mut rest = layout;
    while let Some(first) = rest.chars().next() {
        let piece = LAYOUT.iter().find(|piece| rest.starts_with(**piece) && is_piece(piece, rest));
        let length = match piece {
            Some(piece) => {
                // Writing into a text never fails.
                let _ = write_piece(&mut out, piece, &at);
                piece.len()
            }
            None if rest.starts_with('5') => {
                let _ = write!(out, "{}", at.second());
                1
            }
            None => {
                out.push(first);
                first.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    out
}

/// A fraction only counts behind the seconds, and `Jan` not in `January` spelt otherwise.
fn is_piece(piece: &str, rest: &str) -> bool {
    let next = rest[piece.len()..].chars().next();
    match piece {
        "Jan" | "Mon" => !next.is_some_and(|c| c.is_ascii_lowercase()),
        _ if piece.starts_with('.') => !next.is_some_and(|c| c.is_ascii_digit()),
        _ => true,
    }
}

fn write_piece(out: &mut String, piece: &str, at: &Zoned) -> std::fmt::Result {
    let name = |names: &'static [&'static str], index: i8| {
        names.get(usize::try_from(index).unwrap_or(0)).copied().unwrap_or_default()
    };
    let month = name(&MONTHS, at.month() - 1);
    let day = name(&DAYS, at.weekday().to_sunday_zero_offset());
    let hour12 = (at.hour() + 11) % 12 + 1;
    let nanos = at.subsec_nanosecond();
    match piece {
        "January" => out.write_str(month),
        "Jan" => out.write_str(&month[..3]),
        "Monday" => out.write_str(day),
        "Mon" => out.write_str(&day[..3]),
        "MST" => out.write_str("UTC"),
        "2006" => write!(out, "{:04}", at.year()),
        "06" => write!(out, "{:02}", at.year().rem_euclid(100)),
        "-07:00" => out.write_str("+00:00"),
        "-0700" => out.write_str("+0000"),
        "-07" => out.write_str("+00"),
        "Z07:00" | "Z0700" => out.write_str("Z"),
        "002" => write!(out, "{:03}", at.day_of_year()),
        "01" => write!(out, "{:02}", at.month()),
        "1" => write!(out, "{}", at.month()),
        "02" => write!(out, "{:02}", at.day()),
        "_2" => write!(out, "{:2}", at.day()),
        "__2" => write!(out, "{:3}", at.day_of_year()),
        "2" => write!(out, "{}", at.day()),
        "15" => write!(out, "{:02}", at.hour()),
        "03" => write!(out, "{hour12:02}"),
        "3" => write!(out, "{hour12}"),
        "04" => write!(out, "{:02}", at.minute()),
        "4" => write!(out, "{}", at.minute()),
        "05" => write!(out, "{:02}", at.second()),
        "PM" => out.write_str(if at.hour() >= 12 { "PM" } else { "AM" }),
        "pm" => out.write_str(if at.hour() >= 12 { "pm" } else { "am" }),
        fraction => {
            let digits = format!("{nanos:09}");
            let digits = &digits[..fraction.len() - 1];
            let digits = if fraction.starts_with(".9") { digits.trim_end_matches('0') } else { digits };
            if digits.is_empty() { Ok(()) } else { write!(out, ".{digits}") }
        }
    }
}

/// Calls a method of a time or a duration; None when it has none of that name that takes these.
pub(super) fn method(value: &Value, name: &str, arguments: &[Value]) -> Option<Value> {
    match value {
        Value::Time(millis) => time_method(*millis, name, arguments),
        Value::Duration(nanos) => duration_method(*nanos, name, arguments),
        _ => None,
    }
}

fn time_method(millis: i64, name: &str, arguments: &[Value]) -> Option<Value> {
    let at = zoned(millis)?;
    let int = |value: i64| Some(Value::Int(value));
    match (name, arguments) {
        ("Format", [Value::Text(layout)]) => Some(Value::text(format(millis, layout))),
        ("String", []) => Some(Value::text(text(millis))),
        ("UTC" | "Local", []) => Some(Value::Time(millis)),
        ("Unix", []) => int(millis.div_euclid(1000)),
        ("UnixMilli", []) => int(millis),
        ("UnixNano", []) => int(millis.saturating_mul(1_000_000)),
        ("Year", []) => int(at.year().into()),
        ("Month", []) => Some(Value::text(format(millis, "January"))),
        ("Day", []) => int(at.day().into()),
        ("Hour", []) => int(at.hour().into()),
        ("Minute", []) => int(at.minute().into()),
        ("Second", []) => int(at.second().into()),
        ("YearDay", []) => int(at.day_of_year().into()),
        ("Weekday", []) => Some(Value::text(format(millis, "Monday"))),
        ("Add", [Value::Duration(nanos)]) => {
            let sum = at.timestamp().checked_add(SignedDuration::from_nanos(*nanos)).ok()?;
            Some(Value::Time(sum.as_millisecond()))
        }
        ("Sub", [Value::Time(other)]) => Some(Value::Duration(millis.saturating_sub(*other).saturating_mul(1_000_000))),
        ("Before", [Value::Time(other)]) => Some(Value::Bool(millis < *other)),
        ("After", [Value::Time(other)]) => Some(Value::Bool(millis > *other)),
        ("Equal", [Value::Time(other)]) => Some(Value::Bool(millis == *other)),
        _ => None,
    }
}

fn duration_method(nanos: i64, name: &str, arguments: &[Value]) -> Option<Value> {
    let seconds = nanos as f64 / 1e9;
    match (name, arguments) {
        ("String", []) => Some(Value::text(duration_text(nanos))),
        ("Hours", []) => Some(Value::Float(seconds / 3600.0)),
        ("Minutes", []) => Some(Value::Float(seconds / 60.0)),
        ("Seconds", []) => Some(Value::Float(seconds)),
        ("Milliseconds", []) => Some(Value::Int(nanos / 1_000_000)),
        ("Microseconds", []) => Some(Value::Int(nanos / 1_000)),
        ("Nanoseconds", []) => Some(Value::Int(nanos)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts() {
        // 2026-02-03 14:05:06.070 UTC, a Tuesday.
        let at = 1_770_127_506_070;
        let table = [
            ("2006-01-02T15:04:05Z07:00", "2026-02-03T14:05:06Z"),
            ("Mon, 02 Jan 2006 15:04:05 MST", "Tue, 03 Feb 2026 14:05:06 UTC"),
            ("Monday, January 2 3:4:5 PM -0700", "Tuesday, February 3 2:5:6 PM +0000"),
            ("15:04:05.000", "14:05:06.070"),
            ("15:04:05.999", "14:05:06.07"),
            ("06/1/_2 03pm", "26/2/ 3 02pm"),
            ("002 __2", "034  34"),
            ("Kitchen é", "Kitchen é"),
        ];
        for (layout, expected) in table {
            assert_eq!(format(at, layout), expected, "{layout}");
        }
        assert_eq!(text(0), "1970-01-01 00:00:00 +0000 UTC");
        assert_eq!(text(1_500), "1970-01-01 00:00:01.5 +0000 UTC");
    }

    #[test]
    fn durations() {
        for (nanos, expected) in [
            (0, "0s"),
            (1, "1ns"),
            (1_500, "1.5µs"),
            (123_500_000, "123.5ms"),
            (1_000_000_000, "1s"),
            (-90_500_000_000, "-1m30.5s"),
            (3_600_000_000_000, "1h0m0s"),
            (i64::MIN, "-2562047h47m16.854775808s"),
        ] {
            assert_eq!(duration_text(nanos), expected);
        }
    }
}
