//! Checks that look for their targets: Pods, Services and endpoints come and go, and each has a state of its own.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    Told,
    release::{self, SOON, check},
    visitor::{address, answers_with, get},
    world::{World, eventually},
};

const HERE: &str = "discover";
/// A target comes or goes within a second; its state is known a run later, and kubectl sees what is written then.
const FOLLOWS: Duration = Duration::from_secs(5);

pub fn targets_come_and_go(world: &mut World) -> Told {
    release::install(world, HERE, &[])?;
    world.web(HERE, "web", 1)?;
    release::rolled_out(world, HERE, "web")?;
    let probity = address(world, HERE, "probity", 8080)?;
    for (name, kind) in [("pods", "Pod"), ("services", "Service"), ("endpoints", "EndpointSlice")] {
        let selector = json!({"matchLabels": {"app": "web"}});
        let spec = json!({
            "interval": "1s",
            "failureThreshold": 1,
            "discover": {"kind": kind, "selector": selector, "port": "http"},
            "http": {"path": "/"},
        });
        world.apply(&check(HERE, name, &spec))?;
        summary(world, name, "Healthy", "1/1", SOON)?;
    }

    // More of them, all at once.
    scale(world, 3)?;
    release::rolled_out(world, HERE, "web")?;
    for name in ["pods", "endpoints"] {
        let took = summary(world, name, "Healthy", "3/3", FOLLOWS)?;
        println!("  {name}: three are Healthy {} ms after kubectl has seen the rollout", took.as_millis());
    }
    another_service(world)?;
    let took = summary(world, "services", "Healthy", "2/2", FOLLOWS)?;
    println!("  services: two are Healthy {} ms after the second was applied", took.as_millis());
    let all = [("pods", 3), ("endpoints", 3), ("services", 2)];
    for (name, count) in all {
        has_series(probity, name, count)?;
    }

    // One of them fails: it alone does.
    let (pod, ip) = pods(world)?.pop_first().ok_or("there are no pods")?;
    let one: SocketAddr = format!("{ip}:8080").parse().map_err(|error| format!("{ip}: {error}"))?;
    answers_with(one, 503)?;
    for name in ["pods", "endpoints"] {
        summary(world, name, "Unhealthy", "2/3", FOLLOWS)?;
        let status = world.object(HERE, &format!("healthcheck/{name}"))?["status"].clone();
        let failing: Vec<_> = status["failing"].as_array().into_iter().flatten().map(|one| &one["target"]).collect();
        if !matches!(failing[..], [one] if one.as_str().is_some_and(|target| target.starts_with(&pod))) {
            return Err(format!("{pod} fails, and the status of {name} is {status}"));
        }
        let states = has_series(probity, name, 3)?;
        let others = states.iter().filter(|(target, _)| !target.starts_with(&pod));
        if others.map(|(_, state)| state.as_str()).ne(["healthy", "healthy"]) {
            return Err(format!("{pod} fails, and the series of {name} are {states:?}"));
        }
    }
    // It is gone, and with it what failed; the two that stay kept their states.
    world.kubectl.must(["--namespace", HERE, "delete", "pod", &pod, "--wait=false"])?;
    for name in ["pods", "endpoints"] {
        summary(world, name, "Healthy", "3/3", SOON)?;
    }

    world.kubectl.must(["--namespace", HERE, "delete", "service", "web2"])?;
    summary(world, "services", "Healthy", "1/1", FOLLOWS)?;
    scale(world, 0)?;
    for name in ["pods", "endpoints", "services"] {
        missing(world, name)?;
    }
    for (name, _) in all {
        has_series(probity, name, 1)?;
    }
    scale(world, 2)?;
    for (name, wanted) in [("pods", "2/2"), ("endpoints", "2/2"), ("services", "1/1")] {
        summary(world, name, "Healthy", wanted, SOON)?;
    }
    Ok(())
}

fn scale(world: &World, replicas: u32) -> Told {
    world.kubectl.must(["--namespace", HERE, "scale", "deployment/web", &format!("--replicas={replicas}")]).map(drop)
}

/// One more Service of the same pods. What it is called by stays out of the selector of the endpoints.
fn another_service(world: &World) -> Told {
    world.apply(&json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web2", "namespace": HERE, "labels": {"app": "web"}},
        "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
    }))
}

/// Waits until a check has this state and so many good targets of so many; how long that took.
fn summary(world: &World, name: &str, state: &str, wanted: &str, within: Duration) -> Result<Duration, String> {
    let begin = Instant::now();
    eventually(&format!("{name} is {state}, {wanted}"), within, || {
        let status = world.object(HERE, &format!("healthcheck/{name}"))?["status"].clone();
        if status["state"] == state && status["targets"]["summary"] == wanted {
            Ok(begin.elapsed())
        } else {
            Err(format!("its status is {status}"))
        }
    })
}

fn missing(world: &World, name: &str) -> Told {
    release::becomes(world, HERE, name, "Unhealthy", "TargetMissing", SOON).map(drop)
}

/// The pods of the web server, with their addresses.
fn pods(world: &World) -> Result<BTreeMap<String, String>, String> {
    let said = world.kubectl.must(["--namespace", HERE, "get", "pods", "--selector=app=web", "--output=json"])?;
    let list: Value = serde_json::from_str(&said).map_err(|error| error.to_string())?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let pod = |pod: &Value| (text(&pod["metadata"]["name"]), text(&pod["status"]["podIP"]));
    Ok(list["items"].as_array().into_iter().flatten().map(pod).collect())
}

/// The state of each target, from the series, of which there must be so many.
fn has_series(probity: SocketAddr, check: &str, count: usize) -> Result<BTreeMap<String, String>, String> {
    eventually(&format!("{check} has {count} series"), FOLLOWS, || {
        let (_, text) = get(probity, "/metrics", "")?;
        let label = |line: &str, name: &str| {
            let (_, rest) = line.split_once(&format!("{name}=\""))?;
            Some(rest.split('"').next()?.to_owned())
        };
        let lines = text.lines().filter(|line| line.starts_with("probity_healthcheck_state{") && line.ends_with(" 1"));
        let states: BTreeMap<_, _> = lines
            .filter(|line| label(line, "healthcheck").is_some_and(|name| name == check))
            .filter_map(|line| Some((label(line, "instance")?, label(line, "state")?)))
            .collect();
        if states.len() == count { Ok(states) } else { Err(format!("there are {states:?}")) }
    })
}
