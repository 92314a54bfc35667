//! What the stories of an outage share: checks of which some turn meanwhile, a visitor of the Service, and the account
//! of what Probity did of its work.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    Told, pod,
    release::{self, SOON, all_become, check, statuses},
    visitor::{Visitor, address, answers_with, get},
    world::{World, eventually},
};

/// Checks of each of the two sorts.
pub const EACH: usize = 10;
/// Between two runs, and so also the time that a run may take, on a machine that does much else.
const EVERY: &str = "2s";
/// What is promised: from the API server's return to the last right status.
pub const PROMISED: Duration = Duration::from_secs(5);
/// Of a reader of the HTTP API, who is known also while nobody can be asked who it is.
const TOKEN: &str = "a-reader-of-the-stories-of-an-outage";

/// A release that probes, with a failure threshold of 1, a web server that is always well (checks
/// `steady-…`) and one that is told to turn (`flip-…`).
pub struct Outage {
    here: &'static str,
    probity: SocketAddr,
    flip: SocketAddr,
    before: Account,
    alive: Visitor,
    ready: Visitor,
}

/// What can be counted, at one time.
struct Account {
    /// By check: how many runs were due in the last minutes, and how many were made.
    runs: BTreeMap<String, (i64, i64)>,
    skipped: f64,
    writes: BTreeMap<String, usize>,
    restarts: u64,
    pod: String,
}

impl Outage {
    /// Installs all of it, and waits until every check is Healthy in the API server.
    pub fn prepare(world: &mut World, here: &'static str) -> Result<Self, String> {
        world.types()?;
        world.namespace(here)?;
        let tokens = format!("--from-literal=tokens={TOKEN}");
        world.kubectl.must(["--namespace", here, "create", "secret", "generic", "reader", &tokens])?;
        for name in ["steady", "flip"] {
            world.web(here, name, 1)?;
        }
        // No figures: what is counted is what people wait for.
        release::again(world, here, &["settings.apiTokenSecret=reader", "settings.statusRefreshPerSecond=0"])?;
        for name in ["steady", "flip"] {
            release::rolled_out(world, here, name)?;
            for number in 0..EACH {
                let http = json!({"service": {"name": name, "port": "http"}, "path": "/"});
                let spec = json!({"interval": EVERY, "failureThreshold": 1, "http": http});
                world.apply(&check(here, &format!("{name}-{number}"), &spec))?;
            }
        }
        all_become(world, here, "", "Healthy", SOON)?;
        let probity = address(world, here, "probity", 8080)?;
        eventually("nothing is left to write", SOON, || match metric(probity, "probity_status_backlog")? {
            0.0 => Ok(()),
            left => Err(format!("{left} statuses wait")),
        })?;
        Ok(Self {
            here,
            probity,
            flip: address(world, here, "flip", 80)?,
            before: Account::of(world, here, probity)?,
            alive: Visitor::send(probity, "/health/liveness"),
            ready: Visitor::send(probity, "/health/readiness"),
        })
    }

    /// Turns the web server that turns, and waits until Probity has seen it: it needs nobody else for that.
    pub fn turn(&self, well: bool) -> Told {
        answers_with(self.flip, if well { 200 } else { 503 })?;
        let wanted = if well { "Healthy" } else { "Unhealthy" };
        eventually(&format!("Probity sees that all that flip are {wanted}"), SOON, || {
            let states = self.states()?;
            let other = states.iter().find(|(name, state)| name.starts_with("flip") && *state != wanted);
            other.map_or(Ok(()), |(name, state)| Err(format!("{name} is {state}")))
        })
    }

    /// The state of each check, as Probity itself tells it.
    pub fn states(&self) -> Result<BTreeMap<String, String>, String> {
        let body = ask(self.probity, &format!("/api/v1/healthchecks?namespace={}", self.here))?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let items = body["items"].as_array().ok_or_else(|| format!("it answers {body}"))?;
        Ok(items.iter().map(|item| (text(&item["name"]), text(&item["state"]))).collect())
    }

    /// Waits until the API server has the present: all that flip in this state, the others Healthy. How long that took.
    pub fn is_told(&self, world: &World, flipped: &str) -> Result<Duration, String> {
        let begin = Instant::now();
        let path = format!("/apis/probity.dev/v1alpha1/namespaces/{}/healthchecks", self.here);
        // Without kubectl, whose start takes its time on a machine that is busy.
        let api = world.node.as_ref().ok_or("no node")?.api;
        let took = eventually(&format!("the API server has all that flip as {flipped}"), PROMISED, || {
            let list = api.get(&path)?.body;
            let took = begin.elapsed();
            let items = list["items"].as_array().ok_or_else(|| format!("the API server answers {list}"))?;
            let is_right = |item: &&Value| {
                let flips = item["metadata"]["name"].as_str().is_some_and(|name| name.starts_with("flip"));
                item["status"]["state"] == if flips { flipped } else { "Healthy" }
            };
            match items.iter().find(|item| !is_right(item)) {
                None => Ok(took),
                Some(item) => Err(format!("{} has the status {}", item["metadata"]["name"], item["status"])),
            }
        })?;
        if took > PROMISED { Err(format!("that took {took:?}, not {PROMISED:?}")) } else { Ok(took) }
    }

    /// How often each status was written since the beginning.
    pub fn writes(&self, world: &World) -> Result<BTreeMap<String, usize>, String> {
        let mut writes = writes(world, self.here)?;
        for (name, count) in &mut writes {
            *count -= self.before.writes.get(name).copied().unwrap_or(0);
        }
        writes.retain(|_, count| *count > 0);
        Ok(writes)
    }

    /// A figure of Probity's own, summed over its series.
    pub fn metric(&self, name: &str) -> Result<f64, String> {
        metric(self.probity, name)
    }

    /// No run that was due since the beginning is missing, but for one of a check.
    pub fn missed_nothing(&self, world: &World) -> Told {
        let after = Account::of(world, self.here, self.probity)?;
        let (mut due, mut missing) = (0, Vec::new());
        for (name, (expected, made)) in &after.runs {
            let Some((expected_before, made_before)) = self.before.runs.get(name) else { continue };
            let (expected, made) = (expected - expected_before, made - made_before);
            due += expected;
            // One may be under way, or be due by its interval a moment before its own place in it.
            if expected - made > 1 {
                missing.push(format!("{name}: {expected} were due, {made} were made"));
            }
        }
        let skipped = after.skipped - self.before.skipped;
        println!("  of {due} probes that were due {skipped} were missed");
        // A machine that is busy stands still for the length of a run now and then: one of a check is borne.
        if missing.is_empty() && due > 0 { Ok(()) } else { Err(format!("of {due} were missed: {missing:?}")) }
    }

    /// Probity's pod is the same, and was always ready. Says what the visitors saw.
    pub fn ends(self, world: &World) -> Told {
        let ours = pod::pod(world, self.here)?;
        let (alive, ready) = (self.alive.call_back()?, self.ready.call_back()?);
        println!("  liveness through the Service: {alive}; readiness: {ready}");
        let container = (pod::restarts(world, self.here)?, uid(&ours));
        if container != (self.before.restarts, self.before.pod) {
            return Err(format!("it is another container: {container:?}"));
        }
        if ready.failed > 0 { Err(format!("it was not ready: {ready}")) } else { Ok(()) }
    }
}

impl Account {
    fn of(world: &World, here: &str, probity: SocketAddr) -> Result<Self, String> {
        let mut runs = BTreeMap::new();
        for name in statuses(world, here)?.into_keys() {
            let history = ask(probity, &format!("/api/v1/healthchecks/{here}/{name}/history?window=30m"))?;
            let buckets = history["buckets"].as_array().cloned().unwrap_or_default();
            let sum = |field: &str| buckets.iter().filter_map(|bucket| bucket[field].as_i64()).sum();
            runs.insert(name, (sum("expected"), sum("runs")));
        }
        let ours = pod::pod(world, here)?;
        Ok(Self {
            runs,
            skipped: metric(probity, "probity_probes_skipped_total")?,
            writes: writes(world, here)?,
            restarts: pod::restarts(world, here)?,
            pod: uid(&ours),
        })
    }
}

fn uid(pod: &Value) -> String {
    pod["metadata"]["uid"].as_str().unwrap_or_default().to_owned()
}

/// How often each status was written, by the API server's audit log.
fn writes(world: &World, here: &str) -> Result<BTreeMap<String, usize>, String> {
    let mut counts = BTreeMap::new();
    for write in world.node.as_ref().ok_or("no node")?.writes()? {
        if write.resource == "healthchecks/status" && write.namespace == here && write.code == 200 {
            *counts.entry(write.name).or_default() += 1;
        }
    }
    Ok(counts)
}

fn metric(probity: SocketAddr, name: &str) -> Result<f64, String> {
    let (_, text) = get(probity, "/metrics", "")?;
    let lines = text.lines().filter(|line| line.starts_with(name));
    Ok(lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}

fn ask(probity: SocketAddr, path: &str) -> Result<Value, String> {
    match get(probity, path, TOKEN)? {
        (200, body) => serde_json::from_str(&body).map_err(|error| error.to_string()),
        (status, body) => Err(format!("{path}: {status} {body}")),
    }
}
