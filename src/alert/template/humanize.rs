//! Numbers for people, as Prometheus' template functions write them.

use super::{number, time, value::Value};

/// What a function that takes "any number" makes of a value.
///
/// # Errors
/// When it is none.
pub(super) fn float(value: &Value) -> Result<f64, String> {
    match value {
        Value::Float(value) => Ok(*value),
        Value::Int(value) => Ok(*value as f64),
        Value::Duration(nanos) => Ok(*nanos as f64 / 1e9),
        Value::Text(text) => parse(text).ok_or_else(|| format!("'{}' is not a number", short(text))),
        other => Err(format!("a {} is not a number", other.kind())),
    }
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

fn parse(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text).to_ascii_lowercase();
    let is_word = matches!(unsigned.as_str(), "inf" | "infinity" | "nan");
    let is_number = unsigned.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'+' | b'-'));
    text.parse().ok().filter(|_| is_word || is_number)
}

fn four(value: f64) -> String {
    number::general(value, Some(4))
}

/// `humanize`: 1234567 is 1.235M, 0.00123 is 1.23m.
pub(super) fn metric(mut value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return four(value);
    }
    let mut prefix = "";
    if value.abs() >= 1.0 {
        for next in ["k", "M", "G", "T", "P", "E", "Z", "Y"] {
            if value.abs() < 1000.0 {
                break;
            }
            prefix = next;
            value /= 1000.0;
        }
    } else {
        for next in ["m", "u", "n", "p", "f", "a", "z", "y"] {
            if value.abs() >= 1.0 {
                break;
            }
            prefix = next;
            value *= 1000.0;
        }
    }
    four(value) + prefix
}

/// `humanize1024`: 1048576 is 1Mi.
pub(super) fn binary(mut value: f64) -> String {
    if value.abs() <= 1.0 || !value.is_finite() {
        return four(value);
    }
    let mut prefix = "";
    for next in ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"] {
        if value.abs() < 1024.0 {
            break;
        }
        prefix = next;
        value /= 1024.0;
    }
    four(value) + prefix
}

/// `humanizePercentage`: 0.05 is 5%.
pub(super) fn percentage(value: f64) -> String {
    four(value * 100.0) + "%"
}

/// `humanizeDuration`, of seconds: 3661 is 1h 1m 1s, 0.1235 is 123.5ms.
pub(super) fn duration(mut value: f64) -> String {
    if !value.is_finite() {
        return four(value);
    }
    if value == 0.0 {
        return four(value) + "s";
    }
    if value.abs() >= 1.0 {
        let sign = if value < 0.0 { "-" } else { "" };
        // A float beyond the whole numbers becomes the largest of them.
        let total = value.abs() as i64;
        let (seconds, minutes, hours, days) = (total % 60, total / 60 % 60, total / 3600 % 24, total / 86_400);
        return match (days, hours, minutes) {
            (0, 0, 0) => format!("{sign}{}s", four(value.abs())),
            (0, 0, _) => format!("{sign}{minutes}m {seconds}s"),
            (0, ..) => format!("{sign}{hours}h {minutes}m {seconds}s"),
            _ => format!("{sign}{days}d {hours}h {minutes}m {seconds}s"),
        };
    }
    let mut prefix = "";
    for next in ["m", "u", "n", "p", "f", "a", "z", "y"] {
        if value.abs() >= 1.0 {
            break;
        }
        prefix = next;
        value *= 1000.0;
    }
    format!("{}{prefix}s", four(value))
}

/// `humanizeTimestamp`, of Unix seconds: 1435065584.128 is 2015-06-23 13:19:44.128 +0000 UTC.
///
/// # Errors
/// When no clock can show it.
pub(super) fn timestamp(value: f64) -> Result<String, String> {
    if value.is_finite() { instant(value).map(time::text) } else { Ok(four(value)) }
}

/// Unix seconds as milliseconds.
///
/// # Errors
/// When no clock can show it.
pub(super) fn instant(value: f64) -> Result<i64, String> {
    nanos(value).map(|nanos| nanos.div_euclid(1_000_000))
}

/// Seconds as nanoseconds.
///
/// # Errors
/// When 64 bits do not hold them.
pub(super) fn nanos(value: f64) -> Result<i64, String> {
    if !value.is_finite() {
        return Err("value is NaN or Inf".to_owned());
    }
    let nanos = value * 1e9;
    if nanos.abs() > i64::MAX as f64 {
        return Err(format!("{} seconds are over 292 years", number::general(value, None)));
    }
    Ok(nanos as i64)
}

/// `parseDuration`: 1h30m is 5400.
///
/// # Errors
/// When it is none.
pub(super) fn parse_duration(text: &str) -> Result<f64, String> {
    let wrong = || format!("'{}' is not a duration such as 1h30m", short(text));
    if text == "0" {
        return Ok(0.0);
    }
    let units = [
        ("y", 31_536_000_000),
        ("w", 604_800_000),
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ];
    let mut units = units.iter();
    let (mut rest, mut total) = (text, 0_i64);
    if text.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let letters = rest[digits..].bytes().take_while(u8::is_ascii_lowercase).count();
        let unit = &rest[digits..digits + letters];
        // Each unit once, the larger first.
        let millis = units.find(|(name, _)| *name == unit).map(|(_, millis)| *millis).ok_or_else(wrong)?;
        let number: i64 = rest[..digits].parse().map_err(|_| wrong())?;
        total = number.checked_mul(millis).and_then(|part| total.checked_add(part)).ok_or_else(wrong)?;
        rest = &rest[digits + letters..];
    }
    Ok(total as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        let table = [
            (0.0, "0", "0", "0s", "0%"),
            (1.0, "1", "1", "1s", "100%"),
            (-1.0, "-1", "-1", "-1s", "-100%"),
            (1_234_567.0, "1.235M", "1.177Mi", "14d 6h 56m 7s", "1.235e+08%"),
            (1_048_576.0, "1.049M", "1Mi", "12d 3h 16m 16s", "1.049e+08%"),
            (0.12, "120m", "0.12", "120ms", "12%"),
            (0.001_234, "1.234m", "0.001234", "1.234ms", "0.1234%"),
            (12_345_678e3, "12.35G", "11.5Gi", "142889d 19h 0m 0s", "1.235e+12%"),
            (61.0, "61", "61", "1m 1s", "6100%"),
            (3_661.0, "3.661k", "3.575ki", "1h 1m 1s", "3.661e+05%"),
            (1.5, "1.5", "1.5", "1.5s", "150%"),
            (1e-24, "1y", "1e-24", "1ys", "1e-22%"),
            (1e27, "1000Y", "827.2Yi", "106751991167300d 15h 30m 7s", "1e+29%"),
            (f64::INFINITY, "+Inf", "+Inf", "+Inf", "+Inf%"),
            (f64::NAN, "NaN", "NaN", "NaN", "NaN%"),
        ];
        for (value, si, iec, seconds, percent) in table {
            assert_eq!(metric(value), si);
            assert_eq!(binary(value), iec, "{value}");
            assert_eq!(duration(value), seconds, "{value}");
            assert_eq!(percentage(value), percent, "{value}");
        }
    }

    #[test]
    fn times_and_durations() {
        assert_eq!(timestamp(1_435_065_584.128).unwrap(), "2015-06-23 13:19:44.128 +0000 UTC");
        assert_eq!(timestamp(-0.5).unwrap(), "1969-12-31 23:59:59.5 +0000 UTC");
        assert!(timestamp(1e300).is_err());
        assert_eq!(parse_duration("1h2m10ms"), Ok(3720.01));
        assert_eq!(parse_duration("0"), Ok(0.0));
        for text in ["", "5", "m5", "1m1h", "1m1m", "99999999999999y", "1.5h"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        for (text, expected) in [
            ("1.5", Some(1.5)),
            ("+Inf", Some(f64::INFINITY)),
            ("1e3", Some(1e3)),
            ("x", None),
            ("", None),
            (" 1", None),
        ] {
            assert_eq!(float(&Value::text(text)).ok(), expected, "{text}");
        }
    }
}
