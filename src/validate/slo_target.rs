//! An SLOTarget: from its text to the model.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use super::{
    FieldError, burn_rates,
    checker::Checker,
    discover,
    field::FieldPath,
    form::{Form, labels},
    metadata::Metadata,
    references::References,
};
use crate::{
    api::{
        CalendarSpec, CombineSpec, IndicatorSpec, MethodSpec, PeriodSpec, SelectorSpec, SloTargetSpec, SloWindowSpec,
        StatisticSpec, ToleranceOfSpec, ToleranceSpec, WindowText,
    },
    model::{Kind, ObjectKey, Selector, SloTarget},
    schedule::zone,
    slo::{AllowanceOf, Combine, Indicator, Method, Objective, Period, Statistic, Tolerance, Window},
};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);
/// The shortest window: five of the minutes that everything is counted in.
const MIN_WINDOW: Duration = Duration::from_secs(300);
/// The fields of the one-of.
const INDICATORS: [&str; 3] = ["availability", "responseTime", "errorRate"];
/// Of a tolerance that says nothing, in percent.
const TOLERANCE: f64 = 10.0;

pub static FORM: LazyLock<Form> = LazyLock::new(|| {
    let example = "spec: {target: 99.9, window: {rolling: 30d}, indicator: {availability: {healthChecks: {…}}}}";
    Form::of(Kind::SloTarget, example)
});

/// The model, or every mistake.
pub fn judge(
    object: &serde_json::Value,
    namespace: &str,
    references: &dyn References,
) -> Result<SloTarget, Vec<FieldError>> {
    FORM.judge(object, namespace, references, model)
}

fn model(checker: &mut Checker<'_>, path: &FieldPath, metadata: &Metadata, spec: &SloTargetSpec) -> Option<SloTarget> {
    let key = ObjectKey::new(checker.namespace, metadata.name.as_str());
    let is_percent = !checker.is_set(&path.field("indicator").field("responseTime"));
    let indicator = indicator(checker, &path.field("indicator"), &spec.indicator);
    let target = target(checker, &path.field("target"), spec, is_percent);
    let window = window(checker, &path.field("window"), &spec.window);
    let tolerance = tolerance(checker, &path.field("tolerance"), spec.tolerance.as_ref(), is_percent);
    let made = indicator.zip(target).zip(window).zip(tolerance);
    let made = made.map(|((((checks, indicator), target), (window, length)), tolerance)| {
        (checks, length, Objective { indicator, target, window, tolerance, tiers: Arc::default() })
    });
    // What the alerting is judged by has to be right itself.
    let promise = made.as_ref().and_then(|(_, length, objective)| {
        objective.allowance().map(|allowance| burn_rates::Promise { window: *length, allowance })
    });
    let alerting = path.field("alerting");
    let burning = if is_percent {
        burn_rates::alerting(checker, &alerting, &key, spec.alerting.as_ref(), promise)
    } else {
        burn_rates::without_budget(checker, &alerting, spec.alerting.as_ref())
    };
    let ((checks, _, objective), burning) = (made?, burning?);
    let name = || metadata.name.replace(['-', '.'], "_").into();
    Some(SloTarget {
        generation: metadata.generation,
        labels: labels(&metadata.labels),
        report_as: spec.report_as.as_deref().map_or_else(name, Arc::from),
        description: spec.description.as_deref().map(Arc::from),
        checks,
        objective: Objective { tiers: burning.tiers, ..objective },
        alerting: burning.alerting,
        left_out: burning.left_out,
        key,
    })
}

/// The checks that it is about, and what is looked at of them.
fn indicator(checker: &mut Checker<'_>, path: &FieldPath, spec: &IndicatorSpec) -> Option<(Selector, Indicator)> {
    checker.exactly_one(path, &INDICATORS);
    let mut of = |name: &str, checks: &SelectorSpec, indicator| {
        let selector = discover::selector(checker, &path.field(name).field("healthChecks"), checks);
        selector.map(|selector| (selector, indicator))
    };
    // Each that is there is judged, so that every mistake is told at once.
    let availability = spec.availability.as_ref().map(|spec| {
        let method = match spec.method {
            MethodSpec::Time => Method::Time,
            MethodSpec::Events => Method::Events,
        };
        let combine = match spec.combine {
            CombineSpec::All => Combine::All,
            CombineSpec::Any => Combine::Any,
            CombineSpec::Average => Combine::Average,
        };
        of("availability", &spec.health_checks, Indicator::Availability { method, combine })
    });
    let response_time = spec.response_time.as_ref().map(|spec| {
        let statistic = match spec.statistic {
            StatisticSpec::Avg => Statistic::Average,
            StatisticSpec::P50 => Statistic::P50,
            StatisticSpec::P90 => Statistic::P90,
            StatisticSpec::P95 => Statistic::P95,
            StatisticSpec::P99 => Statistic::P99,
        };
        of("responseTime", &spec.health_checks, Indicator::ResponseTime { statistic })
    });
    let error_rate = spec.error_rate.as_ref().map(|spec| of("errorRate", &spec.health_checks, Indicator::ErrorRate));
    availability.or(response_time).or(error_rate)?
}

fn target(checker: &mut Checker<'_>, path: &FieldPath, spec: &SloTargetSpec, is_percent: bool) -> Option<f64> {
    let target = spec.target;
    // Without an indicator it has no unit; that one is missing is told already.
    let has_unit = INDICATORS.iter().any(|name| checker.is_set(&FieldPath::of("spec.indicator").field(*name)));
    let (message, hint) = match is_percent {
        _ if !has_unit => return None,
        // NaN is neither over nor under anything; and a share that is too small to be a number is none.
        true if target / 100.0 > 0.0 && target < 100.0 => return Some(target),
        false if target > 0.0 && target.is_finite() => return Some(target),
        false => ("must be over 0, in milliseconds", "such as 200"),
        true if checker.is_set(&FieldPath::of("spec.indicator.errorRate")) => (
            "must be over 0 and under 100, in percent",
            "such as 1; at 0 a single failed run would be too many for ever",
        ),
        true => (
            "must be over 0 and under 100, in percent",
            "such as 99.9; at 100 nothing may ever be bad, and there is no budget",
        ),
    };
    checker.refuse_with(path, message, hint);
    None
}

/// The window, and how long it is as a rule.
fn window(checker: &mut Checker<'_>, path: &FieldPath, spec: &SloWindowSpec) -> Option<(Window, Duration)> {
    checker.exactly_one(path, &["rolling", "calendar"]);
    let rolling = spec.rolling.as_ref().map(|text| rolling(checker, &path.field("rolling"), text));
    let calendar = spec.calendar.as_ref().map(|spec| calendar(checker, &path.field("calendar"), spec));
    rolling.or(calendar)?
}

fn rolling(checker: &mut Checker<'_>, path: &FieldPath, text: &WindowText) -> Option<(Window, Duration)> {
    let length = checker.window(path, text)?;
    if length < MIN_WINDOW {
        checker.refuse_with(path, "must be at least 5m", "such as 30d or 24h");
        return None;
    }
    if !is_whole_minutes(length) {
        checker.refuse_with(path, "must be whole minutes, at least one", "such as 30d or 24h");
        return None;
    }
    is_kept(checker, path, length).then_some((Window::Rolling(length), length))
}

fn calendar(checker: &mut Checker<'_>, path: &FieldPath, spec: &CalendarSpec) -> Option<(Window, Duration)> {
    // As a rule, and at the longest.
    let (period, usual, longest) = match spec.period {
        PeriodSpec::Day => (Period::Day, 1, 1),
        PeriodSpec::Week => (Period::Week, 7, 7),
        PeriodSpec::Month => (Period::Month, 30, 31),
        PeriodSpec::Quarter => (Period::Quarter, 90, 92),
    };
    let is_kept = is_kept(checker, &path.field("period"), DAY * longest);
    let Some(zone) = zone(&spec.time_zone) else {
        let message = "is no time zone: write an IANA name, such as Europe/Vienna";
        checker.refuse(&path.field("timeZone"), message);
        return None;
    };
    is_kept.then_some((Window::Calendar { period, zone }, DAY * usual))
}

/// Whether history goes so far back.
fn is_kept(checker: &mut Checker<'_>, path: &FieldPath, length: Duration) -> bool {
    let kept = checker.references.retention();
    if length > kept {
        let days = kept.as_secs() / DAY.as_secs();
        let message = format!("is longer than history is kept, which is {days}d");
        checker.refuse_with(path, message, "Probity keeps it longer with --retention history=DURATION");
    }
    length <= kept
}

/// Windows are counted in minutes.
pub(super) fn is_whole_minutes(length: Duration) -> bool {
    length >= MINUTE && length.as_nanos().is_multiple_of(MINUTE.as_nanos())
}

fn tolerance(
    checker: &mut Checker<'_>,
    path: &FieldPath,
    spec: Option<&ToleranceSpec>,
    is_percent: bool,
) -> Option<Tolerance> {
    let percent = spec.map_or(TOLERANCE, |spec| spec.percent);
    let of = match spec.and_then(|spec| spec.of) {
        Some(ToleranceOfSpec::Allowance) if !is_percent => {
            let at = path.field("of");
            checker.refuse_with(
                &at,
                "a response time has no allowance, only its target",
                "leave it out, or write Target",
            );
            return None;
        }
        Some(ToleranceOfSpec::Allowance) => AllowanceOf::Allowance,
        Some(ToleranceOfSpec::Target) => AllowanceOf::Target,
        None if is_percent => AllowanceOf::Allowance,
        None => AllowanceOf::Target,
    };
    if !(0.0..=100.0).contains(&percent) {
        checker.refuse(&path.field("percent"), "must be 0 to 100");
        return None;
    }
    Some(Tolerance { percent, of })
}

#[cfg(test)]
mod tests;
