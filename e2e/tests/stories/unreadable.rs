//! Objects that this version cannot read, made while the type was another: they stall nothing else.

use std::time::Instant;

use serde_json::{Value, json};

use crate::{
    Told,
    release::{self, SOON, all_become, becomes, check},
    visitor::{address, answers_with},
    world::{World, eventually},
};

const HERE: &str = "unreadable";
const TYPE: &str = "healthchecks.probity.dev";
/// Checks that are as they should be.
const NEIGHBOURS: usize = 5;

pub fn what_cannot_be_read_stalls_nothing(world: &mut World) -> Told {
    world.types()?;
    world.namespace(HERE)?;
    world.web(HERE, "web", 1)?;
    // There from the start: the first list holds it.
    older(world, "a-shape", &json!({"interval": 5, "http": ["not", "an", "object"], "shape": {"a": 1}}))?;
    older(world, "m-nothing", &Value::Null)?;
    for number in 0..NEIGHBOURS {
        neighbour(world, &format!("neighbour-{number}"))?;
    }
    let begin = Instant::now();
    release::again(world, HERE, &[])?;
    release::rolled_out(world, HERE, "web")?;
    all_become(world, HERE, "neighbour", "Healthy", SOON)?;
    println!(
        "  with two that it cannot read, Probity was installed and all others Healthy after {:.1} s",
        begin.elapsed().as_secs_f64()
    );
    let probity = address(world, HERE, "probity", 8080)?;
    for name in ["a-shape", "m-nothing"] {
        says_why(world, name)?;
    }

    // It comes while everything goes on: the watch tells it.
    older(world, "z-words", &json!({"interval": "often", "http": {"url": 7}}))?;
    says_why(world, "z-words")?;
    neighbour(world, "neighbour-newer")?;
    becomes(world, HERE, "neighbour-newer", "Healthy", "Ok", SOON)?;
    let web = address(world, HERE, "web", 80)?;
    for (status, state) in [(503, "Unhealthy"), (200, "Healthy")] {
        answers_with(web, status)?;
        let took = all_become(world, HERE, "neighbour", state, SOON)?;
        println!("  all {} others are {state} after {} ms", NEIGHBOURS + 1, took.as_millis());
    }
    let (ready, body) = crate::visitor::get(probity, "/health/readiness", "")?;
    if ready != 200 {
        return Err(format!("it is not ready: {body}"));
    }

    // Trouble with one object is none of the API server's.
    if release::log(world, HERE)?.contains("does not take statuses") {
        return Err("it takes the API server for away".to_owned());
    }

    // Made anew in today's shape it is a check like any other.
    world.kubectl.must(["--namespace", HERE, "delete", "healthcheck", "a-shape", "m-nothing", "z-words"])?;
    neighbour(world, "a-shape")?;
    becomes(world, HERE, "a-shape", "Healthy", "Ok", SOON).map(drop)
}

fn neighbour(world: &World, name: &str) -> Told {
    let http = json!({"service": {"name": "web", "port": "http"}, "path": "/"});
    world.apply(&check(HERE, name, &json!({"interval": "1s", "failureThreshold": 1, "http": http})))
}

/// Makes an object under a type that lets everything through, and brings today's type back.
fn older(world: &World, name: &str, spec: &Value) -> Told {
    let lenient = json!([{"op": "replace", "path": "/spec/versions/0/schema/openAPIV3Schema",
        "value": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}]);
    world.kubectl.must(["patch", "crd", TYPE, "--type=json", "--patch", &lenient.to_string()])?;
    // The API server takes the new type into use a moment after it has answered.
    eventually("the type is lenient", SOON, || world.apply(&check(HERE, name, spec)))?;
    let file = World::chart().join("files/crds/healthchecks.yaml");
    world.kubectl.must(["replace".as_ref(), "--filename".as_ref(), file.as_os_str()])?;
    let strict = check(HERE, "strict", &json!({"http": 7})).to_string();
    let file = world.folder().join("strict.json");
    std::fs::write(&file, strict).map_err(|error| error.to_string())?;
    eventually("the type is strict", SOON, || {
        let tried =
            world.kubectl.run(["create".as_ref(), "--dry-run=server".as_ref(), "-f".as_ref(), file.as_os_str()])?;
        if tried.ok { Err("it takes anything".to_owned()) } else { Ok(()) }
    })
}

/// Waits until it is said of an object that it cannot be read: in the log, and in its status if the API server takes one
/// of such an object.
fn says_why(world: &World, name: &str) -> Told {
    eventually(&format!("it says why {name} is not in force"), SOON, || {
        let log = release::log(world, HERE)?;
        let told = |what: &str| log.lines().any(|line| line.contains(&format!("\"{name}\"")) && line.contains(what));
        let status = world.object(HERE, &format!("healthcheck/{name}"))?["status"].clone();
        if told("InvalidSpec") && (told("refuses the status") || status["state"] == "Unknown") {
            Ok(())
        } else {
            Err(format!("its status is {status}"))
        }
    })
}
