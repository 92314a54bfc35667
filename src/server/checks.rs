//! `/api/v1/healthchecks…`: every figure of a check, exact.

use std::sync::Arc;

use serde::{
    Serialize,
    ser::{SerializeSeq, SerializeStruct, Serializer},
};
use warp::{Filter, filters::BoxedFilter, reply::Response};

use super::{
    State,
    answer::{self, ApiError},
    health::Which,
    routes::{raw_query, with},
    visible::{Visible, visible},
};
use crate::{
    clock::{WallMs, rfc3339},
    engine::{CheckView, Ready, TargetCell},
    health,
    history::Uptime,
    model::ObjectKey,
};

pub(super) fn filter(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    let list = warp::path!("api" / "v1" / "healthchecks").and(with(state)).and(raw_query()).and(visible()).then(list);
    let one = warp::path!("api" / "v1" / "healthchecks" / String / String).and(with(state)).map(one);
    warp::get().and(list.or(one).unify()).boxed()
}

async fn list(state: Arc<State>, raw: String, visible: Visible) -> Response {
    let which = match Which::parse(&raw) {
        Ok(which) => which.visible(visible),
        Err(error) => return error.response(),
    };
    answer::off_the_runtime(move || answer::json(&List { state: &state, which: &which })).await
}

fn one(namespace: String, name: String, state: Arc<State>) -> Response {
    match state.snapshot.get(&ObjectKey::new(namespace, name)) {
        Some(cell) => answer::json(&Check { view: &cell.view.load(), now: state.clock.wall() }),
        None => absent(),
    }
}

/// 404 for a check that is not there.
pub(super) fn absent() -> Response {
    ApiError::not_found("there is no HealthCheck of this namespace and name; /api/v1/healthchecks lists all").response()
}

struct List<'a> {
    state: &'a State,
    which: &'a Which,
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("HealthCheckList", 1)?;
        map.serialize_field("items", &Items(self))?;
        map.end()
    }
}

struct Items<'a>(&'a List<'a>);

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let now = self.0.state.clock.wall();
        let mut seq = serializer.serialize_seq(None)?;
        for cell in self.0.state.snapshot.checks().values() {
            let view = cell.view.load();
            if self.0.which.takes(&view) {
                seq.serialize_element(&Check { view: &view, now })?;
            }
        }
        seq.end()
    }
}

/// One check. Names are those of its status; durations and latencies are seconds.
struct Check<'a> {
    view: &'a CheckView,
    now: WallMs,
}

impl Serialize for Check<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let view = self.view;
        let targets: Vec<_> = view.targets.iter().map(|cell| Target::of(cell, self.now)).collect();
        let count = |state: health::State| targets.iter().filter(|target| target.state == state.as_str()).count();
        let mut map = serializer.serialize_struct("HealthCheck", 18)?;
        map.serialize_field("namespace", &*view.key.namespace)?;
        map.serialize_field("name", &*view.key.name)?;
        map.serialize_field("labels", &*view.labels)?;
        map.serialize_field("reportAs", &*view.report_as)?;
        map.serialize_field("generation", &view.generation)?;
        map.serialize_field("probe", &view.kind.map(|kind| kind.as_str()))?;
        map.serialize_field("interval", &view.interval.as_secs_f64())?;
        map.serialize_field("timeout", &view.timeout.as_secs_f64())?;
        map.serialize_field("ready", &ReadyJson::of(&view.ready))?;
        map.serialize_field("state", view.state.as_str())?;
        map.serialize_field("reason", view.reason.as_str())?;
        map.serialize_field("message", &*view.message)?;
        map.serialize_field("lastTransitionTime", &rfc3339(view.since))?;
        map.serialize_field("latency", &targets.iter().filter_map(|target| target.latency).reduce(f64::max))?;
        map.serialize_field("uptime", &worst(&targets))?;
        map.serialize_field(
            "targets",
            &Counts {
                total: targets.len(),
                healthy: count(health::State::Healthy),
                degraded: count(health::State::Degraded),
                unhealthy: count(health::State::Unhealthy),
                unknown: count(health::State::Unknown),
            },
        )?;
        map.serialize_field("details", &targets)?;
        map.end()
    }
}

#[derive(Serialize)]
struct Counts {
    total: usize,
    healthy: usize,
    degraded: usize,
    unhealthy: usize,
    unknown: usize,
}

#[derive(Serialize)]
struct ReadyJson<'a> {
    status: bool,
    reason: &'a str,
    message: &'a str,
}

impl<'a> ReadyJson<'a> {
    fn of(ready: &'a Ready) -> Self {
        Self { status: ready.ok, reason: ready.reason, message: &ready.message }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    target: Arc<str>,
    state: &'static str,
    reason: &'static str,
    message: Arc<str>,
    since: String,
    /// Of the last run, in seconds.
    latency: Option<f64>,
    last_run: Option<String>,
    uptime: Percent,
}

impl Target {
    fn of(cell: &TargetCell, now: WallMs) -> Self {
        let view = cell.view.load();
        Self {
            target: Arc::clone(&cell.instance),
            state: view.state.as_str(),
            reason: view.reason.as_str(),
            message: Arc::clone(&view.message),
            since: rfc3339(view.since),
            latency: view.last.as_ref().map(|run| run.outcome.latency.as_secs_f64()),
            last_run: view.last.as_ref().map(|run| rfc3339(run.at)),
            uptime: Percent::of(cell.history.lock().uptime(now)),
        }
    }
}

/// Percent of observed time; null while nothing was observed.
#[derive(Serialize, Clone, Copy)]
struct Percent {
    #[serde(rename = "1h")]
    hour: Option<f64>,
    #[serde(rename = "24h")]
    day: Option<f64>,
    #[serde(rename = "30d")]
    month: Option<f64>,
}

impl Percent {
    fn of(uptime: Uptime) -> Self {
        Self { hour: uptime.hour, day: uptime.day, month: uptime.month }
    }
}

/// A check is up as much as the worst of its targets.
fn worst(targets: &[Target]) -> Percent {
    let least = |figure: fn(&Percent) -> Option<f64>| {
        targets.iter().filter_map(|target| figure(&target.uptime)).reduce(f64::min)
    };
    Percent { hour: least(|p| p.hour), day: least(|p| p.day), month: least(|p| p.month) }
}
