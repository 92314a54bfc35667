//! A release of Probity as a story has it: its checks, what their statuses say, and its log.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    Told,
    world::{World, eventually},
};

/// For what should take seconds, on a machine that does much else.
pub const SOON: Duration = Duration::from_secs(30);

const POD: &str = "--selector=app.kubernetes.io/name=probity";

/// Installs Probity into a new namespace, which is all that it watches; its history is in an emptyDir.
pub fn install(world: &mut World, here: &str, values: &[&str]) -> Told {
    world.types()?;
    world.namespace(here)?;
    again(world, here, values)
}

/// Installs it over what is there, as an admin does who changes values.
pub fn again(world: &World, here: &str, values: &[&str]) -> Told {
    let namespaces = format!("namespaces={{{here}}}");
    let ours = ["crds.install=false", "persistence.enabled=false", "rbac.userRoles=false", &namespaces];
    world.install(here, &World::chart(), &[&ours, values].concat())
}

/// Waits until all pods of a Deployment are as it wants them.
pub fn rolled_out(world: &World, here: &str, deployment: &str) -> Told {
    let what = format!("deployment/{deployment}");
    world.kubectl.must(["--namespace", here, "rollout", "status", &what, "--timeout=60s"]).map(drop)
}

pub fn check(here: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "probity.dev/v1alpha1",
        "kind": "HealthCheck",
        "metadata": {"name": name, "namespace": here},
        "spec": spec,
    })
}

/// The status of every check, by name.
pub fn statuses(world: &World, here: &str) -> Result<BTreeMap<String, Value>, String> {
    let said = world.kubectl.must(["--namespace", here, "get", "healthchecks", "--output=json"])?;
    let list: Value = serde_json::from_str(&said).map_err(|error| error.to_string())?;
    let status = |item: &Value| Some((item["metadata"]["name"].as_str()?.to_owned(), item["status"].clone()));
    Ok(list["items"].as_array().into_iter().flatten().filter_map(status).collect())
}

/// Waits until a check's status has this state and reason; how long that took.
pub fn becomes(
    world: &World,
    here: &str,
    name: &str,
    state: &str,
    reason: &str,
    within: Duration,
) -> Result<Duration, String> {
    let begin = Instant::now();
    eventually(&format!("{name} is {state}, {reason}"), within, || {
        let status = world.object(here, &format!("healthcheck/{name}"))?["status"].clone();
        if status["state"] == state && status["reason"] == reason {
            Ok(begin.elapsed())
        } else {
            Err(format!("its status is {status}"))
        }
    })
}

/// Waits until all checks whose name begins so have this state; how long that took.
pub fn all_become(world: &World, here: &str, begins: &str, state: &str, within: Duration) -> Result<Duration, String> {
    let begin = Instant::now();
    eventually(&format!("all are {state}"), within, || {
        let statuses = statuses(world, here)?;
        let other = statuses.iter().find(|(name, status)| name.starts_with(begins) && status["state"] != state);
        match other {
            None if statuses.keys().any(|name| name.starts_with(begins)) => Ok(begin.elapsed()),
            None => Err("there is none".to_owned()),
            Some((name, status)) => Err(format!("the status of {name} is {status}")),
        }
    })
}

/// A condition of a status, or null.
pub fn condition(status: &Value, name: &str) -> Value {
    let conditions = status["conditions"].as_array();
    conditions.into_iter().flatten().find(|condition| condition["type"] == name).cloned().unwrap_or_default()
}

/// Everything that it has logged.
pub fn log(world: &World, here: &str) -> Result<String, String> {
    world.kubectl.must(["--namespace", here, "logs", POD, "--tail=-1"])
}
