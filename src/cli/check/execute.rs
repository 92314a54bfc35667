//! Runs every check once, a bounded number at a time, and judges each result with thresholds of 1.

use std::{collections::HashMap, sync::Arc, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinSet;

use crate::{
    engine::{LastRun, TargetView},
    health::{Policy, Reason, State, Target},
    model::{HealthCheck, ObjectKey},
    probe::{self, Context, Job, Outcome, Verdict},
    server::detailed::Row,
};

/// How many probes are under way at once. Each holds one or two descriptors, and 64 stay far below the 256 that
/// the smallest default limit allows, while a thousand targets that are all silent for 5 s still end in 80 s.
const AT_ONCE: usize = 64;

/// Runs `checks` and gives a row for each, in their order.
pub async fn run(context: &Context, checks: &[Arc<HealthCheck>], progress: bool) -> Vec<Row> {
    let bar = bar(checks.len(), progress);
    let mut outcomes: Vec<Option<Outcome>> = vec![None; checks.len()];
    let mut running = JoinSet::new();
    let mut waiting = checks.iter().enumerate().filter(|(_, check)| !check.suspend);
    loop {
        while running.len() < AT_ONCE
            && let Some((index, check)) = waiting.next()
        {
            let (context, check) = (context.clone(), Arc::clone(check));
            running.spawn(async move { (index, run_one(&context, &check).await) });
        }
        let Some(ended) = running.join_next().await else { break };
        // A probe does not panic; if one did, its check shows as one that never ran.
        if let Ok((index, outcome)) = ended {
            outcomes[index] = Some(outcome);
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    blame_dependencies(checks, &mut outcomes);
    checks.iter().zip(outcomes).map(|(check, outcome)| row(context, check, outcome)).collect()
}

async fn run_one(context: &Context, check: &HealthCheck) -> Outcome {
    let job = Job {
        probe: &check.probe,
        place: &check.place,
        degraded: &check.degraded,
        timeout: check.timeout,
        retries: check.retries,
        // Several checks of one name in one go may share its address: it is as fresh as the run.
        max_cache: Duration::from_secs(1),
    };
    probe::run(context, &job).await
}

fn bar(checks: usize, progress: bool) -> ProgressBar {
    let target = if progress { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(checks as u64), target);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} checks, {elapsed}") {
        bar.set_style(style);
    }
    bar
}

/// A check that failed while what it depends on failed too is not to blame.
fn blame_dependencies(checks: &[Arc<HealthCheck>], outcomes: &mut [Option<Outcome>]) {
    let failed: HashMap<ObjectKey, Arc<str>> = checks
        .iter()
        .zip(outcomes.iter())
        .filter_map(|(check, outcome)| {
            let outcome = outcome.as_ref().filter(|outcome| outcome.verdict == Verdict::Failed)?;
            Some((check.key.clone(), outcome.message.clone()))
        })
        .collect();
    for (check, outcome) in checks.iter().zip(outcomes) {
        let Some(outcome) = outcome.as_mut().filter(|outcome| outcome.verdict == Verdict::Failed) else { continue };
        if let Some((key, message)) = check.depends_on.iter().find_map(|key| failed.get_key_value(key)) {
            outcome.reason = Reason::DependencyUnhealthy;
            outcome.message = format!("{} fails: {message}", key.name).into();
        }
    }
}

fn row(context: &Context, check: &HealthCheck, outcome: Option<Outcome>) -> Row {
    let now = context.clock.now();
    let mut target = Target::new(now);
    // One run is all there is, so one run decides.
    let policy = Policy { interval: check.interval, failure_threshold: 1, success_threshold: 1 };
    if let Some(outcome) = &outcome {
        target.observe(outcome, policy, now, &mut Vec::new());
    } else if check.suspend {
        target.state = State::Suspended;
        target.reason = Reason::Suspended;
        target.message = "suspended: not run".into();
    }
    let view = TargetView {
        state: target.state,
        reason: target.reason,
        message: target.message,
        since: now.wall,
        last: outcome.map(|outcome| Arc::new(LastRun { at: now.wall, outcome })),
    };
    Row {
        name: check.report_as.clone(),
        namespace: check.key.namespace.clone(),
        kind: Some(check.probe.kind()),
        instance: check.instance.clone(),
        state: view.state,
        reason: view.reason,
        message: view.message.clone(),
        since: None,
        target: Some(Arc::new(view)),
    }
}

/// The row of a check that cannot run here.
pub fn unsupported(key: &ObjectKey, message: &str) -> Row {
    Row {
        name: key.name.clone(),
        namespace: key.namespace.clone(),
        kind: None,
        instance: Arc::from(""),
        state: State::Unknown,
        reason: Reason::NotSupported,
        message: message.into(),
        since: None,
        target: None,
    }
}
