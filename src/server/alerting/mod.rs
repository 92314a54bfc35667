//! What is served of alerting: rules and alerts as Prometheus tells them, and our own kinds as the command line shows
//! them. All of it is read from the board.

mod channels;
mod prometheus;
mod rules;
mod schemas;
mod silences;
mod slotargets;

use std::sync::Arc;

use serde::Serialize;
use warp::{Filter, filters::BoxedFilter, reply::Response};

use super::{
    State,
    answer::{self, ApiError},
    query::Query,
    visible::Visible,
};
use crate::{
    engine::alerts::board,
    model::{Bound, Checks, Condition, Kind, ObjectKey, Percentile, ProbeMetric, Selector},
    source::Entry,
};

pub(super) use schemas::schemas;

pub(super) fn filter(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    prometheus::filter(state)
        .or(rules::filter(state))
        .unify()
        .or(channels::filter(state))
        .unify()
        .or(silences::filter(state))
        .unify()
        .or(slotargets::filter(state))
        .unify()
        .boxed()
}

/// Which objects of a list are meant: `?namespace=` and `?selector=`.
struct Which {
    namespace: Option<String>,
    selector: Selector,
    visible: Visible,
}

impl Which {
    fn parse(raw: &str, visible: Visible) -> Result<Self, ApiError> {
        let query = Query::parse(raw, &["namespace", "selector"])?;
        let selector = Selector::parse(query.get("selector").unwrap_or_default())
            .map_err(|error| ApiError::bad_request(format!("query parameter \"selector\": {error}")))?;
        let namespace = query.get("namespace").filter(|namespace| !namespace.is_empty()).map(str::to_owned);
        Ok(Self { namespace, selector, visible })
    }

    fn takes(&self, entry: &Entry) -> bool {
        let namespace = &entry.id.key.namespace;
        self.visible.takes(namespace)
            && self.namespace.as_ref().is_none_or(|wanted| **wanted == **namespace)
            && self.selector.matches(&entry.labels)
    }
}

/// `{"items": […]}`, of what is meant.
async fn list<T: Serialize>(
    raw: String,
    visible: Visible,
    items: impl FnOnce(&Which) -> Vec<T> + Send + 'static,
) -> Response {
    match Which::parse(&raw, visible) {
        Ok(which) => answer::off_the_runtime(move || answer::json(&List { items: items(&which) })).await,
        Err(error) => error.response(),
    }
}

#[derive(Serialize)]
struct List<T> {
    items: Vec<T>,
}

/// What every object says of itself.
#[derive(Serialize)]
struct Meta {
    namespace: Arc<str>,
    name: Arc<str>,
    labels: crate::model::Labels,
    generation: i64,
    ready: Ready,
}

#[derive(Serialize)]
struct Ready {
    status: bool,
    reason: &'static str,
    message: Arc<str>,
}

impl Meta {
    fn of(entry: &Entry) -> Self {
        let ObjectKey { namespace, name } = entry.id.key.clone();
        let ready = board::ready(entry);
        Self {
            namespace,
            name,
            labels: entry.labels.clone(),
            generation: entry.generation,
            ready: Ready { status: ready.ok, reason: ready.reason, message: ready.message },
        }
    }
}

/// 404 for an object that is not there.
fn absent(kind: Kind, path: &str) -> Response {
    let message = format!("there is no {kind} of this namespace and name; /api/v1/{path} lists all");
    ApiError::not_found(message).response()
}

/// A condition in one line: PromQL as it is, with its bound; the others as their spec has them.
fn query_of(condition: &Condition) -> String {
    let bound = |bound: &Bound| match bound {
        Bound::Above(value) => (">", "above", *value),
        Bound::Below(value) => ("<", "below", *value),
    };
    match condition {
        Condition::Promql { expr, bound: None, .. } => expr.to_string(),
        Condition::Promql { expr, bound: Some(beyond), .. } => {
            let (sign, _, value) = bound(beyond);
            format!("({}) {sign} {value}", expr.trim())
        }
        Condition::HealthCheck { checks, states } => {
            let states: Vec<_> = states.iter().map(|state| state.as_str()).collect();
            format!("healthCheck: {{{}, states: [{}]}}", checks_of(checks), states.join(", "))
        }
        Condition::Probe { checks, metric, over, bound: beyond } => {
            let (_, word, value) = bound(beyond);
            let (checks, metric) = (checks_of(checks), metric_of(*metric));
            format!("probe: {{{checks}, metric: {metric}, over: {}s, {word}: {value}}}", over.as_secs())
        }
    }
}

fn checks_of(checks: &Checks) -> String {
    match checks {
        Checks::Named(name) => format!("name: {name}"),
        Checks::Selected(selector) => format!("selector: {:?}", selector.to_string()),
    }
}

fn metric_of(metric: ProbeMetric) -> &'static str {
    match metric {
        ProbeMetric::FailureRatio => "failure_ratio",
        ProbeMetric::LatencyAverage => "latency_avg",
        ProbeMetric::LatencyQuantile(Percentile::P50) => "latency_p50",
        ProbeMetric::LatencyQuantile(Percentile::P90) => "latency_p90",
        ProbeMetric::LatencyQuantile(Percentile::P95) => "latency_p95",
        ProbeMetric::LatencyQuantile(Percentile::P99) => "latency_p99",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::health::State;

    #[test]
    fn a_condition_is_one_line() {
        let selected = Checks::Selected(Selector::parse("tier=web").unwrap());
        for (condition, want) in [
            (Condition::Promql { expr: "up == 0".into(), source: None, bound: None }, "up == 0"),
            (
                Condition::Promql { expr: "a or b\n".into(), source: None, bound: Some(Bound::Above(0.05)) },
                "(a or b) > 0.05",
            ),
            (
                Condition::HealthCheck { checks: Checks::Named("shop".into()), states: [State::Unhealthy].into() },
                "healthCheck: {name: shop, states: [Unhealthy]}",
            ),
            (
                Condition::Probe {
                    checks: selected,
                    metric: ProbeMetric::LatencyQuantile(Percentile::P99),
                    over: Duration::from_secs(300),
                    bound: Bound::Below(1.0),
                },
                "probe: {selector: \"tier=web\", metric: latency_p99, over: 300s, below: 1}",
            ),
        ] {
            assert_eq!(query_of(&condition), want);
        }
    }
}
