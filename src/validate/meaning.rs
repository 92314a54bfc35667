//! What the patterns of the schema mean, for people.

/// What a pattern asks for.
pub struct Meaning {
    /// Follows "is not".
    pub what: &'static str,
    /// What would be right.
    pub example: &'static str,
    /// Whether a message may show what was written; not where it may be a credential.
    pub may_show: bool,
}

/// Of each pattern in the schema; a test sees to it that none is missing.
pub fn of(pattern: &str) -> Option<Meaning> {
    let (what, example) = match pattern {
        "^([0-9]+(ms|s|m|h))+$" => ("a duration", "numbers with a unit of ms, s, m or h, such as 500ms, 30s or 1h30m"),
        "^([0-9]+(ms|s|m|h|d|w))+$" => ("a duration", "numbers with a unit of s, m, h, d or w, such as 5m, 24h or 30d"),
        "^[a-z][a-z0-9_]*$" => {
            ("a name for reports", "lower-case letters, digits and _, a letter first, such as coordinator_api")
        }
        "^[-._a-zA-Z0-9]+$" => ("a key of a Secret or ConfigMap", "letters, digits, `-`, `_` and `.`"),
        "^/" => ("a path", "a path begins with /"),
        "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" => ("a header's name", "letters, digits and -, such as X-Api-Key"),
        r"^[^\x00-\x08\x0a-\x1f\x7f]*$" => ("a header's value", "one line without control characters"),
        "^[a-z]([-a-z0-9]*[a-z0-9])?$" => {
            ("the name of a Service", "lower-case letters, digits and -, a letter first, such as coordinator-api")
        }
        "^[1-5][0-9]{2}(-[1-5][0-9]{2})?$" => {
            ("a status code or a range of them", "codes from 100 to 599, such as \"204\" or \"200-299\"")
        }
        "^[A-Za-z0-9.-]+$" => ("the name of a host", "letters, digits, - and ., such as mail.example"),
        "^(-?[0-9]+|@[A-Za-z0-9_]+)$" => {
            ("a chat of Telegram", "its number in quotes, such as \"-1001234567890\", or @ and the name of a channel")
        }
        "^([0-9][-0-9]*)?[a-z]([-a-z0-9]*[a-z0-9])?$" => {
            ("the name of a port", "a number without quotes, or lower-case letters, digits and -, such as http")
        }
        "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$" => {
            ("the value of a label", "letters, digits, -, _ and ., a letter or digit at both ends")
        }
        r"^([a-z0-9.-]+/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$" => {
            ("the name of a label", "such as app.kubernetes.io/name or tier")
        }
        r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$" => {
            ("the name of an object", "lower-case letters, digits, - and ., such as coordinator-api")
        }
        r"^[\x21\x23-\x5b\x5d-\x7e]+$" => {
            ("a scope", "printable characters without spaces, quotes and backslashes; several scopes are several items")
        }
        _ => return None,
    };
    // What stands in a header may be a credential that should have come from a Secret.
    Some(Meaning { what, example, may_show: what != "a header's value" })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn patterns(schema: &Value, found: &mut Vec<String>) {
        match schema {
            Value::Object(fields) => {
                found.extend(fields.get("pattern").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|inner| patterns(inner, found));
            }
            Value::Array(items) => items.iter().for_each(|inner| patterns(inner, found)),
            _ => {}
        }
    }

    #[test]
    fn every_pattern_of_the_schema_has_a_meaning() {
        let mut found = Vec::new();
        for kind in crate::model::Kind::ALL {
            patterns(crate::api::schema(kind), &mut found);
        }
        assert!(found.len() > 10);
        found.retain(|pattern| of(pattern).is_none());
        assert!(found.is_empty(), "{found:#?}");
    }
}
