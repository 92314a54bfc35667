//! What rules look at: the snapshot of all checks.

use std::sync::Arc;

use crate::{
    alert::book::{Seen, Target, World},
    clock::WallMs,
    engine::{CheckView, Snapshot, TargetCell},
    health::Reason,
    history::Recent,
    model::{ObjectKey, ProbeMetric},
};

/// The snapshot, at one time.
pub(crate) struct Now<'s> {
    pub(crate) snapshot: &'s Snapshot,
    pub(crate) at: WallMs,
}

impl World for Now<'_> {
    fn check(&self, key: &ObjectKey) -> Option<Seen> {
        self.snapshot.get(key).map(|cell| seen(&cell.view.load()))
    }

    fn checks(&self, namespace: &str) -> Vec<Seen> {
        let all = self.snapshot.checks();
        let first = ObjectKey::new(namespace, "");
        all.range(first..)
            .take_while(|(key, _)| &*key.namespace == namespace)
            .map(|(_, cell)| seen(&cell.view.load()))
            .collect()
    }

    fn figures(&self, check: &ObjectKey, metric: ProbeMetric, minutes: u32) -> Vec<Target> {
        let Some(cell) = self.snapshot.get(check) else { return Vec::new() };
        let view = cell.view.load_full();
        let of = |target: &Arc<TargetCell>| Target {
            instance: target.instance.clone(),
            is_one_of_many: view.targets.len() > 1,
            value: figure(&mut target.history.lock(), self.at, minutes, metric),
        };
        view.targets.iter().map(of).collect()
    }
}

/// A figure of one target over the last `minutes`, the running one included; None: nothing was seen in that time.
pub fn figure(recent: &mut Recent, at: WallMs, minutes: u32, metric: ProbeMetric) -> Option<f64> {
    let quantiles = matches!(metric, ProbeMetric::LatencyQuantile(_));
    let figures = recent.figures(at, minutes, quantiles);
    match metric {
        ProbeMetric::FailureRatio => figures.failure_ratio(),
        ProbeMetric::LatencyAverage => figures.latency_average(),
        ProbeMetric::LatencyQuantile(percentile) => figures.latency_quantile(percentile.quantile()),
    }
}

/// A check as rules see it.
pub(crate) fn seen(view: &CheckView) -> Seen {
    Seen {
        key: view.key.clone(),
        labels: view.labels.clone(),
        state: view.state,
        is_verdict: view.reason != Reason::Pending,
        message: view.message.clone(),
        dependency: view.blamed.clone(),
    }
}
