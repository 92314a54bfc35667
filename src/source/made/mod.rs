//! Silences that people make over HTTP while Probity runs, and all silences as those people see them.
//!
//! Owns where such a one goes: in a cluster it is a Silence object like any other, and comes back through the watch;
//! alone it is kept in the store. Either way it is in the catalog, and what it means is `validate`'s. Called by the
//! HTTP API; `run` forgets those that are long over.

mod draft;
mod kept;
mod objects;

use std::{convert::Infallible, sync::Arc, time::Duration};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{Catalog, Entry, Verdict};
use crate::{
    alert::{Compare, Matcher},
    api::SilenceStateName,
    audit,
    clock::{Clock, WallMs},
    history::{Commit, Loaded, Store},
    model::{Kind, Object, ObjectId, ObjectKey, Silence},
    validate::{self, Invalid, Lookup, References, ValueKind},
};
use draft::{Course, manifest};
pub use draft::{Draft, namespace, stage};
use kept::Kept;
use objects::Objects;

/// What was made here and has been over for so long goes: five days, as with Alertmanager's default.
const RETAINED: i64 = 120 * 3_600_000;
/// How often that is looked at.
const SWEEP: Duration = Duration::from_secs(600);

/// Tells alerting that an object is another now.
pub type Tell = Arc<dyn Fn(ObjectId) + Send + Sync>;

/// All silences, and the way to make and end one.
pub struct Silences {
    catalog: Arc<Catalog>,
    store: Arc<dyn Store>,
    clock: Clock,
    operator: Arc<str>,
    place: Place,
}

enum Place {
    Store(Kept),
    Cluster(Objects),
}

/// A silence with the id that Alertmanager's API knows it by.
#[derive(Debug, Clone)]
pub struct Found {
    /// A UUID: that of the object, in a cluster; of one in a file it is made from its name.
    pub id: Arc<str>,
    pub silence: Arc<Silence>,
    uid: Arc<str>,
}

/// Why a silence cannot be made or ended.
#[derive(Debug, thiserror::Error)]
pub enum MadeError {
    #[error("silence not found")]
    NotFound,
    #[error("silence {0} stands in a manifest file: change it there")]
    InFile(ObjectKey),
    #[error("silence invalid: {0}")]
    Invalid(String),
    #[error("{0}")]
    Times(&'static str),
    #[error("there are {0} silences already that were made here: expire some")]
    TooMany(usize),
    #[error("cannot {what} in namespace {namespace}: {why}")]
    Cluster {
        what: &'static str,
        namespace: Arc<str>,
        why: String,
        /// It was what was asked for that was wrong.
        is_theirs: bool,
    },
}

impl Silences {
    /// Those of the store, for a Probity without a cluster; what was kept there is in the catalog from now on.
    pub fn in_store(
        catalog: Arc<Catalog>,
        store: Arc<dyn Store>,
        clock: Clock,
        operator: Arc<str>,
        tell: Tell,
        loaded: &Loaded,
    ) -> Self {
        let kept = Kept::new(catalog.clone(), store.clone(), tell);
        kept.load(loaded);
        Self { catalog, store, clock, operator, place: Place::Store(kept) }
    }

    /// Objects in a cluster, of which only those in `watched` are seen; empty means all.
    pub fn in_cluster(
        catalog: Arc<Catalog>,
        store: Arc<dyn Store>,
        clock: Clock,
        operator: Arc<str>,
        client: kube::Client,
        watched: &[String],
    ) -> Self {
        let place = Place::Cluster(Objects::new(client, catalog.clone(), clock.clone(), watched, &operator));
        Self { catalog, store, clock, operator, place }
    }

    /// All that are in force, will be, or were.
    pub fn all(&self) -> Vec<Found> {
        self.catalog.of_kind(Kind::Silence).iter().filter_map(|entry| Found::of(entry)).collect()
    }

    pub fn get(&self, id: &str) -> Option<Found> {
        self.all().into_iter().find(|found| *found.id == *id)
    }

    /// The id of the silence of this name, if there is one.
    pub fn id(&self, key: &ObjectKey) -> Option<Arc<str>> {
        let entry = self.catalog.get(&ObjectId::new(Kind::Silence, key.clone()))?;
        Found::of(&entry).map(|found| found.id)
    }

    /// What the sources hold.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Of Probity itself: a silence there reaches all others.
    pub fn operator(&self) -> &Arc<str> {
        &self.operator
    }

    /// What an alert must be like for a silence to reach it: its matchers, and its namespace where it is bound to that.
    pub fn matchers(&self, silence: &Silence) -> Vec<Matcher> {
        let mut all: Vec<Matcher> = silence.matchers.iter().cloned().collect();
        let namespace = &silence.key.namespace;
        if *namespace != self.operator
            && let Ok(bound) = Matcher::new("namespace", Compare::Equal, namespace.clone())
            && !all.contains(&bound)
        {
            all.push(bound);
        }
        all
    }

    /// Makes a silence, in the place of `before` if there is one. `user` is who asks, where the cluster knows. Gives
    /// its id, which is that of `before` only where Alertmanager would leave it.
    ///
    /// # Errors
    /// [`MadeError`] says what is wrong with the draft, or who would not take it; then `before` is as it was.
    pub async fn set(&self, draft: Draft, before: Option<&Found>, user: Option<&str>) -> Result<Arc<str>, MadeError> {
        let now = self.clock.wall();
        draft.check(now).map_err(MadeError::Times)?;
        let draft = Draft { created_by: author(&draft.created_by, user), ..draft };
        let course = match before {
            Some(before) => draft.course(&before.silence, &self.matchers(&before.silence), now),
            None => Course::Anew { ends: false },
        };
        match (course, before) {
            (Course::InPlace, Some(before)) => {
                self.change(before, draft.spec(), "changed", &draft.created_by).await?;
                Ok(before.id.clone())
            }
            (course, before) => {
                let ends = before.filter(|_| course == Course::Anew { ends: true });
                if let Some(before) = ends {
                    self.writable(before)?;
                }
                let id = self.make(Draft { starts_at: draft.starts_at.max(now), ..draft }, now).await?;
                if let Some(before) = ends {
                    self.expire(before, user).await?;
                }
                Ok(id)
            }
        }
    }

    /// Ends a silence now. One that has ended stays as it is.
    ///
    /// # Errors
    /// [`MadeError`] when it is not to be changed here, or the cluster refuses.
    pub async fn expire(&self, found: &Found, user: Option<&str>) -> Result<(), MadeError> {
        let (silence, now) = (&found.silence, self.clock.wall());
        if stage(silence.starts_at, silence.ends_at, now) == SilenceStateName::Expired {
            return Ok(());
        }
        let (starts_at, ends_at) = draft::ended(silence, now);
        let draft = Draft {
            matchers: silence.matchers.iter().cloned().collect(),
            starts_at,
            ends_at,
            created_by: silence.created_by.to_string(),
            comment: silence.comment.to_string(),
        };
        self.change(found, draft.spec(), "expired", user.unwrap_or_default()).await
    }

    async fn make(&self, draft: Draft, now: WallMs) -> Result<Arc<str>, MadeError> {
        let namespace = draft.namespace(&self.operator);
        match &self.place {
            Place::Store(kept) => {
                let id = uuid::Uuid::new_v4().to_string();
                let text = manifest(json!({"name": id, "namespace": &*namespace, "generation": 1}), draft.spec());
                let silence = judged(&text, &namespace)?;
                let entry = row(&silence, now, "created", &draft.created_by);
                kept.add(&silence, &text, entry).await?;
                Ok(id.into())
            }
            Place::Cluster(objects) => {
                // Judged here first: what an API server says of it is longer, and it does not know it all.
                judged(&manifest(json!({"name": "a", "namespace": &*namespace}), draft.spec()), &namespace)?;
                objects.make(&namespace, draft.spec()).await
            }
        }
    }

    async fn change(&self, found: &Found, spec: Value, change: &str, by: &str) -> Result<(), MadeError> {
        self.writable(found)?;
        let key = &found.silence.key;
        let generation = found.silence.generation + 1;
        let metadata = json!({"name": &*key.name, "namespace": &*key.namespace, "generation": generation});
        let text = manifest(metadata, spec);
        let silence = judged(&text, &key.namespace)?;
        let entry = row(&silence, self.clock.wall(), change, by);
        match &self.place {
            Place::Store(kept) => kept.put(&silence, &text, entry).await,
            Place::Cluster(objects) => {
                objects.change(found, &text["spec"]).await?;
                // Who changed it is in its spec, and alerting writes that down when it sees it; who ended it is not.
                if change == "expired" {
                    let commit = Commit { audit: vec![entry], ..Commit::default() };
                    self.store.commit(commit).await;
                }
                Ok(())
            }
        }
    }

    fn writable(&self, found: &Found) -> Result<(), MadeError> {
        let in_file = matches!(self.place, Place::Store(_)) && !found.silence.is_kept;
        if in_file { Err(MadeError::InFile(found.silence.key.clone())) } else { Ok(()) }
    }

    /// Forgets what is long over, again and again.
    ///
    /// # Errors
    /// Never.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) -> Result<(), Infallible> {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = tokio::time::sleep(SWEEP) => self.sweep().await,
            }
        }
    }

    async fn sweep(&self) {
        let before = self.clock.wall() - RETAINED;
        for found in self.all().iter().filter(|found| found.silence.ends_at < before) {
            let gone = match &self.place {
                Place::Store(kept) if found.silence.is_kept => {
                    kept.forget(&found.silence.key).await;
                    Ok(())
                }
                Place::Cluster(objects) if objects::is_ours(&found.silence) => objects.forget(found).await,
                _ => Ok(()),
            };
            if let Err(error) = gone {
                warn!("a silence that is long over stays: {error}");
            }
        }
    }
}

impl Found {
    fn of(entry: &Entry) -> Option<Self> {
        let Verdict::Accepted(Object::Silence(silence)) = &entry.verdict else { return None };
        let id = if entry.uid.is_empty() { id_of(&entry.id.key) } else { entry.uid.clone() };
        Some(Self { id, silence: silence.clone(), uid: entry.uid.clone() })
    }
}

/// A UUID made of a name (RFC 9562, version 8), the same in every process.
fn id_of(key: &ObjectKey) -> Arc<str> {
    let digest = Sha256::digest(key.to_string());
    let bytes = std::array::from_fn(|at| digest.get(at).copied().unwrap_or_default());
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string().into()
}

/// Who made it: what the client says, and behind it who the cluster knows it to be.
fn author(claimed: &str, user: Option<&str>) -> String {
    match user {
        None => claimed.to_owned(),
        Some(user) if claimed.is_empty() || claimed == user => user.to_owned(),
        Some(user) => {
            // As much as a Silence takes; what the cluster knows is never cut off.
            let room = 253usize.saturating_sub(user.chars().count() + 3);
            format!("{} ({user})", claimed.chars().take(room).collect::<String>())
        }
    }
}

/// The object as alerting works with it, or why it would be refused.
fn judged(text: &Value, namespace: &str) -> Result<Silence, MadeError> {
    match validate::object(Kind::Silence, text, namespace, &Nothing) {
        Ok(Object::Silence(silence)) => Ok(Arc::unwrap_or_clone(silence)),
        Ok(_) => Err(MadeError::Invalid("it is of another kind".to_owned())),
        Err(Invalid(mistakes)) => {
            let all: Vec<String> = mistakes.iter().take(5).map(ToString::to_string).collect();
            Err(MadeError::Invalid(all.join("; ")))
        }
    }
}

fn row(silence: &Silence, at: WallMs, change: &str, by: &str) -> audit::Entry {
    audit::Entry::silence(at, &silence.key, change, by, &silence.comment, silence.matchers.iter())
}

/// A silence refers to nothing.
struct Nothing;

impl References for Nothing {
    fn value(&self, _kind: ValueKind, _object: &ObjectKey, _key: &str) -> Lookup {
        Lookup::NoObject
    }

    fn health_check_exists(&self, _check: &ObjectKey) -> bool {
        false
    }

    fn health_checks(&self, _namespace: &str) -> Vec<Arc<str>> {
        Vec::new()
    }

    fn in_cluster(&self) -> bool {
        false
    }

    fn is_operators(&self, _namespace: &str) -> bool {
        false
    }
}

#[cfg(test)]
mod tests;
