//! `probity test` as a person runs it: files, output, exit codes.

mod docs;
mod expectations;
mod mistakes;
mod world;

use std::{fs, path::Path, process::Command};

use super::super::standalone::process::Probity;
use world::{Folder, probity, text};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_repositorys_own_tests_pass_and_say_the_same_twice() {
    let told = probity(repository(), &["test", "manifests/tests"]);
    let out = text(&told.stdout);
    assert_eq!(told.status.code(), Some(0), "{out}{}", text(&told.stderr));
    assert!(out.contains("\n  ok    three failed runs page, and the first good one resolves (2m30s)\n"), "{out}");
    assert!(out.ends_with("tests: all passed\n"), "{out}");
    for output in ["text", "json", "junit"] {
        let arguments = ["test", "manifests/tests", "-v", "-o", output];
        let (first, second) = (probity(repository(), &arguments), probity(repository(), &arguments));
        assert!(!first.stdout.is_empty() && first.stdout == second.stdout, "{output}");
    }
}

#[test]
fn a_test_that_names_no_manifests_is_about_what_is_given() {
    let folder = Folder::new("- {at: 25s, alerts: [{alertname: down}]}");
    let bare = fs::read_to_string(folder.path("t.test.yaml")).unwrap().replace("  manifests: [m.yaml]\n", "");
    fs::write(folder.path("t.test.yaml"), bare).unwrap();
    assert_eq!(folder.test(&["t.test.yaml", "m.yaml"]).status.code(), Some(0));
    assert_eq!(folder.test(&["."]).status.code(), Some(0));
    let alone = folder.test(&["t.test.yaml"]);
    assert_eq!(alone.status.code(), Some(2));
    assert!(
        text(&alone.stderr).contains("HealthCheck default/web is not among the manifests"),
        "{}",
        text(&alone.stderr)
    );
}

#[test]
fn tests_are_chosen_by_their_names() {
    let told = probity(repository(), &["test", "manifests/tests", "--run", "database"]);
    let out = text(&told.stdout);
    assert_eq!((told.status.code(), out.lines().last()), (Some(0), Some("1 test: all passed")), "{out}");
    assert_eq!(probity(repository(), &["test", "manifests/tests", "--run", "nobody"]).status.code(), Some(2));
}

#[test]
fn the_timeline_tells_what_happened_and_when() {
    let folder = Folder::new("- {at: 40s, told: [{channel: lines}]}");
    let out = text(&folder.test(&["t.test.yaml", "-v"]).stdout);
    for line in [
        "            0s  check default/web Healthy (Ok) \"ok\"\n",
        "           20s  check default/web Unhealthy (ConnectionRefused) \"ConnectionRefused\"\n",
        "           20s  alert Firing down{healthcheck=\"web\", namespace=\"default\", severity=\"high\"} \"web is down\"\n",
        "           25s  told default/lines firing (First): firing down{healthcheck=\"web\", ",
    ] {
        assert!(out.contains(line), "{line}\n{out}");
    }
    let json: serde_json::Value =
        serde_json::from_slice(&folder.test(&["t.test.yaml", "-v", "-o", "json"]).stdout).unwrap();
    assert_eq!((&json[0]["timeline"][1]["at"], &json[0]["passed"]), (&20.0.into(), &true.into()), "{json}");
}

/// A month of a check every 30 s and a rule every 30 s.
#[test]
fn a_month_takes_no_month() {
    let folder = Folder::new("- {at: 720h, alerts: []}");
    let text_of = fs::read_to_string(folder.path("t.test.yaml")).unwrap();
    let month = text_of.replace("results: ok x4 fail x2 ok", "results: (ok x500 fail x4) x200 ok");
    assert_ne!(text_of, month);
    fs::write(folder.path("t.test.yaml"), month).unwrap();
    let manifests = fs::read_to_string(folder.path("m.yaml")).unwrap().replace("interval: 5s", "interval: 30s");
    fs::write(folder.path("m.yaml"), manifests).unwrap();
    let begin = std::time::Instant::now();
    let told = folder.test(&["t.test.yaml"]);
    assert_eq!(told.status.code(), Some(0), "{}{}", text(&told.stdout), text(&told.stderr));
    // An unoptimised build on a machine that does other things beside; the bench build takes under a second.
    assert!(begin.elapsed().as_secs() < 120, "{:?}", begin.elapsed());
}

#[test]
fn run_skips_a_test_without_a_word_and_validate_reads_it() {
    let folder = Folder::new("- {at: 1m, told: []}");
    let data = tempfile::tempdir().unwrap();
    let probity_run = Probity::start(folder.dir.path(), data.path(), &[]);
    probity_run.wait_for("/health/readiness", |answer| (answer.status == 200).then_some(()));
    let log = probity_run.log.lock().join("\n");
    assert!(!log.contains("t.test.yaml") && !log.contains("ProbityTest"), "{log}");
    assert_eq!(probity_run.get("/health/detailed").json()["total_checks"], 1);

    let told = probity(folder.dir.path(), &["validate", "."]);
    assert_eq!((told.status.code(), text(&told.stdout).as_str()), (Some(0), "no mistakes: 4 objects in 2 files\n"));
    let wrong = fs::read_to_string(folder.path("t.test.yaml")).unwrap().replace("results: ok", "results: okk");
    fs::write(folder.path("t.test.yaml"), wrong).unwrap();
    let told = probity(folder.dir.path(), &["validate", "."]);
    assert_eq!(told.status.code(), Some(2));
    assert!(
        text(&told.stdout).starts_with("./t.test.yaml:10:16: spec.tests[0].checks[0].results: \"okk\" is no result\n"),
        "{}",
        text(&told.stdout)
    );
}

#[test]
fn help_is_there_without_a_path() {
    let status = Command::new(env!("CARGO_BIN_EXE_probity")).args(["test"]).output().unwrap().status;
    assert_eq!(status.code(), Some(2));
}
