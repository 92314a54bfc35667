//! What everyone but the engine reads: an Arc per target, replaced per result; the map changes only with objects.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use crate::{
    clock::WallMs,
    health::{Reason, State},
    history::{Keeper, Recent},
    model::{Labels, ObjectKey, ProbeKind, TargetKey},
    probe::{Outcome, Verdict},
};

/// The read-only present of all checks. Cheap to clone; readers never hold up the engine.
#[derive(Clone, Default)]
pub struct Snapshot {
    checks: Arc<ArcSwap<BTreeMap<ObjectKey, Arc<CheckCell>>>>,
}

impl Snapshot {
    /// All checks as they are now, by namespace and name.
    pub fn checks(&self) -> Arc<BTreeMap<ObjectKey, Arc<CheckCell>>> {
        self.checks.load_full()
    }

    pub fn get(&self, key: &ObjectKey) -> Option<Arc<CheckCell>> {
        self.checks.load().get(key).cloned()
    }

    /// For the engine only.
    pub fn replace(&self, checks: BTreeMap<ObjectKey, Arc<CheckCell>>) {
        self.checks.store(Arc::new(checks));
    }
}

/// Where the view of one check stands.
pub struct CheckCell {
    pub view: ArcSwap<CheckView>,
}

/// One check as a whole. Replaced when its object or its state changes, not per run.
#[derive(Clone)]
pub struct CheckView {
    pub key: ObjectKey,
    pub generation: i64,
    pub labels: Labels,
    pub report_as: Arc<str>,
    /// As in the source's entry: empty for files.
    pub uid: Arc<str>,
    /// None when the spec is refused.
    pub kind: Option<ProbeKind>,
    pub interval: Duration,
    pub timeout: Duration,
    pub ready: Ready,
    /// The worst of its targets, or Suspended.
    pub state: State,
    pub reason: Reason,
    pub message: Arc<str>,
    /// The check that is down and that this one depends on, where that is the reason.
    pub blamed: Option<Arc<str>>,
    /// When `state` last changed.
    pub since: WallMs,
    /// Empty when the spec is refused.
    pub targets: Arc<[Arc<TargetCell>]>,
}

/// The Ready condition: valid and in force.
#[derive(Debug, Clone)]
pub struct Ready {
    pub ok: bool,
    /// Valid, InvalidSpec, InvalidExpression, UnresolvedReference, NotSupported, SourceStale, …
    pub reason: &'static str,
    pub message: Arc<str>,
}

/// Where one target's views stand.
pub struct TargetCell {
    pub key: TargetKey,
    /// Its number in the store.
    pub id: u32,
    /// `namespace="…",healthcheck="…",instance="…"`, escaped: what stands in the braces of each of its series.
    pub series_labels: Box<str>,
    pub instance: Arc<str>,
    pub view: ArcSwap<TargetView>,
    /// Goes on when the cell is replaced, as by a new URL.
    pub history: Arc<Mutex<Recent>>,
    /// Runs since the process started.
    pub runs: Mutex<Vec<((Verdict, Reason), u64)>>,
}

impl Keeper for TargetCell {
    fn target(&self) -> u32 {
        self.id
    }

    fn recent(&self) -> &Mutex<Recent> {
        &self.history
    }
}

/// One target now.
#[derive(Debug, Clone)]
pub struct TargetView {
    pub state: State,
    pub reason: Reason,
    pub message: Arc<str>,
    /// When `state` last changed.
    pub since: WallMs,
    /// Shared with the engine: it is as large as all the rest.
    pub last: Option<Arc<LastRun>>,
}

/// The run that ended last.
#[derive(Debug, Clone)]
pub struct LastRun {
    /// When it ended.
    pub at: WallMs,
    pub outcome: Outcome,
}
