//! Hundreds of checks of one target that counts what it is asked, and what Probity's history says of the same: what
//! the one has and the other lacks was lost.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    Told,
    visitor::asked,
    way::Way,
    world::{World, eventually},
};

/// A token of the HTTP API's, which the release takes from a Secret.
const TOKEN: &str = "a-token-of-the-stories";
/// What the release must be told so that [`TOKEN`] opens its API.
pub const VALUE: &str = "settings.apiTokenSecret=tokens";

/// Seconds between two runs of a check.
pub const EVERY: usize = 4;
/// Long, for a machine that is busy; and half a second off from when a SYN is sent again, every second: a target that is
/// reached just then would be asked by a run that has no time left, and that would look as if it were lost.
const TIMEOUT: &str = "3500ms";

/// Good runs by the start of their minute.
type Minutes = BTreeMap<String, usize>;

pub struct Load<'w> {
    world: &'w World,
    namespace: &'static str,
    pub checks: usize,
    web: SocketAddr,
    pub probity: Way,
}

impl<'w> Load<'w> {
    /// What a release needs of the load before it is installed: the target, and the token.
    pub fn prepare(world: &World, namespace: &str) -> Told {
        world.web(namespace, "web", 1)?;
        world.apply(&json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "tokens", "namespace": namespace},
            "stringData": {"tokens": TOKEN},
        }))
    }

    /// So many checks, each every [`EVERY`] seconds, and all of them at work.
    pub fn start(world: &'w World, namespace: &'static str, checks: usize) -> Result<Self, String> {
        world.kubectl.must(["--namespace", namespace, "rollout", "status", "deployment/web", "--timeout=60s"])?;
        let pods = world.kubectl.must(["--namespace", namespace, "get", "pods", "--selector=app=web", "-o", "json"])?;
        let pods: Value = serde_json::from_str(&pods).map_err(|error| error.to_string())?;
        let ip = pods["items"][0]["status"]["podIP"].as_str().unwrap_or_default();
        let web = format!("{ip}:8080").parse().map_err(|error| format!("{ip}: {error}"))?;
        let service = Way::to(world, namespace, "web", 80)?.address();
        let load = Self { world, namespace, checks, web, probity: Way::to(world, namespace, "probity", 8080)? };
        let items: Vec<_> = (0..checks)
            .map(|number| {
                json!({
                    "apiVersion": "probity.dev/v1alpha1",
                    "kind": "HealthCheck",
                    "metadata": {"name": name(number), "namespace": namespace},
                    "spec": {
                        "interval": format!("{EVERY}s"),
                        "timeout": TIMEOUT,
                        "http": {"url": format!("http://{service}/")},
                    },
                })
            })
            .collect();
        world.apply(&json!({"apiVersion": "v1", "kind": "List", "items": items}))?;
        eventually("all checks are at work", Duration::from_secs(60), || {
            let seen = load.seen()?;
            let at_work = seen.iter().filter(|minutes| total(minutes) > 1).count();
            if at_work == checks { Ok(()) } else { Err(format!("{at_work} of {checks} have run twice")) }
        })?;
        Ok(load)
    }

    /// How often the target was asked, as it counts itself. Asked of its pod, and so also while its Service has none.
    pub fn asked(&self) -> Result<usize, String> {
        asked(self.web)
    }

    /// The history of each check.
    pub fn seen(&self) -> Result<Vec<Minutes>, String> {
        (0..self.checks).map(|number| self.seen_of(number)).collect()
    }

    fn seen_of(&self, number: usize) -> Result<Minutes, String> {
        let path = format!("/api/v1/healthchecks/{}/{}/history?window=30m", self.namespace, name(number));
        let (status, body) = self.probity.get(&path, TOKEN)?;
        if status != 200 {
            return Err(format!("{path}: {status}: {body}"));
        }
        let answer: Value = serde_json::from_str(&body).map_err(|error| error.to_string())?;
        let bucket = |bucket: &Value| {
            // A good run in a state that flaps is good all the same.
            let good = bucket["good"].as_u64()? + bucket["degraded"].as_u64()?;
            Some((bucket["start"].as_str()?.to_owned(), usize::try_from(good).ok()?))
        };
        answer["buckets"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|it| bucket(it).ok_or("not a bucket".to_owned()))
            // One without runs has nothing to lose, and the first slides out of the window.
            .filter(|it| it.as_ref().is_ok_and(|(_, good)| *good > 0) || it.is_err())
            .collect()
    }

    /// A series of Probity's own, which has no labels.
    pub fn metric(&self, name: &str) -> Result<f64, String> {
        let (_, text) = self.probity.get("/metrics", "")?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.trim().parse().ok()).ok_or_else(|| format!("there is no {name}"))
    }

    /// Waits until what was seen so far has been flushed: the second flush from now began after now.
    pub fn flushed(&self) -> Told {
        const FLUSHES: &str = "probity_store_flushes_total";
        let before = self.metric(FLUSHES)?;
        eventually("two flushes", Duration::from_secs(30), || {
            let now = self.metric(FLUSHES)?;
            if now >= before + 2.0 { Ok(()) } else { Err(format!("{} flushes", now - before)) }
        })
    }

    /// How many good runs the target has served that are in no history: asked while the Service leads nowhere, so that
    /// nothing is under way. The checks fail meanwhile, and are at work again when this returns.
    pub fn lost(&self) -> Result<i64, String> {
        self.leads_to("nobody")?;
        let mut last = self.asked()?;
        eventually("nobody asks any more", Duration::from_secs(30), || {
            // Each is asked once a second: two counts so far apart are equal when nobody asks.
            std::thread::sleep(Duration::from_secs(1));
            let now = self.asked()?;
            if std::mem::replace(&mut last, now) == now { Ok(()) } else { Err(format!("asked {now} times")) }
        })?;
        // History loads behind the start, and the last outcome may be on its way: what is lost stays lost.
        let difference = || {
            let kept: usize = self.seen()?.iter().map(total).sum();
            Ok::<_, String>(i64::try_from(last).unwrap_or(i64::MAX) - i64::try_from(kept).unwrap_or(i64::MAX))
        };
        let lost = eventually("nothing is lost", Duration::from_secs(10), || match difference()? {
            0 => Ok(()),
            lost => Err(lost.to_string()),
        });
        let lost = lost.map_or_else(|_| difference(), |()| Ok(0))?;
        self.leads_to("web")?;
        eventually("the target is asked again", Duration::from_secs(30), || {
            let now = self.asked()?;
            if now > last { Ok(()) } else { Err(format!("asked {now} times")) }
        })?;
        Ok(lost)
    }

    fn leads_to(&self, app: &str) -> Told {
        let patch = json!({"spec": {"selector": {"app": app}}}).to_string();
        self.world.kubectl.must(["--namespace", self.namespace, "patch", "service", "web", "--patch", &patch]).map(drop)
    }

    /// Watches how the target is asked.
    pub fn pulse(&self) -> Pulse {
        Pulse::start(self.web)
    }
}

fn name(number: usize) -> String {
    format!("web-{number}")
}

pub fn total(minutes: &Minutes) -> usize {
    minutes.values().sum()
}

/// How long the target was asked by nobody.
pub struct Pulse {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

impl Pulse {
    fn start(web: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        let thread = std::thread::spawn(move || {
            let (mut count, mut since, mut longest) = (0, Instant::now(), Duration::ZERO);
            while !told.load(Ordering::Relaxed) {
                if let Ok(now) = asked(web)
                    && now != count
                {
                    longest = longest.max(since.elapsed());
                    (count, since) = (now, Instant::now());
                }
                // The longest time without a run is measured as finely as this.
                std::thread::sleep(Duration::from_millis(20));
            }
            longest.max(since.elapsed())
        });
        Self { stop, thread }
    }

    /// The longest time in which no probe came.
    pub fn stop(self) -> Duration {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or(Duration::MAX)
    }
}
