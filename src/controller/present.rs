//! What is shown of an object now, as its status says it.

use std::{sync::Arc, time::Duration};

use super::status::{
    RuleSeen, Status, TargetSeen, Written, alert_rule, channel, health_check, silence, slo_target, window,
};
use crate::{
    alert::{Counts, RuleIs},
    clock::WallMs,
    engine::{
        CheckView, Snapshot, TargetCell,
        alerts::board::{Board, RuleCell, RuleView},
        slos,
    },
    health::Reason,
    model::{Condition, Kind, ObjectId},
    source::Catalog,
};

/// Where the present is read: what the engine and alerting show, and what the source knows.
#[derive(Clone, Default)]
pub struct Present {
    pub snapshot: Snapshot,
    pub board: Board,
    pub slos: slos::Board,
    pub catalog: Arc<Catalog>,
}

/// A rule that is new to this process is looked at after its interval at the latest, and this much for its source to
/// answer. Until then what stood before is not said to be otherwise.
const FIRST_ANSWER: Duration = Duration::from_secs(10);
/// Checks have reached a verdict after their interval and some runs; where they have not by then, that is worth saying.
const FIRST_VERDICT: Duration = Duration::from_secs(120);

/// A status, and what else the writer has to know.
pub(super) struct Found {
    pub(super) status: Status,
    /// Nothing was learned of it yet: what there is to write may be written with the first result.
    pub(super) awaits_first_result: bool,
}

impl Present {
    /// What is to stand in the API server of the object of that uid, which this process has known for so long. None when
    /// the engine has not come to it yet (it will say so), or when what stands there is all that is known.
    pub(super) fn of(
        &self,
        id: &ObjectId,
        uid: &str,
        before: &Written,
        known_for: Duration,
        now: WallMs,
    ) -> Option<Found> {
        let mut awaits_first_result = false;
        let status = match (id.kind, before) {
            (Kind::HealthCheck, Written::HealthCheck(before)) => {
                let cell = self.snapshot.get(&id.key)?;
                let view = cell.view.load_full();
                if *view.uid != *uid {
                    return None;
                }
                let targets: Vec<_> = view.targets.iter().map(|target| seen(target, now)).collect();
                awaits_first_result = is_new(&view);
                Status::HealthCheck(Box::new(health_check(&view, &targets, before, now)))
            }
            (Kind::AlertRule, Written::AlertRule(before)) => {
                let cell = self.board.rule(&id.key)?;
                let view = cell.view();
                if *view.entry.uid != *uid {
                    return None;
                }
                let waits = waits_for_an_answer(&cell, &view, known_for)
                    || (view.is == RuleIs::NoData && known_for < FIRST_VERDICT);
                let seen = RuleSeen {
                    alerts: if view.counts == Counts::default() { Vec::new() } else { cell.alerts() },
                    notified: cell.notified(),
                    sees: !waits,
                    view,
                };
                Status::AlertRule(Box::new(alert_rule(&seen, before, now)?))
            }
            (Kind::SloTarget, Written::SloTarget(before)) => {
                let view = self.slos.target(&id.key)?.view();
                if *view.entry.uid != *uid {
                    return None;
                }
                Status::SloTarget(Box::new(slo_target(&view, before, now)?))
            }
            (Kind::NotificationChannel, Written::NotificationChannel(before)) => {
                let view = self.board.channel(&id.key).filter(|view| *view.entry.uid == *uid)?;
                let unread = self.catalog.namespaces.unread();
                Status::NotificationChannel(Box::new(channel(&view, unread.as_deref(), before, now)))
            }
            (Kind::Silence, Written::Silence(before)) => {
                let view = self.board.silence(&id.key).filter(|view| *view.entry.uid == *uid)?;
                Status::Silence(Box::new(silence(&view, before, now)))
            }
            (Kind::MaintenanceWindow, Written::MaintenanceWindow(before)) => {
                let view = self.board.window(&id.key).filter(|view| *view.entry.uid == *uid)?;
                Status::MaintenanceWindow(Box::new(window(&view, before, now)))
            }
            // What is remembered of an object is of its kind.
            _ => return None,
        };
        Some(Found { status, awaits_first_result })
    }
}

/// It asks a source, or looks at figures, on its interval, and has not done so yet.
fn waits_for_an_answer(cell: &RuleCell, view: &RuleView, known_for: Duration) -> bool {
    let Some(rule) = view.model() else { return false };
    let on_interval = !matches!(rule.condition, Condition::HealthCheck { .. });
    on_interval && cell.evaluated().is_none() && known_for < rule.interval + FIRST_ANSWER
}

fn is_new(view: &CheckView) -> bool {
    view.ready.ok
        && view.reason == Reason::Pending
        && view.targets.iter().all(|target| target.view.load().last.is_none())
}

fn seen(target: &TargetCell, now: WallMs) -> TargetSeen {
    let history = target.history.lock();
    TargetSeen {
        instance: target.instance.clone(),
        view: target.view.load_full(),
        uptime: history.uptime(now),
        latency: history.latency(now),
    }
}
