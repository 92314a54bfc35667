//! What a plain YAML scalar means, as the library under `kubectl` and the API server resolves it.
//!
//! That is YAML 1.1 with some of 1.2: `yes`, `no`, `on`, `off`, `y` and `n` are booleans, `010` and `0o10`
//! are 8, `1_000` is 1000, `1:30` and dates are text. Being the same here matters more than being modern: a
//! manifest must mean one thing to Probity and to the cluster.

use base64::Engine;
use serde_json::{Number, Value};

/// The value of a plain scalar without a tag.
///
/// # Errors
/// The message for a number that JSON cannot say (`.nan`, `.inf`).
pub(super) fn resolve(written: &str) -> Result<Value, String> {
    if let Some(value) = word(written) {
        return value.ok_or_else(|| format!("`{written}` is a number that JSON cannot say"));
    }
    Ok(match written.as_bytes().first() {
        Some(b'.') => float(written),
        Some(b'+' | b'-' | b'0'..=b'9') => number(&written.replace('_', "")),
        _ => None,
    }
    .map_or_else(|| Value::String(written.to_owned()), Value::Number))
}

/// The value of a scalar that has a tag of YAML's own, such as `!!str`; `tag` is what follows the `!!`.
///
/// # Errors
/// What is wrong with it.
pub(super) fn tagged(tag: &str, written: &str) -> Result<Value, String> {
    let value = match tag {
        "str" | "timestamp" => return Ok(Value::String(written.to_owned())),
        "binary" => {
            // Line breaks are part of how long base64 is written.
            let text: String = written.split_ascii_whitespace().collect();
            let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok();
            let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
            return text.map(Value::String).ok_or_else(|| "a `!!binary` value must be base64 of UTF-8 text".to_owned());
        }
        _ => resolve(written)?,
    };
    let fits = match tag {
        "bool" => value.is_boolean(),
        "int" => value.as_number().is_some_and(|n| !n.is_f64()),
        "float" => value.is_number(),
        "null" => value.is_null(),
        // Tags for containers on a scalar, and tags nobody knows: the text, as kubectl takes it.
        _ => return Ok(Value::String(written.to_owned())),
    };
    if fits { Ok(value) } else { Err(format!("`{written}` cannot be read as !!{tag}")) }
}

/// Whether a person may not expect `written` to be read as `value`.
pub(super) fn surprises(written: &str, value: &Value) -> bool {
    match value {
        Value::String(_) => false,
        Value::Null => !matches!(written, "" | "~" | "null"),
        Value::Bool(value) => written != if *value { "true" } else { "false" },
        Value::Number(number) => number.to_string().as_str() != written,
        Value::Array(_) | Value::Object(_) => false,
    }
}

/// The words that are not text. The inner None: not a number of JSON.
fn word(written: &str) -> Option<Option<Value>> {
    Some(Some(match written {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Value::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Value::Bool(false),
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf"
        | "-.INF" => return Some(None),
        _ => return None,
    }))
}

/// An integer in any base that Go knows, else a decimal fraction.
fn number(plain: &str) -> Option<Number> {
    integer(plain).or_else(|| if is_decimal(plain) { float(plain) } else { None })
}

fn integer(plain: &str) -> Option<Number> {
    let (negative, digits) = match plain.as_bytes().first()? {
        b'-' => (true, plain.get(1..)?),
        b'+' => (false, plain.get(1..)?),
        _ => (false, plain),
    };
    let lower = digits.get(..2).map(str::to_ascii_lowercase);
    let (radix, digits) = match lower.as_deref() {
        Some("0x") => (16, digits.get(2..)?),
        Some("0o") => (8, digits.get(2..)?),
        Some("0b") => (2, digits.get(2..)?),
        Some(two) if two.starts_with('0') => (8, digits.get(1..)?),
        _ => (10, digits),
    };
    // A second sign is none of the digits, though Rust's parser would take it.
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let value = i128::from_str_radix(digits, radix).ok()?;
    let value = if negative { -value } else { value };
    match i64::try_from(value) {
        Ok(value) => Some(Number::from(value)),
        // The larger half of u64 is read too, and loses its last digits on the way through kubectl.
        Err(_) if !digits.is_empty() && u64::try_from(value).is_ok() && !plain.starts_with('+') => {
            Number::from_f64(value as f64)
        }
        Err(_) => None,
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_decimal(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(w, f)| (w, Some(f)));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    digits(whole)
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|e| !e.is_empty() && digits(e))
        && (!whole.is_empty() || fraction.is_some_and(|f| !f.is_empty()))
}

fn float(text: &str) -> Option<Number> {
    // What Rust reads beside digits (`.5` begins with a dot here, so no word does) is the same as Go's.
    let value: f64 = text.parse().ok()?;
    // 2^53: up to there every whole f64 is one integer. Go writes a whole float without a fraction, so that
    // the API server gets an integer.
    if value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0 {
        return Some(Number::from(value as i64));
    }
    Number::from_f64(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn plain_scalars_mean_what_kubectl_takes_them_for() {
        for (written, meant) in [
            ("yes", json!(true)),
            ("Off", json!(false)),
            ("y", json!(true)),
            ("tRue", json!("tRue")),
            ("~", json!(null)),
            ("", json!(null)),
            ("nil", json!("nil")),
            ("0", json!(0)),
            ("-0", json!(0)),
            ("+5", json!(5)),
            ("010", json!(8)),
            ("0o10", json!(8)),
            ("08", json!(8)),
            ("0x1F", json!(31)),
            ("-0b11", json!(-3)),
            ("0x", json!("0x")),
            ("--1", json!("--1")),
            ("1_000", json!(1000)),
            ("12345678901234567890", json!(12345678901234567000f64)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("1e3", json!(1000)),
            ("3.0", json!(3)),
            ("3.25", json!(3.25)),
            (".5", json!(0.5)),
            ("5.", json!(5)),
            (".", json!(".")),
            ("1e", json!("1e")),
            ("1:30", json!("1:30")),
            ("2001-01-01", json!("2001-01-01")),
            ("10s", json!("10s")),
            ("1.2.3", json!("1.2.3")),
            ("1e999", json!("1e999")),
            ("-", json!("-")),
        ] {
            assert_eq!(resolve(written).unwrap(), meant, "{written}");
        }
        assert!(resolve(".inf").is_err());
    }

    #[test]
    fn a_tag_decides() {
        assert_eq!(tagged("str", "yes").unwrap(), json!("yes"));
        assert_eq!(tagged("int", "0x10").unwrap(), json!(16));
        assert_eq!(tagged("binary", "aGk=\n").unwrap(), json!("hi"));
        assert!(tagged("int", "ten").is_err());
        assert!(tagged("binary", "/w==").is_err());
    }
}
