//! `/api/v1/slotargets…`: every SLOTarget, how it stands, and what was not seen.

use std::sync::Arc;

use serde::Serialize;
use warp::{Filter, filters::BoxedFilter, reply::Response};

use super::{Meta, absent, list};
use crate::{
    clock::rfc3339,
    engine::slos::{Figures, NO_ALERTS, View},
    model::{Kind, ObjectKey, SloTarget},
    server::{
        State, answer,
        routes::{raw_query, with},
        visible::{Visible, visible},
    },
    slo::{self, figure},
};

pub(super) fn filter(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    let many = warp::path!("api" / "v1" / "slotargets").and(with(state)).and(raw_query()).and(visible()).then(many);
    let one = warp::path!("api" / "v1" / "slotargets" / String / String).and(with(state)).map(one);
    warp::get().and(many.or(one).unify()).boxed()
}

async fn many(state: Arc<State>, raw: String, visible: Visible) -> Response {
    list(raw, visible, move |which| {
        let views = state.slos.targets();
        let views = views.iter().map(|cell| cell.view()).filter(|view| which.takes(&view.entry));
        views.map(|view| Target::of(&view)).collect()
    })
    .await
}

fn one(namespace: String, name: String, state: Arc<State>) -> Response {
    match state.slos.target(&ObjectKey::new(namespace, name)) {
        Some(cell) => answer::json(&Target::of(&cell.view())),
        None => absent(Kind::SloTarget, "slotargets"),
    }
}

/// Names are those of its status.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    #[serde(flatten)]
    meta: Meta,
    /// Null when the spec is refused, and so are those that follow.
    report_as: Option<Arc<str>>,
    description: Option<Arc<str>>,
    indicator: Option<&'static str>,
    target: Option<f64>,
    unit: Option<&'static str>,
    period: Option<String>,
    state: &'static str,
    last_transition_time: String,
    /// What else a person should know of it.
    note: Option<&'static str>,
    /// Null until what is known of its checks was read.
    #[serde(flatten)]
    figures: Option<Shown>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    /// Without planned work; null when nothing was observed.
    current: Option<f64>,
    /// With it.
    raw: Option<f64>,
    error_budget: Option<Budget>,
    burn_rates: Vec<Burn>,
    /// Percent of the window that was observed.
    coverage: Option<f64>,
    bounds: Option<Bounds>,
    /// Seconds of the window that planned work leaves out.
    excluded: f64,
    /// False while some of it is an estimate.
    exact: bool,
    /// How many HealthChecks it is about.
    checks: usize,
    /// Whether one failed run may be, and the target is still met; null where that is no question.
    resolvable: Option<Resolvable>,
    /// The gravest of the tiers whose windows both burn too fast.
    burning: Option<Burning>,
    as_of: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Budget {
    /// A span, or a number of runs.
    total: String,
    remaining: String,
    remaining_percent: f64,
    exhausted_at: Option<String>,
}

#[derive(Serialize)]
struct Burn {
    window: String,
    rate: Option<f64>,
}

#[derive(Serialize)]
struct Bounds {
    lowest: f64,
    highest: f64,
}

#[derive(Serialize)]
struct Resolvable {
    status: bool,
    message: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Burning {
    severity: &'static str,
    factor: f64,
    long: String,
    short: String,
    long_rate: f64,
    short_rate: f64,
}

impl Target {
    fn of(view: &View) -> Self {
        let model = view.model();
        let objective = model.map(|model| &model.objective);
        let figures = view.figures.as_deref();
        Self {
            meta: Meta::of(&view.entry),
            report_as: model.map(|model| model.report_as.clone()),
            description: model.and_then(|model| model.description.clone()),
            indicator: objective.map(|objective| objective.indicator.as_str()),
            target: objective.map(|objective| objective.target),
            unit: objective.map(|objective| objective.indicator.unit().as_str()),
            period: objective.map(|objective| objective.window.name()),
            state: figures.map_or(slo::State::Unknown, |figures| figures.standing().state).as_str(),
            last_transition_time: rfc3339(view.since),
            note: model.and_then(|model| model.alerting.as_ref()).map(|_| NO_ALERTS),
            figures: model.zip(figures).map(|(model, figures)| Shown::of(model, figures)),
        }
    }
}

impl Shown {
    fn of(model: &SloTarget, figures: &Figures) -> Self {
        let shown = |value| figure(value, model.objective.target);
        let standing = figures.standing();
        Self {
            current: standing.current.map(shown),
            raw: standing.raw.map(shown),
            error_budget: standing.budget.as_ref().map(|budget| Budget {
                total: budget.total_text(),
                remaining: budget.remaining_text(),
                remaining_percent: figure(budget.remaining_percent, 0.0),
                exhausted_at: budget.exhausted_at.map(rfc3339),
            }),
            burn_rates: standing
                .burn_rates
                .iter()
                .map(|burn| Burn { window: burn.name(), rate: burn.rate.map(|rate| figure(rate, 1.0)) })
                .collect(),
            coverage: standing.coverage.map(shown),
            bounds: standing
                .bounds
                .map(|bounds| Bounds { lowest: shown(bounds.lowest), highest: shown(bounds.highest) }),
            excluded: standing.excluded_ms / 1_000.0,
            exact: standing.is_exact,
            checks: figures.checks,
            resolvable: figures
                .resolution
                .map(|resolution| Resolvable { status: resolution.is_fine_enough(), message: resolution.to_string() }),
            burning: figures.evaluation.alarms.fires.map(|alarm| Burning {
                severity: alarm.tier.severity.as_str(),
                factor: alarm.tier.factor,
                long: length(alarm.tier.long),
                short: length(alarm.tier.short),
                long_rate: figure(alarm.long, 1.0),
                short_rate: figure(alarm.short, 1.0),
            }),
            as_of: rfc3339(figures.at),
        }
    }
}

fn length(window: std::time::Duration) -> String {
    slo::show_window(i64::try_from(window.as_millis()).unwrap_or(i64::MAX))
}
