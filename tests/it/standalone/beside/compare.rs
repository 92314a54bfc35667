//! Whether two answers of `/api/v1/alerts` tell of the same alerts.

use std::collections::BTreeMap;

use serde_json::Value;

/// An alert's labels without `namespace`, which Probity adds.
type Labels = BTreeMap<String, String>;

/// What is compared of an alert.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    pub state: String,
    pub annotations: BTreeMap<String, String>,
    /// Milliseconds since 1970.
    pub active_at: i64,
    pub value: f64,
}

/// The alerts of an answer.
///
/// # Panics
/// When it is not an answer of this API, or has two alerts with the same labels.
pub fn alerts(answer: &Value) -> BTreeMap<Labels, Shown> {
    assert_eq!(answer["status"], "success", "{answer}");
    let texts = |value: &Value| -> BTreeMap<String, String> { serde_json::from_value(value.clone()).unwrap() };
    let mut all = BTreeMap::new();
    for alert in answer["data"]["alerts"].as_array().unwrap() {
        let mut labels = texts(&alert["labels"]);
        labels.remove("namespace");
        let shown = Shown {
            state: alert["state"].as_str().unwrap().to_owned(),
            annotations: texts(&alert["annotations"]),
            active_at: alert["activeAt"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond(),
            value: alert["value"].as_str().unwrap().parse().unwrap(),
        };
        assert!(all.insert(labels.clone(), shown).is_none(), "twice {labels:?}: {answer}");
    }
    all
}

/// How many alerts of which name are in which state.
pub fn tally(alerts: &BTreeMap<Labels, Shown>) -> BTreeMap<(String, String), usize> {
    let mut tally = BTreeMap::new();
    for (labels, shown) in alerts {
        *tally.entry((labels["alertname"].clone(), shown.state.clone())).or_default() += 1;
    }
    tally
}

/// In what they differ, with `activeAt` at most so many milliseconds apart.
pub fn differences(ours: &BTreeMap<Labels, Shown>, theirs: &BTreeMap<Labels, Shown>, apart: i64) -> Vec<String> {
    let mut all = Vec::new();
    for (labels, their) in theirs {
        match ours.get(labels) {
            None => all.push(format!("only Prometheus has {labels:?}, {their:?}")),
            Some(our) if !is_same(our, their, apart) => {
                all.push(format!("{labels:?}:\n    ours:   {our:?}\n    theirs: {their:?}"));
            }
            Some(_) => {}
        }
    }
    for (labels, our) in ours.iter().filter(|(labels, _)| !theirs.contains_key(*labels)) {
        all.push(format!("only Probity has {labels:?}, {our:?}"));
    }
    all
}

/// What a template's mistake is called is each program's own; that the alert says so is not.
const MISTAKE: &str = "<error expanding template: ";

fn is_same(our: &Shown, their: &Shown, apart: i64) -> bool {
    let is_same_text = |(ours, theirs): (&String, &String)| {
        ours == theirs || (ours.starts_with(MISTAKE) && theirs.starts_with(MISTAKE))
    };
    // Rates over other moments differ in their last digits.
    let is_same_value = our.value == their.value
        || (our.value.is_nan() && their.value.is_nan())
        || (our.value - their.value).abs() <= their.value.abs() * 1e-9;
    our.state == their.state
        && our.annotations.keys().eq(their.annotations.keys())
        && our.annotations.values().zip(their.annotations.values()).all(is_same_text)
        && (our.active_at - their.active_at).abs() <= apart
        && is_same_value
}

#[test]
fn every_difference_shows() {
    let answer = |alerts: Value| serde_json::json!({"status": "success", "data": {"alerts": alerts}});
    let alert = serde_json::json!({
        "labels": {"alertname": "A", "shop": "a"}, "annotations": {"text": "seven"}, "state": "firing",
        "activeAt": "2026-11-23T04:00:00.5Z", "value": "7e+00",
    });
    let with = |path: &str, value: &str| {
        let mut other = alert.clone();
        *other.pointer_mut(path).unwrap() = value.into();
        other
    };
    let mut ours = alert.clone();
    ours["labels"]["namespace"] = "default".into();
    let theirs = alerts(&answer(serde_json::json!([alert])));
    let count =
        |ours: Value, apart: i64| differences(&alerts(&answer(serde_json::json!([ours]))), &theirs, apart).len();
    assert_eq!(count(ours, 0), 0);
    assert_eq!(count(with("/labels/shop", "b"), 0), 2, "one is missing, and one is too many");
    for (path, value) in [
        ("/annotations/text", "eight"),
        ("/annotations/text", "<error expanding template: x>"),
        ("/state", "pending"),
        ("/activeAt", "2026-11-23T04:00:02.6Z"),
        ("/value", "7.1"),
        ("/value", "NaN"),
    ] {
        assert_eq!(count(with(path, value), 2_000), 1, "{path} {value}");
    }
    assert_eq!(count(with("/activeAt", "2026-11-23T04:00:02.5Z"), 2_000), 0);
    let mut more = alert.clone();
    more["annotations"]["other"] = "x".into();
    assert_eq!(count(more, 0), 1);
    assert_eq!(differences(&BTreeMap::new(), &theirs, 0).len(), 1);
    assert_eq!(tally(&theirs), BTreeMap::from([(("A".to_owned(), "firing".to_owned()), 1)]));
}
