//! What the status of an SLOTarget says. Pure.
//!
//! Its figures move with every run. What people and programs wait for, its state and its conditions, is written at once;
//! figures, to few digits, when the budget of refreshes has room.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{
    Difference, announce,
    condition::{Answer, MAX_MESSAGE, Standing as Stood, condition, cut, find, hash, ready, seconds, time},
};
use crate::{
    api::{BoundsStatus, BurnRateStatus, ErrorBudgetStatus, SloStateName, SloSummary, SloTargetStatus},
    clock::WallMs,
    controller::events::{Gravity, Note},
    engine::{
        alerts::board::ready as in_force,
        slos::{Figures, NO_ALERTS, View},
    },
    model::SloTarget,
    slo::{Budget, Standing, State, Unit, figure},
};

/// From this coverage on, in percent, the window counts as observed: less than a half of a percent is a restart.
const COMPLETE: f64 = 99.5;

/// What is remembered of a status that stands in the API server.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Written {
    /// `observedGeneration`; 0 for none.
    generation: i64,
    state: Option<SloStateName>,
    /// `lastTransitionTime`, in Unix seconds.
    since: Option<i64>,
    ready: Stood,
    compliant: Stood,
    observed: Stood,
    resolvable: Stood,
    alerting: Stood,
    /// Of all that a reader acts on, and of what moves by itself.
    standing: u64,
    figures: u64,
}

/// The status of a target now. None while its history was not read since the process began: what stood before stands.
pub(crate) fn slo_target(view: &View, before: &Written, now: WallMs) -> Option<SloTargetStatus> {
    let entry = &view.entry;
    let in_force = in_force(entry);
    let model = view.model();
    if in_force.ok && view.figures.is_none() {
        return None;
    }
    let generation = entry.generation;
    let ready = ready(&in_force, before.ready, now, generation);
    let Some((model, figures)) = model.zip(view.figures.as_deref()) else {
        return Some(SloTargetStatus {
            observed_generation: Some(generation),
            state: Some(SloStateName::Unknown),
            message: Some(cut(&in_force.message, MAX_MESSAGE)),
            last_transition_time: Some(time(since(before, SloStateName::Unknown, view.since))),
            conditions: Some(vec![ready]),
            ..SloTargetStatus::default()
        });
    };
    let standing = figures.standing();
    let state = name_of(standing.state);
    let conditions = [
        Some(ready),
        Some(compliant(model, standing, before.compliant, now, generation)),
        Some(observed(figures, before.observed, now, generation)),
        resolvable(figures, before.resolvable, now, generation),
        alerting(model, before.alerting, now, generation),
    ];
    let objective = &model.objective;
    let shown = |value: f64| figure(value, objective.target);
    // What is left out shows where it makes a difference.
    let raw = standing.raw.map(shown).filter(|raw| Some(*raw) != standing.current.map(shown));
    Some(SloTargetStatus {
        observed_generation: Some(generation),
        state: Some(state),
        message: Some(cut(&message(model, figures), MAX_MESSAGE)),
        summary: Some(summary(model, standing)),
        current: standing.current.map(shown),
        raw,
        target: Some(objective.target),
        unit: Some(objective.indicator.unit().as_str().to_owned()),
        period: Some(objective.window.name()),
        error_budget: standing.budget.as_ref().map(budget),
        burn_rates: Some(
            standing
                .burn_rates
                .iter()
                .filter_map(|burn| Some(BurnRateStatus { window: burn.name(), rate: coarse(burn.rate?) }))
                .collect(),
        ),
        coverage: standing.coverage.map(tenths),
        bounds: standing.bounds.map(|bounds| BoundsStatus {
            // Outwards, so that the truth stays between them.
            lowest: (bounds.lowest * 100.0).floor() / 100.0,
            highest: (bounds.highest * 100.0).ceil() / 100.0,
        }),
        last_transition_time: Some(time(since(before, state, view.since))),
        conditions: Some(conditions.into_iter().flatten().collect()),
    })
}

fn since(before: &Written, state: SloStateName, since: WallMs) -> i64 {
    before.since.filter(|_| before.state == Some(state)).unwrap_or_else(|| since.div_euclid(1000))
}

fn summary(model: &SloTarget, standing: &Standing) -> SloSummary {
    let objective = &model.objective;
    let unit = objective.indicator.unit();
    let with_unit = |value: f64| match unit {
        Unit::Percent => format!("{value}%"),
        Unit::Millis | Unit::PerSecond => format!("{value}{unit}"),
    };
    let hour = standing.burn_rates.iter().find(|burn| burn.window.as_secs() == 3_600);
    SloSummary {
        indicator: Some(objective.indicator.as_str().to_owned()),
        target: Some(with_unit(objective.target)),
        current: standing.current.map(|current| with_unit(short(current, objective.target))),
        budget: standing
            .budget
            .as_ref()
            .map(|budget| format!("{}% ({})", tenths(budget.remaining_percent), budget.remaining_text())),
        burn1h: hour.and_then(|burn| burn.rate).map(|rate| coarse(rate).to_string()),
    }
}

fn budget(budget: &Budget) -> ErrorBudgetStatus {
    ErrorBudgetStatus {
        total: budget.total_text(),
        remaining: budget.remaining_text(),
        remaining_percent: Some(tenths(budget.remaining_percent)),
        exhausted_at: budget.exhausted_at.map(|at| time(at.div_euclid(1000))),
    }
}

/// Why the state is what it is, in one line.
fn message(model: &SloTarget, figures: &Figures) -> String {
    let (objective, standing) = (&model.objective, figures.standing());
    let unit = objective.indicator.unit();
    if figures.checks == 0 {
        return "its selector finds no HealthCheck of its namespace".to_owned();
    }
    let Some(current) = standing.current else { return "nothing was observed in its window".to_owned() };
    let mut text = format!(
        "{}{unit} over {}, {} {}{unit}",
        figure(current, objective.target),
        objective.window.name(),
        match (standing.state, objective.indicator.is_more_better()) {
            (State::Compliant, true) => "at least",
            (State::Compliant, false) => "at most",
            (State::Warning, _) => "a little worse than",
            (State::Violated | State::Unknown, _) => "worse than",
        },
        objective.target,
    );
    if let Some(coverage) = standing.coverage.filter(|coverage| *coverage < COMPLETE) {
        text += &format!("; {}% of it was observed", tenths(coverage));
    }
    if let Some(alarm) = &figures.evaluation.alarms.fires {
        text += &format!("; the budget burns {} times as fast as it may", coarse(alarm.long));
    }
    text
}

fn compliant(model: &SloTarget, standing: &Standing, before: Stood, now: WallMs, generation: i64) -> Condition {
    let target = format!("{}{}", model.objective.target, model.objective.indicator.unit());
    let (answer, message) = match standing.state {
        State::Compliant => (Answer::True, format!("the target of {target} is met")),
        State::Warning => (Answer::False, format!("the target of {target} is missed, by no more than is tolerated")),
        State::Violated => (Answer::False, format!("the target of {target} is missed")),
        State::Unknown => (Answer::Unknown, "nothing was observed in its window".to_owned()),
    };
    condition("Compliant", answer, before, now, standing.state.as_str(), &message, generation)
}

fn observed(figures: &Figures, before: Stood, now: WallMs, generation: i64) -> Condition {
    let standing = figures.standing();
    let (answer, reason, message) = match standing.coverage {
        _ if figures.checks == 0 => (Answer::False, "NoChecks", "its selector finds no HealthCheck of its namespace"),
        _ if standing.current.is_none() => (Answer::False, "NothingObserved", "nothing was observed in its window"),
        Some(coverage) if coverage >= COMPLETE => (Answer::True, "Complete", "its window was observed"),
        _ => (Answer::True, "Partial", "some of its window was not observed: see coverage and bounds"),
    };
    condition("Observed", answer, before, now, reason, message, generation)
}

fn resolvable(figures: &Figures, before: Stood, now: WallMs, generation: i64) -> Option<Condition> {
    let resolution = figures.resolution?;
    let (answer, reason) =
        if resolution.is_fine_enough() { (Answer::True, "Resolvable") } else { (Answer::False, "TooCoarse") };
    Some(condition("Resolvable", answer, before, now, reason, &resolution.to_string(), generation))
}

/// A target that asks for alerts is not to have somebody wait for them in vain.
fn alerting(model: &SloTarget, before: Stood, now: WallMs, generation: i64) -> Option<Condition> {
    model.alerting.as_ref()?;
    Some(condition("Alerting", Answer::False, before, now, "NotSupported", NO_ALERTS, generation))
}

fn name_of(state: State) -> SloStateName {
    match state {
        State::Compliant => SloStateName::Compliant,
        State::Warning => SloStateName::Warning,
        State::Violated => SloStateName::Violated,
        State::Unknown => SloStateName::Unknown,
    }
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0 + 0.0
}

/// A burn rate to two decimals, a large one to none.
fn coarse(rate: f64) -> f64 {
    if rate >= 100.0 { rate.round() } else { (rate * 100.0).round() / 100.0 + 0.0 }
}

/// In as few decimals as tell it from its target, from the second on.
fn short(value: f64, target: f64) -> f64 {
    let value = figure(value, target);
    let rounded = (value * 100.0).round() / 100.0;
    if (rounded == target || rounded == 100.0) && rounded != value { value } else { rounded }
}

impl Written {
    pub(crate) fn of(status: &SloTargetStatus) -> Self {
        let conditions = status.conditions.as_deref();
        let names = ["Ready", "Compliant", "Observed", "Resolvable", "Alerting"];
        let found = names.map(|name| find(conditions, name));
        let [ready, compliant, observed, resolvable, alerting] = found.map(Stood::of);
        let standing = hash(&(
            status.observed_generation,
            status.state.map(|state| state as u8),
            found.map(|one| one.map(|one| (one.observed_generation, &one.status, &one.reason, &one.message))),
            (status.period.as_ref(), status.unit.as_ref(), status.target.map(f64::to_bits)),
        ));
        let bits = |value: Option<f64>| value.map(f64::to_bits);
        let figures = hash(&(
            (status.message.as_ref(), bits(status.current), bits(status.raw), bits(status.coverage)),
            status.bounds.as_ref().map(|bounds| (bounds.lowest.to_bits(), bounds.highest.to_bits())),
            status
                .error_budget
                .as_ref()
                .map(|budget| (&budget.total, &budget.remaining, bits(budget.remaining_percent))),
            status.error_budget.as_ref().and_then(|budget| budget.exhausted_at.as_ref()).map(seconds),
            status.burn_rates.iter().flatten().map(|burn| (&burn.window, burn.rate.to_bits())).collect::<Vec<_>>(),
            status.summary.as_ref().map(|summary| (&summary.current, &summary.budget, &summary.burn1h)),
        ));
        Self {
            generation: status.observed_generation.unwrap_or(0),
            state: status.state,
            since: status.last_transition_time.as_ref().map(seconds),
            ready,
            compliant,
            observed,
            resolvable,
            alerting,
            standing,
            figures,
        }
    }

    /// How `present` differs from this.
    pub(crate) fn difference(&self, present: &Self) -> Difference {
        let times = |one: &Self| {
            let all = [&one.ready, &one.compliant, &one.observed, &one.resolvable, &one.alerting];
            (one.since, all.map(|stood| stood.since))
        };
        if self.standing != present.standing || times(self) != times(present) {
            Difference::Standing
        } else if self.figures != present.figures {
            Difference::Figures
        } else {
            Difference::None
        }
    }
}

/// In the order in which they are told: why it is not in force, another state.
pub(crate) fn announcements(before: &Written, after: &Written, status: &SloTargetStatus) -> Vec<Note> {
    let mut notes = announce::ready(before.ready, after.ready, find(status.conditions.as_deref(), "Ready"));
    let message = status.message.as_deref().unwrap_or_default();
    let told = match (before.state, after.state) {
        (was, is) if was == is => None,
        (_, Some(SloStateName::Violated)) => Some((Gravity::Warning, "Violated")),
        (_, Some(SloStateName::Warning)) => Some((Gravity::Warning, "Warning")),
        // One that is well from the start is no news, and neither is one that was not seen yet.
        (Some(_), Some(SloStateName::Compliant)) => Some((Gravity::Normal, "Compliant")),
        (Some(_), Some(SloStateName::Unknown)) => Some((Gravity::Warning, "Unknown")),
        _ => None,
    };
    let accepted = after.ready.status == Answer::True;
    notes.extend(told.filter(|_| accepted).map(|(gravity, reason)| Note::new(gravity, reason, "Evaluate", message)));
    notes
}

#[cfg(test)]
mod tests;
