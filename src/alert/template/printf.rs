//! `printf`, as Go's `fmt` does it.

use super::{number, value::Value};

/// A width or a precision may be this large; what templates line up is far shorter.
const WIDTH_MAX: usize = 1_000;

#[derive(Default)]
struct Spec {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// Formats `arguments`. A verb that does not fit is marked in the text, as Go does.
///
/// # Errors
/// When the text would be over `limit` bytes, or for what is not known here: `*` and `%[1]d`.
pub(super) fn sprintf(format: &str, arguments: &[Value], limit: usize) -> Result<String, String> {
    let mut out = String::new();
    let mut arguments = arguments.iter();
    let mut rest = format;
    while let Some(percent) = rest.find('%') {
        out.push_str(&rest[..percent]);
        let (spec, after) = spec(&rest[percent + 1..])?;
        let mut chars = after.chars();
        match chars.next() {
            None => {
                out.push_str("%!(NOVERB)");
                return Ok(out);
            }
            Some('%') => out.push('%'),
            Some('*' | '[') => return Err("printf takes no '*' and no '[' in a format here".to_owned()),
            Some(verb) => match arguments.next() {
                Some(argument) => out.push_str(&verb_text(&spec, verb, argument)),
                None => out.push_str(&format!("%!{verb}(MISSING)")),
            },
        }
        rest = chars.as_str();
        if out.len() > limit {
            return Err(format!("printf makes over {limit} bytes"));
        }
    }
    out.push_str(rest);
    let extra: Vec<String> = arguments.map(|value| format!("{}={value}", value.kind())).collect();
    if !extra.is_empty() {
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    Ok(out)
}

/// Flags, width and precision, and what is behind them.
fn spec(text: &str) -> Result<(Spec, &str), String> {
    let mut spec = Spec::default();
    let flags = text.bytes().take_while(|byte| b"-+# 0".contains(byte)).count();
    for flag in text[..flags].bytes() {
        match flag {
            b'-' => spec.minus = true,
            b'+' => spec.plus = true,
            b'#' => spec.sharp = true,
            b' ' => spec.space = true,
            _ => spec.zero = true,
        }
    }
    spec.zero &= !spec.minus;
    let (width, mut rest) = digits(&text[flags..])?;
    spec.width = width;
    if let Some(after) = rest.strip_prefix('.') {
        let (precision, after) = digits(after)?;
        spec.precision = Some(precision.unwrap_or(0));
        rest = after;
    }
    Ok((spec, rest))
}

fn digits(text: &str) -> Result<(Option<usize>, &str), String> {
    let count = text.bytes().take_while(u8::is_ascii_digit).count();
    if count == 0 {
        return Ok((None, text));
    }
    match text[..count].parse::<usize>() {
        Ok(width) if width <= WIDTH_MAX => Ok((Some(width), &text[count..])),
        _ => Err(format!("printf takes widths up to {WIDTH_MAX}")),
    }
}

fn verb_text(spec: &Spec, verb: char, value: &Value) -> String {
    let text = match (verb, value) {
        ('v', Value::Float(value)) => return float(spec, 'g', *value),
        ('v', Value::Int(value)) => return integer(spec, 'd', *value),
        ('v', _) => value.to_string(),
        ('s', Value::Text(_) | Value::Time(_) | Value::Duration(_) | Value::Labels(_)) => value.to_string(),
        ('q', Value::Text(text)) => return pad(spec, &quote(&cut(spec, text)), false),
        ('q', Value::Int(value)) => quote_rune(*value),
        ('x' | 'X', Value::Text(text)) => hex(text, verb),
        ('t', Value::Bool(value)) => value.to_string(),
        ('T', _) => value.kind().to_owned(),
        ('e' | 'E' | 'f' | 'F' | 'g' | 'G', Value::Float(value)) => return float(spec, verb, *value),
        ('d' | 'b' | 'o' | 'x' | 'X' | 'c' | 'U', Value::Int(value) | Value::Duration(value)) => {
            return integer(spec, verb, *value);
        }
        (_, Value::Nothing) => format!("%!{verb}(<nil>)"),
        _ => format!("%!{verb}({}={value})", value.kind()),
    };
    let text = if matches!(verb, 's' | 'v') && matches!(value, Value::Text(_)) { cut(spec, &text) } else { text };
    pad(spec, &text, false)
}

/// Strings are cut to the precision, in characters.
fn cut(spec: &Spec, text: &str) -> String {
    match spec.precision {
        Some(precision) => text.chars().take(precision).collect(),
        None => text.to_owned(),
    }
}

fn float(spec: &Spec, verb: char, value: f64) -> String {
    let text = match verb {
        'f' | 'F' => number::fixed(value, spec.precision.unwrap_or(6)),
        'e' | 'E' => number::scientific(value, spec.precision.unwrap_or(6)),
        _ => number::general(value, spec.precision),
    };
    let text = if verb.is_ascii_uppercase() && value.is_finite() { text.to_uppercase() } else { text };
    // Infinity has its sign in any case; a blank may stand in for it.
    let text = if value == f64::INFINITY {
        let sign = if spec.space && !spec.plus { ' ' } else { '+' };
        format!("{sign}{}", text.trim_start_matches('+'))
    } else {
        signed(spec, text)
    };
    pad(spec, &text, value.is_finite())
}

fn integer(spec: &Spec, verb: char, value: i64) -> String {
    let magnitude = value.unsigned_abs();
    let digits = match verb {
        'b' => format!("{magnitude:b}"),
        'o' => format!("{magnitude:o}"),
        'x' => format!("{magnitude:x}"),
        'X' => format!("{magnitude:X}"),
        'c' => return pad(spec, &rune(value).to_string(), false),
        'U' => return pad(spec, &format!("U+{magnitude:04X}"), false),
        _ => magnitude.to_string(),
    };
    let digits = match spec.precision {
        Some(0) if value == 0 => String::new(),
        Some(precision) => format!("{digits:0>precision$}"),
        None => digits,
    };
    let prefix = match verb {
        'b' if spec.sharp => "0b",
        'o' if spec.sharp => "0",
        'x' if spec.sharp => "0x",
        'X' if spec.sharp => "0X",
        _ => "",
    };
    let minus = if value < 0 { "-" } else { "" };
    pad(spec, &signed(spec, format!("{minus}{prefix}{digits}")), spec.precision.is_none())
}

fn signed(spec: &Spec, text: String) -> String {
    match text.as_bytes().first() {
        Some(b'-' | b'+') => text,
        _ if spec.plus => format!("+{text}"),
        _ if spec.space => format!(" {text}"),
        _ => text,
    }
}

/// Fills up to the width, with zeros between sign and digits where these are asked for.
fn pad(spec: &Spec, text: &str, is_number: bool) -> String {
    let missing = spec.width.unwrap_or(0).saturating_sub(text.chars().count());
    if missing == 0 {
        return text.to_owned();
    }
    if spec.minus {
        return format!("{text}{}", " ".repeat(missing));
    }
    if !spec.zero {
        return format!("{}{text}", " ".repeat(missing));
    }
    let sign = usize::from(is_number && text.starts_with(['-', '+', ' ']));
    format!("{}{}{}", &text[..sign], "0".repeat(missing), &text[sign..])
}

fn rune(value: i64) -> char {
    u32::try_from(value).ok().and_then(char::from_u32).unwrap_or('\u{fffd}')
}

fn hex(text: &str, verb: char) -> String {
    text.bytes().map(|byte| if verb == 'x' { format!("{byte:02x}") } else { format!("{byte:02X}") }).collect()
}

fn quote_rune(value: i64) -> String {
    match rune(value) {
        '\'' => "'\\''".to_owned(),
        '"' => "'\"'".to_owned(),
        other => {
            let quoted = quote(&other.to_string());
            format!("'{}'", &quoted[1..quoted.len() - 1])
        }
    }
}

/// `%q` of a text.
fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            c if c.is_ascii_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_flags_and_what_does_not_fit() {
        let text = |text: &str| Value::text(text);
        let table: &[(&str, &[Value], &str)] = &[
            ("%s and %s", &[text("a"), text("b")], "a and b"),
            ("%.2f", &[Value::Float(0.123_45)], "0.12"),
            (
                "%5.1f|%-6.1f|%06.1f",
                &[Value::Float(2.25), Value::Float(2.25), Value::Float(-2.25)],
                "  2.2|2.2   |-002.2",
            ),
            (
                "%+d % d %05d %x %#x %X %o %b %c",
                &[7, 7, -7, 255, 255, 255, 8, 5, 97].map(Value::Int),
                "+7  7 -0007 ff 0xff FF 10 101 a",
            ),
            ("%q %5s|%-5s|%.2s", &[text("a\"\n"), text("b"), text("c"), text("def")], "\"a\\\"\\n\"     b|c    |de"),
            ("%v %v %v", &[Value::Float(1e6), Value::Int(3), Value::Bool(true)], "1e+06 3 true"),
            ("%e %g %G", &[Value::Float(1234.5), Value::Float(1e-7), Value::Float(1e-7)], "1.234500e+03 1e-07 1E-07"),
            ("%t %%", &[Value::Bool(false)], "false %"),
            ("%d", &[Value::Float(5.0)], "%!d(float64=5)"),
            ("%f", &[Value::Int(5)], "%!f(int=5)"),
            ("%s", &[Value::Float(0.5)], "%!s(float64=0.5)"),
            ("%d %d", &[Value::Int(1)], "1 %!d(MISSING)"),
            ("%d", &[Value::Int(1), text("x"), Value::Int(2)], "1%!(EXTRA string=x, int=2)"),
            ("100%", &[], "100%!(NOVERB)"),
            ("%z", &[Value::Int(1)], "%!z(int=1)"),
            ("%v %f", &[Value::Float(f64::INFINITY), Value::Float(f64::NAN)], "+Inf NaN"),
            ("%x", &[text("hi")], "6869"),
            ("%s", &[Value::Nothing], "%!s(<nil>)"),
        ];
        for (format, arguments, expected) in table {
            assert_eq!(sprintf(format, arguments, 1_000).unwrap(), *expected, "{format}");
        }
        assert!(sprintf("%2000d", &[Value::Int(1)], 10_000).is_err());
        assert!(sprintf("%*d", &[Value::Int(1), Value::Int(1)], 10_000).is_err());
        assert!(sprintf(&"%900d".repeat(100), &vec![Value::Int(1); 100], 10_000).is_err());
    }
}
