//! How the SLOs hear of what happened: never waited for, by anybody.

use std::{collections::BTreeSet, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::model::{Kind, ObjectId, ObjectKey};

/// The way in. Cheap to clone.
#[derive(Clone, Default)]
pub struct Bell(Arc<Inner>);

#[derive(Default)]
struct Inner {
    inbox: Mutex<Inbox>,
    rung: Notify,
}

/// What was said since the last time: keys and nothing else, as many as there are objects and namespaces.
#[derive(Default)]
pub(super) struct Inbox {
    /// SLOTargets that were added, changed or removed.
    pub(super) targets: BTreeSet<ObjectKey>,
    /// Likewise MaintenanceWindows.
    pub(super) windows: BTreeSet<ObjectKey>,
    /// Where a check was added or removed, or has another spec or other targets.
    pub(super) namespaces: BTreeSet<Arc<str>>,
    /// Everything that is configured was told once.
    pub(super) ready: bool,
}

impl Bell {
    /// An object was added, changed or removed.
    pub fn object(&self, id: &ObjectId) {
        {
            let mut inbox = self.0.inbox.lock();
            match id.kind {
                Kind::SloTarget => inbox.targets.insert(id.key.clone()),
                Kind::MaintenanceWindow => inbox.windows.insert(id.key.clone()),
                Kind::HealthCheck => inbox.namespaces.insert(id.key.namespace.clone()),
                Kind::AlertRule | Kind::NotificationChannel | Kind::Silence => return,
            };
        }
        self.0.rung.notify_one();
    }

    /// Everything that is configured was told once.
    pub fn ready(&self) {
        self.0.inbox.lock().ready = true;
        self.0.rung.notify_one();
    }

    /// What was said since the last time.
    pub(super) fn take(&self) -> Inbox {
        std::mem::take(&mut self.0.inbox.lock())
    }

    /// Ends when something was said since [`Bell::take`], also before this was called.
    pub(super) async fn rung(&self) {
        self.0.rung.notified().await;
    }
}
