//! What each endpoint answers.

use hyper::Method;
use serde_json::{Value, json};

use std::time::Duration;

use super::world::{World, check, checks, fill, options, until};
use probity::{
    health::{Reason, State},
    model::ProbeKind,
    server::{Limits, Options},
};

fn names(list: &Value, key: &str) -> Vec<String> {
    let mut names: Vec<_> =
        list.as_array().unwrap().iter().map(|item| item[key].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn health_says_that_the_process_serves() {
    let world = World::start().await;
    for path in ["/health", "/health/"] {
        let answer = world.get(path).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let json = answer.json();
        assert_eq!(json["status"], "healthy");
        assert!(json["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
        assert_eq!(json.as_object().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn detailed_tells_every_check_and_the_worst_of_them() {
    let world = World::start().await;
    let json = world.get("/health/detailed").await.json();
    assert_eq!(json["status"], "unhealthy");
    assert_eq!(json["total_checks"], 9);
    assert_eq!(json["passed_checks"], 7);
    let mut failed: Vec<_> =
        json["failed_checks"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    failed.sort_unstable();
    assert_eq!(failed, ["broken", "down"]);
    let api = json["checks"].as_array().unwrap().iter().find(|check| check["name"] == "api").unwrap();
    assert_eq!(api["namespace"], "web");
    assert_eq!(api["status"], "healthy");
    assert_eq!(api["reason"], "Ok");
    assert_eq!(api["message"], "200 OK");
    assert_eq!(api["duration"], 0.01234);
    assert_eq!(api["timestamp"], "2023-11-14T22:14:20.120Z");
    assert_eq!(api["details"]["status_code"], 200);
    assert_eq!(api["details"]["address"], "192.0.2.1");
    assert_eq!(api["details"]["certificate_not_after"], "2027-01-15T08:00:00.000Z");
    // By the name that it reports as.
    assert!(names(&json["checks"], "name").contains(&"slow_page".to_owned()));
}

#[tokio::test]
async fn detailed_is_narrowed_by_namespace_and_labels() {
    let world = World::start().await;
    for (query, want) in [
        ("?namespace=web", vec!["api", "broken", "down", "slow_page"]),
        ("?selector=name%20in%20(api,cert)", vec!["api", "cert"]),
        ("?selector=name+notin+(api,broken),tier%3Dweb", vec!["down", "slow_page"]),
        ("?namespace=shop&selector=name%3Dcert", vec!["cert"]),
        ("?namespace=nowhere", vec![]),
        ("?selector=", vec!["api", "broken", "cert", "down", "new", "off", "refused", "slow_page", "stale", "zone"]),
    ] {
        let json = world.get(&format!("/health/detailed{query}")).await.json();
        assert_eq!(names(&json["checks"], "name"), want, "{query}");
    }
    assert_eq!(world.get("/health/detailed?namespace=nowhere").await.json()["status"], "unknown");
    for (query, said) in [
        ("?selector=a%20like%20b", "at character 3"),
        ("?selecter=a", "known here: namespace, selector"),
        ("?namespace=a&namespace=b", "given twice"),
    ] {
        let answer = world.get(&format!("/health/detailed{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(said), "{message}");
    }
}

#[tokio::test]
async fn readiness_waits_for_its_parts_and_for_the_checks_that_are_demanded() {
    let world = World::start().await;
    assert_eq!(world.get("/health/readiness").await.json(), json!({"status": "ready"}));
    // A service that fails does not make Probity unready, unless it is asked for.
    for (query, status) in [
        ("?checks=name%3Dapi", 200),
        ("?checks=name%20in%20(api,slow-page)", 200),
        ("?checks=name%3Ddown", 503),
        ("?checks=name%3Dnew", 503),
        ("?checks=name%3Doff", 503),
        ("?checks=name%3Dnowhere", 503),
        ("?checks=tier%3Dweb", 503),
        ("?checks=%3D", 400),
    ] {
        let answer = world.get(&format!("/health/readiness{query}")).await;
        assert_eq!(answer.status, status, "{query}: {}", answer.json());
    }
    let json = world.get("/health/readiness?checks=name%3Ddown").await.json();
    assert_eq!(json["status"], "not_ready");
    assert_eq!(json["error"]["code"], "not_ready");
    assert_eq!(json["error"]["message"], "healthcheck web/down: Unhealthy: ConnectionRefused: refused");

    world.state.readiness.not_ready("store", "the disk is full");
    let answer = world.get("/health/readiness").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["problems"], json!([{"what": "store", "why": "the disk is full"}]));
}

#[tokio::test]
async fn liveness_is_told_while_loops_turn() {
    let world = World::start().await;
    let _beat = world.state.progress.watch("scheduler");
    let answer = world.get("/health/liveness").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["status"], "alive");
    assert!(answer.json()["timestamp"].is_string());
}

#[tokio::test]
async fn liveness_ends_with_progress_and_comes_back_with_it() {
    let limits = Limits { stall: Duration::from_millis(200), ..Limits::default() };
    let world = World::with(Options { limits, ..options() }, checks()).await;
    let beat = world.state.progress.watch("engine");
    until("the stall", async || world.get("/health/liveness").await.status == 503).await;
    let json = world.get("/health/liveness").await.json();
    assert_eq!(json["status"], "stalled");
    assert_eq!(json["error"]["code"], "stalled");
    assert!(json["error"]["message"].as_str().unwrap().contains("engine"));
    // The process still serves.
    assert_eq!(world.get("/health").await.status, 200);
    until("a turn in time", async || {
        beat.turn();
        world.get("/health/liveness").await.status == 200
    })
    .await;
}

#[tokio::test]
async fn healthchecks_are_listed_with_every_figure() {
    let world = World::start().await;
    let json = world.get("/api/v1/healthchecks").await.json();
    assert_eq!(json["items"].as_array().unwrap().len(), 10);
    let json = world.get("/api/v1/healthchecks?namespace=web&selector=name%3Dapi").await.json();
    let item = &json["items"][0];
    assert_eq!(json["items"].as_array().unwrap().len(), 1);
    assert_eq!(*item, world.get("/api/v1/healthchecks/web/api").await.json());
    for (pointer, want) in [
        ("/name", json!("api")),
        ("/namespace", json!("web")),
        ("/labels", json!({"tier": "web", "name": "api"})),
        ("/reportAs", json!("api")),
        ("/generation", json!(3)),
        ("/probe", json!("http")),
        ("/interval", json!(10.0)),
        ("/timeout", json!(5.0)),
        ("/ready", json!({"status": true, "reason": "Valid", "message": ""})),
        ("/state", json!("Healthy")),
        ("/reason", json!("Ok")),
        ("/message", json!("200 OK")),
        ("/lastTransitionTime", json!("2023-11-14T22:13:20.000Z")),
        ("/latency", json!(0.01234)),
        ("/uptime", json!({"1h": null, "24h": null, "30d": null})),
        ("/targets", json!({"total": 1, "healthy": 1, "degraded": 0, "unhealthy": 0, "unknown": 0})),
        ("/details/0/target", json!("http://api.example/\"x\"")),
        ("/details/0/lastRun", json!("2023-11-14T22:14:20.120Z")),
    ] {
        assert_eq!(item.pointer(pointer), Some(&want), "{pointer}");
    }
    let refused = world.get("/api/v1/healthchecks/shop/refused").await.json();
    assert_eq!(refused["ready"]["message"], "spec.http.url: is missing");
    assert_eq!(refused["probe"], Value::Null);
    assert_eq!(world.get("/api/v1/healthchecks/web/nowhere").await.status, 404);
    assert_eq!(world.get("/api/v1/healthchecks?x=1").await.status, 400);
}

#[tokio::test]
async fn a_deleted_check_is_gone_everywhere_at_once() {
    let world = World::start().await;
    fill(&world.state.snapshot, vec![check("a", "b", ProbeKind::Http, State::Unknown, Reason::Pending, None)]);
    assert_eq!(world.get("/api/v1/healthchecks/web/api").await.status, 404);
    assert!(!world.metrics().await.contains("healthcheck=\"api\""));
}

#[tokio::test]
async fn a_history_has_its_window_in_buckets() {
    let world = World::start().await;
    let json = world.get("/api/v1/healthchecks/web/api/history?window=30m").await.json();
    assert_eq!(json["namespace"], "web");
    assert_eq!(json["name"], "api");
    assert_eq!(json["window"], 1800);
    assert_eq!(json["step"], 60);
    let mut bucket = json["buckets"][0].clone();
    assert!(bucket["start"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    bucket["start"] = json!("");
    assert_eq!(
        bucket,
        json!({
            "start": "", "expected": 6, "runs": 5, "good": 3, "degraded": 1, "failed": 1,
            "latency": {"avg": 0.25, "max": 1.0, "p50": null, "p90": null, "p99": null},
        })
    );
    assert_eq!(world.get("/api/v1/healthchecks/web/api/history").await.json()["window"], 3600);
    for (path, status) in [
        ("/api/v1/healthchecks/web/nowhere/history", 404),
        ("/api/v1/healthchecks/shop/refused/history", 404),
        ("/api/v1/healthchecks/web/api/history?window=1y", 400),
        ("/api/v1/healthchecks/web/api/history?window=1m", 400),
        ("/api/v1/healthchecks/web/api/history?span=1h", 400),
    ] {
        assert_eq!(world.get(path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn business_metrics_have_a_time_and_nothing_yet() {
    let world = World::start().await;
    let json = world.get("/metrics/business").await.json();
    assert_eq!(json.as_object().unwrap().keys().collect::<Vec<_>>(), ["timestamp"]);
}

#[tokio::test]
async fn what_is_not_served_is_told_as_an_error() {
    let world = World::start().await;
    for path in
        ["/nowhere", "/health/detailed/", "/api/v1/healthchecks/web", "/favicon.ico", "//", "/%2e%2e/etc/passwd"]
    {
        let answer = world.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        let error = &answer.json()["error"];
        assert_eq!(error["code"], "not_found");
        assert_eq!(error["correlation_id"].as_str(), answer.header("x-correlation-id"));
        assert!(error["message"].is_string());
    }
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::PATCH] {
        let answer = world.ask(method.clone(), "/health", &[]).await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), Some("GET, HEAD"));
        assert_eq!(answer.json()["error"]["code"], "method_not_allowed");
    }
}

#[tokio::test]
async fn head_has_the_length_of_get_and_no_body() {
    let world = World::start().await;
    for path in ["/health/", "/", "/api/v1/openapi.json", "/health/detailed"] {
        let (get, head) = (world.get(path).await, world.ask(Method::HEAD, path, &[]).await);
        assert_eq!(head.status, 200);
        assert!(head.body.is_empty());
        assert_eq!(head.header("content-length"), Some(get.body.len().to_string().as_str()), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"));
    }
    assert_eq!(world.ask(Method::HEAD, "/metrics", &[]).await.status, 200);
    assert_eq!(world.ask(Method::HEAD, "/nowhere", &[]).await.status, 404);
}

#[tokio::test]
async fn the_page_lists_what_is_served_and_runs_no_script() {
    let world = World::start().await;
    let answer = world.get("/").await;
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = answer.header("content-security-policy").unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe"));
    let page = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(!page.contains("<script") && !page.contains("style=\""));
    for path in ["/health/detailed", "/metrics", "/api/v1/openapi.json"] {
        assert!(page.contains(&format!("href=\"{path}\"")), "{path}");
    }
}

#[tokio::test]
async fn openapi_describes_each_route_and_no_other() {
    let world = World::start().await;
    super::alerting::fill(&world.state.board);
    super::slos::fill(&world.state.slos);
    let document = world.get("/api/v1/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    // What this issue serves, by the contract.
    let mut want = vec![
        "/",
        "/api/v1/alertrules",
        "/api/v1/alertrules/{namespace}/{name}",
        "/api/v1/alerts",
        "/api/v1/alerts/{fingerprint}/ack",
        "/api/v1/audit",
        "/api/v1/channels",
        "/api/v1/channels/{namespace}/{name}",
        "/api/v1/channels/{namespace}/{name}/test",
        "/api/v1/healthchecks",
        "/api/v1/healthchecks/{namespace}/{name}",
        "/api/v1/healthchecks/{namespace}/{name}/history",
        "/api/v1/openapi.json",
        "/api/v1/rules",
        "/api/v1/silences",
        "/api/v1/silences/{namespace}/{name}",
        "/api/v1/slotargets",
        "/api/v1/slotargets/{namespace}/{name}",
        "/api/v1/why",
        "/api/v2/alerts",
        "/api/v2/alerts/groups",
        "/api/v2/receivers",
        "/api/v2/silence/{id}",
        "/api/v2/silences",
        "/api/v2/status",
        "/health",
        "/health/",
        "/health/detailed",
        "/health/liveness",
        "/health/readiness",
        "/metrics",
        "/metrics/business",
        "/monitoring/sla",
        "/monitoring/sla/{metric}",
    ];
    want.sort_unstable();
    assert_eq!(paths.keys().map(String::as_str).collect::<Vec<_>>(), want);
    // What nobody has made yet is not there to be read.
    for (path, item) in paths.iter().filter(|(path, item)| item["get"].is_object() && !path.contains("{id}")) {
        let (namespace, name) = match path {
            path if path.contains("/alertrules/") => ("shop", "slow"),
            path if path.contains("/channels/") => ("shop", "bad"),
            path if path.contains("/silences/") => ("shop", "odd"),
            path if path.contains("/slotargets/") => ("shop", "up"),
            _ => ("web", "api"),
        };
        let mut concrete = path.replace("{namespace}", namespace).replace("{name}", name).replace("{metric}", "errors");
        if path == "/api/v1/why" {
            concrete += "?alert=shop/slow";
        }
        let answer = world.get(&concrete).await;
        assert_eq!(answer.status, 200, "{path} is described and not served");
        let said = item["get"]["responses"]["200"]["content"].as_object().unwrap().keys().next().unwrap();
        assert!(answer.header("content-type").unwrap().starts_with(said), "{path}");
        if let Some(schema) = item["get"]["responses"]["200"]["content"][said]["schema"]["$ref"].as_str() {
            let schema = document.pointer(schema.trim_start_matches('#')).unwrap();
            let answer = answer.json();
            for key in schema["required"].as_array().into_iter().flatten() {
                assert!(answer.get(key.as_str().unwrap()).is_some(), "{path} has no {key}");
            }
            if let Some(described) = schema["properties"].as_object() {
                for key in answer.as_object().unwrap().keys() {
                    assert!(described.contains_key(key), "{path} has {key}, which is not described");
                }
            }
        }
    }
}
