//! Where others leave word that an object's status may have to be written. Never waited for.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Notify;

use super::status::Written;
use crate::{
    api::HealthCheckStatus,
    engine::Listener,
    model::{self, Kind, ObjectId, ObjectKey},
    source::kubernetes::Onlooker,
};

/// The way in: cheap to clone, and every call returns at once. What is said of one object twice before the writer
/// looks is one word, so that it holds at most one entry per object.
#[derive(Clone, Default)]
pub struct Statuses(Arc<Inbox>);

#[derive(Default)]
struct Inbox {
    news: Mutex<HashMap<ObjectId, News>>,
    arrived: Notify,
}

/// What is new about one object. That there is an entry at all says: look at it.
#[derive(Debug, Default)]
pub(super) struct News {
    pub(super) object: Option<Object>,
}

/// The object in the API server.
#[derive(Debug)]
pub(super) enum Object {
    There { uid: Arc<str>, written: Box<Written> },
    Gone,
}

impl Statuses {
    fn tell(&self, kind: Kind, key: &ObjectKey, object: Option<Object>) {
        let subject = ObjectId::new(kind, key.clone());
        let mut all = self.0.news.lock();
        let news = all.entry(subject).or_default();
        if object.is_some() {
            news.object = object;
        }
        drop(all);
        self.0.arrived.notify_one();
    }

    /// Everything that was said since the last time.
    pub(super) fn take(&self) -> HashMap<ObjectId, News> {
        std::mem::take(&mut self.0.news.lock())
    }

    /// Ends when something was said since [`Statuses::take`], also before this was called.
    pub(super) async fn arrived(&self) {
        self.0.arrived.notified().await;
    }
}

impl Onlooker for Statuses {
    /// What a status says already is not written again, also after a restart. One that cannot be read counts as none.
    fn seen(&self, kind: model::Kind, key: &ObjectKey, uid: &Arc<str>, status: Option<&Value>) {
        if kind != model::Kind::HealthCheck {
            return;
        }
        let status = status.and_then(|status| HealthCheckStatus::deserialize(status).ok());
        let written = Box::new(status.as_ref().map(Written::of).unwrap_or_default());
        self.tell(Kind::HealthCheck, key, Some(Object::There { uid: uid.clone(), written }));
    }

    fn gone(&self, kind: model::Kind, key: &ObjectKey) {
        if kind != model::Kind::HealthCheck {
            return;
        }
        self.tell(Kind::HealthCheck, key, Some(Object::Gone));
    }
}

impl Listener for Statuses {
    fn changed(&self, key: &ObjectKey) {
        self.tell(Kind::HealthCheck, key, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_said_twice_is_one_word_and_the_newest_of_the_object() {
        let (statuses, key) = (Statuses::default(), ObjectKey::new("a", "b"));
        statuses.seen(model::Kind::HealthCheck, &key, &"1".into(), None);
        statuses.gone(model::Kind::HealthCheck, &key);
        statuses.changed(&key);
        statuses.arrived().await;
        let news = statuses.take();
        let only: Vec<_> = news.into_values().collect();
        assert!(matches!(only[..], [News { object: Some(Object::Gone) }]), "{only:?}");
        assert!(statuses.take().is_empty());
    }
}
