//! What is served of alerting, over a board that is filled by hand.

use std::{sync::Arc, time::Duration};

use probity::{
    alert::{
        Counts, Episode, Incident, Labels, Moment, Phase, RuleIs, Shown, Value as Sample,
        book::Looked,
        desk::{Because, MuteKey, MuteKind, Routes, Suppressed, Told},
        rule::Sight,
    },
    engine::{
        Board,
        alerts::board::{Evaluated, RuleCell, RuleView, SilenceView},
    },
    health::Reason,
    model::{self, AlertRule, Bound, Condition, Kind, Object, ObjectId, ObjectKey, OnError, OnNoData, Severity},
    source::{Entry, Refused, Verdict},
};
use serde_json::{Value, json};

use super::world::{World, options};

const AT: i64 = 1_700_000_000_000;

fn key(name: &str) -> ObjectKey {
    ObjectKey::new("shop", name)
}

fn entry(kind: Kind, name: &str, verdict: Verdict) -> Arc<Entry> {
    let (id, labels) = (ObjectId::new(kind, key(name)), model::Labels::default());
    Arc::new(Entry { id, uid: Arc::from(""), generation: 3, labels, verdict, stale: None, note: None })
}

fn rule(name: &str) -> AlertRule {
    AlertRule {
        key: key(name),
        generation: 3,
        labels: model::Labels::default(),
        alert_name: "Slow".into(),
        severity: Severity::High,
        interval: Duration::from_secs(15),
        hold: Duration::from_secs(60),
        keep_firing_for: Duration::ZERO,
        condition: Condition::Promql { expr: "latency".into(), source: None, bound: Some(Bound::Above(0.5)) },
        on_no_data: OnNoData::Keep,
        on_error: OnError::Keep,
        alert_labels: Arc::new([]),
        labels_from_object: Arc::new([]),
        message: None,
        annotations: Arc::new([]),
        notify: Arc::new([]),
        escalate: Arc::new([]),
        inhibited_by: Arc::new([]),
    }
}

/// An alert that is pending, or fires and is silenced.
fn alert(instance: &str, fires: bool) -> Shown {
    let labels = Labels::new([("alertname", "Slow"), ("severity", "high"), ("instance", instance)]);
    let moment = Moment { at: AT, wall: AT };
    let episode = Episode {
        incident: Incident::of("uid", &labels),
        rule: key("slow"),
        generation: 3,
        subject: "".into(),
        phase: if fires { Phase::Firing } else { Phase::Pending },
        name: "Slow".into(),
        severity: Some(Severity::High),
        fingerprint: labels.fingerprint(),
        labels,
        message: "slow".into(),
        annotations: Labels::annotations([("summary", "")]),
        value: Some(Sample(0.75)),
        reason: None,
        object: model::Labels::default(),
        dependency: None,
        active: moment,
        fired: fires.then_some(moment),
        keeping: fires.then_some(moment),
        resolved: None,
    };
    let mutes = if fires { vec![MuteKey { kind: MuteKind::Silence, object: key("quiet") }] } else { Vec::new() };
    let channels = if fires { vec![(key("chat"), Told::Firing)] } else { Vec::new() };
    let suppressed = Suppressed { mutes, ..Suppressed::default() };
    Shown { episode: Arc::new(episode), suppressed, ack: None, channels: channels.into() }
}

pub fn fill(board: &Board) {
    let view = |entry, sight, counts, is| RuleView {
        entry,
        sight,
        counts,
        is,
        since: AT,
        routes: Routes {
            channels: vec![key("chat")],
            denied: vec![(key("gone"), Because::UnknownChannel)],
            to_log: false,
        },
    };
    let accepted = |rule: AlertRule| {
        let name = rule.key.name.to_string();
        entry(Kind::AlertRule, &name, Verdict::Accepted(Object::AlertRule(Arc::new(rule))))
    };
    let counts = Counts { pending: 1, firing: 0, silenced: 1 };
    let cell = RuleCell::new(key("slow"), view(accepted(rule("slow")), Sight::Clear, counts, RuleIs::Silenced));
    for alert in [alert("a", true), alert("b", false)] {
        cell.put(alert.episode.incident, Some(Arc::new(alert)));
    }
    cell.set_evaluated(Evaluated { at: AT, took: Duration::from_millis(20), result: Looked::Ok });
    board.put_rule(Arc::new(cell));
    let since = Moment { at: AT, wall: AT };
    let failing = Sight::Failing { subjects: 1, since, message: "connection refused".into() };
    let blind = view(accepted(rule("blind")), failing, Counts::default(), RuleIs::Error);
    board.put_rule(Arc::new(RuleCell::new(key("blind"), blind)));
    let refused = || {
        let (reason, message) = (Reason::InvalidSpec, "spec.condition: must be set".into());
        Verdict::Refused(Refused { ready_reason: "InvalidSpec", reason, message })
    };
    let wrong = view(entry(Kind::AlertRule, "wrong", refused()), Sight::Clear, Counts::default(), RuleIs::Error);
    board.put_rule(Arc::new(RuleCell::new(key("wrong"), wrong)));
    board.put_channel(&key("bad"), Some(entry(Kind::NotificationChannel, "bad", refused())));
    let silence = SilenceView { entry: entry(Kind::Silence, "odd", refused()), mutes: 0 };
    board.put_silence(&key("odd"), Some(silence));
}

async fn world() -> World {
    let world = World::with(options(), Vec::new()).await;
    fill(&world.state.board);
    world
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a Vec<Value> {
    value.pointer(pointer).and_then(Value::as_array).unwrap_or_else(|| panic!("no {pointer} in {value}"))
}

#[tokio::test]
async fn rules_and_alerts_are_as_prometheus_tells_them() {
    let world = world().await;
    let alerts = world.get("/api/v1/alerts").await.json();
    assert_eq!(alerts["status"], "success");
    let firing = list(&alerts, "/data/alerts").iter().find(|alert| alert["state"] == "firing").unwrap().clone();
    let mut bare = firing.clone();
    for beside in ["fingerprint", "message"] {
        assert!(bare.as_object_mut().unwrap().remove(beside).unwrap().is_string());
    }
    let want = json!({
        "labels": {"alertname": "Slow", "severity": "high", "instance": "a"}, "annotations": {"summary": ""},
        "state": "firing", "activeAt": "2023-11-14T22:13:20.000Z", "keepFiringSince": "2023-11-14T22:13:20.000Z",
        "value": "7.5e-01",
    });
    assert_eq!(bare, want, "a silenced alert fires: Prometheus knows no silences");

    let rules = world.get("/api/v1/rules").await.json();
    let groups = list(&rules, "/data/groups");
    assert_eq!(groups.len(), 2, "a refused rule is not in force: {groups:?}");
    let (blind, slow) = (&groups[0], &groups[1]);
    assert_eq!((&slow["file"], &slow["name"], &slow["interval"]), (&"shop".into(), &"slow".into(), &15.0.into()));
    let rule = &slow["rules"][0];
    for (name, want) in [
        ("state", json!("firing")),
        ("name", json!("Slow")),
        ("query", json!("(latency) > 0.5")),
        ("duration", json!(60.0)),
        ("labels", json!({"severity": "high"})),
        ("health", json!("ok")),
        ("evaluationTime", json!(0.02)),
        ("lastEvaluation", json!("2023-11-14T22:13:20.000Z")),
        ("type", json!("alerting")),
    ] {
        assert_eq!(rule[name], want, "{name}");
    }
    assert_eq!(list(rule, "/alerts").len(), 2);
    assert_eq!(blind["rules"][0]["health"], "err");
    assert_eq!(blind["rules"][0]["lastError"], "connection refused");
}

#[tokio::test]
async fn rules_are_narrowed_as_prometheus_does_it() {
    let world = world().await;
    for (query, want) in [
        ("", &["blind", "slow"][..]),
        ("?type=alert", &["blind", "slow"]),
        ("?type=record", &[]),
        ("?rule_name[]=Slow", &["blind", "slow"]),
        ("?rule_name[]=Other", &[]),
        ("?rule_group[]=slow&rule_group[]=none", &["slow"]),
        ("?file[]=other", &[]),
        ("?namespace=other", &[]),
        ("?match[]=%7Bseverity%3D%22high%22%7D", &["blind", "slow"]),
        ("?match[]=%7Bseverity%3D%22low%22%7D", &[]),
        ("?group_limit=1", &["blind"]),
        ("?group_limit=1&group_next_token=shop/slow", &["slow"]),
    ] {
        let rules = world.get(&format!("/api/v1/rules{query}")).await.json();
        let names: Vec<_> = list(&rules, "/data/groups").iter().map(|group| group["name"].as_str().unwrap()).collect();
        assert_eq!(names, want, "{query}");
        let next = rules["data"]["groupNextToken"].as_str();
        assert_eq!(next, (query == "?group_limit=1").then_some("shop/slow"), "{query}");
    }
    let bare = world.get("/api/v1/rules?exclude_alerts=true").await.json();
    assert!(list(&bare, "/data/groups").iter().all(|group| group["rules"][0].get("alerts").is_none()));
    for bad in ["?type=x", "?group_limit=0", "?match[]=%7B", "?unknown=1"] {
        assert_eq!(world.get(&format!("/api/v1/rules{bad}")).await.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn our_own_kinds_are_told_with_why_they_are_so() {
    let world = world().await;
    let one = world.get("/api/v1/alertrules/shop/slow").await.json();
    for (pointer, want) in [
        ("/state", json!("Silenced")),
        ("/active", json!(1)),
        ("/pending", json!(1)),
        ("/message", json!("1 silenced, 1 pending")),
        ("/lastEvaluation/result", json!("ok")),
        ("/lastNotification", json!(null)),
        ("/channels", json!(["shop/chat"])),
        ("/notTold/0", json!({"channel": "shop/gone", "because": "unknown channel"})),
        ("/ready/status", json!(true)),
    ] {
        assert_eq!(one.pointer(pointer), Some(&want), "{pointer}");
    }
    let silenced = list(&one, "/alerts").iter().find(|alert| alert["state"] == "Silenced").unwrap();
    assert_eq!(silenced["silencedBy"], json!(["shop/quiet"]));
    assert_eq!(silenced["channels"], json!({"shop/chat": "told"}));

    for (path, names) in [
        ("alertrules", &["blind", "slow", "wrong"][..]),
        ("alertrules?namespace=other", &[]),
        ("channels", &["bad"]),
        ("silences", &["odd"]),
    ] {
        let all = world.get(&format!("/api/v1/{path}")).await.json();
        let found: Vec<_> = list(&all, "/items").iter().map(|item| item["name"].as_str().unwrap()).collect();
        assert_eq!(found, names, "{path}");
    }
    for path in ["alertrules/shop/wrong", "channels/shop/bad", "silences/shop/odd"] {
        let refused = world.get(&format!("/api/v1/{path}")).await.json();
        assert_eq!(refused["ready"]["reason"], "InvalidSpec", "{path}");
    }
    for path in ["alertrules/shop/none", "channels/shop/none", "silences/other/odd"] {
        let answer = world.get(&format!("/api/v1/{path}")).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.json()["error"]["message"].as_str().unwrap().contains("lists all"), "{path}");
    }
    let metrics = world.metrics().await;
    for line in [
        "probity_objects{kind=\"AlertRule\",ready=\"true\"} 2",
        "probity_objects{kind=\"AlertRule\",ready=\"false\"} 1",
        "probity_objects{kind=\"NotificationChannel\",ready=\"false\"} 1",
        "probity_objects{kind=\"MaintenanceWindow\",ready=\"true\"} 0",
    ] {
        assert!(metrics.contains(line), "{line}");
    }
}
