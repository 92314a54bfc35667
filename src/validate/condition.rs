//! The condition of an AlertRule.

use std::sync::Arc;

use super::{
    checker::Checker,
    discover,
    field::{Fault, FieldError, FieldPath},
    source,
};
use crate::{
    api::{
        ConditionSpec, HealthCheckConditionSpec, ProbeConditionSpec, ProbeMetricSpec, PromqlConditionSpec,
        SelectorSpec, StateName,
    },
    health::State,
    model::{Bound, Checks, Condition, Percentile, ProbeMetric},
};

pub fn condition(checker: &mut Checker<'_>, path: &FieldPath, spec: &ConditionSpec) -> Option<Condition> {
    checker.exactly_one(path, &["healthCheck", "probe", "promql", "measurement", "slo"]);
    let health_check = (spec.health_check.as_ref()).map(|spec| health_check(checker, &path.field("healthCheck"), spec));
    let probe = spec.probe.as_ref().map(|spec| probe(checker, &path.field("probe"), spec));
    let promql = spec.promql.as_ref().map(|spec| promql(checker, &path.field("promql"), spec));
    if let Some(spec) = &spec.measurement {
        let at = path.field("measurement");
        checker.exactly_one(&at, &["above", "below"]);
        bound(checker, &at, spec.above, spec.below);
        checker.duration(&at.field("over"), &spec.over);
        later(checker, &at, "measurements are not read by this version");
    }
    if let Some(spec) = &spec.slo {
        let at = path.field("slo");
        checker.exactly_one(&at, &["name", "selector"]);
        checker.exactly_one(&at, &["burnRate", "states", "budgetBelow"]);
        if let Some(selector) = &spec.selector {
            discover::selector(checker, &at.field("selector"), selector);
        }
        later(checker, &at, "SLOTargets are not served by this version");
    }
    health_check.or(probe).or(promql)?
}

/// What the schema takes already, and no version up to this one does.
fn later(checker: &mut Checker<'_>, path: &FieldPath, message: &str) {
    checker.mistakes.push(FieldError::new(path.clone(), Fault::NotSupported, message));
}

fn health_check(checker: &mut Checker<'_>, path: &FieldPath, spec: &HealthCheckConditionSpec) -> Option<Condition> {
    let checks = checks(checker, path, spec.name.as_deref(), spec.selector.as_ref());
    let state = |name: &StateName| match name {
        StateName::Healthy => State::Healthy,
        StateName::Degraded => State::Degraded,
        StateName::Unhealthy => State::Unhealthy,
        StateName::Unknown => State::Unknown,
        StateName::Suspended => State::Suspended,
    };
    Some(Condition::HealthCheck { checks: checks?, states: spec.states.iter().map(state).collect() })
}

fn probe(checker: &mut Checker<'_>, path: &FieldPath, spec: &ProbeConditionSpec) -> Option<Condition> {
    let checks = checks(checker, path, spec.name.as_deref(), spec.selector.as_ref());
    checker.exactly_one(path, &["above", "below"]);
    let at = path.field("over");
    let over = checker.duration(&at, &spec.over);
    if over.is_some_and(|over| over.as_millis() < 60_000 || over.as_millis() > 3_600_000) {
        checker.refuse(&at, "must be 1m to 1h");
    }
    let metric = match spec.metric {
        ProbeMetricSpec::FailureRatio => ProbeMetric::FailureRatio,
        ProbeMetricSpec::LatencyAvg => ProbeMetric::LatencyAverage,
        ProbeMetricSpec::LatencyP50 => ProbeMetric::LatencyQuantile(Percentile::P50),
        ProbeMetricSpec::LatencyP90 => ProbeMetric::LatencyQuantile(Percentile::P90),
        ProbeMetricSpec::LatencyP95 => ProbeMetric::LatencyQuantile(Percentile::P95),
        ProbeMetricSpec::LatencyP99 => ProbeMetric::LatencyQuantile(Percentile::P99),
    };
    let bound = bound(checker, path, spec.above, spec.below);
    Some(Condition::Probe { checks: checks?, metric, over: over?, bound: bound? })
}

fn promql(checker: &mut Checker<'_>, path: &FieldPath, spec: &PromqlConditionSpec) -> Option<Condition> {
    if spec.above.is_some() && spec.below.is_some() {
        checker.refuse(path, "at most one of above, below may be set");
    }
    let bound = bound(checker, path, spec.above, spec.below);
    let expr = checker.promql(&path.field("expr"), &spec.expr);
    let source = source::optional(checker, &path.field("source"), spec.source.as_ref());
    Some(Condition::Promql { expr: expr?, source: source?, bound })
}

/// The checks that a condition is about: one by its name, or all that a selector finds.
fn checks(
    checker: &mut Checker<'_>,
    path: &FieldPath,
    name: Option<&str>,
    selector: Option<&SelectorSpec>,
) -> Option<Checks> {
    checker.exactly_one(path, &["name", "selector"]);
    let selector = selector.map(|spec| discover::selector(checker, &path.field("selector"), spec));
    match (name, selector) {
        (Some(name), None) => Some(Checks::Named(Arc::from(name))),
        (None, Some(selector)) => selector.map(Checks::Selected),
        _ => None,
    }
}

/// The bound that is set; which may be, the caller knows.
fn bound(checker: &mut Checker<'_>, path: &FieldPath, above: Option<f64>, below: Option<f64>) -> Option<Bound> {
    let (field, value, bound) = match (above, below) {
        (Some(value), None) => ("above", value, Bound::Above(value)),
        (None, Some(value)) => ("below", value, Bound::Below(value)),
        _ => return None,
    };
    if !value.is_finite() {
        checker.refuse(&path.field(field), "must be a finite number");
        return None;
    }
    Some(bound)
}
