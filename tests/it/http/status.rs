//! `probity status` and `probity completion`, as processes.

use std::process::Output;

use super::world::{World, checks, options};
use probity::{
    health::{Reason, State},
    model::ProbeKind,
    server::Options,
};

async fn probity(args: &[&str]) -> Output {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_probity"));
    command.args(args).env_remove("PROBITY_SERVER").env_remove("PROBITY_API_TOKEN_FILE");
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn the_table_has_the_worst_first_and_the_exit_code_says_it() {
    let world = World::start().await;
    let server = format!("http://{}", world.address);
    let output = probity(&["status", "--server", &server]).await;
    let out = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{out}{}", text(&output.stderr));
    let lines: Vec<_> = out.lines().collect();
    assert_eq!(
        lines[0].split_whitespace().collect::<Vec<_>>(),
        ["NAMESPACE", "NAME", "PROBE", "STATE", "SINCE", "LATENCY", "UPTIME(24H)", "REASON", "MESSAGE"]
    );
    assert!(lines[1].starts_with("web         broken ") && lines[1].contains("no such name"), "{out}");
    assert!(!out.contains('\u{1b}'), "no colour where nobody looks");
    assert_eq!(lines.last(), Some(&"10 checks: 2 unhealthy, 3 unknown, 1 degraded, 3 healthy, 1 suspended"));
}

#[tokio::test]
async fn all_good_is_zero() {
    let good = vec![
        super::metrics::probed("api"),
        check_of("slow", State::Degraded, Reason::Slow),
        check_of("off", State::Suspended, Reason::Suspended),
    ];
    let world = World::with(options(), good).await;
    let output = probity(&["status", "--server", &format!("http://{}", world.address), "-o", "json"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["status"], "degraded");
    assert_eq!(json["total_checks"], 2);
}

fn check_of(name: &str, state: State, reason: Reason) -> probity::engine::CheckView {
    super::world::check("web", name, ProbeKind::Http, state, reason, None)
}

#[tokio::test]
async fn a_server_that_cannot_be_asked_is_three_with_what_to_do() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = probity(&["status", "--server", &format!("http://{free}")]).await;
    assert_eq!(output.status.code(), Some(3));
    let said = text(&output.stderr);
    assert!(
        said.contains(&free.to_string()) && said.contains("probity run --manifests") && said.contains("--server"),
        "{said}"
    );
    assert!(output.stdout.is_empty());
    let output = probity(&["status", "--server", "127.0.0.1:8080"]).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("http://HOST:PORT"));
}

#[tokio::test]
async fn a_token_is_sent_and_its_absence_explained() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    std::fs::write(&file, "the-token-of-this-test\n").unwrap();
    let listen = ([0, 0, 0, 0], 0).into();
    let world = World::with(Options { listen, api_token_file: Some(file.clone()), ..options() }, checks()).await;
    let server = format!("http://127.0.0.1:{}", world.address.port());
    let output = probity(&["status", "--server", &server]).await;
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("--api-token-file"), "{}", text(&output.stderr));
    let output = probity(&["status", "--server", &server, "--api-token-file", file.to_str().unwrap()]).await;
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("10 checks"));
}

#[tokio::test]
async fn every_shell_gets_a_script() {
    for (shell, mark) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef probity"),
        ("fish", "complete -c probity"),
        ("elvish", "edit:completion"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let output = probity(&["completion", shell]).await;
        assert_eq!(output.status.code(), Some(0), "{shell}");
        let script = text(&output.stdout);
        assert!(script.contains(mark) && script.contains("status"), "{shell}");
    }
    assert_eq!(probity(&["completion", "tcsh"]).await.status.code(), Some(2));
}

#[tokio::test]
async fn help_has_an_example() {
    for command in ["status", "completion"] {
        let output = probity(&[command, "--help"]).await;
        assert_eq!(output.status.code(), Some(0));
        assert!(text(&output.stdout).contains(&format!("probity {command}")), "{command}");
    }
}
