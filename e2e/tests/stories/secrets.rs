//! A check with a credential: it is rotated, missing, there again, and may not be read for a while.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    Told, pod,
    release::{self, SOON, becomes, check, condition},
    world::{World, eventually},
};

const HERE: &str = "secrets";
/// From the API server's answer to a status that says what came of it.
const PROMISED: Duration = Duration::from_secs(5);
/// A value that may not be read any more is in use for some 20 s, see docs/operations.md.
const GIVEN_UP: Duration = Duration::from_secs(60);

/// What the target takes, and what it does not. Neither may show anywhere.
const RIGHT: &str = "the-right-one-7f3a";
const WRONG: &str = "another-one-91c4";

pub fn a_credential_is_followed(world: &mut World) -> Told {
    release::install(world, HERE, &[])?;
    world.web(HERE, "web", 1)?;
    let token = format!("TOKEN={RIGHT}");
    world.kubectl.must(["--namespace", HERE, "set", "env", "deployment/web", &token])?;
    release::rolled_out(world, HERE, "web")?;

    apply(world, "plain", "/asked", Value::Null)?;
    let reference = json!({"secretKeyRef": {"name": "credential", "key": "token"}});
    apply(world, "keyed", "/", json!({"bearer": {"token": {"valueFrom": reference}}}))?;
    becomes(world, HERE, "plain", "Healthy", "Ok", SOON)?;
    is_missing(world, SOON, "credential")?;

    world.kubectl.must(["--namespace", HERE, "create", "secret", "generic", "credential", &literal(RIGHT)])?;
    let took = becomes(world, HERE, "keyed", "Healthy", "Ok", PROMISED)?;
    println!("  a Secret that appears is in use, and its check's status says so, after {}", ms(took));
    for value in [WRONG, RIGHT, WRONG, RIGHT] {
        rotate(world, value)?;
        let (state, reason) = if value == RIGHT { ("Healthy", "Ok") } else { ("Unhealthy", "UnexpectedStatus") };
        let took = becomes(world, HERE, "keyed", state, reason, PROMISED)?;
        println!("  one that is rotated: after {}", ms(took));
    }
    world.kubectl.must(["--namespace", HERE, "delete", "secret", "credential"])?;
    is_missing(world, PROMISED, "credential")?;
    world.kubectl.must(["--namespace", HERE, "create", "secret", "generic", "credential", &literal(RIGHT)])?;
    becomes(world, HERE, "keyed", "Healthy", "Ok", PROMISED)?;

    release::again(world, HERE, &["rbac.secrets=false"])?;
    // Nobody is told of what RBAC takes away: it shows when a value is read the next time.
    rotate(world, WRONG)?;
    let took = is_missing(world, GIVEN_UP, "may not be read")?;
    println!("  one that may not be read any more is given up after {}", ms(took));
    apply(world, "newer", "/asked", Value::Null)?;
    becomes(world, HERE, "newer", "Healthy", "Ok", SOON)?;
    becomes(world, HERE, "plain", "Healthy", "Ok", SOON)?;
    rotate(world, RIGHT)?;
    release::again(world, HERE, &["rbac.secrets=true"])?;
    let took = becomes(world, HERE, "keyed", "Healthy", "Ok", SOON)?;
    println!("  one that may be read again is in use {} after helm has ended", ms(took));

    if pod::restarts(world, HERE)? > 0 {
        return Err("it was started again".to_owned());
    }
    let said = release::log(world, HERE)?
        + &world.kubectl.must(["--namespace", HERE, "get", "phc,events", "--output=json"])?;
    for value in [RIGHT, WRONG] {
        if said.contains(value) {
            return Err("a value of a Secret stands in the log, a status or an event".to_owned());
        }
    }
    Ok(())
}

/// A check of the web server, with credentials or without.
fn apply(world: &World, name: &str, path: &str, auth: Value) -> Told {
    let mut http = json!({"service": {"name": "web", "port": "http"}, "path": path});
    if !auth.is_null() {
        http["auth"] = auth;
    }
    world.apply(&check(HERE, name, &json!({"interval": "1s", "failureThreshold": 1, "http": http})))
}

fn literal(value: &str) -> String {
    format!("--from-literal=token={value}")
}

fn rotate(world: &World, value: &str) -> Told {
    let patch = json!({"stringData": {"token": value}}).to_string();
    world.kubectl.must(["--namespace", HERE, "patch", "secret", "credential", "--patch", &patch]).map(drop)
}

/// Waits until the check with a credential is Unknown for the want of it, and its condition says this.
fn is_missing(world: &World, within: Duration, says: &str) -> Result<Duration, String> {
    let begin = Instant::now();
    eventually(&format!("keyed is Unknown: {says}"), within, || {
        let status = world.object(HERE, "healthcheck/keyed")?["status"].clone();
        let ready = condition(&status, "Ready");
        let said = ready["message"].as_str().unwrap_or_default();
        let as_wanted =
            status["state"] == "Unknown" && status["reason"] == "SecretMissing" && ready["status"] == "False";
        if as_wanted && said.contains(says) { Ok(begin.elapsed()) } else { Err(format!("its status is {status}")) }
    })
}

fn ms(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
