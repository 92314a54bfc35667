//! A check as the engine shows it, as a status. Pure.

use std::{sync::Arc, time::Duration};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{
    figures::{Step, hundredths, uptime_texts},
    written::Written,
};
use crate::{
    api::{FailingTarget, HealthCheckStatus, StateName, TargetCounts},
    clock::WallMs,
    controller::status::condition::{Answer, MAX_MESSAGE, Standing, condition, cut, ready, time},
    engine::{CheckView, TargetView},
    health::{Reason, State},
    history::Uptime,
};

/// One target, as far as a status tells of it.
#[derive(Debug, Clone)]
pub(crate) struct TargetSeen {
    pub(crate) instance: Arc<str>,
    pub(crate) view: Arc<TargetView>,
    pub(crate) uptime: Uptime,
    /// An average over minutes, not one run.
    pub(crate) latency: Option<Duration>,
}

/// As the schema has it: `status.failing` is a list for people, the API has all of them.
const MAX_FAILING: usize = 20;
/// As the schema bounds it, in characters.
const MAX_TARGET: usize = 2048;

/// The status of a check now. `before` is what stands in the API server: a time of transition stays while what it is
/// about stays, whichever process wrote it.
pub(crate) fn health_check(
    view: &CheckView,
    targets: &[TargetSeen],
    before: &Written,
    now: WallMs,
) -> HealthCheckStatus {
    let state = name_of(view.state);
    let since = before.since.filter(|_| before.state == Some(state)).unwrap_or_else(|| view.since.div_euclid(1000));
    let latency = targets.iter().filter_map(|target| target.latency).max();
    let least = |figure: fn(&Uptime) -> Option<f64>| {
        targets.iter().filter_map(|target| figure(&target.uptime)).reduce(f64::min)
    };
    let uptime = Uptime { hour: least(|u| u.hour), day: least(|u| u.day), month: least(|u| u.month) };
    HealthCheckStatus {
        observed_generation: Some(view.generation),
        probe: view.kind.map(|kind| kind.as_str().to_owned()),
        state: Some(state),
        reason: Some(view.reason.as_str().to_owned()),
        message: Some(cut(&view.message, MAX_MESSAGE)),
        targets: Some(counts(targets)),
        failing: Some(failing(targets, before)),
        last_transition_time: Some(time(since)),
        latency: Step::of(latency, before.latency).text(),
        uptime: Some(uptime_texts(hundredths(uptime))),
        conditions: Some(vec![ready(&view.ready, before.ready, now, view.generation), healthy(view, before.healthy)]),
    }
}

fn healthy(view: &CheckView, before: Standing) -> Condition {
    let answer = match view.state {
        State::Healthy | State::Degraded => Answer::True,
        State::Unhealthy => Answer::False,
        State::Unknown | State::Suspended => Answer::Unknown,
    };
    condition("Healthy", answer, before, view.since, view.reason.as_str(), &view.message, view.generation)
}

fn counts(targets: &[TargetSeen]) -> TargetCounts {
    let count = |state: State| count_of(targets.iter().filter(|target| target.view.state == state).count());
    let (healthy, degraded, total) = (count(State::Healthy), count(State::Degraded), count_of(targets.len()));
    TargetCounts {
        total,
        healthy,
        degraded,
        unhealthy: count(State::Unhealthy),
        unknown: count(State::Unknown),
        summary: Some(format!("{}/{total}", healthy + degraded)),
    }
}

fn count_of(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// The worst first; in the order of their names among equals, so that the list stands still.
fn failing(targets: &[TargetSeen], before: &Written) -> Vec<FailingTarget> {
    let is_failing = |target: &&TargetSeen| {
        let TargetView { state, reason, .. } = *target.view;
        !matches!(state, State::Healthy | State::Suspended) && reason != Reason::Pending
    };
    let mut failing: Vec<_> = targets.iter().filter(is_failing).collect();
    failing.sort_by(|a, b| b.view.state.rank().cmp(&a.view.state.rank()).then_with(|| a.instance.cmp(&b.instance)));
    failing.truncate(MAX_FAILING);
    let entry = |target: &TargetSeen| {
        let name = cut(&target.instance, MAX_TARGET);
        let since = before.failing_since(&name).unwrap_or_else(|| target.view.since.div_euclid(1000));
        FailingTarget {
            reason: target.view.reason.as_str().to_owned(),
            message: cut(&target.view.message, MAX_MESSAGE),
            since: time(since),
            target: name,
        }
    };
    failing.into_iter().map(entry).collect()
}

fn name_of(state: State) -> StateName {
    match state {
        State::Healthy => StateName::Healthy,
        State::Degraded => StateName::Degraded,
        State::Unhealthy => StateName::Unhealthy,
        State::Unknown => StateName::Unknown,
        State::Suspended => StateName::Suspended,
    }
}
