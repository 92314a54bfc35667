//! `probity why`, for each fate of an alert: asked of the process that told, and of the folder that it leaves.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    time::{Duration, Instant},
};

use probity::clock::{Clock, rfc3339};
use rustix::process::Signal;
use serde_json::Value;

use crate::probes::peers::http::{Site, answer};

use super::{
    process::Probity,
    target::{Target, free_port},
    wire::PATIENCE,
};

/// A check of a port where nothing is, or of something else; `more` stands in its spec.
fn check(name: &str, url: &str, more: &str) -> String {
    format!(
        "---\napiVersion: probity.dev/v1alpha1\nkind: HealthCheck\nmetadata: {{name: {name}, labels: {{is: {name}}}}}\n\
         spec:\n  interval: 1s\n  failureThreshold: 1\n  http: {{url: '{url}'}}\n{more}"
    )
}

/// A rule over one check, named as it.
fn rule(name: &str, check: &str, channel: &str, more: &str) -> String {
    format!(
        "---\napiVersion: probity.dev/v1alpha1\nkind: AlertRule\nmetadata: {{name: {name}}}\nspec:\n  alertName: Is{name}\n  \
         severity: critical\n  condition: {{healthCheck: {{name: {check}}}}}\n  message: '{name} is down'\n  \
         notify: [{{name: {channel}}}]\n{more}"
    )
}

fn channel(name: &str, url: &str, more: &str) -> String {
    format!(
        "---\napiVersion: probity.dev/v1alpha1\nkind: NotificationChannel\nmetadata: {{name: {name}}}\nspec:\n  \
         webhook: {{url: {{value: '{url}'}}}}\n{more}"
    )
}

fn write(folder: &Path, taking: &str, gone: &str, healthy: &str) {
    let down = format!("http://127.0.0.1:{}/", free_port());
    let silence = format!(
        "---\napiVersion: probity.dev/v1alpha1\nkind: Silence\nmetadata: {{name: deploy}}\nspec: {{matchers: \
         ['alertname=Isquiet'], startsAt: '{}', duration: 2h, comment: a deploy, createdBy: ann}}\n",
        rfc3339(Clock::system().wall() - 60_000)
    );
    let mut all = vec![
        channel("ops", taking, "  fallback: {name: spare}\n"),
        channel("spare", taking, ""),
        channel("gone", gone, "  fallback: {name: spare}\n"),
        channel(
            "tight",
            taking,
            "  rateLimit: {max: 1, per: 1h}\n  grouping: {by: [healthcheck], wait: 1s, interval: 2s}\n",
        ),
        check("told", &down, ""),
        rule("told", "told", "ops", ""),
        check("quiet", &down, ""),
        rule("quiet", "quiet", "ops", ""),
        silence,
        check("leaf", &down, ""),
        // Later than the one that inhibits it, whichever check is run first.
        rule("leaf", "leaf", "ops", "  for: 5s\n  inhibitedBy: [{name: told, equal: [namespace]}]\n"),
        check("db", &down, ""),
        rule("db", "db", "ops", ""),
        check("app", &down, "  dependsOn: [{name: db}]\n"),
        rule("app", "app", "ops", ""),
        check("refused", &down, ""),
        rule("refused", "refused", "gone", ""),
        // Where nobody may go: it is never seen.
        check("blind", "http://169.254.169.254/", ""),
        rule("blind", "blind", "ops", ""),
        check("fine", healthy, ""),
        rule("fine", "fine", "ops", ""),
        rule("nothing", "nowhere", "ops", ""),
        format!(
            "---\napiVersion: probity.dev/v1alpha1\nkind: AlertRule\nmetadata: {{name: many}}\nspec:\n  alertName: Many\n  \
             severity: critical\n  condition: {{healthCheck: {{selector: {{matchExpressions: [{{key: crowd, operator: \
             Exists}}]}}}}}}\n  notify: [{{name: tight}}]\n"
        ),
    ];
    for number in 0..6 {
        all.push(check(&format!("crowd-{number}"), &down, "").replace("labels: {", "labels: {crowd: 'yes', "));
    }
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("all.yaml"), all.concat()).unwrap();
}

fn why(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_probity"));
    for name in ["PROBITY_SERVER", "PROBITY_API_TOKEN_FILE"] {
        command.env_remove(name);
    }
    command.arg("why").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Asks until the story has all of this.
fn story(origin: &[&str], asked: &str, wanted: &[&str]) -> String {
    let begin = Instant::now();
    loop {
        let output = why(&[&[asked], origin].concat());
        let told = text(&output.stdout);
        if output.status.code() == Some(0) && wanted.iter().all(|words| told.contains(words)) {
            return told;
        }
        assert!(begin.elapsed() < PATIENCE, "{asked}: {wanted:?} is not in\n{told}{}", text(&output.stderr));
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The fingerprint of an alert that was told in a digest.
fn in_digest(probity: &Probity) -> String {
    let begin = Instant::now();
    loop {
        let page = probity.get("/api/v1/audit?kind=told&limit=1000").json();
        let rows: Vec<&Value> = page["items"].as_array().unwrap().iter().map(|item| &item["entry"]).collect();
        if let Some(row) = rows.iter().find(|row| row["why"] == "Digest") {
            return row["fingerprint"].as_str().unwrap().to_owned();
        }
        assert!(begin.elapsed() < PATIENCE, "no digest: {rows:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fate_of_an_alert_is_told_by_the_process_and_by_what_it_leaves() {
    let taking = Site::fixed(answer("200 OK", &[], "")).await;
    let gone = Site::fixed(answer("410 Gone", &[], "moved away")).await;
    let healthy = Target::start();
    let folder = tempfile::tempdir().unwrap();
    let (manifests, data) = (folder.path().join("manifests"), folder.path().join("data"));
    write(&manifests, &taking.url("/hook"), &gone.url("/hook"), &healthy.url(0));
    tokio::task::spawn_blocking(move || {
        let probity = Probity::start(&manifests, &data, &[]);
        let server = format!("http://{}", probity.address);
        let ask = |asked: &str, wanted: &[&str]| story(&["--server", &server], asked, wanted);
        let digest = in_digest(&probity);
        let fates: Vec<(&str, &[&str])> = vec![
            (
                "Istold",
                &["Istold fires since ", "\nTold: default/ops at ", "Now (", "default/ops is told when it is over"],
            ),
            (
                "Isquiet",
                &[
                    "Isquiet fires since ",
                    "\nNobody was told since ",
                    "silence default/deploy mutes it until ",
                    "by ann: a deploy",
                    "if it still does when silence default/deploy ends at ",
                ],
            ),
            ("Isleaf", &["\nNobody was told since ", "an alert of rule default/told fires, which inhibits it"]),
            ("Isapp", &["\nNobody was told since ", "it depends on db, which is down: only that one is told"]),
            (
                &digest,
                &[
                    "Many fires since ",
                    "\nTold: default/tight at ",
                    "in a digest with others, as its rate limit was reached",
                ],
            ),
            (
                "Isrefused",
                &[
                    "\nTold: default/spare at ",
                    "default/gone could not be told: ",
                    "answered 410",
                    "default/spare is told instead",
                ],
            ),
            ("Isdb", &["\nTold: default/ops at "]),
        ];
        for (asked, wanted) in &fates {
            let told = ask(asked, wanted);
            println!("$ probity why {asked}\n{told}");
        }
        for (asked, wanted) in [
            (
                "default/blind",
                &["Rule default/blind does not fire: it finds no data since ", "Check default/blind is Unknown"][..],
            ),
            ("Isblind", &["Rule default/blind does not fire: it finds no data since "]),
            (
                "fine",
                &["Rule default/fine does not fire: its condition is not met", "Check default/fine is Healthy since "],
            ),
            ("default/nothing", &["Rule default/nothing cannot fire: there is no check default/nowhere"]),
            ("default/told", &["Istold fires since "]),
            ("Many", &["6 alerts fire", &digest]),
        ] {
            let told = ask(asked, wanted);
            println!("$ probity why {asked}\n{told}");
        }
        let output = why(&["Istold", "--server", &server, "-o", "json"]);
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&told["alert"]["state"], &told["alert"]["rule"]), (&"firing".into(), &"told".into()), "{told}");
        let fingerprint = told["alert"]["fingerprint"].as_str().unwrap();
        ask(&fingerprint[..8], &["Istold fires since "]);
        let output = why(&["Other", "--server", &server]);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains("nothing is known of \"Other\""), "{}", text(&output.stderr));
        assert_eq!(why(&["Istold", "--server", &server, "--at", "then"]).status.code(), Some(2));

        // That a rule sees nothing is in the trail, too, when it has lasted.
        let begin = Instant::now();
        let blind = |item: &Value| item["entry"]["change"] == "finds no data" && item["entry"]["rule"] == "blind";
        while !probity.get("/api/v1/audit?kind=rule").json()["items"].as_array().unwrap().iter().any(blind) {
            assert!(begin.elapsed() < PATIENCE, "nothing is written of a rule without data:\n{}", probity.told());
            std::thread::sleep(Duration::from_millis(200));
        }
        let verify =
            Command::new(env!("CARGO_BIN_EXE_probity")).args(["audit", "verify", "--server", &server]).output();
        assert_eq!(verify.unwrap().status.code(), Some(0));
        probity.stop(Signal::TERM);

        let data = data.to_str().unwrap();
        for (asked, wanted) in fates {
            story(&["--data-dir", data], asked, wanted);
        }
        story(&["--data-dir", data], "default/blind", &["Rule default/blind does not fire: it finds no data since "]);
    })
    .await
    .unwrap();
}
