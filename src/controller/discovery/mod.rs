//! Discovery by watch: what checks look for in the cluster is followed, and the engine is told whose targets changed.
//!
//! Owns the watches of Services, EndpointSlices, Pods and the names of workloads: one per kind and namespace, while
//! some check looks for something there. What is heard is trimmed ([`trim`]) and kept in the [`Targets`]; the engine
//! is told a key and nothing else. What it makes of them is no business of this module. A supervised task of
//! `probity run` in a cluster.

mod read;
mod trim;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use kube::{
    Api, Client, Resource,
    core::{ApiResource, DynamicResourceScope, PartialObjectMeta},
};
use serde::de::DeserializeOwned;
use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    clock::Clock,
    model::{ObjectId, ObjectKey},
    source::{
        Closed, Event,
        kubernetes::{Heard, Why, follow, watch_config},
    },
    targets::{Fact, Scope, Targets, Watched},
};

/// Changes are gathered for this long: a rollout changes an EndpointSlice several times in a row, and a target has to
/// follow within a second.
const GATHER: Duration = Duration::from_millis(50);
/// What the watches have told and nobody has taken: a page of a list, and some.
const INBOX: usize = 512;

/// An object's name and what is kept of it.
type Named = (Arc<str>, Fact);

/// Follows what checks look for.
pub struct Discovery {
    client: Client,
    targets: Arc<Targets>,
    events: mpsc::Sender<Event>,
    clock: Clock,
    /// Each with the number of its watch.
    inbox: mpsc::Receiver<(u64, Heard<Named>)>,
    told: mpsc::Sender<(u64, Heard<Named>)>,
    tasks: JoinSet<()>,
    watches: HashMap<Scope, (u64, AbortHandle)>,
    /// By the number of the watch; what is heard of one that has ended since is dropped.
    heard: HashMap<u64, Listening>,
    last: u64,
    /// Whose targets may be others. Bounded by the number of checks.
    dirty: BTreeSet<ObjectKey>,
    /// When they are told of (monotonic).
    due: Option<Duration>,
}

struct Listening {
    scope: Scope,
    /// What was listed so far, between `Begin` and `Complete`.
    listed: Vec<Named>,
}

impl Discovery {
    pub fn new(client: Client, targets: Arc<Targets>, events: mpsc::Sender<Event>, clock: Clock) -> Self {
        let (told, inbox) = mpsc::channel(INBOX);
        Self {
            client,
            targets,
            events,
            clock,
            inbox,
            told,
            tasks: JoinSet::new(),
            watches: HashMap::new(),
            heard: HashMap::new(),
            last: 0,
            dirty: BTreeSet::new(),
            due: None,
        }
    }

    /// Follows the cluster until `shutdown`.
    ///
    /// # Errors
    /// When nobody takes the events any more.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), Closed> {
        let targets = self.targets.clone();
        loop {
            self.reconcile();
            let due = self.clock.instant(self.due.unwrap_or_default());
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = targets.changed() => {}
                // It is open: this holds an end of it.
                Some((number, heard)) = self.inbox.recv() => self.take(number, heard),
                () = tokio::time::sleep_until(due), if self.due.is_some() => {
                    self.due = None;
                    for key in std::mem::take(&mut self.dirty) {
                        tokio::select! {
                            () = shutdown.cancelled() => return Ok(()),
                            sent = self.events.send(Event::Changed(ObjectId::check(key))) => match sent {
                                Ok(()) => {}
                                // Whoever took them is stopping as well.
                                Err(_) if shutdown.is_cancelled() => return Ok(()),
                                Err(_) => return Err(Closed),
                            },
                        }
                    }
                }
                Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => {
                    if let Err(error) = ended && error.is_panic() {
                        std::panic::resume_unwind(error.into_panic());
                    }
                }
            }
        }
    }

    /// Watches what is looked for, and nothing else.
    fn reconcile(&mut self) {
        let wanted = self.targets.wanted();
        if wanted.len() == self.watches.len() && wanted.iter().all(|scope| self.watches.contains_key(scope)) {
            return;
        }
        let unwanted: Vec<_> = self.watches.keys().filter(|scope| !wanted.contains(scope)).cloned().collect();
        for scope in unwanted {
            if let Some((number, task)) = self.watches.remove(&scope) {
                task.abort();
                self.heard.remove(&number);
                self.targets.forget(&scope);
                info!(namespace = &*scope.namespace, "no check looks for {} any more", scope.kind.plural());
            }
        }
        for scope in wanted {
            if !self.watches.contains_key(&scope) {
                self.watch(scope);
            }
        }
    }

    fn watch(&mut self, scope: Scope) {
        self.last += 1;
        let (number, namespace) = (self.last, scope.namespace.clone());
        let task = match scope.kind {
            Watched::Service => self.spawn(number, &scope, trim::service),
            Watched::EndpointSlice => self.spawn(number, &scope, trim::slice),
            Watched::Pod => self.spawn(number, &scope, trim::pod),
            Watched::Workload(_) => self.spawn::<PartialObjectMeta>(number, &scope, trim::name_of),
        };
        info!(namespace = &*namespace, "looking for {}", scope.kind.plural());
        self.watches.insert(scope.clone(), (number, task));
        self.heard.insert(number, Listening { scope, listed: Vec::new() });
    }

    fn spawn<K>(&mut self, number: u64, scope: &Scope, trim: fn(K) -> Named) -> AbortHandle
    where
        K: Resource<DynamicType = ApiResource, Scope = DynamicResourceScope>
            + Clone
            + DeserializeOwned
            + std::fmt::Debug
            + Send
            + 'static,
    {
        let (client, resource) = (self.client.clone(), read::resource(scope.kind));
        // Nodes are in no namespace.
        let api: Api<K> = match &*scope.namespace {
            "" => Api::all_with(client, &resource),
            namespace => Api::namespaced_with(client, namespace, &resource),
        };
        let told = self.told.clone();
        self.tasks.spawn(follow(api, watch_config(), told, move |heard| (number, heard.map(trim))))
    }

    fn take(&mut self, number: u64, heard: Heard<Named>) {
        let Some(Listening { scope, listed }) = self.heard.get_mut(&number) else { return };
        let changed = match heard {
            Heard::Begin => {
                listed.clear();
                return;
            }
            Heard::Listed(named) => {
                listed.push(named);
                return;
            }
            Heard::Complete => self.targets.replace(scope, std::mem::take(listed)),
            Heard::Applied((name, fact)) => self.targets.apply(scope, &name, Some(fact)),
            Heard::Gone((name, _)) => self.targets.apply(scope, &name, None),
            Heard::Trouble(trouble) => {
                let what = scope.kind.plural();
                warn!(namespace = &*scope.namespace, "cannot follow {what}: {}", trouble.text);
                self.targets.trouble(scope, trouble.why == Why::Denied, &trouble.text)
            }
            Heard::Recovered => self.targets.recovered(scope),
        };
        if !changed.is_empty() {
            self.dirty.extend(changed);
            self.due.get_or_insert(self.clock.mono() + GATHER);
        }
    }
}
