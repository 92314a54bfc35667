//! Numbers and durations, which begin alike.

use super::lexer::Token;

/// The units of a duration, in the order in which they must be, with their seconds.
const UNITS: [(&str, f64); 7] =
    [("y", 31_536_000.0), ("w", 604_800.0), ("d", 86_400.0), ("h", 3_600.0), ("m", 60.0), ("s", 1.0), ("ms", 0.001)];

/// What Prometheus counts in: nanoseconds in 64 bits.
const LONGEST: f64 = 9_223_372_036.0;

/// Reads what begins with a digit, or with a point and a digit.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(text: &str) -> Result<(Token<'static>, usize), &'static str> {
    let length = length(text);
    let word = &text[..length];
    if let Some(seconds) = duration(word)? {
        return Ok((Token::Duration(seconds), length));
    }
    number(word).map(|value| (Token::Number(value), length)).ok_or("bad number or duration")
}

/// How far a number or duration goes: letters and digits, points, and the sign of an exponent.
fn length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let is_hex = text.starts_with("0x") || text.starts_with("0X");
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let is_sign = matches!(byte, b'+' | b'-') && !is_hex && matches!(bytes.get(at - 1), Some(b'e' | b'E'));
        if !(byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_') || at > 0 && is_sign) {
            break;
        }
        at += 1;
    }
    at
}

/// `1h30m`; None when it is none.
fn duration(word: &str) -> Result<Option<f64>, &'static str> {
    let mut rest = word;
    let mut units = UNITS.as_slice();
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = after.split_at(letters);
        let Some((_, seconds)) = UNITS.iter().find(|(name, _)| *name == unit) else { return Ok(None) };
        let Ok(number) = number.parse::<f64>() else { return Ok(None) };
        let Some(place) = units.iter().position(|(name, _)| *name == unit) else {
            return Err("bad duration: each unit comes once, in the order y w d h m s ms");
        };
        units = &units[place + 1..];
        total += number * seconds;
        rest = after;
    }
    if total > LONGEST { Err("a duration of over 292 years") } else { Ok(Some(total)) }
}

fn number(word: &str) -> Option<f64> {
    // An underscore stands between two digits.
    let is_digit = |at: Option<&u8>| at.is_some_and(u8::is_ascii_hexdigit);
    let bytes = word.as_bytes();
    let mut underscores = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'_');
    if !underscores.all(|(at, _)| at > 0 && is_digit(bytes.get(at - 1)) && is_digit(bytes.get(at + 1))) {
        return None;
    }
    let word: String = word.chars().filter(|c| *c != '_').collect();
    if let Some(digits) = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        return u64::from_str_radix(digits, 16).ok().map(|value| value as f64);
    }
    // Rust's words for it are not Go's; digits, a point and an exponent are the same to both.
    let plain = word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    let value: f64 = word.parse().ok().filter(|_| plain)?;
    // A leading zero makes an octal of what has octal digits only, as Go reads it.
    match word.strip_prefix('0') {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| matches!(byte, b'0'..=b'7')) => {
            u64::from_str_radix(digits, 8).ok().map(|value| value as f64)
        }
        _ => Some(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_durations() {
        let numbers = [
            ("0", 0.0),
            ("123", 123.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("1e3", 1000.0),
            ("1E-3", 0.001),
            ("2e+2x", 0.0),
            ("0x1F", 31.0),
            ("0xe+1", 14.0),
            ("1_000", 1000.0),
            ("0755", 493.0),
            ("0.05", 0.05),
        ];
        for (text, expected) in numbers {
            match read(text) {
                Ok((Token::Number(value), _)) => assert!((value - expected).abs() < 1e-9, "{text}: {value}"),
                other => assert_eq!((text, other), ("2e+2x", Err("bad number or duration"))),
            }
        }
        for (text, expected) in [
            ("5m", 300.0),
            ("1h30m", 5400.0),
            ("1d12h", 129_600.0),
            ("100ms", 0.1),
            ("0s", 0.0),
            ("1y2w", 32_745_600.0),
        ] {
            assert_eq!(read(text), Ok((Token::Duration(expected), text.len())));
        }
        for text in ["5q", "1.5h", "1_", "1__0", "0x", "1e", "1h1h", "5m1h", "300y", "1infinity", "1nan", "0xg"] {
            assert!(read(text).is_err(), "{text}: {:?}", read(text));
        }
    }
}
