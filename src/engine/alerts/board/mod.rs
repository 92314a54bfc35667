//! The board: what everyone but the alerting loop sees of rules, alerts, channels, silences and windows.
//!
//! Owns nothing that is decided: the loop writes here what the book and the desk say, when it has turned, piece by piece,
//! and never waits for a reader. Readers are the HTTP server, the statuses in a cluster, metrics and `probity why`. A
//! reader takes handles to what there is and lets go of the lock before it does anything with them; an alert that
//! changes replaces its own handle and copies nothing of the others.

mod rule;
mod views;

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use parking_lot::RwLock;

use crate::{
    alert::{Fingerprint, Shown},
    model::{Kind, ObjectId, ObjectKey},
    notify::outbox::Outboxes,
    source::Entry,
};

pub use rule::{Evaluated, Notified, RuleCell, RuleView};
pub use views::{ChannelView, SilenceIs, SilenceView, WindowView, ready};

/// The handle: cheap to clone.
#[derive(Clone, Default)]
pub struct Board(Arc<Inner>);

#[derive(Default)]
struct Inner {
    rules: RwLock<BTreeMap<ObjectKey, Arc<RuleCell>>>,
    channels: RwLock<BTreeMap<ObjectKey, Arc<Entry>>>,
    silences: RwLock<BTreeMap<ObjectKey, Arc<SilenceView>>>,
    windows: RwLock<BTreeMap<ObjectKey, Arc<WindowView>>>,
    /// Set once, when there are outboxes: they say themselves how they stand.
    outboxes: OnceLock<Outboxes>,
    watcher: OnceLock<Arc<dyn Watcher>>,
}

/// Who is told that something else stands on the board: the cluster's statuses.
pub trait Watcher: Send + Sync {
    /// Something else is shown of this rule or one of its alerts, this channel, silence or window, or it is gone. Of a
    /// rule that is looked at and found as it was nothing is told. Must return at once: alerting waits for it.
    fn changed(&self, id: &ObjectId);
}

impl Board {
    /// Tells this one what changes from now on. The first one counts.
    pub fn watch(&self, watcher: Arc<dyn Watcher>) {
        let _ = self.0.watcher.set(watcher);
    }

    /// Every rule, by namespace and name; refused ones too.
    pub fn rules(&self) -> Vec<Arc<RuleCell>> {
        self.0.rules.read().values().cloned().collect()
    }

    pub fn rule(&self, key: &ObjectKey) -> Option<Arc<RuleCell>> {
        self.0.rules.read().get(key).cloned()
    }

    /// Every alert that is pending or fires, by its rule.
    pub fn alerts(&self) -> Vec<Arc<Shown>> {
        self.rules().iter().flat_map(|rule| rule.alerts()).collect()
    }

    /// The open alerts with these labels: two rules of one namespace may have the same.
    pub fn by_fingerprint(&self, fingerprint: Fingerprint) -> Vec<Arc<Shown>> {
        let mut found = self.alerts();
        found.retain(|alert| alert.episode.fingerprint == fingerprint);
        found
    }

    /// Every channel with how its outbox stands now; refused ones too.
    pub fn channels(&self) -> Vec<ChannelView> {
        let entries: Vec<_> = self.0.channels.read().values().cloned().collect();
        entries.into_iter().map(|entry| self.channel_view(entry)).collect()
    }

    pub fn channel(&self, key: &ObjectKey) -> Option<ChannelView> {
        let entry = self.0.channels.read().get(key).cloned()?;
        Some(self.channel_view(entry))
    }

    fn channel_view(&self, entry: Arc<Entry>) -> ChannelView {
        let outbox = self.0.outboxes.get().and_then(|outboxes| outboxes.view(&entry.id.key));
        ChannelView { entry, outbox: outbox.unwrap_or_default() }
    }

    /// Every silence: pending and expired ones that are still there, and refused ones too.
    pub fn silences(&self) -> Vec<Arc<SilenceView>> {
        self.0.silences.read().values().cloned().collect()
    }

    pub fn silence(&self, key: &ObjectKey) -> Option<Arc<SilenceView>> {
        self.0.silences.read().get(key).cloned()
    }

    /// Every maintenance window.
    pub fn windows(&self) -> Vec<Arc<WindowView>> {
        self.0.windows.read().values().cloned().collect()
    }

    pub fn window(&self, key: &ObjectKey) -> Option<Arc<WindowView>> {
        self.0.windows.read().get(key).cloned()
    }

    /// Every namespace that has an object here, each as often as it has one.
    pub fn namespaces(&self) -> Vec<Arc<str>> {
        fn of<T>(all: &RwLock<BTreeMap<ObjectKey, T>>) -> Vec<Arc<str>> {
            all.read().keys().map(|key| key.namespace.clone()).collect()
        }
        [of(&self.0.rules), of(&self.0.channels), of(&self.0.silences), of(&self.0.windows)].concat()
    }

    /// How many objects of each kind are in force, and how many are refused. Without checks.
    pub fn objects(&self) -> [(Kind, u64, u64); 4] {
        fn count<'a>(kind: Kind, all: impl Iterator<Item = &'a Arc<Entry>>) -> (Kind, u64, u64) {
            all.fold((kind, 0, 0), |(kind, ready, refused), entry| match views::is_ready(entry) {
                true => (kind, ready + 1, refused),
                false => (kind, ready, refused + 1),
            })
        }
        let rules: Vec<_> = self.rules().iter().map(|cell| cell.view().entry.clone()).collect();
        [
            count(Kind::AlertRule, rules.iter()),
            count(Kind::NotificationChannel, self.0.channels.read().values()),
            count(Kind::Silence, self.silences().iter().map(|view| &view.entry)),
            count(Kind::MaintenanceWindow, self.windows().iter().map(|view| &view.entry)),
        ]
    }
}

/// For who writes: the alerting loop, and the outboxes' book-keeping.
impl Board {
    pub fn set_outboxes(&self, outboxes: Outboxes) {
        let _ = self.0.outboxes.set(outboxes);
    }

    pub fn tell(&self, id: &ObjectId) {
        if let Some(watcher) = self.0.watcher.get() {
            watcher.changed(id);
        }
    }

    pub fn put_rule(&self, cell: Arc<RuleCell>) {
        self.0.rules.write().insert(cell.key.clone(), cell);
    }

    pub fn remove_rule(&self, key: &ObjectKey) -> Option<Arc<RuleCell>> {
        self.0.rules.write().remove(key)
    }

    /// None: it is gone.
    pub fn put_channel(&self, key: &ObjectKey, entry: Option<Arc<Entry>>) {
        put(&self.0.channels, key, entry);
    }

    /// None: it is gone.
    pub fn put_silence(&self, key: &ObjectKey, view: Option<SilenceView>) {
        put(&self.0.silences, key, view.map(Arc::new));
    }

    /// None: it is gone.
    pub fn put_window(&self, key: &ObjectKey, view: Option<WindowView>) {
        put(&self.0.windows, key, view.map(Arc::new));
    }
}

fn put<T>(all: &RwLock<BTreeMap<ObjectKey, T>>, key: &ObjectKey, value: Option<T>) {
    let mut all = all.write();
    match value {
        Some(value) => all.insert(key.clone(), value),
        None => all.remove(key),
    };
}
