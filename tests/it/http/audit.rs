//! `/api/v1/audit`, and `probity audit` that asks it.

use std::process::Output;

use probity::{
    audit::{Entry, Event},
    history::Commit,
    server::Options,
};
use serde_json::Value;

use super::world::{World, checks, options};

/// Milliseconds in 2027.
const T0: i64 = 1_800_000_000_000;

fn told(n: i64, namespace: &str, alert: &str) -> Entry {
    Entry {
        at: T0 + n * 1_000,
        namespace: namespace.into(),
        rule: Some("errors".into()),
        alert: Some(alert.into()),
        fingerprint: None,
        notification: Some(format!("n{n}").into()),
        event: Event::Told { channel: "ops/slack".into(), status: "firing".into(), why: "First".into() },
    }
}

async fn world(options: Options) -> World {
    let world = World::with(options, checks()).await;
    let audit = (0..30).map(|n| told(n, if n < 10 { "shop" } else { "web" }, if n % 3 == 0 { "A" } else { "B" }));
    world.state.store.commit(Commit { audit: audit.collect(), ..Commit::default() }).await;
    world
}

async fn probity(world: &World, args: &[&str]) -> Output {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_probity"));
    let server = format!("http://127.0.0.1:{}", world.address.port());
    command.arg("audit").args(args).args(["--server", &server]).env_remove("PROBITY_API_TOKEN_FILE");
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn seqs(json: &Value) -> Vec<u64> {
    json["items"].as_array().unwrap().iter().map(|item| item["seq"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn pages_follow_each_other_and_filters_hold() {
    let world = world(options()).await;
    let first = world.get("/api/v1/audit?limit=4&since=2027-01-15T08:00:01Z").await.json();
    assert_eq!(seqs(&first), [3, 4, 5, 6]);
    let item = &first["items"][0];
    assert_eq!(
        (&item["chain"], &item["entry"]["kind"], &item["entry"]["alert"]),
        (&1.into(), &"told".into(), &"B".into())
    );
    assert_eq!(item["entry"]["at"], "2027-01-15T08:00:01.000Z");
    let next = first["next"].as_str().unwrap();
    let second = world.get(&format!("/api/v1/audit?limit=4&after={next}")).await.json();
    assert_eq!(seqs(&second), [7, 8, 9, 10]);
    let whole = world.get("/api/v1/audit?limit=1000").await.json();
    assert_eq!((seqs(&whole).len(), &whole["next"]), (31, &Value::Null));
    assert_eq!(whole["head"], world.state.store.audit_head().unwrap().to_string());
    for (query, count) in [
        ("alert=A", 10),
        ("alert=A&namespace=shop", 4),
        ("rule=errors&until=2027-01-15T08:00:10Z", 10),
        ("rule=web/errors", 20),
        ("notification=n7", 1),
        ("kind=start", 1),
        ("kind=gap", 0),
        ("namespace=nowhere", 0),
        ("since=2028-01-01T00:00:00Z", 0),
        // This test's rows are of 2027.
        ("until=1s&kind=told", 0),
    ] {
        let answer = world.get(&format!("/api/v1/audit?{query}")).await;
        assert_eq!(seqs(&answer.json()).len(), count, "{query}");
    }
    for bad in
        ["limit=0", "limit=1001", "kind=x", "since=x", "after=x", "order=x", "alert=a&rule=b", "order=chain&alert=a"]
    {
        let answer = world.get(&format!("/api/v1/audit?{bad}")).await;
        assert_eq!(answer.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn it_is_read_by_who_has_the_token() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    std::fs::write(&file, "the-token-of-this-test\n").unwrap();
    let listen = ([0, 0, 0, 0], 0).into();
    let world = world(Options { listen, api_token_file: Some(file.clone()), ..options() }).await;
    assert_eq!(world.get("/api/v1/audit").await.status, 401);
    assert_eq!(probity(&world, &[]).await.status.code(), Some(3));
    let output = probity(&world, &["--api-token-file", file.to_str().unwrap()]).await;
    assert_eq!(output.status.code(), Some(0));
}

#[tokio::test]
async fn the_command_tells_and_proves_what_the_server_has() {
    let world = world(options()).await;
    let output = probity(&world, &["--alert", "A", "--namespace", "shop"]).await;
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!((output.status.code(), out.lines().count()), (Some(0), 5), "{out}");
    assert!(out.starts_with("AT  ") && out.contains("ops/slack is told that it is firing: First"), "{out}");

    let output = probity(&world, &["-o", "json"]).await;
    let all: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(all.len(), 31);
    let output = probity(&world, &["--kind", "gap", "-o", "json"]).await;
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "[]\n");

    let head = world.state.store.audit_head().unwrap().to_string();
    let output = probity(&world, &["verify", "--head", &head, "-o", "json"]).await;
    let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (output.status.code(), &verdict["rows"], &verdict["head"]),
        (Some(0), &31.into(), &head.as_str().into())
    );
    let later = head.replacen("1:31:", "1:40:", 1);
    let output = probity(&world, &["verify", "--head", &later]).await;
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(out.contains("row 32 of chain 1: the end of the trail is missing"), "{out}");
    assert_eq!(probity(&world, &["verify", "--head", "x"]).await.status.code(), Some(2));
    assert_eq!(probity(&world, &["--since", "x"]).await.status.code(), Some(3), "the server refuses it");
}

#[tokio::test]
async fn the_head_is_a_metric() {
    let world = world(options()).await;
    let head = world.state.store.audit_head().unwrap();
    assert!(world.metrics().await.contains(&format!("probity_store_audit_head_info{{head=\"{head}\"}} 1\n")));
}
