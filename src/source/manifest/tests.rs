//! The reader as its callers see it: tables, and properties over any text.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::validate::FieldPath;

fn reading(text: &str) -> Reading {
    read(&Arc::from("x.yaml"), text.as_bytes())
}

fn values(text: &str) -> Vec<Value> {
    let reading = reading(text);
    assert_eq!(reading.mistakes, [], "{text}");
    reading.documents.into_iter().map(|document| document.value).collect()
}

/// The first mistake as `LINE:COLUMN: path: message`.
fn mistake(text: &str) -> String {
    let reading = reading(text);
    let first = reading.mistakes.first().map(ToString::to_string);
    assert!(first.is_some(), "nothing is wrong with {text:?}");
    first.unwrap_or_default().trim_start_matches("x.yaml:").to_owned()
}

#[test]
fn documents_are_read_as_kubectl_reads_them() {
    for (text, expected) in [
        ("", json!([])),
        ("---\n---\n# nothing\n---\n", json!([])),
        ("a: 1\n---\nb: 2\n...\n---\nc: 3", json!([{"a": 1}, {"b": 2}, {"c": 3}])),
        ("\u{feff}a: x\r\nb:\r\n- z\r\n", json!([{"a": "x", "b": ["z"]}])),
        ("a: [1 2, y]\ny: z\n", json!([{"a": ["1 2", true], "true": "z"}])),
        ("a: |\n  one\n  two\nb: >-\n  three\n  four\n", json!([{"a": "one\ntwo\n", "b": "three four"}])),
        ("a: 'it''s'\nb: \"tab\\t\"\n", json!([{"a": "it's", "b": "tab\t"}])),
        ("a: yes\nb: 'yes'\non: 010\n", json!([{"a": true, "b": "yes", "true": 8}])),
        ("a:\nb: ~\nc: null\n", json!([{"a": null, "b": null, "c": null}])),
        ("a: &x {b: 1}\nc: *x\n", json!([{"a": {"b": 1}, "c": {"b": 1}}])),
        ("a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}\n", json!([{"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}}])),
        ("{\"a\": [1, 2.5, \"\\ud83d\\ude00\"]}", json!([{"a": [1, 2.5, "\u{1F600}"]}])),
        ("{\"a\": 1}\n{\"a\": 2}\n---\n{\"a\": 3}", json!([{"a": 1}, {"a": 2}, {"a": 3}])),
        ("{a: b, c: [d]}", json!([{"a": "b", "c": ["d"]}])),
        (
            "kind: List\napiVersion: v1\nitems:\n- {a: 1}\n- kind: List\n  items: [{b: 2}]\n",
            json!([{"a": 1}, {"b": 2}]),
        ),
        ("a: !!str 5\nb: !mine 5\n", json!([{"a": "5", "b": "5"}])),
    ] {
        assert_eq!(Value::from(values(text)), expected, "{text}");
    }
}

#[test]
fn each_mistake_has_its_place_and_plain_words() {
    for (text, expected) in [
        ("a: 1\n\tb: 2\n", "2:1: a tab in the indentation"),
        ("a: 1\na: 2\n", "2:1: a: `a` is written twice: the first is at line 1, column 1"),
        ("s:\n- x: {b: 1, b: 2}\n", "2:13: s[0].x.b: `b` is written twice: the first is at line 2, column 7"),
        ("{\"s\": [{\"b\": 1,\n \"b\": 2}]}", "2:2: s[0].b: `b` is written twice: the first is at line 1, column 9"),
        ("a: b: c\n", "1:5: a `:` where no value can begin"),
        ("a: 'b\n", "a quote is opened and never closed"),
        ("a: *x\n", "1:4: this alias refers to nothing in this document"),
        ("a: &x [*x]\n", "1:8: this alias stands inside what it refers to"),
        ("a: {{ .Values.b }}\n", "1:5: a list or an object cannot be a key"),
        ("a: .inf\n", "1:4: `.inf` is a number that JSON cannot say"),
        ("a: 1\n--- b\n", "2:4: nothing but a comment may follow"),
        ("a: @b\n", "1:4: unexpected character"),
        (": 1\n", "a key is missing"),
    ] {
        let found = mistake(text);
        assert!(found.contains(expected), "{text:?}: {found:?} should hold {expected:?}");
    }
}

#[test]
fn a_mistake_in_one_document_hides_none_of_the_others() {
    let reading = reading("a: 1\n---\nb: [\n---\nc: 3\n---\nd: 'x\n");
    let lines: Vec<_> = reading.mistakes.iter().map(|m| m.position.line).collect();
    assert_eq!(reading.documents.len(), 2);
    assert_eq!(lines.len(), 2, "{:?}", reading.mistakes);
    assert!(lines[0] <= 4 && lines[1] >= 7, "{lines:?}");
}

#[test]
fn json_files_get_the_messages_of_json() {
    let read = |text: &str| read(&Arc::from("x.json"), text.as_bytes()).mistakes.first().map(ToString::to_string);
    for (text, expected) in [
        ("{\"a\": 1,\n \"b\" 2}", "x.json:2:6: a `:` is missing here"),
        ("{\"a\": [1 2]}", "x.json:1:10: a: a `,` or `]` is missing here"),
        ("{\"a\": {\"b\": tru}}", "x.json:1:13: a.b: `tru` is no word of JSON"),
        ("{\"a\": 1", "x.json:1:8: a `,` or `}` is missing here"),
        ("{\"a\": 1e999}", "x.json:1:7: a: `1e999` is a number that JSON cannot hold"),
        ("{\"a\": \"b}", "x.json:1:7: a: a quote is opened and never closed"),
    ] {
        let found = read(text).unwrap();
        assert!(found.contains(expected), "{text:?}: {found:?} should hold {expected:?}");
    }
}

#[test]
fn a_short_text_cannot_ask_for_much() {
    // Nine levels of nine aliases each: a billion values when written out.
    let mut laughs = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (name, of) in ('b'..='j').zip('a'..) {
        laughs += &format!("{name}: &{name} [{}]\n", vec![format!("*{of}"); 9].join(", "));
    }
    assert!(mistake(&laughs).contains("with its aliases written out this file holds more than"));

    let long = "x".repeat(1 << 20);
    let text = format!("a: &a {long}\nb: [{}]\n", vec!["*a"; 64].join(", "));
    assert!(mistake(&text).contains("32 MiB of text"));

    for deep in ["[".repeat(5000), "- ".repeat(5000), "{a: ".repeat(5000), "{\"a\":".repeat(5000)] {
        assert!(mistake(&deep).contains("nested"), "{}", &deep[..10]);
    }
    // Each level holds the one before twelve deep: 12 × 40 deep when written out.
    let mut chain = "l0: &l0 x\n".to_owned();
    for level in 1..40 {
        chain += &format!("l{level}: &l{level} {}*l{}{}\n", "[".repeat(12), level - 1, "]".repeat(12));
    }
    assert!(mistake(&chain).contains("nested more than"));
}

#[test]
fn values_are_found_by_their_path() {
    let text = "\
# a comment
apiVersion: probity.dev/v1alpha1
kind: HealthCheck
metadata: {name: web, labels: {app: yes}}
spec:
  interval: 10s
  http:
    url: &u http://x
    headers:
    - name: a
      value: *u
    - {name: b, value: 010}
";
    let reading = reading(text);
    let document = &reading.documents[0];
    let at = |path: &str| document.position(&FieldPath::of(path)).to_string();
    assert_eq!(document.start().to_string(), "2:1");
    assert_eq!(at("spec.interval"), "6:13");
    assert_eq!(at("spec.http"), "7:3");
    assert_eq!(at("spec.http.headers[0]"), "10:7");
    assert_eq!(at("spec.http.headers[0].value"), "11:14");
    assert_eq!(at("spec.http.headers[1].value"), "12:24");
    assert_eq!(at("metadata.labels.app"), "4:37");
    // What is absent is where it would be.
    assert_eq!(at("spec.http.expect.status"), "7:3");
    assert_eq!(at("spec.timeout"), "5:1");
    assert_eq!(document.key_position(&FieldPath::of("spec.interval")).to_string(), "6:3");
    assert_eq!(document.hint(&FieldPath::of("spec.interval")), None);
    let hint = document.hint(&FieldPath::of("metadata.labels.app")).unwrap();
    assert!(hint.contains("`yes`") && hint.contains("true"), "{hint}");
    let hint = document.hint(&FieldPath::of("spec.http.headers[1].value")).unwrap();
    assert!(hint.contains("`010`") && hint.contains('8'), "{hint}");
}

#[test]
fn items_of_a_list_keep_their_places() {
    let text = "kind: List\napiVersion: v1\nitems:\n- kind: A\n  on: 1\n- kind: B\n  x: {z: no}\n";
    let reading = reading(text);
    assert_eq!(reading.documents.len(), 2);
    let (a, b) = (&reading.documents[0], &reading.documents[1]);
    assert_eq!((a.start().line, b.start().line), (4, 6));
    assert_eq!(b.position(&FieldPath::of("x.z")).to_string(), "7:10");
    assert!(a.hint(&FieldPath::of("true")).unwrap().contains("`on`"));
    assert!(b.hint(&FieldPath::of("x.z")).unwrap().contains("false"));
}

/// Every place is a line of the text and a column of that line, or right after its end.
fn in_text(text: &str, position: Position) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<_> = text.split('\n').collect();
    let Some(line) = lines.get(position.line as usize - 1) else { return false };
    // CRLF counts as a column of its own, at most one more than the characters.
    (1..=line.chars().count() + 2).contains(&(position.column as usize))
}

fn check_places(text: &str, file: &str) -> Result<(), TestCaseError> {
    let reading = read(&Arc::from(file), text.as_bytes());
    for mistake in &reading.mistakes {
        prop_assert!(in_text(text, mistake.position), "{} in {:?}", mistake, text);
    }
    for document in &reading.documents {
        prop_assert_eq!(document.marks.len(), position::count(&document.value));
        for mark in &document.marks {
            prop_assert!(in_text(text, mark.key) && in_text(text, mark.value), "{:?} in {:?}", mark, text);
        }
    }
    Ok(())
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read(&Arc::from("x"), &bytes);
    }

    #[test]
    fn places_are_within_the_file(text in "(\u{feff})?[-a&*!|>'\"%#{}\\[\\],:? \t\r\n0-9äé€.<~]{0,120}") {
        check_places(&text, "x.yaml")?;
        check_places(&text, "x.json")?;
    }

    #[test]
    fn places_are_within_what_looks_like_a_manifest(
        lines in prop::collection::vec("( ){0,6}(- )?([a-c]: ?)?(&x |\\*x|'q'|\"é|\\||>-|\\[1, |\\]|\\{k: v|\\}|yes|# c|---|\\.\\.\\.|t)?(\r?\n|\r)", 0..12)
    ) {
        check_places(&lines.concat(), "x.yaml")?;
    }

    #[test]
    fn json_means_what_serde_json_says(value in json_value(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let expected: Value = serde_json::from_str(&text).unwrap();
        let reading = read(&Arc::from("x.json"), text.as_bytes());
        check_places(&text, "x.json")?;
        if expected.is_object() || expected.is_array() {
            prop_assert_eq!(&reading.mistakes, &[]);
            prop_assert_eq!(reading.documents.len(), 1);
            prop_assert_eq!(&reading.documents[0].value, &expected);
        }
    }
}
