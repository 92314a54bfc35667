//! Numbers as Go writes them.

/// What `%e`, `%f` and `%g` do, in one place: the digits of a number, and where its point is.
struct Digits {
    /// Without the sign, without a point; at least one.
    digits: String,
    /// How many of them are before the point; may be negative, or over their number.
    point: i32,
}

/// The fewest digits that give the number back, or `count` significant ones.
fn digits(value: f64, count: Option<usize>) -> Digits {
    let text = match count {
        Some(count) => format!("{:.*e}", count.max(1) - 1, value.abs()),
        None => format!("{:e}", value.abs()),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits = mantissa.replace('.', "");
    Digits { digits, point: exponent + 1 }
}

/// NaN and the infinities, which have no digits.
fn special(value: f64) -> Option<&'static str> {
    match value {
        value if value.is_nan() => Some("NaN"),
        f64::INFINITY => Some("+Inf"),
        f64::NEG_INFINITY => Some("-Inf"),
        _ => None,
    }
}

fn sign(value: f64) -> &'static str {
    if value.is_sign_negative() { "-" } else { "" }
}

/// `%g`, and `%v` of a float: `precision` significant digits, or as few as give the number back.
pub(super) fn general(value: f64, precision: Option<usize>) -> String {
    if let Some(special) = special(value) {
        return special.to_owned();
    }
    let Digits { digits, point } = digits(value, precision.map(|precision| precision.max(1)));
    let significant = digits.trim_end_matches('0');
    let count = i32::try_from(significant.len()).unwrap_or(i32::MAX);
    // From this exponent on the scientific form is taken.
    let limit = match precision.map(|precision| i32::try_from(precision.max(1)).unwrap_or(i32::MAX)) {
        None => 6,
        Some(precision) if precision > count && count >= point => count,
        Some(precision) => precision,
    };
    let exponent = if significant.is_empty() { 0 } else { point - 1 };
    if exponent < -4 || exponent >= limit {
        let (first, rest) = significant.split_at(1);
        let dot = if rest.is_empty() { "" } else { "." };
        return format!("{}{first}{dot}{rest}e{}", sign(value), exponent_text(exponent));
    }
    let decimals = usize::try_from(count - point).unwrap_or(0);
    let text = if significant.is_empty() { "0".to_owned() } else { place(significant, point, decimals) };
    format!("{}{text}", sign(value))
}

/// `%f`.
pub(super) fn fixed(value: f64, precision: usize) -> String {
    special(value).map_or_else(|| format!("{value:.precision$}"), str::to_owned)
}

/// `%e`.
pub(super) fn scientific(value: f64, precision: usize) -> String {
    if let Some(special) = special(value) {
        return special.to_owned();
    }
    let text = format!("{value:.precision$e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => format!("{mantissa}e{}", exponent_text(exponent.parse().unwrap_or(0))),
        None => text,
    }
}

/// At least two digits, with a sign.
fn exponent_text(exponent: i32) -> String {
    format!("{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.unsigned_abs())
}

/// Digits with their point and `decimals` behind it.
fn place(digits: &str, point: i32, decimals: usize) -> String {
    let mut text = String::new();
    let before = usize::try_from(point).unwrap_or(0);
    if before == 0 {
        text.push('0');
    }
    for at in 0..before {
        text.push(digits.as_bytes().get(at).map_or('0', |digit| char::from(*digit)));
    }
    if decimals > 0 {
        text.push('.');
        for at in 0..decimals {
            let at = point + i32::try_from(at).unwrap_or(0);
            let digit = usize::try_from(at).ok().and_then(|at| digits.as_bytes().get(at));
            text.push(digit.map_or('0', |digit| char::from(*digit)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_form() {
        let table = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.05, "0.05"),
            (100_000.0, "100000"),
            (123_456.0, "123456"),
            (1_000_000.0, "1e+06"),
            (1_234_567.0, "1.234567e+06"),
            (123_456.789, "123456.789"),
            (0.0001, "0.0001"),
            (0.000_01, "1e-05"),
            (0.000_012_34, "1.234e-05"),
            (-2.5, "-2.5"),
            (1e21, "1e+21"),
            (1e100, "1e+100"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ];
        for (value, expected) in table {
            assert_eq!(general(value, None), expected);
        }
    }

    #[test]
    fn with_precision() {
        let table = [
            (1_234.567, 4, "1235"),
            (1_000.0, 4, "1000"),
            (100_000.0, 4, "1e+05"),
            (12_345.0, 4, "1.234e+04"),
            (0.1, 4, "0.1"),
            (0.000_012_345_678, 4, "1.235e-05"),
            (1.0, 4, "1"),
            (99.999_9, 4, "100"),
            (9_999.99, 4, "1e+04"),
            (0.0, 4, "0"),
            (50.0, 1, "5e+01"),
            (5.0, 0, "5"),
        ];
        for (value, precision, expected) in table {
            assert_eq!(general(value, Some(precision)), expected, "{value}");
        }
        assert_eq!(fixed(2.5, 0), "2");
        assert_eq!(fixed(1.005, 2), "1.00");
        assert_eq!(fixed(f64::NAN, 2), "NaN");
        assert_eq!(scientific(123_456.0, 6), "1.234560e+05");
        assert_eq!(scientific(0.0, 2), "0.00e+00");
        assert_eq!(scientific(1e-100, 0), "1e-100");
    }
}
