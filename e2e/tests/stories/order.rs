//! Ends in order, under load: a signal, a drain of its node, an upgrade. The exit code is 0, the log tells of it, and
//! no run is lost.

use std::{path::Path, time::Duration};

use crate::{
    Told,
    load::{self, Load},
    pod::{self, Last, orderly},
    visitor::Visitor,
    world::{IMAGE, World, eventually},
};

const HERE: &str = "order";
const CHECKS: usize = 400;
const VALUES: [&str; 5] =
    ["crds.install=false", "namespaces={order}", "persistence.storageClass=-", "rbac.userRoles=false", load::VALUE];
/// For the container's second start, or for the node to be had again and the new pod's start.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn ends_in_order_and_loses_nothing(world: &mut World) -> Told {
    if world.node.is_none() {
        println!("LEFT OUT: order: a node of the user's own is not ours to drain");
        return Ok(());
    }
    world.types()?;
    world.namespace(HERE)?;
    world.volume(HERE)?;
    Load::prepare(world, HERE)?;
    world.install(HERE, &World::chart(), &VALUES)?;
    let load = Load::start(world, HERE, CHECKS)?;
    told(&load, "SIGTERM", || terminated(world))?;
    told(&load, "drain", || drained(world))?;
    told(&load, "upgrade", || upgraded(world))
}

/// Lets one thing happen to it, and says what that cost.
fn told(load: &Load<'_>, what: &str, happen: impl Fn() -> Told) -> Told {
    let visitor = Visitor::send(load.probity.address(), "/health/liveness");
    let pulse = load.pulse();
    happen().map_err(|wrong| format!("{what}: {wrong}"))?;
    let before = load.asked()?;
    eventually("all checks are probed again", Duration::from_secs(30), || {
        let since = load.asked()? - before;
        if since >= load.checks { Ok(()) } else { Err(format!("{since} runs")) }
    })?;
    let gap = pulse.stop().as_secs_f64();
    let lost = load.lost()?;
    println!("  {what}: no probe for {gap:.1} s, {lost} runs lost; liveness: {}", visitor.call_back()?);
    if lost == 0 { Ok(()) } else { Err(format!("{what}: {lost} runs are in no history")) }
}

/// What a machine that shuts down does, or anyone who kills politely.
fn terminated(world: &World) -> Told {
    let restarts = pod::restarts(world, HERE)?;
    pod::signal(world, HERE, "SIGTERM")?;
    let pod = eventually("the container was started again", PATIENCE, || {
        let pod = pod::pod(world, HERE)?;
        let now = pod::container(&pod)["restartCount"].as_u64();
        if now > Some(restarts) { Ok(pod) } else { Err(format!("{now:?} restarts")) }
    })?;
    let last = &pod::container(&pod)["lastState"]["terminated"];
    if last["exitCode"] != 0 || last["reason"] != "Completed" {
        return Err(format!("kubelet says of its end: {last}"));
    }
    orderly(&world.kubectl.must(["--namespace", HERE, "logs", &pod::name(&pod), "--previous"])?)
}

/// `kubectl drain`, which evicts it; the node is given back afterwards.
fn drained(world: &World) -> Told {
    let last = Last::of(world, HERE)?;
    let drained = world.kubectl.must([
        "drain",
        "node1",
        "--pod-selector=app.kubernetes.io/name=probity",
        "--delete-emptydir-data",
        "--timeout=60s",
    ]);
    let given_back = world.kubectl.must(["uncordon", "node1"]);
    drained?;
    given_back?;
    last.must_be_orderly()?;
    ready(world)
}

/// `helm upgrade` to another image.
fn upgraded(world: &World) -> Told {
    let node = world.node.as_ref().ok_or("no node")?;
    let (old, new) = (format!("{IMAGE}:e2e"), format!("{IMAGE}:newer"));
    pod::said(node.ctr().args(["images", "tag", "--force", &old, &new]))?;
    let last = Last::of(world, HERE)?;
    let chart: &Path = &World::chart();
    world.install(HERE, chart, &[&VALUES[..], &["image.tag=newer"]].concat())?;
    last.must_be_orderly()?;
    let pod = pod::pod(world, HERE)?;
    if pod["spec"]["containers"][0]["image"] != new.as_str() {
        return Err(format!("it runs {}", pod["spec"]["containers"][0]["image"]));
    }
    Ok(())
}

fn ready(world: &World) -> Told {
    let deployment = ["rollout", "status", "deployment/probity", "--timeout=60s"];
    world.kubectl.must([&["--namespace", HERE][..], &deployment].concat()).map(drop)
}
