//! What goes into the engine's step, and what comes out of it.

use std::{sync::Arc, time::Duration};

use crate::{
    clock::WallMs,
    health::Reason,
    history::{Record, Transition},
    model::{HealthCheck, ObjectKey},
    probe::{Outcome, Verdict},
    source::{Entry, Refused},
};

use super::{CheckCell, CheckView, TargetCell, TargetView};

/// What the engine is told.
pub enum Event {
    /// What the sources now hold under this key, with its targets; None when it is gone.
    Object { key: ObjectKey, entry: Option<Arc<Entry>>, wanted: Wanted },
    /// The source was read whole. From now on a check that appears is new, and runs at once.
    SourceReady,
    /// A run ended.
    Finished { slot: u32, run: u64, outcome: Outcome },
    /// Time passed: what is due is due.
    Time,
    /// No new runs from now on.
    Drain,
}

/// The targets that a check is to have now.
pub enum Wanted {
    /// All of them, with what else a person should know of them. None for an entry that is refused or gone.
    Targets(Vec<Aim>, Option<Arc<str>>),
    /// None yet, and why.
    Nothing(Reason, Arc<str>),
    /// They cannot be looked for.
    Refused(Refused),
}

/// One target that a check is to have.
pub struct Aim {
    /// As in [`crate::model::TargetKey`].
    pub slot: Arc<str>,
    /// Its number in the store.
    pub store_id: u32,
    /// The check, aimed at this target.
    pub check: Arc<HealthCheck>,
}

/// What the engine wants done. Order matters; nothing in it is ever waited for.
pub enum Effect {
    /// Run this now.
    Run(Order),
    /// A run started this long after it was due.
    Lag(Duration),
    /// So many runs that were due did not take place.
    Skipped(Skip, u32),
    /// For history: in memory and in the store.
    Record(Arc<TargetCell>, Record),
    /// A target has a new cell: the store is to fill it with what it knows.
    Attach(Arc<TargetCell>),
    /// The target is gone.
    Detach(u32),
    /// From `at` on, runs of this target are due every interval; None: not at all.
    Due {
        target: u32,
        at: WallMs,
        interval: Option<Duration>,
    },
    /// A change of a target's state; whose it is stands beside it, for the log.
    Transition(ObjectKey, Transition),
    /// The view of a target, and the outcome to count when a run led to it.
    Target(Arc<TargetCell>, TargetView, Option<(Verdict, Reason)>),
    Check(Arc<CheckCell>, Arc<CheckView>),
    /// The check stands under this key from now on.
    Insert(ObjectKey, Arc<CheckCell>),
    Remove(ObjectKey),
}

/// One run to be done.
pub struct Order {
    pub slot: u32,
    pub run: u64,
    pub check: Arc<HealthCheck>,
}

/// Why a run that was due did not take place. Never a failure of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Skip {
    /// The run before it had not ended.
    Overlap,
    /// It still waited for its turn under `--max-in-flight` when the next one was due.
    Capacity,
    /// The process stood still for over an interval.
    Stall,
    /// The process was stopping.
    Shutdown,
}

impl Skip {
    pub const ALL: [Self; 4] = [Self::Overlap, Self::Capacity, Self::Stall, Self::Shutdown];

    /// The value of the label `reason`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Overlap => "overlap",
            Self::Capacity => "capacity",
            Self::Stall => "stall",
            Self::Shutdown => "shutdown",
        }
    }
}
