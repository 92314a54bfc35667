//! Alertmanager's own command line against Probity, and beside it against an Alertmanager: the same commands work, and
//! what they print has the same shape.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{
    ack::{rows, wait},
    alerts::{told, write},
    process::Probity,
    target::free_port,
    wire,
};
use crate::probes::peers::real;

/// amtool, and whom it asks.
struct Amtool {
    program: PathBuf,
    url: String,
}

impl Amtool {
    fn run(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new(&self.program);
        command.args(["--no-version-check", "--alertmanager.url", &self.url]).args(arguments);
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), text(&output.stdout) + &text(&output.stderr))
    }

    fn must(&self, arguments: &[&str]) -> String {
        let (good, text) = self.run(arguments);
        assert!(good, "amtool {arguments:?} at {}: {text}", self.url);
        text
    }

    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let text = self.must(&[arguments, &["-o", "json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

/// What a value looks like: its keys and types, and of texts whether they are times.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), shape(value))).collect(),
        // Elements are alike.
        Value::Array(items) => items.first().map(shape).into_iter().collect(),
        Value::String(text) if text.parse::<jiff::Timestamp>().is_ok() => {
            json!(format!("a time of {} characters", text.len()))
        }
        Value::String(_) => json!("a text"),
        Value::Number(_) => json!("a number"),
        other => other.clone(),
    }
}

/// Without what names things differently on purpose: labels and annotations are maps of texts.
fn shapes(mut alerts: Vec<Value>) -> Value {
    for alert in &mut alerts {
        let texts = |value: &Value| value.as_object().is_some_and(|fields| fields.values().all(Value::is_string));
        for field in ["labels", "annotations"] {
            assert!(texts(&alert[field]), "{alert}");
            alert[field] = json!({});
        }
        // Where its rule is shown: not without an address of Probity's own.
        alert.as_object_mut().unwrap().remove("generatorURL");
    }
    shape(&Value::Array(alerts))
}

fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(begin.elapsed() < wire::PATIENCE, "{what}: it never came");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

struct World {
    _folder: tempfile::TempDir,
    manifests: PathBuf,
    data: PathBuf,
}

fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let (manifests, data) = (folder.path().join("manifests"), folder.path().join("data"));
    write(&manifests, free_port());
    World { manifests, data, _folder: folder }
}

fn start(world: &World, program: &Path) -> (Probity, Amtool) {
    let probity = Probity::start(&world.manifests, &world.data, &[]);
    let url = format!("http://{}", probity.address);
    (probity, Amtool { program: program.to_owned(), url })
}

#[test]
fn amtool_makes_finds_changes_and_ends_a_silence_needs_alertmanager() {
    let Some(program) = real::require("amtool") else { return };
    let world = world();
    let (probity, amtool) = start(&world, &program);
    wait(&probity, |line| line["status"] == "firing");
    let found = amtool.json(&["alert", "query", "alertname=ShopDown"]);
    assert_eq!((found.len(), &found[0]["status"]["state"]), (1, &json!("active")), "{found:?}");
    assert_eq!(found[0]["annotations"]["message"], "shop of web is down");
    assert_eq!(found[0]["receivers"], json!([{"name": "default/lines"}]));
    assert!(amtool.json(&["alert", "query", "alertname=Other"]).is_empty());

    let id = amtool.must(&[
        "silence",
        "add",
        "alertname=ShopDown",
        "tier=~w.*",
        "--author",
        "ann",
        "--comment",
        "deploy",
        "--duration",
        "1h",
    ]);
    let id = id.trim();
    let silenced =
        eventually("the alert is silenced", || amtool.json(&["alert", "query", "--silenced"]).into_iter().next());
    assert_eq!((&silenced["status"]["state"], &silenced["status"]["silencedBy"]), (&json!("suppressed"), &json!([id])));
    assert!(amtool.json(&["alert", "query"]).is_empty());
    let found = amtool.json(&["silence", "query"]);
    assert_eq!((found.len(), &found[0]["id"], &found[0]["createdBy"]), (1, &json!(id), &json!("ann")), "{found:?}");
    assert_eq!(amtool.must(&["silence", "query", "-q", "alertname=ShopDown"]).trim(), id);
    assert_eq!(amtool.must(&["silence", "query", "-q", "alertname=Other"]).trim(), "");
    assert!(amtool.must(&["silence", "query"]).contains("alertname=\"ShopDown\" tier=~\"w.*\""));

    // What makes no silence says why.
    for (arguments, why) in [
        (&["silence", "add", "alertname=~.*", "--comment", "x"][..], "they match every alert"),
        (&["silence", "add", "alertname=A", "tier=~(", "--comment", "x"], "("),
        (&["silence", "expire", "4b1d6cc6-1111-4111-8111-111111111111"], "404"),
        (&["silence", "expire", "nothing"], "422"),
    ] {
        let (good, text) = amtool.run(arguments);
        assert!(!good && text.contains(why), "{arguments:?}: {text}");
    }

    // It outlives a kill, and mutes what still fires.
    probity.stop(Signal::KILL);
    let (probity, amtool) = start(&world, &program);
    assert_eq!(amtool.must(&["silence", "query", "-q"]).trim(), id);
    eventually("the alert is silenced", || amtool.json(&["alert", "query", "--silenced"]).into_iter().next());
    let own = probity.wait_for("/api/v1/silences", |answer| answer.json()["items"].get(0).cloned());
    assert_eq!((&own["name"], &own["createdBy"], &own["matches"]), (&json!(id), &json!("ann"), &json!(1)), "{own}");
    let before = told(&probity).len();

    // Its end moves, and it is the same; with another beginning it is another.
    amtool.must(&["silence", "update", "--duration", "2h", id]);
    assert_eq!(amtool.must(&["silence", "query", "-q"]).trim(), id);
    amtool.must(&["silence", "expire", id]);
    // What it muted still fires, and is told at once.
    let again = eventually("it is told when the silence ends", || told(&probity).get(before).cloned());
    assert_eq!((&again["status"], &again["why"]), (&json!("firing"), &json!("MuteEnded")), "{again}");
    assert!(amtool.json(&["silence", "query"]).is_empty());
    assert_eq!(amtool.must(&["silence", "query", "-q", "--expired"]).trim(), id);
    let changes: Vec<Value> = rows(&probity, "silence").iter().map(|row| json!([row["change"], row["by"]])).collect();
    let want = [json!(["created", "ann"]), json!(["changed", "ann"]), json!(["expired", ""]), json!(["ended", ""])];
    assert_eq!(changes, want);
    probity.stop(Signal::TERM);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_amtool_prints_has_the_shape_of_alertmanagers_needs_alertmanager() {
    let Some(program) = real::require("amtool") else { return };
    let Some(server) = real::alertmanager().await else { return };
    let world = world();
    let (probity, ours) = start(&world, &program);
    let theirs = Amtool { program, url: format!("http://{}", server.address) };
    wait(&probity, |line| line["status"] == "firing");
    theirs.must(&["alert", "add", "ShopDown", "tier=web", "namespace=default", "--annotation=message=x"]);
    eventually("the alert is there", || theirs.json(&["alert", "query"]).into_iter().next());
    let both = |arguments: &[&str]| (ours.json(arguments), theirs.json(arguments));

    let (mine, its) = both(&["alert", "query"]);
    assert_eq!(shapes(mine), shapes(its));
    let add = ["silence", "add", "alertname=ShopDown", "tier!~x.*", "--comment", "deploy", "--duration", "1h"];
    let ids: Vec<String> = [&ours, &theirs].map(|amtool| amtool.must(&add).trim().to_owned()).into();
    assert_eq!(ids[0].len(), ids[1].len());
    for amtool in [&ours, &theirs] {
        eventually("it is silenced", || amtool.json(&["alert", "query", "--silenced"]).into_iter().next());
    }
    let (mine, its) = both(&["alert", "query", "--silenced"]);
    assert_eq!(shapes(mine), shapes(its));
    let (mine, its) = both(&["silence", "query"]);
    assert_eq!(mine[0]["matchers"], its[0]["matchers"]);
    assert_eq!(shape(&Value::Array(mine)), shape(&Value::Array(its)));

    // Tables: the same lines, but for ids, times and what is told of an alert.
    for arguments in
        [&["alert", "query"][..], &["silence", "query"], &["silence", "query", "-o", "extended"], &["cluster", "show"]]
    {
        let heads = |amtool: &Amtool| {
            let text = amtool.must(arguments);
            let lines: Vec<Vec<String>> = text
                .lines()
                .map(|line| {
                    line.split("  ").filter(|part| !part.trim().is_empty()).map(|part| part.trim().to_owned()).collect()
                })
                .collect();
            (lines.first().cloned().unwrap_or_default(), lines.len())
        };
        assert_eq!(heads(&ours), heads(&theirs), "{arguments:?}");
    }
    ours.must(&["config", "show"]);

    for (amtool, id) in [(&ours, &ids[0]), (&theirs, &ids[1])] {
        amtool.must(&["silence", "expire", id]);
        assert!(amtool.json(&["silence", "query"]).is_empty());
        assert_eq!(amtool.json(&["silence", "query", "--expired"])[0]["status"]["state"], "expired");
    }

    // What each says to the same requests: status, kind of answer.
    let now = probity::clock::Clock::system().wall();
    let (begins, ends) = (probity::clock::rfc3339(now), probity::clock::rfc3339(now + 600_000));
    let silence = |change: &[(&str, Value)]| {
        let mut body: BTreeMap<String, Value> = serde_json::from_value(json!({
            "matchers": [{"name": "a", "value": "b", "isRegex": false}],
            "startsAt": begins, "endsAt": ends, "createdBy": "ann", "comment": "x",
        }))
        .unwrap();
        body.extend(change.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        serde_json::to_string(&body).unwrap()
    };
    let unknown = json!("4b1d6cc6-1111-4111-8111-111111111111");
    let everything = json!([{"name": "a", "value": ".*", "isRegex": true}]);
    for (method, path, body) in [
        ("POST", "/api/v2/silences", silence(&[])),
        ("POST", "/api/v2/silences", silence(&[("id", unknown)])),
        ("POST", "/api/v2/silences", silence(&[("endsAt", json!("2001-01-01T00:00:00Z"))])),
        ("POST", "/api/v2/silences", silence(&[("matchers", everything)])),
        ("POST", "/api/v2/silences", silence(&[("matchers", json!([]))])),
        ("POST", "/api/v2/silences", silence(&[("createdBy", Value::Null)])),
        ("GET", "/api/v2/silences?filter=a%3Db", String::new()),
        ("GET", "/api/v2/silences?filter=a", String::new()),
        ("GET", "/api/v2/silence/4b1d6cc6-1111-4111-8111-111111111111", String::new()),
        ("GET", "/api/v2/silence/nothing", String::new()),
        ("GET", "/api/v2/alerts?filter=alertname%3D%22ShopDown%22", String::new()),
        ("GET", "/api/v2/alerts?receiver=(", String::new()),
        ("GET", "/api/v2/alerts/groups", String::new()),
        ("GET", "/api/v2/receivers", String::new()),
        ("GET", "/api/v2/status", String::new()),
    ] {
        let answer = |address| {
            let answer = wire::send(address, method, path, &[], &body).unwrap();
            let value: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
            let kind = match &value {
                Value::Object(fields) => fields.keys().cloned().collect::<Vec<_>>().join(","),
                Value::Array(_) => "a list".to_owned(),
                Value::String(_) | Value::Null => "a text, or nothing".to_owned(),
                other => other.to_string(),
            };
            (answer.status, kind)
        };
        assert_eq!(answer(probity.address), answer(server.address), "{method} {path} {body}");
    }
    probity.stop(Signal::TERM);
}
