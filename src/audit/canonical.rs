//! One way to write a value: names sorted by their bytes, no space, texts and lists cut at a bound.
//!
//! There are no fractions in a row, so that nothing hangs on how a number is written (the rest is that of RFC 8785).

use serde_json::Value;

/// Characters of one text: an answer of a receiver, an error with what caused it.
const TEXT_MAX: usize = 1024;

/// Elements of one list, so that a row is a few kilobytes, and 64 at most.
const LIST_MAX: usize = 32;

/// Writes `value` at the end of `out`.
pub(super) fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(yes) => out.push_str(if *yes { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(text) => quote(text, out),
        Value::Array(values) => {
            out.push('[');
            // One less, for what tells how many are missing: so what was cut once is not cut again.
            let kept = if values.len() > LIST_MAX { LIST_MAX - 1 } else { values.len() };
            for (at, value) in values.iter().take(kept).enumerate() {
                comma(at, out);
                write(value, out);
            }
            if values.len() > kept {
                out.push(',');
                quote(&format!("… and {} more", values.len() - kept), out);
            }
            out.push(']');
        }
        Value::Object(values) => {
            // Sorted here: whether the map is, is a feature that any crate may change.
            let mut names: Vec<_> = values.keys().collect();
            names.sort_unstable();
            out.push('{');
            for (at, name) in names.into_iter().enumerate() {
                comma(at, out);
                quote(name, out);
                out.push(':');
                write(&values[name.as_str()], out);
            }
            out.push('}');
        }
    }
}

fn comma(at: usize, out: &mut String) {
    if at > 0 {
        out.push(',');
    }
}

fn quote(text: &str, out: &mut String) {
    match text.char_indices().nth(TEXT_MAX) {
        None => out.push_str(&Value::from(text).to_string()),
        Some(_) => {
            // One less, for the sign that something is missing.
            let end = text.char_indices().nth(TEXT_MAX - 1).map_or(text.len(), |(end, _)| end);
            out.push_str(&Value::from(format!("{}…", &text[..end])).to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn written(value: &Value) -> String {
        let mut out = String::new();
        write(value, &mut out);
        out
    }

    #[test]
    fn one_value_has_one_form() {
        let value = json!({"b": [1, -2, true, null], "a": {"é": "\"\n\u{1}", "Z": ""}, "aa": {}});
        let text = written(&value);
        assert_eq!(text, "{\"a\":{\"Z\":\"\",\"é\":\"\\\"\\n\\u0001\"},\"aa\":{},\"b\":[1,-2,true,null]}");
        assert_eq!(written(&serde_json::from_str(&text).unwrap()), text);
    }

    #[test]
    fn what_is_too_long_is_cut_and_says_so_and_stays_as_it_is_then() {
        let value = json!({"text": "ä".repeat(5000), "list": vec![7; 100]});
        let text = written(&value);
        let again: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(again["text"].as_str().map(|text| text.chars().count()), Some(TEXT_MAX));
        assert!(again["text"].as_str().is_some_and(|text| text.ends_with('…')));
        assert_eq!(again["list"].as_array().map(Vec::len), Some(LIST_MAX));
        assert_eq!(again["list"][LIST_MAX - 1], "… and 69 more");
        assert_eq!(written(&again), text);
    }
}
