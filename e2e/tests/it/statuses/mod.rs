//! What the cluster is told of its HealthChecks, seen from its API server: each write is in its audit log.
//!
//! One story after the other, on an API server of its own, because it is stopped on the way.

#![expect(clippy::disallowed_methods, reason = "the clock is the program's; how long a test waits is the test's")]

mod world;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use e2e::{Cluster, Kubectl};
use probity::{controller::Budgets, health::State};
use serde_json::{Value, json};

use self::world::{Target, World};
use crate::{Told, crd::CRDS, crd::health_check};

/// What the stories work with. Some checks have a target that is switched off and on, some one that stays.
struct Scene {
    cluster: Cluster,
    world: Option<World>,
    steady: Target,
    flips: Option<Target>,
    port: u16,
}

type Story = fn(&mut Scene) -> Told;

const STORIES: [(&str, Story); 7] = [
    ("a new check's first result and Ready come in one write", first_writes),
    ("kubectl waits for Healthy, and get and describe tell", people_read_it),
    ("a check that cannot run says why, and so does an event", refusals_are_told),
    ("a transition is written at once and once, with an event", transitions),
    ("nothing is written while nothing differs", quiet),
    ("a restart writes nothing", restart),
    ("an API server that was away is told the present, once per object", away),
];

/// No figures: what is counted is what people wait for.
const BUDGETS: Budgets = Budgets { transitions: 200, refreshes: 0 };
/// Checks of each of the two sorts.
const EACH: usize = 5;
/// For what should take a second, on a machine that does much else.
const SOON: Duration = Duration::from_secs(20);

pub fn tell(cluster: Cluster) -> Result<(), String> {
    if cluster.kubeconfig().is_none() {
        eprintln!("\n*** LEFT OUT: the stories of statuses: they stop the API server, and this one is not ours ***\n");
        return Ok(());
    }
    // What Probity itself says stands beside what goes wrong.
    let _ = probity::telemetry::init(Some(probity::cli::LogFormat::Text), "info");
    let (steady, flips) = (Target::on(0)?, Target::on(0)?);
    let port = flips.port;
    let mut scene = Scene { cluster, world: None, steady, flips: Some(flips), port };
    for (name, story) in STORIES {
        story(&mut scene).map_err(|wrong| format!("{name}: {wrong}"))?;
        println!("ok: {name}");
    }
    Ok(())
}

impl Scene {
    fn kubectl(&self) -> &Kubectl {
        self.cluster.kubectl()
    }

    fn world(&self) -> Result<&World, String> {
        self.world.as_ref().ok_or_else(|| "nothing runs".to_owned())
    }

    fn start(&mut self) -> Told {
        let kubeconfig = self.cluster.kubeconfig().ok_or("there is no kubeconfig")?;
        self.world = Some(World::start(&kubeconfig, BUDGETS)?);
        Ok(())
    }

    /// How often each object's status was written.
    fn writes(&self) -> Result<BTreeMap<String, usize>, String> {
        let mut counts = BTreeMap::new();
        for write in self.cluster.writes()? {
            if write.resource == "healthchecks/status" && write.code == 200 {
                *counts.entry(write.name).or_default() += 1;
            }
        }
        Ok(counts)
    }

    /// All checks as the API server has them, by name.
    fn checks(&self) -> Result<BTreeMap<String, Value>, String> {
        let text = self.kubectl().must(["get", "phc", "-o", "json"])?;
        let list: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let items = list["items"].as_array().cloned().unwrap_or_default();
        Ok(items
            .into_iter()
            .map(|one| (one["metadata"]["name"].as_str().unwrap_or_default().to_owned(), one))
            .collect())
    }

    /// Waits until the API server says this of all checks whose name begins so. Gives how long it took.
    fn all_are(&self, prefix: &str, state: &str, within: Duration) -> Result<Duration, String> {
        let begin = Instant::now();
        until(within, || {
            let checks = self.checks()?;
            let off = checks.iter().filter(|(name, _)| name.starts_with(prefix));
            let off: Vec<_> = off.filter(|(_, one)| one["status"]["state"] != state).collect();
            match off.first() {
                None if !checks.is_empty() => Ok(()),
                other => Err(format!("not yet {state}: {} of them, such as {other:?}", off.len())),
            }
        })?;
        Ok(begin.elapsed())
    }

    /// What Probity itself sees of a check.
    fn seen(&self) -> Option<(State, String)> {
        self.world.as_ref()?.state("flip-0")
    }

    /// Waits until Probity itself sees this of all checks whose target is switched.
    fn flips_see(&self, state: State) -> Told {
        until(SOON, || {
            let world = self.world()?;
            for number in 0..EACH {
                let seen = world.state(&format!("flip-{number}"));
                if seen.as_ref().map(|(state, _)| *state) != Some(state) {
                    return Err(format!("flip-{number} is {seen:?}, not {state:?}"));
                }
            }
            Ok(())
        })
    }
}

fn first_writes(scene: &mut Scene) -> Told {
    scene.kubectl().must(["apply", "-f", CRDS])?;
    scene.kubectl().must(["wait", "--for=condition=Established", "--timeout=60s", "-f", CRDS])?;
    scene.start()?;
    let mut items = Vec::new();
    for (sort, port) in [("steady", scene.steady.port), ("flip", scene.port)] {
        for number in 0..EACH {
            let tcp = json!({"address": format!("127.0.0.1:{port}")});
            let spec = json!({"interval": "1s", "failureThreshold": 1, "tcp": tcp});
            items.push(health_check(&format!("{sort}-{number}"), spec));
        }
    }
    let file = scene.cluster.folder().join("checks.json");
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
    std::fs::write(&file, list.to_string()).map_err(|error| error.to_string())?;
    scene.kubectl().must(["apply".as_ref(), "-f".as_ref(), file.as_os_str()])?;
    scene.all_are("", "Healthy", SOON).map_err(|wrong| format!("{wrong}; it is {:?}", scene.seen()))?;
    let writes = scene.writes()?;
    let once = writes.values().filter(|count| **count == 1).count();
    // On a machine that is busy a first run may end after the two seconds for which Ready waits.
    if writes.len() != 2 * EACH || once < 2 * EACH - 2 || writes.values().any(|count| *count > 2) {
        return Err(format!("the first statuses took {writes:?} writes"));
    }
    let status = &scene.checks()?["steady-0"]["status"];
    let ready = condition(status, "Ready");
    if (&ready["status"], &ready["reason"], &status["observedGeneration"])
        != (&json!("True"), &json!("Valid"), &json!(1))
    {
        return Err(format!("the status is {status}"));
    }
    Ok(())
}

fn people_read_it(scene: &mut Scene) -> Told {
    let kubectl = scene.kubectl();
    kubectl.must(["wait", "phc/steady-0", "--for=condition=Healthy", "--timeout=20s"])?;
    kubectl.must(["wait", "phc", "--all", "--for=condition=Ready", "--timeout=20s"])?;
    let table = kubectl.must(["get", "healthchecks", "-o", "wide"])?;
    println!("{table}");
    let mut lines = table.lines();
    let head: Vec<_> = lines.next().unwrap_or_default().split_whitespace().collect();
    if head.join(" ") != "NAME PROBE STATE TARGETS LATENCY UPTIME(24H) SINCE MESSAGE AGE" {
        return Err(format!("the columns are {head:?}"));
    }
    let row: Vec<_> = lines.next().unwrap_or_default().split_whitespace().collect();
    if row.get(..4) != Some(&["flip-0", "tcp", "Healthy", "1/1"]) || !row.get(4).is_some_and(|it| it.ends_with("ms")) {
        return Err(format!("the first row is {row:?}"));
    }
    let told = kubectl.must(["describe", "phc", "steady-0"])?;
    for wanted in ["State:", "Healthy", "Observed Generation:", "Last Transition Time:", "Summary:"] {
        if !told.contains(wanted) {
            return Err(format!("describe does not say {wanted}:\n{told}"));
        }
    }
    Ok(())
}

fn refusals_are_told(scene: &mut Scene) -> Told {
    let expect = json!({"bodyMatches": ["("]});
    let object = health_check("wrong", json!({"http": {"url": "http://127.0.0.1:1/", "expect": expect}}));
    let file = scene.cluster.folder().join("wrong.json");
    std::fs::write(&file, object.to_string()).map_err(|error| error.to_string())?;
    let kubectl = scene.kubectl();
    kubectl.must(["apply".as_ref(), "-f".as_ref(), file.as_os_str()])?;
    kubectl.must(["wait", "phc/wrong", "--for=condition=Ready=False", "--timeout=20s"])?;
    let status = &scene.checks()?["wrong"]["status"];
    if status["state"] != "Unknown" || !condition(status, "Ready")["message"].to_string().contains("bodyMatches") {
        return Err(format!("the status is {status}"));
    }
    let reason = condition(status, "Ready")["reason"].as_str().unwrap_or_default().to_owned();
    until(SOON, || {
        let told = kubectl.must(["describe", "phc", "wrong"])?;
        let events = told.split("Events:").nth(1).unwrap_or_default();
        let line = events.lines().find(|line| line.contains("Warning") && line.contains(&reason));
        line.map(|_| ()).ok_or_else(|| format!("describe tells no event of the refusal:\n{told}"))
    })?;
    kubectl.must(["delete", "phc", "wrong"])?;
    Ok(())
}

fn transitions(scene: &mut Scene) -> Told {
    let (before, checks) = (scene.writes()?, scene.checks()?);
    scene.flips = None;
    scene.flips_see(State::Unhealthy)?;
    let took = scene.all_are("flip", "Unhealthy", SOON)?;
    println!("   {EACH} transitions were in the API server {took:?} after Probity saw them");
    scene.kubectl().must(["wait", "phc/flip-0", "--for=condition=Healthy=false", "--timeout=20s"])?;
    let after = scene.writes()?;
    for (name, count) in &after {
        let more = count - before.get(name).copied().unwrap_or(0);
        if more != usize::from(name.starts_with("flip")) && name != "wrong" {
            return Err(format!("{name} was written {more} times: {before:?} and then {after:?}"));
        }
    }
    let now = scene.checks()?;
    let (was, is) = (&checks["flip-0"]["status"], &now["flip-0"]["status"]);
    let time = |status: &Value, name: &str| condition(status, name)["lastTransitionTime"].clone();
    if time(was, "Ready") != time(is, "Ready") || time(was, "Healthy") == time(is, "Healthy") {
        return Err(format!("the times of the conditions: {was}\n{is}"));
    }
    if is["failing"][0]["reason"] != "ConnectionRefused" || is["targets"]["summary"] != "0/1" {
        return Err(format!("the status is {is}"));
    }
    event(scene, "flip-0", "Unhealthy")
}

fn quiet(scene: &mut Scene) -> Told {
    let before = scene.writes()?;
    // That nothing comes can only be seen by waiting: eight runs of each check.
    std::thread::sleep(Duration::from_secs(8));
    let after = scene.writes()?;
    if before == after { Ok(()) } else { Err(format!("written though nothing differs: {before:?}, {after:?}")) }
}

fn restart(scene: &mut Scene) -> Told {
    let (before, checks) = (scene.writes()?, scene.checks()?);
    scene.world = None;
    scene.start()?;
    scene.flips_see(State::Unhealthy)?;
    // Longer than Ready waits for a first result, and than other words do.
    std::thread::sleep(Duration::from_secs(12));
    let (after, now) = (scene.writes()?, scene.checks()?);
    if before != after {
        return Err(format!("a restart wrote: {before:?}, {after:?}"));
    }
    for (name, one) in now {
        if one["status"] != checks[&name]["status"] {
            return Err(format!("{name} was {}, and is {}", checks[&name]["status"], one["status"]));
        }
    }
    Ok(())
}

fn away(scene: &mut Scene) -> Told {
    let before = scene.writes()?;
    let begin = Instant::now();
    scene.cluster.stop_apiserver();
    // Probing goes on: it sees every turn of its targets.
    scene.flips = Some(Target::on(scene.port)?);
    scene.flips_see(State::Healthy)?;
    scene.flips = None;
    scene.flips_see(State::Unhealthy)?;
    scene.flips = Some(Target::on(scene.port)?);
    scene.flips_see(State::Healthy)?;
    // How long it is away is what this is about: far longer than any backoff.
    std::thread::sleep(Duration::from_secs(20).saturating_sub(begin.elapsed()));
    scene.cluster.start_apiserver()?;
    let took = scene.all_are("", "Healthy", Duration::from_secs(5))?;
    println!("   right {took:?} after the API server was ready; it was away for {:?}", begin.elapsed() - took);
    event(scene, "flip-0", "Healthy")?;
    // A write too many would come after the longest backoff of 2 s.
    std::thread::sleep(Duration::from_secs(3));
    let after = scene.writes()?;
    for (name, count) in &after {
        let more = count - before.get(name).copied().unwrap_or(0);
        if more != usize::from(name.starts_with("flip")) {
            return Err(format!("{name} was written {more} times: {before:?} and then {after:?}"));
        }
    }
    let world = scene.world()?;
    let unavailable = world.metric("probity_status_writes_total{kind=\"HealthCheck\",outcome=\"unavailable\"}");
    println!("   {unavailable} tries found nobody");
    if unavailable < 1.0 || world.metric("probity_status_backlog") != 0.0 {
        return Err(format!("{unavailable} tries are counted, backlog {}", world.metric("probity_status_backlog")));
    }
    Ok(())
}

/// Waits until there is an event of this reason about this check.
fn event(scene: &Scene, name: &str, reason: &str) -> Told {
    until(SOON, || {
        let text = scene.kubectl().must(["get", "events.v1.events.k8s.io", "-o", "json"])?;
        let list: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let about = |one: &&Value| one["regarding"]["name"] == name && one["reason"] == reason;
        list["items"].as_array().into_iter().flatten().find(about).map(|_| ()).ok_or_else(|| format!("events: {list}"))
    })
}

fn condition(status: &Value, name: &str) -> Value {
    let conditions = status["conditions"].as_array();
    conditions.into_iter().flatten().find(|condition| condition["type"] == name).cloned().unwrap_or_default()
}

fn until(within: Duration, mut holds: impl FnMut() -> Told) -> Told {
    let begin = Instant::now();
    loop {
        match holds() {
            Err(wrong) if begin.elapsed() > within => return Err(format!("after {within:?}: {wrong}")),
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
            Ok(()) => return Ok(()),
        }
    }
}
