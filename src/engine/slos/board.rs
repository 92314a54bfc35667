//! What everyone but the loop sees of SLOTargets.
//!
//! Owns nothing that is decided: the loop replaces a target's view when it has looked at it, and never waits for a
//! reader. Readers are the HTTP server, the statuses in a cluster, metrics and the command line.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use arc_swap::ArcSwap;
use parking_lot::RwLock;

use crate::{
    clock::WallMs,
    engine::alerts::board::Watcher,
    model::{Kind, Object, ObjectId, ObjectKey, SloTarget},
    slo::{Evaluation, Resolution, Standing},
    source::{Entry, Verdict},
};

/// The handle: cheap to clone.
#[derive(Clone, Default)]
pub struct Board(Arc<Inner>);

#[derive(Default)]
struct Inner {
    targets: RwLock<BTreeMap<ObjectKey, Arc<Cell>>>,
    watcher: OnceLock<Arc<dyn Watcher>>,
}

/// Where one target's view stands.
pub struct Cell {
    pub key: ObjectKey,
    view: ArcSwap<View>,
}

/// One SLOTarget now.
#[derive(Clone)]
pub struct View {
    /// The object and the verdict on it.
    pub entry: Arc<Entry>,
    /// None when the spec is refused, and until what is known of its checks was read.
    pub figures: Option<Arc<Figures>>,
    /// When the state last changed; when the target was first seen by this process, until then.
    pub since: WallMs,
}

/// What a look came to.
#[derive(Debug, Clone)]
pub struct Figures {
    pub evaluation: Evaluation,
    /// Whether the checks run often enough to tell the target from a better one; None where that is no question.
    pub resolution: Option<Resolution>,
    /// How many checks it is about.
    pub checks: usize,
    /// When it was looked at.
    pub at: WallMs,
}

impl View {
    /// None when it is refused.
    pub fn model(&self) -> Option<&Arc<SloTarget>> {
        match &self.entry.verdict {
            Verdict::Accepted(Object::SloTarget(target)) => Some(target),
            Verdict::Accepted(_) | Verdict::Refused(_) => None,
        }
    }
}

impl Figures {
    pub fn standing(&self) -> &Standing {
        &self.evaluation.standing
    }
}

impl Cell {
    pub fn view(&self) -> Arc<View> {
        self.view.load_full()
    }
}

impl Board {
    /// Tells this one which targets are another state now, or other objects. The first one counts.
    pub fn watch(&self, watcher: Arc<dyn Watcher>) {
        let _ = self.0.watcher.set(watcher);
    }

    /// Every target, by namespace and name; refused ones too.
    pub fn targets(&self) -> Vec<Arc<Cell>> {
        self.0.targets.read().values().cloned().collect()
    }

    pub fn target(&self, key: &ObjectKey) -> Option<Arc<Cell>> {
        self.0.targets.read().get(key).cloned()
    }

    /// How many are in force, and how many are refused.
    pub fn objects(&self) -> (u64, u64) {
        self.targets().iter().fold((0, 0), |(ready, refused), cell| match cell.view.load().model() {
            Some(_) => (ready + 1, refused),
            None => (ready, refused + 1),
        })
    }

    /// None: it is gone. For the loop.
    pub fn put(&self, key: &ObjectKey, view: Option<View>) {
        match view {
            Some(view) => {
                let known = self.target(key);
                match known {
                    Some(cell) => cell.view.store(Arc::new(view)),
                    None => {
                        let cell = Cell { key: key.clone(), view: ArcSwap::from_pointee(view) };
                        self.0.targets.write().insert(key.clone(), Arc::new(cell));
                    }
                }
            }
            None => drop(self.0.targets.write().remove(key)),
        }
    }

    /// Tells who watches that something else is shown of a target. For the loop.
    pub(super) fn tell(&self, key: &ObjectKey) {
        if let Some(watcher) = self.0.watcher.get() {
            watcher.changed(&ObjectId::new(Kind::SloTarget, key.clone()));
        }
    }
}
