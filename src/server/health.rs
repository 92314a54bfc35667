//! `/health…`: this process, and what it sees.

use std::{sync::Arc, time::Duration};

use hyper::StatusCode;
use serde_json::json;
use warp::{Filter, filters::BoxedFilter, reply::Response};

use super::{
    State,
    answer::{self, ApiError},
    detailed::{self, Row},
    query::Query,
    routes::{raw_query, with},
    visible::Visible,
};
use crate::{clock::rfc3339, engine::CheckView, health, model::Selector};

pub(super) fn filter(state: &Arc<State>, stall: Duration) -> BoxedFilter<(Response,)> {
    // `path::end` takes both /health and /health/; only those two are in the table.
    let plain = warp::path!("health")
        .and(with(state))
        .map(|state: Arc<State>| answer::json(&json!({"status": "healthy", "timestamp": rfc3339(state.clock.wall())})));
    let detailed = warp::path!("health" / "detailed").and(with(state)).and(raw_query()).then(detailed);
    let readiness = warp::path!("health" / "readiness").and(with(state)).and(raw_query()).map(readiness);
    let liveness =
        warp::path!("health" / "liveness").and(with(state)).map(move |state: Arc<State>| liveness(&state, stall));
    warp::get().and(plain.or(detailed).unify().or(readiness).unify().or(liveness).unify()).boxed()
}

/// Which checks are meant: `?namespace=` and `?selector=`.
pub(super) struct Which {
    namespace: Option<String>,
    selector: Selector,
    visible: Visible,
}

impl Which {
    pub(super) fn parse(raw: &str) -> Result<Self, ApiError> {
        let query = Query::parse(raw, &["namespace", "selector"])?;
        Ok(Self {
            namespace: query.get("namespace").filter(|namespace| !namespace.is_empty()).map(str::to_owned),
            selector: selector(&query, "selector")?,
            visible: Visible::All,
        })
    }

    /// Only what is visible.
    pub(super) fn visible(self, visible: Visible) -> Self {
        Self { visible, ..self }
    }

    pub(super) fn takes(&self, check: &CheckView) -> bool {
        self.visible.takes(&check.key.namespace)
            && self.namespace.as_ref().is_none_or(|namespace| **namespace == *check.key.namespace)
            && self.selector.matches(&check.labels)
    }
}

fn selector(query: &Query, name: &str) -> Result<Selector, ApiError> {
    Selector::parse(query.get(name).unwrap_or_default())
        .map_err(|error| ApiError::bad_request(format!("query parameter {name:?}: {error}")))
}

async fn detailed(state: Arc<State>, raw: String) -> Response {
    let which = match Which::parse(&raw) {
        Ok(which) => which,
        Err(error) => return error.response(),
    };
    answer::off_the_runtime(move || {
        let checks = state.snapshot.checks();
        let views = checks.values().map(|cell| cell.view.load());
        let rows = views.filter(|view| which.takes(view)).map(|view| Row::of(&view));
        answer::json(&detailed::report(rows, state.clock.wall()))
    })
    .await
}

fn readiness(state: Arc<State>, raw: String) -> Response {
    let query = match Query::parse(&raw, &["checks"]) {
        Ok(query) => query,
        Err(error) => return error.response(),
    };
    let demanded = match query.get("checks").map(|_| selector(&query, "checks")).transpose() {
        Ok(demanded) => demanded,
        Err(error) => return error.response(),
    };
    let mut problems: Vec<(String, Arc<str>)> =
        state.readiness.problems().into_iter().map(|(part, why)| (part.to_owned(), why)).collect();
    if let Some(selector) = demanded {
        problems.extend(unmet(&state, &selector));
    }
    if problems.is_empty() {
        let notes = state.readiness.notes();
        if notes.is_empty() {
            return answer::json(&json!({"status": "ready"}));
        }
        let notes: Vec<_> = notes.iter().map(|(what, why)| json!({"what": what, "why": why})).collect();
        return answer::json(&json!({"status": "ready", "notes": notes}));
    }
    let told: Vec<_> =
        problems.iter().take(PROBLEMS_MAX).map(|(what, why)| json!({"what": what, "why": why})).collect();
    let first = problems.first().map(|(what, why)| format!("{what}: {why}")).unwrap_or_default();
    let more = problems.len() - 1;
    let message = if more == 0 { first } else { format!("{first}; and {more} more") };
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", message)
        .beside("status", "not_ready")
        .beside("problems", told)
        .response()
}

/// As many as a person reads; the message has the whole number.
const PROBLEMS_MAX: usize = 20;

/// The demanded checks that are not well. Well is what the condition Healthy calls True: Healthy or Degraded.
fn unmet(state: &State, selector: &Selector) -> Vec<(String, Arc<str>)> {
    let checks = state.snapshot.checks();
    let mut found = false;
    let mut unmet = Vec::new();
    for cell in checks.values() {
        let view = cell.view.load();
        if !selector.matches(&view.labels) {
            continue;
        }
        found = true;
        if !matches!(view.state, health::State::Healthy | health::State::Degraded) {
            let why = format!("{}: {}: {}", view.state.as_str(), view.reason, view.message);
            unmet.push((format!("healthcheck {}", view.key), why.into()));
        }
    }
    if !found {
        // Not seen is not healthy: a gate on checks that are not there stays shut.
        unmet.push(("checks".to_owned(), Arc::from("no HealthCheck has these labels")));
    }
    unmet
}

fn liveness(state: &State, stall: Duration) -> Response {
    let timestamp = rfc3339(state.clock.wall());
    let stalled = state.progress.stalled(stall);
    if stalled.is_empty() {
        return answer::json(&json!({"status": "alive", "timestamp": timestamp}));
    }
    let names: Vec<_> = stalled.iter().map(|(name, since)| format!("{name} ({} s)", since.as_secs())).collect();
    let message = format!("no progress of: {}", names.join(", "));
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "stalled", message)
        .beside("status", "stalled")
        .beside("timestamp", timestamp)
        .response()
}
