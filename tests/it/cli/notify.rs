//! `probity notify test` from manifests: to receivers over HTTP and to a real mail server.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use crate::probes::peers::{
    http::{Site, answer},
    pki::{Authority, NOW},
    real::{self, Smtp},
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
