//! Where others leave word that an object's status may have to be written. Never waited for.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::Notify;

use super::status::Written;
use crate::{
    engine::{Listener, alerts::board::Watcher},
    model::{Kind, ObjectId, ObjectKey},
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
    fn tell(&self, subject: ObjectId, object: Option<Object>) {
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
    /// What a status says already is not written again, also after a restart.
    fn seen(&self, kind: Kind, key: &ObjectKey, uid: &Arc<str>, status: Option<&Value>) {
        let written = Box::new(Written::read(kind, status));
        self.tell(ObjectId::new(kind, key.clone()), Some(Object::There { uid: uid.clone(), written }));
    }

    fn gone(&self, kind: Kind, key: &ObjectKey) {
        self.tell(ObjectId::new(kind, key.clone()), Some(Object::Gone));
    }
}

impl Listener for Statuses {
    fn changed(&self, key: &ObjectKey) {
        self.tell(ObjectId::check(key.clone()), None);
    }
}

impl Watcher for Statuses {
    fn changed(&self, id: &ObjectId) {
        self.tell(id.clone(), None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_said_twice_is_one_word_and_the_newest_of_the_object() {
        let (statuses, key) = (Statuses::default(), ObjectKey::new("a", "b"));
        statuses.seen(Kind::HealthCheck, &key, &"1".into(), None);
        statuses.gone(Kind::HealthCheck, &key);
        Listener::changed(&statuses, &key);
        statuses.arrived().await;
        let news = statuses.take();
        let only: Vec<_> = news.into_values().collect();
        assert!(matches!(only[..], [News { object: Some(Object::Gone) }]), "{only:?}");
        assert!(statuses.take().is_empty());
    }
}
