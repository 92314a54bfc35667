//! The id that ties a request, its answer and its log lines together; and the log lines themselves.

use hyper::Method;

use super::world::{Log, World, until};

#[tokio::test]
async fn a_valid_id_comes_back_and_is_on_the_log_line() {
    let (log, _guard) = Log::capture("info");
    let world = World::start().await;
    let answer = world.ask(Method::GET, "/health/detailed", &[("x-correlation-id", "abc")]).await;
    assert_eq!(answer.header("x-correlation-id"), Some("abc"));
    until("the log line", async || !log.requests().is_empty()).await;
    let lines = log.requests();
    assert_eq!(lines.len(), 1);
    let line = &lines[0];
    assert_eq!(line["correlation_id"], "abc");
    assert_eq!(line["level"], "info");
    assert_eq!(line["message"], "request");
    assert_eq!(line["method"], "GET");
    assert_eq!(line["endpoint"], "/health/detailed");
    assert_eq!(line["status"], 200);
    assert!(line["duration_ms"].as_f64().unwrap() >= 0.0);
    assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn without_a_valid_id_it_is_a_new_uuid_each_time() {
    let (log, _guard) = Log::capture("info");
    let world = World::start().await;
    let mut seen = Vec::new();
    let long = "x".repeat(129);
    for given in [None, Some(""), Some("a b"), Some("a/b"), Some(long.as_str())] {
        let headers: Vec<_> = given.map(|given| ("x-correlation-id", given)).into_iter().collect();
        let answer = world.ask(Method::GET, "/nowhere", &headers).await;
        let id = answer.header("x-correlation-id").unwrap().to_owned();
        assert!(uuid::Uuid::parse_str(&id).is_ok(), "{given:?} gave {id}");
        assert!(!seen.contains(&id));
        seen.push(id);
    }
    until("the log lines", async || log.requests().len() == seen.len()).await;
    for (line, id) in log.requests().iter().zip(&seen) {
        assert_eq!(line["correlation_id"], id.as_str());
        assert_eq!(line["endpoint"], "unmatched");
        assert_eq!(line["status"], 404);
    }
}

#[tokio::test]
async fn what_machines_ask_all_day_is_told_at_debug_only() {
    let (log, _guard) = Log::capture("debug");
    let world = World::start().await;
    for (path, level) in [
        ("/health", "debug"),
        ("/health/readiness", "debug"),
        ("/metrics", "debug"),
        ("/health/readiness?checks=name%3Ddown", "info"),
        ("/health/detailed?x=1", "info"),
        ("/api/v1/healthchecks", "info"),
        ("/metrics/business", "info"),
        ("/", "info"),
    ] {
        let before = log.requests().len();
        world.get(path).await;
        until("the log line", async || log.requests().len() > before).await;
        assert_eq!(log.requests()[before]["level"], level, "{path}");
    }
}

#[tokio::test]
async fn it_says_where_it_listens() {
    let (log, _guard) = Log::capture("info");
    let world = World::start().await;
    until("the line", async || log.lines().iter().any(|line| line["message"] == "listening")).await;
    let line = log.lines().into_iter().find(|line| line["message"] == "listening").unwrap();
    assert_eq!(line["address"], world.address.to_string());
    assert_eq!(line["url"], format!("http://{}", world.address));
}

#[tokio::test]
async fn a_port_that_is_taken_is_said_clearly() {
    let world = World::start().await;
    let options = probity::server::Options { listen: world.address, ..super::world::options() };
    let error = probity::server::bind(options).await.err().unwrap().to_string();
    assert!(error.contains(&world.address.to_string()) && error.contains("the port is taken"), "{error}");
}
