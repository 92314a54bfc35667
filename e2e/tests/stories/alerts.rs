//! A rule, a channel, a silence and a window as objects: what kubectl prints of them while a service fails and is back.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    Told,
    receiver::{self, Receiver, object},
    release::{self, SOON, condition},
    world::{World, eventually},
};

const HERE: &str = "alerts";
/// Nothing is written while nothing changes: looked at for so long.
const QUIET: Duration = Duration::from_secs(4);

pub fn a_rule_fires_is_silenced_and_is_over(world: &mut World) -> Told {
    if world.node.is_none() {
        println!("LEFT OUT: alerts: no pod of the user's own cluster reaches a receiver here");
        return Ok(());
    }
    release::install(world, HERE, &[receiver::VALUE])?;
    let receiver = Receiver::start()?;
    world.apply(&receiver.check(HERE, "web"))?;
    world.apply(&receiver.channel(HERE, "hook", "/hook", &Value::Null))?;
    world.apply(&rule("down", &json!([{"name": "hook"}])))?;
    release::becomes(world, HERE, "web", "Healthy", "Ok", SOON)?;
    state(world, "down", "Inactive")?;
    ready(world, "alertrule/down", "Routed")?;

    receiver.answers(503);
    state(world, "down", "Firing")?;
    receiver.hears("/hook", &["firing down"], SOON)?;
    columns(world, "alertrule", "down", &[("SEVERITY", "critical"), ("STATE", "Firing"), ("ACTIVE", "1")])?;
    event(world, "AlertRule", "down", "Firing")?;
    until(world, "notificationchannel/hook", "it has delivered", |status| {
        condition(status, "Delivering")["status"] == "True" && status["lastDelivery"].is_string()
    })?;
    columns(world, "notificationchannel", "hook", &[("KIND", "webhook"), ("READY", "True"), ("DELIVERING", "True")])?;
    until(world, "alertrule/down", "it says who was told", |status| {
        status["lastNotification"]["channel"] == "alerts/hook" && status["lastNotification"]["outcome"] == "delivered"
    })?;
    is_quiet(world)?;

    // Without startsAt it begins when it was made.
    let silence =
        json!({"matchers": ["alertname=\"down\""], "duration": "1h", "createdBy": "ann", "comment": "deploy"});
    world.apply(&object("Silence", HERE, "deploy", &silence))?;
    let nothing = json!({"matchers": ["alertname=\"another\""], "duration": "1h"});
    world.apply(&object("Silence", HERE, "nothing", &nothing))?;
    state(world, "down", "Silenced")?;
    until(world, "alertrule/down", "it says what silences it", |status| {
        status["alerts"][0]["silencedBy"] == "Silence alerts/deploy"
    })?;
    until(world, "silence/deploy", "it is active", |status| status["state"] == "Active" && status["matches"] == 1)?;
    columns(world, "silence", "deploy", &[("STATE", "Active"), ("MATCHES", "1"), ("BY", "ann")])?;
    until(world, "silence/nothing", "it says that it matches nothing", |status| {
        let said = condition(status, "Ready")["message"].clone();
        status["matches"] == 0 && said.as_str().is_some_and(|said| said.contains("no alert"))
    })?;
    let window = json!({"selector": {}, "startsAt": "2020-01-01T00:00:00Z", "endsAt": "2100-01-01T00:00:00Z"});
    world.apply(&object("MaintenanceWindow", HERE, "century", &window))?;
    until(world, "maintenancewindow/century", "it is open", |status| status["open"] == true)?;
    columns(world, "maintenancewindow", "century", &[("OPEN", "true")])?;
    event(world, "MaintenanceWindow", "century", "Open")?;

    refusals(world)?;
    // Silenced or not: who was told that it fires hears that it is over.
    receiver.answers(200);
    state(world, "down", "Inactive")?;
    receiver.hears("/hook", &["firing down", "resolved down"], SOON)?;
    event(world, "AlertRule", "down", "Resolved")
}

/// What the schema takes and Probity does not.
fn refusals(world: &World) -> Told {
    let spec = json!({"condition": {"promql": {"expr": "sum(", "source": {"url": "http://prometheus:9090"}}}});
    world.apply(&object("AlertRule", HERE, "unclosed", &spec))?;
    let url = json!({"valueFrom": {"secretKeyRef": {"name": "nobody", "key": "url"}}});
    world.apply(&object("NotificationChannel", HERE, "keyless", &json!({"slack": {"url": url}})))?;
    world.apply(&object("Silence", HERE, "all", &json!({"matchers": ["a=~\".*\""], "duration": "1h"})))?;
    world.apply(&rule("nowhere", &json!([{"name": "nobody"}])))?;
    for (what, reason, says) in [
        ("alertrule/unclosed", "InvalidExpression", "spec.condition.promql.expr"),
        ("notificationchannel/keyless", "UnresolvedReference", "Secret alerts/nobody"),
        ("silence/all", "InvalidSpec", "they match every alert"),
    ] {
        until(world, what, reason, |status| {
            let ready = condition(status, "Ready");
            let said = ready["message"].as_str().unwrap_or_default();
            ready["status"] == "False" && ready["reason"] == reason && said.contains(says)
        })?;
    }
    event(world, "AlertRule", "unclosed", "InvalidExpression")?;
    until(world, "alertrule/nowhere", "it says that its channel is not there", |status| {
        let routed = condition(status, "Routed");
        routed["status"] == "False" && routed["message"].as_str().is_some_and(|said| said.contains("alerts/nobody"))
    })
}

/// A rule over the check `web` that waits for nobody.
fn rule(name: &str, notify: &Value) -> Value {
    let spec = json!({"severity": "critical", "condition": {"healthCheck": {"name": "web"}}, "notify": notify});
    object("AlertRule", HERE, name, &spec)
}

fn state(world: &World, rule: &str, state: &str) -> Told {
    until(world, &format!("alertrule/{rule}"), state, |status| status["state"] == state)
}

/// That it is valid, and this of it, too.
fn ready(world: &World, what: &str, and: &str) -> Told {
    until(world, what, and, |status| [and, "Ready"].iter().all(|name| condition(status, name)["status"] == "True"))
}

fn until(world: &World, what: &str, wish: &str, is_so: impl Fn(&Value) -> bool) -> Told {
    eventually(&format!("{what}: {wish}"), SOON, || {
        let status = world.object(HERE, what)?["status"].clone();
        if is_so(&status) { Ok(()) } else { Err(format!("its status is {status}")) }
    })
}

/// What `kubectl get` prints of an object, in the columns of these names.
fn columns(world: &World, kind: &str, name: &str, expected: &[(&str, &str)]) -> Told {
    let said = world.kubectl.must(["--namespace", HERE, "get", kind, name])?;
    let mut lines = said.lines();
    let (Some(head), Some(row)) = (lines.next(), lines.next()) else { return Err(format!("kubectl says {said:?}")) };
    for (column, value) in expected {
        // Columns stand under their names; a cell may be empty.
        let found = head.find(column).and_then(|at| row.get(at..)).unwrap_or_default();
        let found = found.split_whitespace().next().unwrap_or_default();
        if found != *value {
            return Err(format!("kubectl get says {column} {found:?}, not {value}:\n{said}"));
        }
    }
    Ok(())
}

fn event(world: &World, kind: &str, name: &str, reason: &str) -> Told {
    eventually(&format!("an event {reason} about {kind} {name}"), SOON, || {
        let said = world.kubectl.must(["--namespace", HERE, "get", "events.events.k8s.io", "--output=json"])?;
        let list: Value = serde_json::from_str(&said).map_err(|error| error.to_string())?;
        let about = |event: &&Value| event["regarding"]["kind"] == kind && event["regarding"]["name"] == name;
        let reasons: Vec<_> =
            list["items"].as_array().into_iter().flatten().filter(about).map(|e| &e["reason"]).collect();
        if reasons.iter().any(|found| **found == reason) { Ok(()) } else { Err(format!("there are {reasons:?}")) }
    })
}

/// That no status is written while a rule fires and nothing changes: all that happens is looked at every second.
fn is_quiet(world: &World) -> Told {
    let versions = || -> Result<Vec<String>, String> {
        let path = "--output=jsonpath={range .items[*]}{.metadata.name}={.metadata.resourceVersion}{\"\\n\"}{end}";
        let kinds = "alertrules,notificationchannels";
        let said = world.kubectl.must(["--namespace", HERE, "get", kinds, path])?;
        Ok(said.lines().map(str::to_owned).collect())
    };
    // What was told last may still be on its way.
    let mut before = versions()?;
    eventually("the statuses stand still", SOON, || {
        std::thread::sleep(QUIET);
        let now = versions()?;
        let same = now == before;
        let told = format!("{before:?} became {now:?}");
        before = now;
        if same { Ok(()) } else { Err(told) }
    })
}
