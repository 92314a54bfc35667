//! Each kind of expectation: where it holds, and what is said where it does not.

use super::world::{Folder, text};

const START: &str = "2026-01-01T00:00:";

#[test]
fn what_is_expected_and_is_so_passes() {
    for expect in [
        "- {at: 19s, alerts: [], told: []}",
        "- {at: 20s, alerts: [{state: firing, alertname: down}]}",
        "- {at: 20s, rule: down, alerts: [{labels: {severity: high}, message: web is down}]}",
        "- {at: 20s, alerts: [{annotations: {runbook_url: 'https://wiki.example/down'}}]}",
        "- {at: 24999ms, told: []}\n- {at: 25s, told: [{channel: default/lines, at: 25s, status: firing, why: First}]}",
        "- at: 2m\n  told:\n  - {channel: lines, status: resolved, alerts: [{status: resolved}]}\n  - {channel: lines, status: firing}",
        "- {at: 20s, checks: [{name: web, state: Unhealthy, reason: ConnectionRefused}]}",
        "- {at: 30s, alerts: [], checks: [{name: default/web, state: Healthy}]}",
    ] {
        let told = Folder::new(expect).test(&["t.test.yaml"]);
        assert_eq!(told.status.code(), Some(0), "{expect}\n{}{}", text(&told.stdout), text(&told.stderr));
    }
}

#[test]
fn what_is_not_so_is_told_with_what_was_there() {
    let alert = "down{healthcheck=\"web\", namespace=\"default\", severity=\"high\"} \"web is down\"";
    let cases = [
        (
            "- {at: 20s, alerts: []}",
            format!("t.test.yaml:12:25: at 20s ({START}20Z): alerts\n      expected  nothing\n      found     firing {alert}\n"),
        ),
        (
            "- {at: 10s, alerts: [{alertname: down}]}",
            format!("t.test.yaml:12:25: at 10s ({START}10Z): alerts\n      expected  down{{}}\n      found     nothing\n"),
        ),
        (
            "- at: 20s\n  alerts:\n  - {state: pending, labels: {severity: high}}",
            format!("t.test.yaml:13:7: at 20s ({START}20Z): alerts\n      expected  pending any alert{{severity=\"high\"}}\n      found     firing {alert}\n"),
        ),
        (
            "- {at: 20s, alerts: [{alertname: down, annotations: {runbook_url: other}}]}",
            format!("expected  down{{}} annotations{{runbook_url=\"other\"}}\n      found     firing {alert} annotations{{runbook_url=\"https://wiki.example/down\"}}\n"),
        ),
        (
            "- {at: 20s, alerts: [{message: other}]}",
            format!("expected  any alert{{}} \"other\"\n      found     firing {alert}\n"),
        ),
        (
            "- {at: 20s, alerts: [{alertname: down}, {alertname: up}]}",
            "expected  up{}\n      found     nothing else\n      (and 1 as expected)\n".to_owned(),
        ),
        (
            "- {at: 24s, told: [{channel: lines, status: firing, why: First}]}",
            "(2026-01-01T00:00:24Z): told\n      expected  default/lines firing (First)\n      found     nothing\n".to_owned(),
        ),
        (
            "- {at: 25s, told: []}",
            format!("told\n      expected  nothing\n      found     at 25s default/lines firing (First): firing {alert}\n"),
        ),
        (
            "- {at: 1m, told: [{channel: lines, at: 26s}, {channel: lines, status: resolved}]}",
            "expected  at 26s default/lines\n      found     at 25s default/lines firing (First): ".to_owned(),
        ),
        (
            "- {at: 25s, told: [{channel: lines, alerts: [{alertname: up}]}]}",
            "expected  default/lines: up{}\n      found     at 25s default/lines firing".to_owned(),
        ),
        (
            "- {at: 20s, checks: [{name: web, state: Healthy}]}",
            "checks\n      expected  default/web Healthy\n      found     default/web Unhealthy (ConnectionRefused) \"ConnectionRefused\"\n".to_owned(),
        ),
    ];
    for (expect, expected) in cases {
        let told = Folder::new(expect).test(&["t.test.yaml"]);
        let out = text(&told.stdout);
        assert_eq!(told.status.code(), Some(1), "{expect}\n{out}{}", text(&told.stderr));
        assert!(out.contains("\n  FAIL  one ("), "{out}");
        assert!(out.contains(&expected), "{expect}\n{expected}\n{out}");
        assert!(out.ends_with("1 test: 0 passed, 1 failed\n"), "{out}");
    }
}

#[test]
fn programs_read_it_as_json_and_junit() {
    let folder = Folder::new("- {at: 20s, alerts: []}");
    let told = folder.test(&["t.test.yaml", "-o", "json"]);
    assert_eq!(told.status.code(), Some(1));
    let json: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    let (test, failure) = (&json[0], &json[0]["failures"][0]);
    assert_eq!((&test["name"], &test["passed"], &test["line"]), (&"one".into(), &false.into(), &7.into()));
    assert_eq!(failure["path"], "spec.tests[0].expect[0].alerts");
    assert_eq!((&failure["line"], &failure["at"]), (&12.into(), &20.0.into()));
    assert_eq!((&failure["expected"], failure["found"].as_array().unwrap().len()), (&serde_json::json!([]), 1));

    let told = folder.test(&["t.test.yaml", "-o", "junit"]);
    assert_eq!(told.status.code(), Some(1));
    let xml = text(&told.stdout);
    assert!(xml.contains("<testsuites name=\"probity\" tests=\"1\" failures=\"1\" errors=\"0\" time=\"0\">"), "{xml}");
    assert!(
        xml.contains("<testcase classname=\"t.test.yaml\" name=\"one\" time=\"0\"><failure message=\"alerts\">"),
        "{xml}"
    );
    assert!(xml.contains("healthcheck=&quot;web&quot;"), "{xml}");
}

#[test]
fn acts_of_people_need_something_to_act_on() {
    let test = super::world::TEST.replace(
        "    expect:\n",
        "    events:\n    - {at: 5s, acknowledge: {labels: {alertname: down}}}\n    expect:\n",
    );
    let told = Folder::with(&test, "- {at: 6s, told: []}").test(&["t.test.yaml"]);
    let out = text(&told.stdout);
    assert_eq!(told.status.code(), Some(1), "{out}");
    assert!(
        out.contains("t.test.yaml:12:29: at 5s (2026-01-01T00:00:05Z): no alert with these labels fires\n"),
        "{out}"
    );
    let test = test.replace("at: 5s", "at: 20s");
    let told = Folder::with(&test, "- {at: 26s, told: [{channel: lines}]}").test(&["t.test.yaml"]);
    assert_eq!(told.status.code(), Some(0), "{}", text(&told.stdout));
}

/// What goes round a network in `run` is given here: runs that hang, and answers that do not come.
#[test]
fn a_check_without_results_is_stale_and_nothing_is_resolved() {
    let test = super::world::TEST.replace("ok x4 fail x2 ok", "fail x4 _ x6 ok");
    let expect = "- {at: 29s, checks: [{name: web, state: Unhealthy}]}
- {at: 40s, checks: [{name: web, state: Unknown, reason: Stale}], alerts: [{state: firing}]}
- {at: 51s, checks: [{name: web, state: Healthy}], alerts: []}";
    let told = Folder::with(&test, expect).test(&["t.test.yaml", "-v"]);
    assert_eq!(told.status.code(), Some(0), "{}{}", text(&told.stdout), text(&told.stderr));
}
