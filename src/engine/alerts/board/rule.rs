//! One rule on the board, and its alerts.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use parking_lot::{Mutex, RwLock};

use crate::{
    alert::{Counts, Incident, RuleIs, Shown, book::Looked, desk::Routes, explain, rule::Sight},
    clock::WallMs,
    model::{AlertRule, Object, ObjectKey},
    source::{Entry, Verdict},
};

/// Where one rule stands. Each part is replaced by itself.
pub struct RuleCell {
    pub key: ObjectKey,
    view: ArcSwap<RuleView>,
    alerts: RwLock<BTreeMap<Incident, Arc<Shown>>>,
    evaluated: Mutex<Option<Evaluated>>,
    notified: Mutex<Option<Notified>>,
}

/// One rule as a whole. Replaced when its object, its sight or its alerts change, not per evaluation.
#[derive(Debug, Clone)]
pub struct RuleView {
    /// The object and the verdict on it.
    pub entry: Arc<Entry>,
    /// What it does not see; Clear for one that is refused.
    pub sight: Sight,
    pub counts: Counts,
    pub is: RuleIs,
    /// Since when it is so. After a restart: since its alerts began, or since it was first seen.
    pub since: WallMs,
    /// Whom its alerts are told to as things are now.
    pub routes: Routes,
}

impl RuleView {
    /// None when it is refused.
    pub fn model(&self) -> Option<&Arc<AlertRule>> {
        match &self.entry.verdict {
            Verdict::Accepted(Object::AlertRule(rule)) => Some(rule),
            Verdict::Accepted(_) | Verdict::Refused(_) => None,
        }
    }

    /// Why it is what it is, in one line; empty where there is nothing to say.
    pub fn message(&self) -> String {
        match &self.entry.verdict {
            Verdict::Refused(refused) => refused.message.to_string(),
            Verdict::Accepted(_) => explain(&self.sight, self.counts),
        }
    }

    /// Whether both show the same.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.entry, &other.entry)
            && (&self.sight, self.counts, self.is, self.since, &self.routes)
                == (&other.sight, other.counts, other.is, other.since, &other.routes)
    }
}

/// The last time that a rule was looked at: on its interval, or when a check of its changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evaluated {
    pub at: WallMs,
    pub took: Duration,
    pub result: Looked,
}

/// The last time that an attempt was made to tell a channel of an alert of a rule, since the process began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notified {
    pub channel: ObjectKey,
    /// `delivered`, `retry` or `dead`.
    pub outcome: &'static str,
    pub at: WallMs,
}

impl RuleCell {
    pub fn new(key: ObjectKey, view: RuleView) -> Self {
        Self {
            key,
            view: ArcSwap::from_pointee(view),
            alerts: RwLock::default(),
            evaluated: Mutex::default(),
            notified: Mutex::default(),
        }
    }

    pub fn view(&self) -> Arc<RuleView> {
        self.view.load_full()
    }

    /// Its alerts that are pending or fire, at most [`crate::alert::rule::ALERTS_MAX`].
    pub fn alerts(&self) -> Vec<Arc<Shown>> {
        self.alerts.read().values().cloned().collect()
    }

    pub fn alert(&self, incident: Incident) -> Option<Arc<Shown>> {
        self.alerts.read().get(&incident).cloned()
    }

    /// None: not since the process began.
    pub fn evaluated(&self) -> Option<Evaluated> {
        *self.evaluated.lock()
    }

    /// None: nobody since the process began.
    pub fn notified(&self) -> Option<Notified> {
        self.notified.lock().clone()
    }
}

/// For who writes.
impl RuleCell {
    pub fn set(&self, view: RuleView) {
        self.view.store(Arc::new(view));
    }

    /// Puts an alert in the place of what was shown of it, which it gives; None: it has ended.
    pub fn put(&self, incident: Incident, alert: Option<Arc<Shown>>) -> Option<Arc<Shown>> {
        let mut alerts = self.alerts.write();
        match alert {
            Some(alert) => alerts.insert(incident, alert),
            None => alerts.remove(&incident),
        }
    }

    /// The alerts, of which none is left.
    pub fn clear(&self) -> BTreeMap<Incident, Arc<Shown>> {
        std::mem::take(&mut *self.alerts.write())
    }

    pub fn set_evaluated(&self, evaluated: Evaluated) {
        *self.evaluated.lock() = Some(evaluated);
    }

    pub fn set_notified(&self, notified: Notified) {
        *self.notified.lock() = Some(notified);
    }
}
