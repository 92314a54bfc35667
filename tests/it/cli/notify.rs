//! `probity notify test`: from manifests, to receivers over HTTP and to a real mail server; and by a running Probity.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use rustix::process::Signal;
use serde_json::Value;

use crate::{
    probes::peers::{
        http::{Site, answer},
        pki::{Authority, NOW},
        real::{self, Smtp},
    },
    standalone::process::Probity,
};

fn channel(name: &str, receiver: &str) -> String {
    format!(
        "---\napiVersion: probity.dev/v1alpha1\nkind: NotificationChannel\nmetadata: {{name: {name}}}\nspec: {{{receiver}}}\n"
    )
}

/// A receiver whose address is in a Secret.
fn secret(name: &str, url: &str) -> String {
    format!("---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\nstringData: {{url: '{url}'}}\n")
}

fn notify(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_probity"));
    for name in ["PROBITY_SERVER", "PROBITY_API_TOKEN_FILE", "PROBITY_ALLOW_CIDR", "PROBITY_DENY_CIDR"] {
        command.env_remove(name);
    }
    command.args(["notify", "test"]).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn write(folder: &Path, manifests: &[String]) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("all.yaml"), manifests.concat()).unwrap();
}

const SECRET: &str = "T0KENs3cret";

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_tried_from_manifests_before_it_is_deployed() {
    let good = Site::fixed(answer("200 OK", &[], "ok")).await;
    let folder = tempfile::tempdir().unwrap();
    let slack = "slack: {url: {valueFrom: {secretKeyRef: {name: NAME, key: url}}}}";
    let mut all =
        vec![secret("good", &good.url(&format!("/{SECRET}"))), channel("good", &slack.replace("NAME", "good"))];
    all.push(channel("lines", "log: {}"));
    all.push(channel("broken", &slack.replace("NAME", "missing")));
    write(folder.path(), &all);
    let files = folder.path().to_str().unwrap().to_owned();
    tokio::task::spawn_blocking(move || {
        let output = notify(&["good", "-f", &files]);
        let out = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{out}{}", text(&output.stderr));
        assert!(out.starts_with("default/good (slack) took the test, after ") && !out.contains(SECRET), "{out}");
        let output = notify(&["default/lines", "--manifests", &files]);
        let out = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{out}");
        assert!(out.contains("default/lines (log) took the test"), "{out}");
        let output = notify(&["broken", "-f", &files]);
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.contains("Secret default/missing is not there"), "{errors}");
        // The policy holds for a trial as for everything else.
        let output = notify(&["good", "-f", &files, "--deny-cidr", "127.0.0.0/8"]);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    })
    .await
    .unwrap();
    assert_eq!(good.heard().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_probity_tries_its_channels() {
    let good = Site::fixed(answer("200 OK", &[], "ok")).await;
    let gone = Site::fixed(answer("410 Gone", &[], format!("nobody is at /{SECRET}"))).await;
    // Takes connections, and never answers.
    let hanging = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let slack = |name: &str| format!("slack: {{url: {{valueFrom: {{secretKeyRef: {{name: {name}, key: url}}}}}}}}");
    let hook = format!("webhook: {{url: {{value: 'http://{}/'}}}}", hanging.local_addr().unwrap());
    let all = [
        secret("good", &good.url(&format!("/{SECRET}"))),
        channel("good", &slack("good")),
        secret("gone", &gone.url(&format!("/{SECRET}"))),
        channel("gone", &slack("gone")),
        channel("hanging", &hook),
        channel("broken", &slack("missing")),
    ];
    let manifests = folder.path().join("manifests");
    write(&manifests, &all);
    tokio::task::spawn_blocking(move || {
        let probity = Probity::start(&manifests, &folder.path().join("data"), &[]);
        probity.wait_for("/api/v1/channels", |answer| (answer.json()["items"].as_array()?.len() == 4).then_some(()));
        let server = format!("http://{}", probity.address);
        let ask = |arguments: &[&str]| {
            let output = notify(&[arguments, &["--server", &server]].concat());
            (output.status.code(), text(&output.stdout), text(&output.stderr))
        };
        let (code, out, err) = ask(&["default/good", "--by", "ann"]);
        assert_eq!(code, Some(0), "{out}{err}");
        assert!(out.starts_with("default/good (slack) took the test, after ") && !out.contains(SECRET), "{out}");
        let (code, out, err) = ask(&["gone", "--by", "ann", "-o", "json"]);
        assert_eq!(code, Some(1), "{out}{err}");
        let told: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((&told["outcome"], &told["recorded"]), (&"refused".into(), &true.into()), "{told}");
        assert!(out.contains("nobody is at /***") && !out.contains(SECRET), "{out}");
        for (asked, says) in [
            ("default/none", "there is no NotificationChannel default/none; there are default/broken, default/gone, "),
            ("none", "there is no NotificationChannel none; there are default/broken, default/gone, "),
            ("broken", "NotificationChannel default/broken is refused: "),
            ("../../alerts/x", "is no name of a channel"),
            ("", "is no name of a channel"),
        ] {
            let (code, out, err) = ask(&[asked]);
            assert_eq!((code, &*out), (Some(2), ""), "{asked}: {err}");
            assert!(err.starts_with("probity notify test: ") && err.contains(says), "{asked}: {err}");
        }
        let (code, out, err) = ask(&["default/hanging", "--by", "ann"]);
        assert_eq!(code, Some(1), "{out}{err}");
        assert!(out.contains("did not take the test now; a real notification would be tried again"), "{out}");

        let page = probity.get("/api/v1/audit?kind=trial").json();
        let rows: Vec<Value> = page["items"].as_array().unwrap().iter().map(|row| row["entry"].clone()).collect();
        let short: Vec<String> =
            rows.iter().map(|row| format!("{} {} {}", row["channel"], row["by"], row["outcome"])).collect();
        let want = [("good", "delivered"), ("gone", "refused"), ("hanging", "retry")];
        assert_eq!(short, want.map(|(name, outcome)| format!("\"default/{name}\" \"ann\" \"{outcome}\"")));
        assert!(rows.iter().all(|row| !row.to_string().contains(SECRET)), "{rows:?}");
        // Nothing of it is in the outbox: it is no notification.
        let channel = probity.get("/api/v1/channels/default/good").json();
        assert_eq!((&channel["delivered"], &channel["last"]), (&0.into(), &Value::Null), "{channel}");
        let (_, log) = probity.stop(Signal::TERM);
        assert!(!log.iter().any(|line| line.contains(SECRET)));
        let (code, _, err) = ask(&["default/good"]);
        assert!(code == Some(3) && err.contains("cannot reach"), "{err}");
    })
    .await
    .unwrap();
    assert_eq!(good.heard().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_takes_a_trial_needs_smtp() {
    let root = Authority::new("root", NOW);
    let identity = root.server(&["localhost"], NOW);
    let Some(server) = real::smtp(&identity.chain_pem, &identity.key_pem, Smtp::StartTls, "PLAIN").await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let ca = root.pem.lines().map(|line| format!("    {line}\n")).collect::<String>();
    let email = |password: &str| {
        format!(
            "email: {{host: localhost, port: {}, from: 'probity@example.org', to: ['ops@example.org'], startTLS: true, \
             tls: {{ca: {{valueFrom: {{configMapKeyRef: {{name: ca, key: pem}}}}}}}}, auth: {{username: {{value: probity}}, \
             password: {{valueFrom: {{secretKeyRef: {{name: login, key: {password}}}}}}}}}}}",
            server.address.port()
        )
    };
    write(
        folder.path(),
        &[
            format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: ca}}\ndata:\n  pem: |\n{ca}"),
            "---\napiVersion: v1\nkind: Secret\nmetadata: {name: login}\nstringData: {right: s3cret, wrong: wr0ng-password}\n"
                .to_owned(),
            channel("mail", &email("right")),
            channel("locked", &email("wrong")),
        ],
    );
    let files = folder.path().to_str().unwrap().to_owned();
    tokio::task::spawn_blocking(move || {
        let output = notify(&["mail", "-f", &files]);
        let out = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{out}{}", text(&output.stderr));
        assert!(out.contains("default/mail (email) took the test"), "{out}");
        let output = notify(&["locked", "-f", &files]);
        let out = text(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{out}");
        assert!(out.contains("refused the test for good") && out.contains("535") && !out.contains("wr0ng"), "{out}");
    })
    .await
    .unwrap();
    let mails = server.mails();
    assert_eq!(mails.len(), 1);
    assert!(mails[0]["subject"].as_str().unwrap().contains("Test of default/mail"), "{}", mails[0]);
}
