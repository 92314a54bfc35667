//! Mistakes in test files are told with their place, and nothing is run.

use std::fs;

use super::world::{Folder, TEST, text};

#[test]
fn a_mistake_is_told_with_its_place_and_what_would_be_right() {
    let alerts = "- {at: 20s, alerts: []}";
    let cases = [
        // What stands in the file alone.
        (
            "ok x4 fail x2 ok",
            "ok x4 fial",
            alerts,
            "t.test.yaml:10:16: spec.tests[0].checks[0].results: \"fial\" is no result\n    hint: ok, ok(120ms), ",
        ),
        (
            "ok x4 fail x2 ok",
            "fail(ConectionRefused)",
            alerts,
            "10:16: spec.tests[0].checks[0].results: \"ConectionRefused\" is neither a reason nor a duration\n    hint: did you mean ConnectionRefused?",
        ),
        (
            "  - name: one\n",
            "  - name: one\n    intervall: 5s\n",
            alerts,
            "8:5: spec.tests[0].intervall: unknown field\n    hint: did you mean interval?",
        ),
        (
            "  - name: one\n",
            "  - name: one\n    start: yesterday\n",
            alerts,
            "8:12: spec.tests[0].start: \"yesterday\" must be a point in time",
        ),
        (
            "    expect:\n",
            "    queries:\n    - {rule: down, series: [{series: 'up{', values: '1'}]}\n    expect:\n",
            alerts,
            "spec.tests[0].queries[0].series[0].series: ",
        ),
        (
            "    expect:\n",
            "    queries:\n    - {rule: down, series: [{series: up, values: '1 two'}]}\n    expect:\n",
            alerts,
            "spec.tests[0].queries[0].series[0].values: \"two\" is no value",
        ),
        (
            "    expect:\n",
            "    queries:\n    - {expr: 'sum(', series: []}\n    expect:\n",
            alerts,
            "spec.tests[0].queries[0].expr: \"sum(\" is not a PromQL expression",
        ),
        (
            "    expect:\n",
            "    events:\n    - {at: 5s}\n    expect:\n",
            alerts,
            "12:7: spec.tests[0].events[0]: exactly one of silence, expire, acknowledge, channel must be set, and none is",
        ),
        (
            "    expect:\n",
            "    events:\n    - {at: 5s, silence: {matchers: ['a=~\".*\"'], duration: 1h}}\n    expect:\n",
            alerts,
            "spec.tests[0].events[0].silence.matchers: they match every alert",
        ),
        ("", "", "- {at: 20s}", "12:7: spec.tests[0].expect[0]: nothing is expected here"),
        ("", "", "- {at: 20, alerts: []}", "12:12: spec.tests[0].expect[0].at: must be a string, not a number"),
        (
            "",
            "",
            "- {at: 20s, alerts: []}\n- {at: 10s, alerts: []}",
            "13:12: spec.tests[0].expect[1].at: comes before the one above it",
        ),
        ("", "", "- {at: 2401h, alerts: []}", "spec.tests[0].expect[0].at: a test lasts at most 100 days"),
        (
            "",
            "",
            "- {at: 20s, alerts: [{state: fires}]}",
            "spec.tests[0].expect[0].alerts[0].state: \"fires\" is not known here\n    hint: ",
        ),
        (
            "",
            "",
            "- {at: 20s, checks: [{name: web, state: Unhealthy, reason: Timout}]}",
            "reason: \"Timout\" is no reason\n    hint: did you mean Timeout?",
        ),
        // What the manifests do not bear out.
        (
            "name: web",
            "name: wbe",
            alerts,
            "9:13: spec.tests[0].checks[0].name: HealthCheck default/wbe is not among the manifests of this test\n    hint: did you mean default/web?",
        ),
        (
            "ok x4 fail x2 ok",
            "slow(500ms)",
            alerts,
            "10:16: spec.tests[0].checks[0].results: 500ms is not slow: the check's degraded.latency is 500ms",
        ),
        (
            "ok x4 fail x2 ok",
            "ok(6s)",
            alerts,
            "no run of this check takes 6s: its timeout is 5s\n    hint: fail(Timeout, 5s)",
        ),
        (
            "results: ok x4 fail x2 ok",
            "targets: [{instance: a, results: ok}]",
            alerts,
            "spec.tests[0].checks[0].targets: the check has one target, which it names itself",
        ),
        (
            "    expect:\n",
            "    queries:\n    - {rule: down, series: []}\n    expect:\n",
            alerts,
            "spec.tests[0].queries[0].rule: the rule asks no source: it looks at checks",
        ),
        (
            "    expect:\n",
            "    events:\n    - {at: 5s, expire: nobody}\n    expect:\n",
            alerts,
            "spec.tests[0].events[0].expire: Silence default/nobody is not among the manifests",
        ),
        (
            "",
            "",
            "- {at: 20s, rule: dwon, alerts: []}",
            "12:23: spec.tests[0].expect[0].rule: AlertRule default/dwon is not among the manifests of this test\n    hint: did you mean default/down?",
        ),
        (
            "",
            "",
            "- {at: 20s, told: [{channel: liens}]}",
            "NotificationChannel default/liens is not among the manifests of this test\n    hint: did you mean default/lines?",
        ),
        ("[m.yaml]", "[n.yaml]", alerts, "5:15: spec.manifests[0]: cannot read n.yaml: No such file"),
    ];
    for (from, to, expect, expected) in cases {
        let test = if from.is_empty() { TEST.to_owned() } else { TEST.replace(from, to) };
        assert!(from.is_empty() || test != TEST, "{from}");
        let told = Folder::with(&test, expect).test(&["t.test.yaml"]);
        let said = text(&told.stderr);
        assert_eq!((told.status.code(), text(&told.stdout).as_str()), (Some(2), ""), "{expected}\n{said}");
        assert!(said.contains(expected), "{expected}\n{said}");
    }
}

#[test]
fn what_would_take_for_ever_is_refused() {
    let folder = Folder::new("- {at: 2400h, alerts: []}");
    let manifests = fs::read_to_string(folder.path("m.yaml")).unwrap();
    fs::write(
        folder.path("m.yaml"),
        manifests.replace("interval: 5s\n", "interval: 1s\n").replace("timeout: 5s", "timeout: 1s"),
    )
    .unwrap();
    let told = folder.test(&["t.test.yaml"]);
    let said = text(&told.stderr);
    assert_eq!(told.status.code(), Some(2), "{said}");
    assert!(said.contains("spec.tests[0].expect: comes to 8640001 runs and evaluations, over 5000000"), "{said}");
}

#[test]
fn mistakes_of_the_manifests_come_first_and_files_without_tests_are_said() {
    let folder = Folder::new("- {at: 20s, alerts: []}");
    let manifests = fs::read_to_string(folder.path("m.yaml")).unwrap();
    fs::write(folder.path("m.yaml"), manifests.replace("severity: high", "severity: hihg")).unwrap();
    let told = folder.test(&["t.test.yaml"]);
    let said = text(&told.stderr);
    assert_eq!(told.status.code(), Some(2), "{said}");
    assert!(
        said.contains("m.yaml:15:13: spec.severity: \"hihg\" is not known here\n    hint: did you mean high?"),
        "{said}"
    );
    let told = folder.test(&["m.yaml"]);
    assert_eq!(told.status.code(), Some(2));
    fs::write(folder.path("m.yaml"), manifests).unwrap();
    let told = folder.test(&["m.yaml"]);
    assert_eq!(
        (told.status.code(), text(&told.stderr).as_str()),
        (Some(2), "probity test: there is no ProbityTest in m.yaml\n")
    );
    assert_eq!(folder.test(&["nowhere"]).status.code(), Some(2));
}

/// What a cluster would give, and Secrets, need not be there.
#[test]
fn a_secret_that_is_not_there_has_a_stand_in_and_targets_are_named() {
    let folder = Folder::with(
        &TEST.replace(
            "      results: ok x4 fail x2 ok\n",
            "      targets:\n      - {instance: web-1, results: ok}\n      - {instance: web-2, results: ok x4 fail}\n",
        ),
        "- {at: 20s, alerts: [{state: firing, labels: {healthcheck: web}}], told: []}\n- {at: 30s, told: [{channel: lines}]}",
    );
    let manifests = fs::read_to_string(folder.path("m.yaml")).unwrap();
    let manifests = manifests
        .replace("spec: {log: {}}", "spec: {slack: {url: {valueFrom: {secretKeyRef: {name: s, key: k}}}}}")
        .replace(
            "  tcp: {address: 'a:1'}\n",
            "  discover: {kind: Pod, selector: {matchLabels: {app: web}}, port: 80}\n  tcp: {}\n",
        );
    fs::write(folder.path("m.yaml"), manifests).unwrap();
    let told = folder.test(&["t.test.yaml", "-v"]);
    assert_eq!(told.status.code(), Some(0), "{}{}", text(&told.stdout), text(&told.stderr));
}
