//! Silences in the store, for a Probity without a cluster. What is done to one, and its row of the audit trail, are one
//! transaction.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Mutex;
use tracing::{error, warn};

use super::{MadeError, Tell, judged};
use crate::{
    audit,
    history::{Commit, Loaded, Settled, Space, Store},
    model::{Kind, Object, ObjectId, ObjectKey, Silence},
    source::{Catalog, Entry, Verdict, catalog::Present},
};

/// At some 2 KB each, and each of them is held against every alert: far more than people have in force at a time.
pub(super) const MAX: usize = 1_000;

pub(super) struct Kept {
    catalog: Arc<Catalog>,
    store: Arc<dyn Store>,
    tell: Tell,
    /// One at a time, so that the catalog and the store hear of them in the same order.
    turn: Mutex<()>,
}

impl Kept {
    pub(super) fn new(catalog: Arc<Catalog>, store: Arc<dyn Store>, tell: Tell) -> Self {
        Self { catalog, store, tell, turn: Mutex::default() }
    }

    /// Takes up what an earlier process kept.
    pub(super) fn load(&self, loaded: &Loaded) {
        for (key, value) in loaded.of(Space::Silence) {
            let read = serde_json::from_slice::<Value>(value).map_err(|error| error.to_string());
            match read.and_then(|text| judged(&text, "").map_err(|error| error.to_string())) {
                Ok(silence) => self.publish(&silence),
                Err(why) => error!(%key, "a silence that was kept cannot be read, and is left out: {why}"),
            }
        }
    }

    /// Keeps one more. Where there are too many, the one that has been over for longest goes.
    pub(super) async fn add(&self, silence: &Silence, text: &Value, entry: audit::Entry) -> Result<(), MadeError> {
        let _turn = self.turn.lock().await;
        let all = self.catalog.of_kind(Kind::Silence);
        let kept = |entry: &Arc<Entry>| match &entry.verdict {
            Verdict::Accepted(Object::Silence(silence)) if silence.is_kept => Some(silence.clone()),
            _ => None,
        };
        let kept: Vec<Arc<Silence>> = all.iter().filter_map(kept).collect();
        let mut commit = Commit::default();
        if kept.len() >= MAX {
            let over = kept.iter().filter(|silence| silence.ends_at <= entry.at).min_by_key(|silence| silence.ends_at);
            let over = over.ok_or(MadeError::TooMany(MAX))?;
            self.drop_from(&mut commit, &over.key);
        }
        self.write(commit, silence, text, entry).await;
        Ok(())
    }

    /// Keeps one in the place of the one of its name, if it is the next of that.
    pub(super) async fn put(&self, silence: &Silence, text: &Value, entry: audit::Entry) -> Result<(), MadeError> {
        let _turn = self.turn.lock().await;
        let now = self.catalog.get(&id(&silence.key)).ok_or(MadeError::NotFound)?;
        if now.generation + 1 != silence.generation {
            return Err(MadeError::Invalid("somebody else has changed it at the same time; try again".to_owned()));
        }
        self.write(Commit::default(), silence, text, entry).await;
        Ok(())
    }

    pub(super) async fn forget(&self, key: &ObjectKey) {
        let _turn = self.turn.lock().await;
        let mut commit = Commit::default();
        self.drop_from(&mut commit, key);
        self.store.commit(commit).await;
    }

    fn drop_from(&self, commit: &mut Commit, key: &ObjectKey) {
        commit.forget(Space::Silence, key.to_string());
        self.catalog.publish(&id(key), Present::Gone);
        (self.tell)(id(key));
    }

    async fn write(&self, mut commit: Commit, silence: &Silence, text: &Value, entry: audit::Entry) {
        commit.put(Space::Silence, silence.key.to_string(), text.to_string().into_bytes());
        commit.audit.push(entry);
        let ticket = self.store.commit(commit);
        // Before it is waited for: what the store was handed is in force, also when nobody waits any more.
        self.publish(silence);
        if ticket.await == Settled::Unrecorded {
            // Whoever made it is not kept waiting for a disk: it holds, and the store goes on trying.
            let (namespace, name) = (&*silence.key.namespace, &*silence.key.name);
            warn!(namespace, name, "the store fails now: a restart may forget what was done to this silence");
        }
    }

    fn publish(&self, silence: &Silence) {
        let silence = Silence { is_kept: true, ..silence.clone() };
        let id = id(&silence.key);
        let entry = Entry {
            id: id.clone(),
            uid: silence.key.name.clone(),
            generation: silence.generation,
            labels: silence.labels.clone(),
            verdict: Verdict::Accepted(Object::Silence(Arc::new(silence))),
            stale: None,
            note: None,
        };
        self.catalog.publish(&id, Present::Entry(entry));
        (self.tell)(id);
    }
}

fn id(key: &ObjectKey) -> ObjectId {
    ObjectId::new(Kind::Silence, key.clone())
}
