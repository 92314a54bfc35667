//! `/monitoring/sla…`: every SLOTarget in a few figures, under the names that they report as.

use std::{collections::BTreeMap, sync::Arc};

use hyper::StatusCode;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use warp::{Filter, filters::BoxedFilter, reply::Response};

use super::{
    State,
    answer::{self, ApiError},
    query::Query,
    routes::{raw_query, with},
    visible::{Visible, visible},
};
use crate::{
    clock::rfc3339,
    engine::slos::{Cell, View},
    model::SloTarget,
    slo::{State as Is, figure},
};

/// Known names that an answer to an unknown one lists.
const NAMES_MAX: usize = 50;

pub(super) fn filter(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    let all = warp::path!("monitoring" / "sla").and(with(state)).and(raw_query()).and(visible()).then(all);
    let one = warp::path!("monitoring" / "sla" / String).and(with(state)).and(raw_query()).and(visible()).map(one);
    warp::get().and(all.or(one).unify()).boxed()
}

/// `{overall_status, timestamp, metrics, sla_definitions}`.
#[derive(Serialize)]
struct Report {
    overall_status: &'static str,
    timestamp: String,
    metrics: BTreeMap<String, Metric>,
    sla_definitions: BTreeMap<String, Definition>,
}

/// One target, as it stands.
#[derive(Debug, Serialize)]
struct Metric {
    /// As it reports; of two of one name `namespace/name`.
    name: String,
    target: f64,
    /// Null when nothing was observed.
    current: Option<f64>,
    unit: &'static str,
    status: &'static str,
    measurement_period: String,
    namespace: Arc<str>,
    /// Percent of the period that was observed.
    coverage: Option<f64>,
    /// What `current` is at least, and at most, whatever was not observed. Percent units only.
    bounds: Option<Bounds>,
    error_budget_remaining_percent: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Bounds {
    lowest: f64,
    highest: f64,
}

#[derive(Debug, Serialize)]
struct Definition {
    target: f64,
    unit: &'static str,
    period: String,
}

async fn all(state: Arc<State>, raw: String, visible: Visible) -> Response {
    match Named::parse(&state, &raw, &visible) {
        Ok(named) => answer::off_the_runtime(move || answer::json(&named.report(state.clock.wall()))).await,
        Err(error) => error.response(),
    }
}

fn one(name: String, state: Arc<State>, raw: String, visible: Visible) -> Response {
    let named = match Named::parse(&state, &raw, &visible) {
        Ok(named) => named,
        Err(error) => return error.response(),
    };
    // A name with a namespace in it has its slash escaped.
    let name = percent_decode_str(&name).decode_utf8_lossy();
    match named.0.get(&*name) {
        Some((view, target)) => answer::json(&Metric::of(&name, view, target)),
        None => unknown(&name, &named).response(),
    }
}

/// 404 with the names that there are.
fn unknown(name: &str, named: &Named) -> ApiError {
    let known: Vec<_> = named.0.keys().take(NAMES_MAX).map(String::as_str).collect();
    let more = named.0.len().saturating_sub(known.len());
    let list = match (known.is_empty(), more) {
        (true, _) => "there is no SLOTarget".to_owned(),
        (false, 0) => format!("known are: {}", known.join(", ")),
        (false, more) => format!("known are: {}, and {more} more", known.join(", ")),
    };
    let name: String = name.chars().take(128).collect();
    ApiError::new(StatusCode::NOT_FOUND, "not_found", format!("no SLOTarget reports as {name:?}; {list}"))
}

/// The targets in force that may be seen, by the name under which each is told.
struct Named(BTreeMap<String, (Arc<View>, Arc<SloTarget>)>);

impl Named {
    fn parse(state: &State, raw: &str, visible: &Visible) -> Result<Self, ApiError> {
        let query = Query::parse(raw, &["namespace"])?;
        let wanted = query.get("namespace").filter(|namespace| !namespace.is_empty());
        let takes = |cell: &&Arc<Cell>| {
            visible.takes(&cell.key.namespace) && wanted.is_none_or(|wanted| *wanted == *cell.key.namespace)
        };
        let views = state.slos.targets();
        let in_force = views.iter().filter(takes).filter_map(|cell| {
            let view = cell.view();
            let target = view.model()?.clone();
            Some((view, target))
        });
        Ok(Self::of(in_force.collect()))
    }

    /// Two of one name are told by namespace too; two of one namespace and name by the object's own name.
    fn of(all: Vec<(Arc<View>, Arc<SloTarget>)>) -> Self {
        let mut counts: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        let mut pairs: BTreeMap<(Arc<str>, Arc<str>), usize> = BTreeMap::new();
        for (_, target) in &all {
            *counts.entry(target.report_as.clone()).or_default() += 1;
            *pairs.entry((target.key.namespace.clone(), target.report_as.clone())).or_default() += 1;
        }
        let name = |target: &SloTarget| {
            let (namespace, report_as) = (&target.key.namespace, &target.report_as);
            if counts.get(report_as).is_none_or(|count| *count == 1) {
                report_as.to_string()
            } else if pairs.get(&(namespace.clone(), report_as.clone())).is_none_or(|count| *count == 1) {
                format!("{namespace}/{report_as}")
            } else {
                format!("{namespace}/{report_as}/{}", target.key.name)
            }
        };
        Self(all.into_iter().map(|(view, target)| (name(&target), (view, target))).collect())
    }

    fn report(&self, now: crate::clock::WallMs) -> Report {
        let metrics: BTreeMap<_, _> =
            self.0.iter().map(|(name, (view, target))| (name.clone(), Metric::of(name, view, target))).collect();
        let definitions = self.0.iter().map(|(name, (_, target))| (name.clone(), Definition::of(target)));
        let states = self.0.values().map(|(view, _)| state(view));
        // Without any target there is nothing that could be kept.
        let overall = states.max_by_key(|state| state.rank()).unwrap_or(Is::Unknown);
        Report {
            overall_status: overall.as_lower(),
            timestamp: rfc3339(now),
            sla_definitions: definitions.collect(),
            metrics,
        }
    }
}

fn state(view: &View) -> Is {
    view.figures.as_ref().map_or(Is::Unknown, |figures| figures.standing().state)
}

impl Metric {
    fn of(name: &str, view: &View, target: &SloTarget) -> Self {
        let standing = view.figures.as_ref().map(|figures| figures.standing());
        let objective = &target.objective;
        let shown = |value| figure(value, objective.target);
        Self {
            name: name.to_owned(),
            target: objective.target,
            current: standing.and_then(|standing| standing.current).map(shown),
            unit: objective.indicator.unit().as_str(),
            status: state(view).as_lower(),
            measurement_period: objective.window.name(),
            namespace: target.key.namespace.clone(),
            coverage: standing.and_then(|standing| standing.coverage).map(shown),
            bounds: standing
                .and_then(|standing| standing.bounds)
                .map(|bounds| Bounds { lowest: shown(bounds.lowest), highest: shown(bounds.highest) }),
            error_budget_remaining_percent: standing
                .and_then(|standing| standing.budget.as_ref())
                .map(|budget| figure(budget.remaining_percent, 0.0)),
        }
    }
}

impl Definition {
    fn of(target: &SloTarget) -> Self {
        let objective = &target.objective;
        Self { target: objective.target, unit: objective.indicator.unit().as_str(), period: objective.window.name() }
    }
}
