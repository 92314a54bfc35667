//! Templates, rendered as Prometheus' own test tool renders them.

use std::{fs, process::Command};

use probity::alert::{
    Labels,
    template::{Data, Limits, Queries, Sample, Template},
};
use serde_json::json;

const LABELS: [(&str, &str); 3] = [("instance", "db.example.com:9100"), ("job", "node"), ("z", "<b>")];

/// For each function of numbers, what people and machines may measure.
const NUMBERS: [&str; 22] = [
    "0",
    "1",
    "-1",
    "0.05",
    "1234567",
    "123456789",
    "0.00001234",
    "1e-9",
    "123456",
    "1000000",
    "99999.5",
    "-0.5",
    "3661",
    "86400.5",
    "59.999",
    "0.1",
    "NaN",
    "+Inf",
    "-Inf",
    "1023",
    "1024",
    "1048575",
];
const OF_NUMBERS: [&str; 13] = [
    "humanize",
    "humanize1024",
    "humanizeDuration",
    "humanizePercentage",
    "humanizeTimestamp",
    "print",
    "printf \"%g\"",
    "printf \"%.3f\"",
    "printf \"%8.2e|\"",
    "printf \"%+.1f\"",
    "printf \"%6.4g|\"",
    "printf \"%08.3f|%-8.1f|% .2f\" 1.5 2.25",
    "printf \"%d %s %v\" 1 \"a\"",
];

const OTHERS: [&str; 40] = [
    r#"{{ "a b&c=d~é*/" | urlquery }}{{ html "<a href='x'>" }}{{ js "it's <b>=" }}"#,
    r#"{{ printf "%s %q %v %d" "a\"b" "é\n" true 5 }}"#,
    r#"{{ printf "%5d|%-5d|%05d|%x|%X|%o|%b|%c|%U" 42 42 42 255 255 8 5 97 233 }}"#,
    r#"{{ printf "%d" "x" }}{{ printf "%s" 5 }}{{ printf "%d %d" 1 }}{{ printf "%d" 1 2 }}{{ printf "%z" 1 }}"#,
    r#"{{ printf "%#x %#o %#b %T %%" 255 8 5 $value }}{{ printf "%t %v" true nil }}"#,
    r#"{{ printf "%.2s|%5s|%-5s|%x" "abc" "ab" "ab" "hi" }}"#,
    r#"{{ print 1 2 "a" "b" 3.5 true false }}{{ println "a" 1 }}{{ print nil }}"#,
    r#"{{ len "héllo" }} {{ slice "hello" 1 3 }} {{ index "abc" 1 }}"#,
    r#"{{ if and 1 0 }}a{{ else if or 0 "x" }}b{{ end }}{{ not 0 }}{{ not "a" }}"#,
    r#"{{ eq "a" "b" "a" }}{{ ne 1 2 }}{{ lt 1.5 2.5 }}{{ ge "b" "a" }}"#,
    r#"{{ reReplaceAll "(.)b" "${1}x$1" "abcb" }} {{ match "^a.c$" "abc" }}"#,
    r#"{{ stripPort "a:80" }} {{ stripPort "[::1]:80" }} {{ stripPort "::1" }} {{ stripDomain "a.b.c:80" }} {{ stripDomain "10.0.0.1:80" }}"#,
    r#"{{ title "foo-bar baz_qux éa 3d" }} {{ toUpper "é" }} {{ toLower "É" }}"#,
    r#"{{ parseDuration "1h30m" }} {{ parseDuration "1d" }}"#,
    r#"{{ (toTime $value).Format "2006-01-02T15:04:05.000Z07:00 Mon Jan _2 3:04PM" }} {{ toTime $value }}"#,
    r#"{{ range query "two" | sortByLabel "n" }}{{ .Labels.instance }}{{ .Value }};{{ end }}"#,
    r#"{{ query "one" | first | label "a" }}{{ (query "one" | first).Labels.a }}{{ query "one" | first | value }}"#,
    r#"{{ with query "none" }}x{{ else }}y{{ end }}{{ strvalue (query "one" | first) }}|"#,
    r"{{ $labels }} {{ $externalLabels }} {{ $externalURL }} {{ . }}",
    r#"{{ define "x" }}[{{ .arg0 }}{{ .arg1 }}]{{ end }}{{ template "x" (args 1 "b") }}"#,
    r#"a {{- /* c */ -}} b {{ "x" -}}  c"#,
    r"{{ 'a' }} {{ 0x1F }} {{ 1e3 }} {{ 1_000 }} {{ -5 }} {{ 1.0 }} {{ 1e6 }} {{ 0.1 }} {{ `raw\n` }}",
    r#"{{ "5" | humanize }} {{ 5 | humanize }} {{ "abc" | len | printf "%03d" }}"#,
    r#"{{ $labels.nope }}|{{ index $labels "nope" }}|{{ len $labels }}"#,
    r#"{{ graphLink "a b" }} {{ tableLink "x{y=\"z\"}" }}"#,
    r#"{{ "x" | printf "%s-%s" "y" }} {{ safeHtml $labels.z }}"#,
    r"{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}",
    r"{{ range $k, $v := $labels }}{{ $k }}={{ $v }};{{ end }}",
    r#"{{ block "b" 5 }}<{{ . }}>{{ end }}{{ with $labels.job }}{{ . }}{{ $.Value }}{{ end }}"#,
    r"{{ (1) }}{{ ((2)) }}{{- 3 }}  {{- 4 -}}  5",
    // These fail on their data.
    r"{{ if gt $value 5 }}x{{ end }}",
    r"{{ .Foo }}",
    r"{{ nil }}",
    r#"{{ query "none" | first }}"#,
    r#"{{ humanize "x" }}"#,
    r"{{ $value 1 }}",
    r"{{ toUpper 5 }}",
    r"{{ humanize }}",
    r"{{ eq 1 1.0 }}",
    r"{{ eq $labels $labels }}",
];

/// Template and value, with what we make of it; None when it fails.
fn rendered() -> Vec<(String, &'static str, Option<String>)> {
    let numbers = OF_NUMBERS
        .iter()
        .flat_map(|function| NUMBERS.iter().map(move |value| (format!("{{{{ {function} $value }}}}"), *value)));
    let others = OTHERS.iter().map(|text| ((*text).to_owned(), "1435065584.128"));
    let labels = Labels::new(LABELS);
    let external = Labels::new([("region", "eu")]);
    let sample = |labels: &[(&str, &str)], value| Sample { labels: Labels::new(labels.iter().copied()), value };
    let mut queries = Queries::default();
    queries.insert("none".to_owned(), Ok(vec![]));
    queries.insert("one".to_owned(), Ok(vec![sample(&[("__name__", "one"), ("a", "b")], 11.0)]));
    let two = [sample(&[("instance", "b"), ("n", "1")], 21.0), sample(&[("instance", "a"), ("n", "2")], 22.5)];
    queries.insert("two".to_owned(), Ok(two.to_vec()));
    let render = |text: &str, value: &str| {
        let data = Data {
            labels: &labels,
            value: value.parse().unwrap(),
            external_labels: &external,
            external_url: "https://prom.example.com/x",
            now: 60_000,
        };
        Template::parse(text).unwrap().render(&data, &queries, Limits::default()).ok()
    };
    numbers
        .chain(others)
        .map(|(text, value)| (render(&text, value), text, value))
        .map(|(ours, text, value)| (text, value, ours))
        .collect()
}

#[test]
fn rendered_as_prometheus_does_needs_promtool() {
    let folder = tempfile::tempdir().unwrap();
    let labels = json!({"job": "node", "instance": "db.example.com:9100", "z": "<b>"});
    let mut rules = Vec::new();
    let mut expected = Vec::new();
    let all = rendered();
    for (index, (text, value, ours)) in all.iter().enumerate() {
        let labelled = LABELS.iter().fold(format!("vector({value})"), |expr, (name, value)| {
            format!("label_replace({expr}, \"{name}\", \"{value}\", \"\", \"\")")
        });
        rules.push(json!({"alert": format!("A{index}"), "expr": labelled, "annotations": {"text": text}}));
        // A text that Prometheus cannot make either shows as the error that it puts there, which this finds below.
        let text = ours.clone().unwrap_or_else(|| "fails".to_owned());
        expected.push(json!({
            "eval_time": "1m", "alertname": format!("A{index}"),
            "exp_alerts": [{"exp_labels": labels, "exp_annotations": {"text": text}}],
        }));
    }
    let series = |series: &str, values: &str| json!({"series": series, "values": values});
    let tests = json!({
        "rule_files": ["rules.yml"], "evaluation_interval": "1m",
        "tests": [{
            "interval": "1m", "external_labels": {"region": "eu"}, "external_url": "https://prom.example.com/x",
            "input_series": [
                series("one{a=\"b\"}", "11x5"),
                series("two{instance=\"b\",n=\"1\"}", "21x5"),
                series("two{instance=\"a\",n=\"2\"}", "22.5x5"),
            ],
            "alert_rule_test": expected,
        }],
    });
    fs::write(folder.path().join("rules.yml"), json!({"groups": [{"name": "g", "rules": rules}]}).to_string()).unwrap();
    fs::write(folder.path().join("tests.yml"), tests.to_string()).unwrap();
    let run = Command::new("promtool")
        .args(["test", "rules", "tests.yml"])
        .current_dir(folder.path())
        .output()
        .expect("promtool is not here: scripts/test installs it");
    let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    // All that differ are those that fail here, and these fail there.
    let blocks: Vec<&str> = said.split("alertname: A").skip(1).collect();
    let mut failing = 0;
    for block in &blocks {
        let index: usize = block.split(',').next().unwrap().parse().unwrap();
        let (text, value, ours) = &all[index];
        let got = block.split("got:").nth(1).unwrap_or_default();
        assert!(ours.is_none() && got.contains("<error expanding template"), "{text} of {value}: {ours:?}\n{got}");
        failing += 1;
    }
    assert_eq!(failing, all.iter().filter(|(.., ours)| ours.is_none()).count(), "{said}");
}
