//! A cluster as a source: watches the objects of our kinds, and what they refer to, and keeps the catalog as they say.
//!
//! Owns the loop that takes what the watches tell and does all that follows, one message after the other. What an
//! object means is `validate`'s, what becomes of it the engine's. A supervised task of `probity run`; the API server
//! may be away at any time, which stops nothing but news.

mod client;
mod connect;
mod guard;
mod namespaces;
mod object;
mod objects;
mod scopes;
mod values;
mod watch;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use kube::Api;
use serde_json::Value;
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{Catalog, Closed, Event, Present, Verdict};
use crate::{
    model::{AllowedNamespaces, Kind, Labels, Object, ObjectId, ObjectKey},
    validate::ValueKind,
    vitals::Readiness,
};
pub use connect::{Cluster, ConnectError, connect, reach};
pub use guard::{FirstLook, guard};
use namespaces::Namespaces;
use object::{Seen, Told};
use objects::Objects;
use scopes::Scopes;
use values::{Answer, Values};
pub use watch::{Heard, Pause, Trouble, Why, config as watch_config, follow, trouble};

/// How long one watch lasts, in seconds; the next one goes on where it ended. What RBAC takes away is seen by then.
pub const WATCH: u32 = 60;

/// From the start, readiness waits so long for what objects refer to: one Secret that the API server cannot give holds
/// up its own objects, and not all the others.
const VALUES: Duration = Duration::from_secs(30);

/// Messages of the watches that wait: a page of a list, and some.
const INBOX: usize = 512;
/// Messages that are taken before what follows from them is done: at some 100 µs each for the judging, a thread is
/// held for 6 ms.
const GULP: usize = 64;

/// Is told of each object, so that whoever writes statuses need not write again what is there already. Called by the
/// source's task: it must return at once.
pub trait Onlooker: Send + Sync {
    /// There is an object of this uid, and this is the status that it has now.
    fn seen(&self, kind: Kind, key: &ObjectKey, uid: &Arc<str>, status: Option<&Value>);
    /// There is no object of this name any more.
    fn gone(&self, kind: Kind, key: &ObjectKey);
}

/// What the tasks of the source tell it.
enum Inbox {
    /// Of the scope of that number.
    Objects(Kind, usize, Heard<Seen>),
    /// Name and version.
    Values(ValueKind, Arc<str>, Heard<(Arc<str>, Arc<str>)>),
    Fetched(ValueKind, ObjectKey, Answer),
    Namespaces(Heard<(Arc<str>, Labels)>),
}

/// Watches a cluster.
pub struct Kubernetes {
    catalog: Arc<Catalog>,
    events: mpsc::Sender<Event>,
    onlooker: Arc<dyn Onlooker>,
    inbox: mpsc::Receiver<Inbox>,
    /// By kind, in the order of [`Kind::ALL`].
    objects: [(Kind, Objects); Kind::ALL.len()],
    values: Values,
    namespaces: Namespaces,
    /// What follows from what was taken, for the engine.
    news: Vec<Event>,
    scopes: Scopes,
    /// The watches of objects.
    watches: JoinSet<()>,
    ready: bool,
    /// Objects whose Secrets cannot be read are waited for no longer.
    impatient: bool,
}

impl Kubernetes {
    /// Begins to watch the HealthChecks of `namespaces`, or of the whole cluster when none is named. Call it within
    /// the runtime.
    pub fn new(
        cluster: &Cluster,
        namespaces: &[String],
        catalog: Arc<Catalog>,
        events: mpsc::Sender<Event>,
        readiness: Readiness,
        onlooker: Arc<dyn Onlooker>,
    ) -> Self {
        let mut named: Vec<Option<Arc<str>>> = namespaces.iter().map(|name| Some(Arc::from(name.as_str()))).collect();
        named.sort();
        named.dedup();
        if named.is_empty() {
            named.push(None);
        }
        let (told, inbox) = mpsc::channel(INBOX);
        let mut watches = JoinSet::new();
        for kind in Kind::ALL {
            let resource = object::resource(kind);
            for (number, namespace) in named.iter().enumerate() {
                let api: Api<Told> = match namespace {
                    Some(namespace) => Api::namespaced_with(cluster.client.clone(), namespace, &resource),
                    None => Api::all_with(cluster.client.clone(), &resource),
                };
                watches.spawn(follow(api, watch::config(), told.clone(), move |heard| {
                    Inbox::Objects(kind, number, heard.map(|told| Seen::read(kind, told)))
                }));
            }
        }
        Self {
            namespaces: Namespaces::new(cluster.client.clone(), told.clone(), catalog.clone()),
            news: Vec::new(),
            catalog,
            events,
            onlooker,
            inbox,
            objects: Kind::ALL.map(|kind| (kind, Objects::new(kind, &named).run_from(cluster.namespace.clone()))),
            values: Values::new(cluster.client.clone(), told),
            scopes: Scopes::new(&named, readiness),
            watches,
            ready: false,
            impatient: false,
        }
    }

    /// The same where history is kept for so long.
    #[must_use]
    pub fn keeping(self, retention: Duration) -> Self {
        Self { objects: self.objects.map(|(kind, objects)| (kind, objects.keeping(retention))), ..self }
    }

    /// Follows the cluster until `shutdown`. Sends [`Event::Ready`] when everything was read once.
    ///
    /// # Errors
    /// When the receiver of the events is gone before that, or a watch broke.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), Closed> {
        let mut patience = std::pin::pin!(tokio::time::sleep(VALUES));
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                message = self.inbox.recv() => {
                    // It is open: `values` holds an end of it.
                    let Some(message) = message else { return Ok(()) };
                    self.take(message);
                    for _ in 1..GULP {
                        let Ok(message) = self.inbox.try_recv() else { break };
                        self.take(message);
                    }
                }
                Some(ended) = self.watches.join_next() => match ended {
                    Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                    Ok(()) | Err(_) => return Ok(()),
                },
                // A GET ends, and so does a watch that nobody needs any more.
                Some(Err(error)) = self.values.ended() => if error.is_panic() {
                    std::panic::resume_unwind(error.into_panic());
                },
                Some(Err(error)) = self.namespaces.ended() => if error.is_panic() {
                    std::panic::resume_unwind(error.into_panic());
                },
                () = &mut patience, if !self.impatient => self.impatient = true,
            }
            match self.follow_up().await {
                Err(_) if shutdown.is_cancelled() => return Ok(()),
                result => result?,
            }
        }
    }

    fn take(&mut self, message: Inbox) {
        match message {
            Inbox::Objects(kind, scope, heard) => self.heard(kind, scope, heard),
            Inbox::Namespaces(heard) => self.news.extend(self.namespaces.heard(heard)),
            Inbox::Values(kind, namespace, heard) => {
                for object in self.values.heard(kind, &namespace, heard) {
                    self.value_changed(kind, &object);
                }
            }
            Inbox::Fetched(kind, object, answer) => {
                if self.values.fetched(kind, &object, answer) {
                    self.value_changed(kind, &object);
                }
            }
        }
    }

    fn value_changed(&mut self, kind: ValueKind, object: &ObjectKey) {
        for (_, objects) in &mut self.objects {
            objects.value_changed(kind, object);
        }
    }

    fn heard(&mut self, kind: Kind, scope: usize, heard: Heard<Seen>) {
        let Some((_, objects)) = self.objects.iter_mut().find(|(of, _)| *of == kind) else { return };
        match heard {
            Heard::Begin => objects.begin(scope),
            Heard::Listed(seen) | Heard::Applied(seen) => {
                self.onlooker.seen(kind, &seen.key, &seen.uid, seen.status.as_ref());
                objects.seen(scope, seen, &self.values);
            }
            Heard::Complete => {
                objects.complete(scope);
                self.scopes.listed(kind, scope);
            }
            Heard::Gone(seen) => objects.gone(&seen.key, &seen.uid),
            Heard::Trouble(trouble) => self.scopes.trouble(kind, scope, &trouble),
            Heard::Recovered => self.scopes.recovered(kind, scope),
        }
    }

    /// Does all that follows from what was taken.
    async fn follow_up(&mut self) -> Result<(), Closed> {
        loop {
            let mut look = Vec::new();
            for (kind, objects) in &mut self.objects {
                let kind = *kind;
                look.extend(objects.settle(&self.values).into_iter().map(|key| ObjectId::new(kind, key)));
            }
            let wants: BTreeSet<_> = self.objects.iter_mut().flat_map(|(_, objects)| objects.take_wants()).collect();
            for (kind, object) in wants {
                let wanted = self.objects.iter().any(|(_, objects)| objects.wants(kind, &object));
                self.values.want(kind, &object, wanted);
            }
            if look.is_empty() {
                break;
            }
            for id in look {
                self.publish(&id).await?;
            }
        }
        for event in std::mem::take(&mut self.news) {
            self.send(event).await?;
        }
        let waiting = || self.namespaces.is_waiting() || self.objects.iter().any(|(_, objects)| objects.is_waiting());
        if !self.ready && self.scopes.are_read() && (self.impatient || !waiting()) {
            self.ready = true;
            self.scopes.ready();
            let count =
                |of: Kind| self.objects.iter().find(|(kind, _)| *kind == of).map_or(0, |(_, objects)| objects.len());
            tracing::info!(checks = count(Kind::HealthCheck), rules = count(Kind::AlertRule), "objects read");
            self.send(Event::Ready).await?;
        }
        Ok(())
    }

    /// Says of an object what is to be said now, and tells the engine when that differs.
    async fn publish(&mut self, id: &ObjectId) -> Result<(), Closed> {
        let Some((_, objects)) = self.objects.iter().find(|(kind, _)| *kind == id.kind) else { return Ok(()) };
        let present = objects.present(&id.key);
        if matches!(present, Present::Gone) {
            self.onlooker.gone(id.kind, &id.key);
        }
        if id.kind == Kind::NotificationChannel && !matches!(present, Present::Unsaid) {
            self.namespaces.used_by(&id.key, asks_for_labels(&present));
        }
        if self.catalog.publish(id, present) { self.send(Event::Changed(id.clone())).await } else { Ok(()) }
    }

    /// The queue is bounded by its owner; when it is full, the watches wait.
    async fn send(&self, event: Event) -> Result<(), Closed> {
        self.events.send(event).await.map_err(|_| Closed)
    }
}

/// Whether a channel says by the labels of namespaces who may use it.
fn asks_for_labels(present: &Present) -> bool {
    let Present::Entry(entry) = present else { return false };
    let Verdict::Accepted(Object::NotificationChannel(channel)) = &entry.verdict else { return false };
    matches!(channel.allowed_namespaces, AllowedNamespaces::Selector(_))
}
