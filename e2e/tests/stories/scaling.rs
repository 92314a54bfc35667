//! A check of a Service: Healthy with pods behind it, Unhealthy without, Healthy again.

use std::time::Duration;

use serde_json::json;

use crate::{
    Told,
    world::{World, eventually},
};

const HERE: &str = "scaling";

pub fn follows_the_pods_of_a_service(world: &mut World) -> Told {
    world.types()?;
    world.namespace(HERE)?;
    world.web(HERE, "web", 2)?;
    world.install(
        HERE,
        &World::chart(),
        &["crds.install=false", "namespaces={scaling}", "persistence.enabled=false", "rbac.userRoles=false"],
    )?;
    world.kubectl.must(["--namespace", HERE, "rollout", "status", "deployment/web", "--timeout=60s"])?;
    world.apply(&json!({
        "apiVersion": "probity.dev/v1alpha1",
        "kind": "HealthCheck",
        "metadata": {"name": "web", "namespace": HERE},
        "spec": {
            "interval": "1s",
            "failureThreshold": 2,
            "http": {"service": {"name": "web", "port": 80}, "path": "/"},
        },
    }))?;
    wait(world, "Healthy=true")?;
    let row = columns(world)?;
    for (column, expected) in [("PROBE", "http"), ("STATE", "Healthy"), ("TARGETS", "1/1")] {
        let found = row.iter().find(|(name, _)| name == column).map(|(_, value)| value.as_str());
        if found != Some(expected) {
            return Err(format!("kubectl get says {column} {found:?}, not {expected}: {row:?}"));
        }
    }
    scale(world, 0)?;
    state(world, "Unhealthy", Some("TargetMissing"))?;
    wait(world, "Healthy=false")?;
    scale(world, 2)?;
    state(world, "Healthy", None)?;
    wait(world, "Healthy=true")
}

fn scale(world: &World, replicas: u32) -> Told {
    world.kubectl.must(["--namespace", HERE, "scale", "deployment/web", &format!("--replicas={replicas}")]).map(drop)
}

fn wait(world: &World, condition: &str) -> Told {
    let wanted = format!("--for=condition={condition}");
    world.kubectl.must(["--namespace", HERE, "wait", "healthcheck/web", &wanted, "--timeout=30s"]).map(drop)
}

fn state(world: &World, state: &str, reason: Option<&str>) -> Told {
    eventually(state, Duration::from_secs(30), || {
        let status = world.object(HERE, "healthcheck/web")?["status"].clone();
        let as_wanted = status["state"] == state && reason.is_none_or(|reason| status["reason"] == reason);
        if as_wanted { Ok(()) } else { Err(format!("its status is {status}")) }
    })
}

/// What `kubectl get` prints of the check, by column.
fn columns(world: &World) -> Result<Vec<(String, String)>, String> {
    let said = world.kubectl.must(["--namespace", HERE, "get", "healthcheck", "web"])?;
    let mut lines = said.lines().map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    let (Some(names), Some(values)) = (lines.next(), lines.next()) else {
        return Err(format!("kubectl get says {said:?}"));
    };
    Ok(names.into_iter().zip(values).collect())
}
