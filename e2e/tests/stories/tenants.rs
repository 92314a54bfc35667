//! Two namespaces with rules, channels and silences of their own: neither can touch the other's alerts, until a channel
//! lets somebody in.

use serde_json::{Value, json};

use crate::{
    Told,
    receiver::{self, Receiver, object},
    release::{self, SOON, condition},
    world::{World, eventually},
};

/// Where the release is: what is there reaches all, so nothing of the two is.
const HERE: &str = "tenants";
const A: &str = "tenants-a";
const B: &str = "tenants-b";
/// Who may read namespaces, once an admin says so.
const ROLE: &str = "e2e-tenants-namespaces";

pub fn nobody_touches_the_alerts_of_others(world: &mut World) -> Told {
    if world.node.is_none() {
        println!("LEFT OUT: tenants: no pod of the user's own cluster reaches a receiver here");
        return Ok(());
    }
    for namespace in [A, B] {
        world.namespace(namespace)?;
    }
    let namespaces = format!("namespaces={{{A},{B}}}");
    release::install(world, HERE, &[receiver::VALUE, "rbac.namespaces=false", &namespaces])?;
    let told = alerts_of_two(world);
    let forget = ["delete", "clusterrole,clusterrolebinding", ROLE, "--ignore-not-found"];
    world.kubectl.must(forget).map(drop).and(told)
}

fn alerts_of_two(world: &World) -> Told {
    let receiver = Receiver::start()?;
    for namespace in [A, B] {
        world.apply(&receiver.check(namespace, "web"))?;
        release::becomes(world, namespace, "web", "Healthy", "Ok", SOON)?;
    }
    world.apply(&receiver.channel(A, "hook", "/a", &Value::Null))?;
    // It is the same for everyone in a, and b has none of its own.
    let rule = |namespace: &str, name: &str| {
        let notify = json!([{"name": "hook", "namespace": A}]);
        let spec = json!({"severity": "critical", "condition": {"healthCheck": {"name": "web"}}, "notify": notify});
        object("AlertRule", namespace, name, &spec)
    };
    world.apply(&rule(A, "of-a"))?;
    world.apply(&rule(B, "of-b"))?;
    let silence = json!({"matchers": ["alertname=~\"of-.*\""], "duration": "1h"});
    world.apply(&object("Silence", B, "all", &silence))?;
    says(world, B, "alertrule/of-b", "Routed", "NoChannel", "does not let this namespace in")?;

    receiver.answers(503);
    receiver.hears("/a", &["firing of-a"], SOON)?;
    // b's silence has b's alert, and that alone.
    until(world, B, "silence/all", |status| status["state"] == "Active" && status["matches"] == 1)?;
    until(world, B, "alertrule/of-b", |status| status["state"] == "Silenced")?;
    until(world, A, "alertrule/of-a", |status| status["state"] == "Firing")?;
    world.kubectl.must(["--namespace", B, "delete", "silence", "all"])?;
    until(world, B, "alertrule/of-b", |status| status["state"] == "Firing")?;
    // Of a silence in a, b's alert notices nothing.
    world.apply(&object("Silence", A, "all", &silence))?;
    until(world, A, "silence/all", |status| status["state"] == "Active" && status["matches"] == 1)?;
    until(world, B, "alertrule/of-b", |status| status["state"] == "Firing")?;

    // By a label that b has; but who may not read labels lets nobody in.
    let matches = json!({"matchLabels": {"kubernetes.io/metadata.name": B}});
    let allowed = json!({"allowedNamespaces": {"from": "Selector", "selector": matches}});
    world.apply(&receiver.channel(A, "hook", "/a", &allowed))?;
    says(world, A, "notificationchannel/hook", "Ready", "NotPermitted", "namespaces")?;
    says(world, B, "alertrule/of-b", "Routed", "NoChannel", "does not let this namespace in")?;
    if !release::log(world, HERE)?.contains("cannot read Namespaces") {
        return Err("the log does not say that Namespaces cannot be read".to_owned());
    }
    receiver.hears("/a", &["firing of-a"], std::time::Duration::ZERO)?;
    let account = format!("--serviceaccount={HERE}:probity");
    world.kubectl.must(["create", "clusterrole", ROLE, "--verb=get,list,watch", "--resource=namespaces"])?;
    let role = format!("--clusterrole={ROLE}");
    world.kubectl.must(["create", "clusterrolebinding", ROLE, &role, &account])?;
    until(world, A, "notificationchannel/hook", |status| condition(status, "Ready")["status"] == "True")?;
    until(world, B, "alertrule/of-b", |status| condition(status, "Routed")["status"] == "True")?;
    receiver.hears("/a", &["firing of-a", "firing of-b"], SOON)
}

fn says(world: &World, namespace: &str, what: &str, name: &str, reason: &str, text: &str) -> Told {
    until(world, namespace, what, |status| {
        let found = condition(status, name);
        let said = found["message"].as_str().unwrap_or_default();
        found["status"] == "False" && found["reason"] == reason && said.contains(text)
    })
}

fn until(world: &World, namespace: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Told {
    eventually(&format!("{what} in {namespace}"), SOON, || {
        let status = world.object(namespace, what)?["status"].clone();
        if is_so(&status) { Ok(()) } else { Err(format!("its status is {status}")) }
    })
}
