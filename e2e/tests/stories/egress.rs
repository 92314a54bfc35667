//! No probe reaches the API server, a node, Probity itself or a loopback address, unless an admin allows it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    Told, pod,
    way::Way,
    world::{World, eventually},
};

const HERE: &str = "egress";
const PATIENCE: Duration = Duration::from_secs(30);
/// A token for the HTTP API, from a Secret.
const TOKEN: &str = "a-token-of-the-stories";
const VALUES: [&str; 5] = [
    "crds.install=false",
    "namespaces={egress}",
    "persistence.enabled=false",
    "rbac.userRoles=false",
    "settings.apiTokenSecret=tokens",
];

pub fn keeps_probes_from_what_is_the_clusters_own(world: &mut World) -> Told {
    world.types()?;
    world.namespace(HERE)?;
    world.web(HERE, "web", 1)?;
    world.apply(&json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "tokens", "namespace": HERE},
        "stringData": {"tokens": TOKEN},
    }))?;
    world.install(HERE, &World::chart(), &VALUES)?;
    check(world, "web", json!({"http": {"service": {"name": "web", "port": 80}}}))?;
    let guarded = guarded(world)?;
    for (name, address) in &guarded {
        check(world, name, tcp(address))?;
    }
    // Denied whatever an admin allows.
    check(world, "metadata", tcp("169.254.169.254:80"))?;
    is(world, "web", "Healthy", "Ok")?;
    blocked(world, &guarded)?;
    is(world, "metadata", "Unknown", "Blocked")?;

    // A Probity that starts does not yet know whose an address is: it must not ask to find out.
    world.kubectl.must(["--namespace", HERE, "rollout", "restart", "deployment/probity"])?;
    world.kubectl.must(["--namespace", HERE, "rollout", "status", "deployment/probity", "--timeout=60s"])?;
    is(world, "web", "Healthy", "Ok")?;
    let guarded = self::guarded(world)?;
    for (name, address) in &guarded {
        check(world, name, tcp(address))?;
    }
    blocked(world, &guarded)?;
    let probity = Way::to(world, HERE, "probity", 8080)?;
    for (name, _) in guarded.iter().filter(|(name, _)| name != "self") {
        let reached = eventually("its history", PATIENCE, || reached(&probity, name))?;
        if reached > 0 {
            return Err(format!("{name} was reached {reached} times while Probity started"));
        }
    }
    drop(probity);

    world.install(HERE, &World::chart(), &[&VALUES[..], &["settings.allowCidrs={0.0.0.0/0,::/0}"]].concat())?;
    check(world, "self", tcp(&own(world)?))?;
    for (name, _) in &guarded {
        is(world, name, "Healthy", "Ok")?;
    }
    is(world, "metadata", "Unknown", "Blocked")?;
    println!("  {} are Blocked, and reached when allowed", names(&guarded));
    Ok(())
}

/// What is the cluster's own: a name, and an address where something listens.
fn guarded(world: &World) -> Result<Vec<(String, String)>, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let service = world.object("default", "service/kubernetes")?;
    let slices = ["--namespace=default", "get", "endpointslices", "--selector=kubernetes.io/service-name=kubernetes"];
    let slices = json(world, &[&slices[..], &["--output=json"]].concat())?;
    let slice = &slices["items"][0];
    let mut guarded = vec![
        ("api-service".to_owned(), format!("{}:443", text(&service["spec"]["clusterIP"]))),
        (
            "api-server".to_owned(),
            format!("{}:{}", text(&slice["endpoints"][0]["addresses"][0]), slice["ports"][0]["port"]),
        ),
        ("loopback".to_owned(), "127.0.0.1:8080".to_owned()),
        ("self".to_owned(), own(world)?),
    ];
    let nodes = json(world, &["get", "nodes", "--output=json"])?;
    for (number, node) in nodes["items"].as_array().into_iter().flatten().take(3).enumerate() {
        let addresses = node["status"]["addresses"].as_array();
        let inner = addresses.into_iter().flatten().find(|address| address["type"] == "InternalIP");
        let inner = inner.ok_or("a node has no address")?;
        let port = &node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"];
        guarded.push((format!("node-{number}"), format!("{}:{port}", text(&inner["address"]))));
    }
    Ok(guarded)
}

fn own(world: &World) -> Result<String, String> {
    let pod = pod::pod(world, HERE)?;
    let ip = pod["status"]["podIP"].as_str().ok_or("the pod has no address")?;
    Ok(format!("{ip}:8080"))
}

fn json(world: &World, arguments: &[&str]) -> Result<Value, String> {
    serde_json::from_str(&world.kubectl.must(arguments)?).map_err(|error| error.to_string())
}

fn tcp(address: &str) -> Value {
    json!({"tcp": {"address": address}})
}

fn check(world: &World, name: &str, probe: Value) -> Told {
    let mut spec = probe;
    spec["interval"] = "1s".into();
    world.apply(&json!({
        "apiVersion": "probity.dev/v1alpha1",
        "kind": "HealthCheck",
        "metadata": {"name": name, "namespace": HERE},
        "spec": spec,
    }))
}

fn blocked(world: &World, guarded: &[(String, String)]) -> Told {
    for (name, address) in guarded {
        let message = is(world, name, "Unknown", "Blocked")?;
        let ip = address.rsplit_once(':').map_or(address.as_str(), |(ip, _)| ip);
        if !message.contains(ip) || !message.contains("egress policy") {
            return Err(format!("{name}: the message names neither the address nor the policy: {message}"));
        }
    }
    Ok(())
}

/// Waits for a state and its reason; gives the message.
fn is(world: &World, name: &str, state: &str, reason: &str) -> Result<String, String> {
    eventually(&format!("{name} is {state}, {reason}"), PATIENCE, || {
        let object = world.object(HERE, &format!("healthcheck/{name}"))?;
        let status = &object["status"];
        if status["observedGeneration"] != object["metadata"]["generation"]
            || status["state"] != state
            || status["reason"] != reason
        {
            return Err(format!("its status is {status}"));
        }
        Ok(status["message"].as_str().unwrap_or_default().to_owned())
    })
}

/// How many runs of a check were not Blocked, since Probity started on an empty folder.
fn reached(probity: &Way, name: &str) -> Result<u64, String> {
    let (status, body) = probity.get(&format!("/api/v1/healthchecks/{HERE}/{name}/history?window=30m"), TOKEN)?;
    if status != 200 {
        return Err(format!("{status}: {body}"));
    }
    let history: Value = serde_json::from_str(&body).map_err(|error| error.to_string())?;
    let sum = |field: &str| -> u64 {
        history["buckets"].as_array().into_iter().flatten().filter_map(|bucket| bucket[field].as_u64()).sum()
    };
    if sum("runs") == 0 {
        return Err("it has not run".to_owned());
    }
    Ok(sum("good") + sum("degraded") + sum("failed"))
}

fn names(guarded: &[(String, String)]) -> String {
    let names: Vec<_> = guarded.iter().map(|(name, address)| format!("{name} ({address})")).collect();
    names.join(", ")
}
