//! The rules, once for both programs.

use serde_json::{Value, json};

/// A rule as both have it. Both read JSON where they read YAML.
pub struct Rule {
    pub name: &'static str,
    expr: &'static str,
    hold: &'static str,
    keep: &'static str,
    severity: &'static str,
    labels: &'static [(&'static str, &'static str)],
    annotations: &'static [(&'static str, &'static str)],
}

const fn rule(name: &'static str, expr: &'static str) -> Rule {
    Rule { name, expr, hold: "0s", keep: "0s", severity: "high", labels: &[], annotations: &[] }
}

/// How long these hold on after their condition has ceased: longer than it takes to look at them meanwhile.
const KEEP: &str = "20s";

pub const RULES: &[Rule] = &[
    Rule {
        labels: &[("team", "{{ $labels.tier }}-team"), ("nothing", "{{ $labels.nobody }}")],
        annotations: &[
            ("summary", "{{ $labels.shop | title }} has {{ $value | humanize }} waiting"),
            (
                "printed",
                r#"{{ printf "%07.1f|%s|%q|%v|%d%%" $value $labels.shop $labels.tier $value (len $labels.shop) }}"#,
            ),
        ],
        ..rule("QueueDeep", "queue_depth > 10")
    },
    Rule { hold: "4s", severity: "low", ..rule("QueueDeepForLong", "queue_depth > 10") },
    Rule { hold: "1h", severity: "medium", ..rule("QueueLowered", "queue_depth > 10") },
    Rule { hold: "30m", ..rule("QueueRaisedWhilePending", "queue_depth > 10") },
    Rule { hold: "4s", ..rule(RAISED, "queue_depth > 10") },
    Rule {
        severity: "critical",
        annotations: &[("summary", "{{ $labels.source }} is silent, {{ $labels }}")],
        ..rule("HeartbeatMissing", r#"absent(heartbeat{source="edge", kind=~"a|b"})"#)
    },
    // The plan's.
    Rule {
        labels: &[("service", "coordinator-api"), ("type", "error_rate")],
        annotations: &[("description", "Error rate is {{ $value | humanizePercentage }}")],
        ..rule(
            "HighErrorRate",
            r#"sum(rate(http_requests_total{service="coordinator-api",status_code=~"5.."}[5s]))
               / sum(rate(http_requests_total{service="coordinator-api"}[5s])) > 0.05"#,
        )
    },
    Rule {
        keep: KEEP,
        annotations: &[("summary", "{{ $labels.sensor }}: {{ $value }} degrees")],
        ..rule("TooHot", "temperature_celsius > 80")
    },
    Rule { hold: "4s", keep: KEEP, ..rule("TooHotForLong", "temperature_celsius > 80") },
    Rule {
        annotations: &[(
            "summary",
            "{{ $value | humanize1024 }}B free on {{ $labels.mountpoint }} of {{ $labels.instance | stripPort }}",
        )],
        ..rule("DiskLow", "disk_free_bytes < 2e9")
    },
    Rule {
        annotations: &[
            (
                "all",
                r#"{{ range query "sort_desc(queue_depth)" }}{{ .Labels.shop }}={{ .Value | humanize }} {{ end }}"#,
            ),
            ("count", r#"{{ query "count(queue_depth)" | first | value }}"#),
            ("version", r#"{{ with query "build_info{shop='a'}" }}{{ . | first | label "version" }}{{ end }}"#),
            (
                "own",
                r#"{{ with printf "max(queue_depth{tier='%s'})" $labels.tier | query }}{{ . | first | value }}{{ end }}"#,
            ),
            ("none", r#"{{ with query "nobody" }}some{{ else }}none{{ end }}"#),
        ],
        ..rule("Asks", "sum by (tier) (queue_depth) > 20")
    },
    Rule {
        annotations: &[
            ("age", "{{ $value | humanizeDuration }}"),
            ("last", r#"{{ query "job_last_success_timestamp_seconds" | first | value | humanizeTimestamp }}"#),
        ],
        ..rule("BackupOld", "job_age_seconds > 3600")
    },
    // Without shop and tier they are the same.
    Rule { labels: &[("shop", ""), ("tier", "")], ..rule("Twins", "queue_depth > 10") },
    // Another value is another alert.
    Rule {
        hold: "4s",
        labels: &[("level", "{{ if gt $value 50.0 }}hot{{ else }}warm{{ end }}")],
        ..rule("Level", r#"queue_depth{shop="a"} > 10"#)
    },
    rule("Watchdog", "vector(1)"),
    rule("Constant", "1 < bool 2"),
    rule("TargetDown", "up == 0"),
    Rule {
        annotations: &[("version", "{{ $labels.version }}")],
        ..rule("Joined", "queue_depth * on (shop) group_left (version) build_info > 10")
    },
    rule("Unmaintained", "queue_depth > 10 unless on (shop) maintenance == 1"),
    Rule {
        annotations: &[("first", r#"{{ first (query "nobody") }}"#), ("good", "{{ $value }}")],
        ..rule("Broken", r#"queue_depth{shop="b"} > 10"#)
    },
    Rule {
        labels: &[("upper", "{{ $labels.shop | toUpper }}"), ("job", "renamed-{{ $labels.job }}")],
        annotations: &[
            ("name", "{{ $labels.__name__ }} {{ .Labels.shop }} {{ .Value }}"),
            ("replaced", r#"{{ reReplaceAll "(w)e(b)" "$1a$2" $labels.tier }}"#),
            (
                "matched",
                r#"{{ if match "^w.*b$" $labels.tier }}yes{{ else if eq $labels.tier "db" }}db{{ else }}no{{ end }}"#,
            ),
            ("ranged", "{{ range $name, $value := $labels }}{{ $name }}={{ len $value }};{{ end }}"),
            ("defined", r#"{{ define "x" }}<{{ . }}>{{ end }}{{ template "x" $labels.shop }}"#),
            ("variables", r#"{{ $x := 3 }}{{ $y := $value }}{{ $x }} {{ $y }}{{- " and " -}}  trimmed"#),
            (
                "logic",
                r#"{{ and $labels.shop "x" }} {{ or "" "y" }} {{ not true }} {{ lt 1 2 }} {{ index $labels "shop" }}"#,
            ),
            (
                "numbers",
                "{{ 1234567.0 | humanize }} {{ 0.00012 | humanize }} {{ 0.0 | humanize }} {{ 90061.0 | humanizeDuration }}",
            ),
            ("links", r#"{{ graphLink "up == 1" }} {{ tableLink "up{a='b c'}" }} {{ urlquery "a b&c" }}"#),
        ],
        ..rule("Texts", r#"queue_depth{shop="b"} > 10"#)
    },
    rule("Hottest", "topk(1, temperature_celsius) > 80"),
    Rule { annotations: &[("value", "{{ $value }} {{ humanize $value }}")], ..rule("Infinite", "level > 100") },
    Rule {
        annotations: &[("value", "{{ $value }} {{ $value | humanizePercentage }}")],
        ..rule("NotANumber", "broken_ratio != broken_ratio")
    },
];

/// Its `for` is raised while it fires.
pub const RAISED: &str = "QueueRaisedWhileFiring";

/// What a rule's `for` becomes when the rules are edited.
fn edited(name: &str) -> Option<&'static str> {
    match name {
        "QueueLowered" => Some("0s"),
        "QueueRaisedWhilePending" => Some("2h"),
        RAISED => Some("1h"),
        _ => None,
    }
}

impl Rule {
    fn hold(&self, is_edited: bool) -> &'static str {
        edited(self.name).filter(|_| is_edited).unwrap_or(self.hold)
    }
}

fn object(pairs: &[(&str, &str)]) -> Value {
    pairs.iter().map(|&(name, text)| (name.to_owned(), Value::from(text))).collect()
}

/// A file of rules for Prometheus.
pub fn for_prometheus(interval: &str, is_edited: bool) -> String {
    let rules: Vec<_> = (RULES.iter())
        .map(|rule| {
            let mut labels = object(rule.labels);
            labels["severity"] = rule.severity.into();
            json!({
                "alert": rule.name, "expr": rule.expr, "for": rule.hold(is_edited), "keep_firing_for": rule.keep,
                "labels": labels, "annotations": object(rule.annotations),
            })
        })
        .collect();
    json!({"groups": [{"name": "all", "interval": interval, "rules": rules}]}).to_string()
}

/// The same as AlertRules that ask this source, a manifest each.
pub fn for_probity(interval: &str, source: &str, is_edited: bool) -> Vec<(String, String)> {
    let manifest = |rule: &Rule| {
        let manifest = json!({
            "apiVersion": "probity.dev/v1alpha1", "kind": "AlertRule",
            "metadata": {"name": rule.name.to_lowercase()},
            "spec": {
                "alertName": rule.name, "severity": rule.severity, "interval": interval,
                "for": rule.hold(is_edited), "keepFiringFor": rule.keep,
                "condition": {"promql": {"expr": rule.expr, "source": {"url": source}}},
                "labels": object(rule.labels), "annotations": object(rule.annotations),
            },
        });
        (format!("{}.json", rule.name.to_lowercase()), manifest.to_string())
    };
    RULES.iter().map(manifest).collect()
}
