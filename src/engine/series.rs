//! The label block that each series of a target carries.

use crate::model::ObjectKey;

/// `namespace="…",healthcheck="…",instance="…"`, escaped as the Prometheus text format 0.0.4 has it.
pub(super) fn series_labels(key: &ObjectKey, instance: &str) -> Box<str> {
    let mut block = String::with_capacity(48 + key.namespace.len() + key.name.len() + instance.len());
    for (label, value) in [("namespace", &*key.namespace), (",healthcheck", &*key.name), (",instance", instance)] {
        block.push_str(label);
        block.push_str("=\"");
        for letter in value.chars() {
            match letter {
                '\\' => block.push_str("\\\\"),
                '"' => block.push_str("\\\""),
                '\n' => block.push_str("\\n"),
                other => block.push(other),
            }
        }
        block.push('"');
    }
    block.into_boxed_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped() {
        let key = ObjectKey::new("a", "b");
        assert_eq!(&*series_labels(&key, "x\"y\\z\n"), r#"namespace="a",healthcheck="b",instance="x\"y\\z\n""#);
    }
}
