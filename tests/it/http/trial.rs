//! `POST /api/v1/channels/{namespace}/{name}/test`, to receivers that take it, refuse it, or never answer.

use std::sync::Arc;

use hyper::Method;
use probity::{
    engine::alerts::Board,
    health::Reason,
    history::AuditQuery,
    model::{
        self, AllowedNamespaces, Channel, Grouping, HttpEndpoint, Kind, Object, ObjectId, ObjectKey, Receiver,
        Severities, Webhook,
    },
    notify::trial::{OF_NAMESPACE, OFTEN},
    server::{ClusterAccess, Options},
    source::{Entry, Refused, Verdict},
};
use serde_json::{Value, json};

use super::world::{Answer, World, options, until};
use crate::probes::peers::http::{Heard, Site, answer};

/// What of an address must never be shown.
const SECRET: &str = "T0KENs3cret";

fn entry(key: &ObjectKey, verdict: Verdict) -> Arc<Entry> {
    let (id, labels) = (ObjectId::new(Kind::NotificationChannel, key.clone()), model::Labels::default());
    Arc::new(Entry { id, uid: "".into(), generation: 1, labels, verdict, stale: None, note: None })
}

/// A webhook.
fn channel(board: &Board, namespace: &str, name: &str, url: &str) {
    let key = ObjectKey::new(namespace, name);
    let channel = Channel {
        key: key.clone(),
        generation: 1,
        labels: model::Labels::default(),
        receiver: Receiver::Webhook(Webhook {
            endpoint: HttpEndpoint::plain(url.parse().unwrap()).unwrap(),
            hmac: None,
        }),
        is_default: false,
        severities: Severities::ALL,
        send_resolved: true,
        grouping: Grouping::default(),
        rate_limit: None,
        fallback: None,
        allowed_namespaces: AllowedNamespaces::Same,
    };
    let verdict = Verdict::Accepted(Object::NotificationChannel(Arc::new(channel)));
    board.put_channel(&key, Some(entry(&key, verdict)));
}

async fn try_it(world: &World, path: &str, headers: &[(&str, &str)]) -> Answer {
    world.ask(Method::POST, &format!("/api/v1/channels/{path}/test"), headers).await
}

fn message(answer: &Answer) -> String {
    answer.json()["error"]["message"].as_str().unwrap().to_owned()
}

/// The trials of the audit trail, oldest first.
async fn rows(world: &World) -> Vec<Value> {
    let query = AuditQuery { limit: 100, ..AuditQuery::default() };
    let rows = world.state.store.audit(query).await.unwrap().rows;
    let entries = rows.iter().filter_map(|row| serde_json::from_slice::<Value>(&row.body).ok());
    entries.filter(|entry| entry["kind"] == "trial").collect()
}

#[tokio::test]
async fn a_channel_is_tried_and_what_its_receiver_says_is_told() {
    let good = Site::fixed(answer("200 OK", &[], "ok")).await;
    let busy = Site::fixed(answer("503 Service Unavailable", &[], "later")).await;
    let says = format!("no such hook: /hooks/{SECRET}\u{1b}[2J");
    let refusing = Site::fixed(answer("404 Not Found", &[], says)).await;
    let world = World::with(options(), Vec::new()).await;
    for (name, site) in [("good", &good), ("busy", &busy), ("refusing", &refusing)] {
        channel(&world.state.board, "ops", name, &site.url(&format!("/hooks/{SECRET}")));
    }
    for (name, outcome, says) in [
        ("good", "delivered", "answered 200"),
        ("busy", "retry", "answered 503: later"),
        ("refusing", "refused", "answered 404: no such hook: /hooks/***"),
    ] {
        let told = try_it(&world, &format!("ops/{name}"), &[("x-correlation-id", "mine-7")]).await;
        let body = told.json();
        assert_eq!(told.status, 200, "{body}");
        assert_eq!(told.header("x-correlation-id"), Some("mine-7"));
        assert_eq!((&body["outcome"], &body["kind"]), (&json!(outcome), &json!("webhook")), "{body}");
        assert_eq!((&body["channel"], &body["recorded"]), (&json!(format!("ops/{name}")), &json!(true)));
        let text = body["answer"].as_str().unwrap();
        assert!(text.contains(says) && !text.contains(SECRET) && body["duration"].is_number(), "{body}");
    }
    let heard = good.heard();
    let [one] = heard.as_slice() else { panic!("{heard:?}") };
    let sent: Value = serde_json::from_slice(&one.body).unwrap();
    assert_eq!((one.path(), one.header("x-correlation-id")), (&*format!("/hooks/{SECRET}"), Some("mine-7")));
    assert!(sent.to_string().to_lowercase().contains("test"), "{sent}");

    let rows = rows(&world).await;
    let short: Vec<_> = rows.iter().map(|row| json!([row["channel"], row["by"], row["outcome"]])).collect();
    let want = [("good", "delivered"), ("busy", "retry"), ("refusing", "refused")];
    assert_eq!(short, want.map(|(name, outcome)| json!([format!("ops/{name}"), "somebody", outcome])));
    assert!(rows.iter().all(|row| row["namespace"] == "ops" && !row.to_string().contains(SECRET)), "{rows:?}");
    assert_eq!(rows[0]["notification"].as_str(), one.header("idempotency-key"));
}

#[tokio::test]
async fn what_cannot_be_tried_says_why() {
    let site = Site::fixed(answer("200 OK", &[], "ok")).await;
    let world = World::with(options(), Vec::new()).await;
    channel(&world.state.board, "ops", "good", &site.url("/"));
    let key = ObjectKey::new("shop", "wrong");
    let refused = Refused {
        ready_reason: "UnresolvedReference",
        reason: Reason::InvalidSpec,
        message: "Secret shop/none is not there".into(),
    };
    world.state.board.put_channel(&key, Some(entry(&key, Verdict::Refused(refused))));

    let unknown = try_it(&world, "ops/none", &[]).await;
    assert_eq!(unknown.status, 404);
    assert_eq!(message(&unknown), "there is no NotificationChannel ops/none; there are ops/good, shop/wrong");
    let refused = try_it(&world, "shop/wrong", &[]).await;
    assert_eq!(refused.status, 409);
    assert!(
        message(&refused).contains("shop/wrong is refused: Secret shop/none is not there"),
        "{}",
        message(&refused)
    );
    // A page of somewhere else cannot have it done, nor anybody by asking for it.
    for headers in [&[("origin", "http://evil.example")][..], &[("sec-fetch-site", "cross-site")]] {
        let stranger = try_it(&world, "ops/good", headers).await;
        assert_eq!((stranger.status.as_u16(), stranger.json()["error"]["code"].as_str()), (403, Some("cross_origin")));
    }
    let asked = world.get("/api/v1/channels/ops/good/test").await;
    assert_eq!((asked.status.as_u16(), asked.header("allow")), (405, Some("POST")));
    assert!(site.heard().is_empty() && rows(&world).await.is_empty());
    // Every one that is refused for its number, but none for what it is.
    for _ in 0..OFTEN {
        assert_eq!(try_it(&world, "ops/good", &[]).await.status, 200);
    }
    let often = try_it(&world, "ops/good", &[]).await;
    assert_eq!(often.status, 429);
    assert!(message(&often).contains(" trials a minute"), "{}", message(&often));
    assert_eq!(site.heard().len(), OFTEN);
}

#[tokio::test]
async fn elsewhere_it_takes_a_token() {
    let site = Site::fixed(answer("200 OK", &[], "ok")).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "a-token-of-this-test\n").unwrap();
    let listen = ([0, 0, 0, 0], 0).into();
    let world = World::with(Options { listen, api_token_file: Some(file), ..options() }, Vec::new()).await;
    channel(&world.state.board, "ops", "good", &site.url("/"));
    assert_eq!(try_it(&world, "ops/good", &[]).await.status, 401);
    assert_eq!(try_it(&world, "ops/good", &[("authorization", "Bearer a-token-of-nobody-at-all")]).await.status, 401);
    assert!(site.heard().is_empty());
    assert_eq!(try_it(&world, "ops/good", &[("authorization", "Bearer a-token-of-this-test")]).await.status, 200);
}

#[tokio::test]
async fn a_receiver_that_hangs_keeps_nobody_else_from_theirs() {
    // Takes connections, and never answers.
    let hanging = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", hanging.local_addr().unwrap());
    let good = Site::fixed(answer("200 OK", &[], "ok")).await;
    let world = World::with(options(), Vec::new()).await;
    for name in ["one", "two", "three"] {
        channel(&world.state.board, "ops", name, &url);
    }
    channel(&world.state.board, "shop", "good", &good.url("/"));
    let goes_on = async |path: &str| {
        let path = path.to_owned();
        let begun = try_it(&world, &path, &[]);
        // Its connection is there, so that it is under way.
        tokio::select! {
            told = begun => panic!("{path}: {} {:?}", told.status, told.json()),
            connection = hanging.accept() => connection.unwrap().0,
        }
    };
    // Whoever asked is gone by then, and the trial goes on.
    let mut open = vec![goes_on("ops/one").await];
    let again = try_it(&world, "ops/one", &[]).await;
    assert_eq!(again.status, 429);
    assert!(message(&again).contains("it is being tried now"), "{}", message(&again));
    open.push(goes_on("ops/two").await);
    assert_eq!(open.len(), OF_NAMESPACE);
    let third = try_it(&world, "ops/three", &[]).await;
    assert_eq!(third.status, 429);
    assert!(message(&third).contains("channels of a namespace"), "{}", message(&third));
    assert_eq!(try_it(&world, "shop/good", &[]).await.status, 200);
    // At the end nobody waits for them, and what was sent is written down.
    world.shutdown.cancel();
    until("a row of each", async || rows(&world).await.len() == 3).await;
    let cut = rows(&world).await.iter().filter(|row| row["answer"].as_str().unwrap().contains("Probity stops")).count();
    assert_eq!(cut, 2);
}

/// An API server that knows one token, whose owner may do what `may` says.
async fn api_server(may: impl Fn(&Value) -> bool + Send + Sync + 'static) -> Site {
    Site::new(move |heard: &Heard| {
        let asked: Value = serde_json::from_slice(&heard.body).unwrap();
        let status = match heard.path().split('?').next().unwrap().rsplit('/').next().unwrap() {
            "tokenreviews" if asked["spec"]["token"] == "anns" => {
                json!({"authenticated": true, "audiences": ["probity"], "user": {"username": "ann"}})
            }
            "tokenreviews" => json!({"authenticated": false}),
            _ => json!({"allowed": may(&asked["spec"]["resourceAttributes"])}),
        };
        let mut answered = asked;
        answered["status"] = status;
        answer("201 Created", &[("content-type", "application/json")], answered.to_string())
    })
    .await
}

#[tokio::test]
async fn in_a_cluster_it_takes_the_right_to_update_the_channel() {
    let good = Site::fixed(answer("200 OK", &[], "ok")).await;
    let cluster = api_server(|wish| {
        let own = wish["resource"] == "notificationchannels" && wish["namespace"] == "ops";
        own && (wish["verb"] == "list" || (wish["verb"] == "update" && wish["name"] != "alien"))
    })
    .await;
    let uri = format!("http://{}", cluster.address).parse().unwrap();
    let client = kube::Client::try_from(kube::Config::new(uri)).unwrap();
    let access =
        |open_reads| ClusterAccess { client: client.clone(), clock: probity::clock::Clock::system(), open_reads };
    for open_reads in [false, true] {
        let listen = ([0, 0, 0, 0], 0).into();
        let cluster = Some(access(open_reads));
        let world = World::with(Options { listen, cluster, ..options() }, Vec::new()).await;
        for (namespace, name) in [("ops", "good"), ("ops", "alien"), ("shop", "good")] {
            channel(&world.state.board, namespace, name, &good.url("/"));
        }
        let ann = [("authorization", "Bearer anns")];
        assert_eq!(try_it(&world, "ops/good", &[]).await.status, 401);
        assert_eq!(try_it(&world, "ops/good", &[("authorization", "Bearer nobodys")]).await.status, 401);
        // Whether there is one in a place that is not hers she does not hear.
        for path in ["ops/alien", "shop/good", "shop/none"] {
            let refused = try_it(&world, path, &ann).await;
            assert_eq!(refused.status, 403, "{path}");
            assert!(message(&refused).contains("RBAC does not let you update notificationchannels"), "{path}");
        }
        let unknown = try_it(&world, "ops/none", &ann).await;
        assert_eq!(unknown.status, 404);
        assert_eq!(message(&unknown), "there is no NotificationChannel ops/none; there are ops/alien, ops/good");
        assert!(rows(&world).await.is_empty());
        assert_eq!(try_it(&world, "ops/good", &ann).await.status, 200);
        assert_eq!(rows(&world).await[0]["by"], "ann");
    }
    assert_eq!(good.heard().len(), 2);
}
