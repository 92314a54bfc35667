//! What lies behind the API server fails: etcd is restarted with its data, a watch cannot go on from where it was, and
//! the type is deleted and made again.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    Told,
    outage::{Outage, PROMISED},
    pod,
    release::{self, SOON, check},
    world::{World, eventually},
};

const HERE: &str = "etcd";
/// etcd is away for so long at least: longer than a write is waited for.
const AWAY: Duration = Duration::from_secs(10);

pub fn what_fails_behind_the_api_server_is_borne(world: &mut World) -> Told {
    if world.node.is_none() {
        println!("LEFT OUT: etcd: that of the user's own cluster is not ours to stop");
        return Ok(());
    }
    let outage = Outage::prepare(world, HERE)?;
    restarted(world, &outage)?;
    watch_is_gone(world, &outage)?;
    outage.missed_nothing(world)?;
    type_is_gone(world, &outage)?;
    outage.ends(world)
}

fn restarted(world: &mut World, outage: &Outage) -> Told {
    let begin = Instant::now();
    world.node.as_mut().ok_or("no node")?.control.stop_etcd();
    outage.turn(false)?;
    // That it is away for so long is what this is about.
    std::thread::sleep(AWAY.saturating_sub(begin.elapsed()));
    let control = &mut world.node.as_mut().ok_or("no node")?.control;
    control.start_etcd()?;
    eventually("the API server is ready again", SOON, || {
        if control.is_ready() { Ok(()) } else { Err("it is not".to_owned()) }
    })?;
    let gone = begin.elapsed().as_secs_f64();
    let took = outage.is_told(world, "Unhealthy")?;
    println!(
        "  etcd was away for {gone:.0} s: every status was right {:.1} s after the API server was ready",
        took.as_secs_f64()
    );
    Ok(())
}

/// Probity's watch is held away while objects come, go and change and etcd forgets how: it has to read everything anew.
fn watch_is_gone(world: &mut World, outage: &Outage) -> Told {
    let ours = pod::pod(world, HERE)?;
    let address = ours["status"]["podIP"].as_str().ok_or("the pod has no address")?.to_owned();
    let list = world.kubectl.must(["get", "--raw", "/apis/probity.dev/v1alpha1/namespaces/etcd/healthchecks"])?;
    let list: serde_json::Value = serde_json::from_str(&list).map_err(|error| error.to_string())?;
    let version = list["metadata"]["resourceVersion"].as_str().ok_or("the list has no version")?.to_owned();

    watches(world, outage)?;
    let node = world.node.as_ref().ok_or("no node")?;
    let partition = node.cut_off(&address)?;
    let good = json!({"interval": "1s", "http": {"service": {"name": "steady", "port": "http"}, "path": "/"}});
    world.apply(&check(HERE, "born", &good))?;
    world.kubectl.must(["--namespace", HERE, "delete", "healthcheck", "steady-9"])?;
    let patch = json!({"spec": {"http": {"service": {"name": "flip"}}, "failureThreshold": 1}}).to_string();
    world.kubectl.must(["--namespace", HERE, "patch", "healthcheck", "steady-8", "--type=merge", "--patch", &patch])?;
    // The API server remembers the last events, too: until it is started anew.
    let control = &mut world.node.as_mut().ok_or("no node")?.control;
    control.stop_apiserver();
    let revision = control.compact()?;
    control.start_apiserver()?;
    let watch = format!(
        "/apis/probity.dev/v1alpha1/namespaces/etcd/healthchecks?watch=1&resourceVersion={version}&timeoutSeconds=1"
    );
    let answer = world.kubectl.run(["get", "--raw", &watch])?;
    let answer = answer.stdout + &answer.stderr;
    if !answer.contains("too old resource version") {
        return Err(format!("a watch from {version}, compacted at {revision}, is answered {answer}"));
    }

    let log = release::log(world, HERE)?.len();
    drop(partition);
    let begin = Instant::now();
    eventually("what came, went and changed meanwhile is known", PROMISED, || {
        let states = outage.states()?;
        let state = |name: &str| states.get(name).map(String::as_str);
        match (state("born"), state("steady-9"), state("steady-8")) {
            (Some("Healthy"), None, Some("Unhealthy")) => Ok(()),
            other => Err(format!("born, steady-9 and steady-8 are {other:?}")),
        }
    })?;
    let took = begin.elapsed();
    // What the old connection still held of these may come first, when its packets get through again; that it can go on
    // from there no more is what the watch hears next. The API server says it from memory, or as etcd told it.
    eventually("a watch of HealthChecks is ended with 410 Gone", PROMISED, || {
        let log = release::log(world, HERE)?.split_off(log);
        let reading: Vec<_> = log.lines().filter(|line| line.contains("HealthChecks")).collect();
        match reading.iter().any(|line| line.contains("too old")) {
            true => Ok(()),
            false => Err(format!("none was, but:\n{}", reading.join("\n"))),
        }
    })?;
    println!(
        "  a watch was ended with 410 Gone; everything is known {:.1} s after the way was open again",
        took.as_secs_f64()
    );
    Ok(())
}

/// After etcd was away Probity may still be about to read the list again, and a list goes on from nowhere. What comes may
/// be seen in that list; what goes afterwards is seen by a watch.
fn watches(world: &World, outage: &Outage) -> Told {
    let seen = |there: bool| {
        eventually("what comes and goes is seen", PROMISED, || match outage.states()?.contains_key("marker") == there {
            true => Ok(()),
            false => Err(format!("marker is there: {}", !there)),
        })
    };
    let http = json!({"service": {"name": "steady", "port": "http"}, "path": "/"});
    world.apply(&check(HERE, "marker", &json!({"interval": "1s", "http": http})))?;
    seen(true)?;
    world.kubectl.must(["--namespace", HERE, "delete", "healthcheck", "marker"])?;
    seen(false)
}

fn type_is_gone(world: &World, outage: &Outage) -> Told {
    world.kubectl.must(["delete", "crd", "healthchecks.probity.dev", "--timeout=60s"])?;
    eventually("no check is probed without its type", SOON, || match outage.states()?.len() {
        0 => Ok(()),
        left => Err(format!("{left} are left")),
    })?;
    world.types()?;
    let http = json!({"service": {"name": "steady", "port": "http"}, "path": "/"});
    let object = check(HERE, "again", &json!({"interval": "1s", "http": http}));
    eventually("the type is served again", SOON, || world.apply(&object))?;
    let took = release::becomes(world, HERE, "again", "Healthy", "Ok", PROMISED)?;
    println!("  the type was deleted and made again: a new check is Healthy after {} ms", took.as_millis());
    Ok(())
}
