//! Who may read.

use hyper::Method;

use super::world::{World, checks, options, until};
use probity::server::{Options, ServerError, bind};

#[tokio::test]
async fn on_loopback_only_names_of_this_machine_are_answered() {
    let world = World::start().await;
    let port = world.address.port();
    for (host, status) in [
        (format!("localhost:{port}"), 200),
        (format!("127.0.0.1:{port}"), 200),
        (format!("[::1]:{port}"), 200),
        ("localhost".to_owned(), 200),
        (format!("rebound.example:{port}"), 421),
        ("169.254.169.254".to_owned(), 421),
        ("a b".to_owned(), 400),
    ] {
        for path in ["/health/detailed", "/metrics", "/"] {
            let answer = world.ask(Method::GET, path, &[("host", &host)]).await;
            assert_eq!(answer.status, status, "{host} {path}");
            assert!(answer.header("x-correlation-id").is_some());
        }
    }
}

#[tokio::test]
async fn elsewhere_reading_needs_a_token_that_may_change() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    std::fs::write(&file, "first-token-of-this-test\n").unwrap();
    let listen = ([0, 0, 0, 0], 0).into();
    let world = World::with(Options { listen, api_token_file: Some(file.clone()), ..options() }, checks()).await;
    let detailed = async |authorization: &str| {
        world.ask(Method::GET, "/health/detailed", &[("authorization", authorization)]).await.status.as_u16()
    };
    let answer = world.get("/health/detailed").await;
    assert_eq!(answer.status, 401);
    assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer"));
    assert_eq!(answer.json()["error"]["code"], "unauthorized");
    assert_eq!(detailed("Bearer first-token-of-this-test").await, 200);
    for wrong in [
        "Bearer first-token-of-this-tes",
        "Bearer first-token-of-this-test2",
        "Basic first-token-of-this-test",
        "Bearer",
        "x",
    ] {
        assert_eq!(detailed(wrong).await, 401, "{wrong}");
    }
    // What kubelets and Prometheus ask is open, by any name; nothing else is, not even whether it is there.
    for (path, status) in [
        ("/health", 200),
        ("/health/", 200),
        ("/health/readiness", 200),
        ("/health/liveness", 200),
        ("/metrics", 200),
        ("/", 401),
        ("/api/v1/healthchecks", 401),
        ("/api/v1/openapi.json", 401),
        ("/metrics/business", 401),
        ("/nowhere", 401),
    ] {
        assert_eq!(world.ask(Method::GET, path, &[("host", "probity.example")]).await.status, status, "{path}");
    }
    std::fs::write(&file, "second-token-of-this-test\n").unwrap();
    until("the new token", async || detailed("Bearer second-token-of-this-test").await == 200).await;
    assert_eq!(detailed("Bearer first-token-of-this-test").await, 401);
    // A file that is empty for a moment locks nobody out.
    std::fs::write(&file, "").unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    assert_eq!(detailed("Bearer second-token-of-this-test").await, 200);
}

#[tokio::test]
async fn elsewhere_without_a_token_file_only_the_open_endpoints_answer() {
    let world = World::with(Options { listen: ([0, 0, 0, 0], 0).into(), ..options() }, checks()).await;
    let answer = world.get("/health/detailed").await;
    assert_eq!(answer.status, 401);
    assert!(answer.json()["error"]["message"].as_str().unwrap().contains("--api-token-file"));
    assert_eq!(world.get("/health/readiness").await.status, 200);
}

#[tokio::test]
async fn files_that_cannot_be_used_stop_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    let with = || Options { api_token_file: Some(file.clone()), ..options() };
    assert!(matches!(bind(with()).await.err().unwrap(), ServerError::Read { .. }));
    std::fs::write(&file, "short\n").unwrap();
    let error = bind(with()).await.err().unwrap().to_string();
    assert!(error.contains("shorter than 16") && !error.contains("short\n"), "{error}");
}
