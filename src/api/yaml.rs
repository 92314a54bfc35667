//! JSON written as YAML in block style, for generated files that people read.

use std::fmt::Write as _;

use serde_json::Value;

/// Writes an object as one YAML document, with `---` before it.
pub fn document(value: &Value) -> String {
    let mut out = String::from("---\n");
    block(&mut out, value, 0);
    out
}

fn block(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                pad(out, indent);
                out.push_str(&scalar(name));
                out.push(':');
                nested(out, value, indent);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                pad(out, indent);
                out.push('-');
                let mut inner = String::new();
                if is_block(item) {
                    block(&mut inner, item, indent + 2);
                    // The first line follows the dash.
                    out.push(' ');
                    out.push_str(inner.trim_start_matches(' '));
                } else {
                    nested(out, item, indent);
                }
            }
        }
        _ => {}
    }
}

/// What stands after `name:` or `-`.
fn nested(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(_) if is_block(value) => {
            out.push('\n');
            block(out, value, indent + 2);
        }
        Value::Array(_) if is_block(value) => {
            out.push('\n');
            block(out, value, indent);
        }
        Value::String(text) => {
            let _ = writeln!(out, " {}", scalar(text));
        }
        // Empty ones, numbers, booleans and null are the same in both languages.
        other => {
            let _ = writeln!(out, " {other}");
        }
    }
}

fn is_block(value: &Value) -> bool {
    match value {
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    }
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// Plain where no reader could take it for anything but this text, else quoted as in JSON.
fn scalar(text: &str) -> String {
    let plain = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || " -_./(),;+".contains(c))
        && !text.ends_with(' ')
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null"
        );
    if plain { text.to_owned() } else { Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn writes_blocks_and_quotes_what_could_be_misread() {
        let value = json!({"a": {"b": [1, {"c": "x: y", "d": []}], "e": "true"}, "f": "plain text", "g": "30s"});
        let text = "---\na:\n  b:\n  - 1\n  - c: \"x: y\"\n    d: []\n  e: \"true\"\nf: plain text\ng: \"30s\"\n";
        assert_eq!(document(&value), text);
    }
}
