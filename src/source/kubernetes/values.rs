//! The Secrets and ConfigMaps that objects refer to, and no others.
//!
//! Owns one metadata watch for each kind and namespace in which something is wanted, and a GET of a wanted object
//! when its version is another. What follows from a change is the caller's.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use kube::{
    Api, Client,
    core::{ApiResource, DynamicObject, GroupVersionKind, PartialObjectMeta},
};
use tokio::{
    sync::{Semaphore, mpsc},
    task::{AbortHandle, JoinError, JoinSet},
};

use super::{
    Inbox,
    objects::Held,
    watch::{self, Heard, Pause, Trouble, Why, follow},
};
use crate::{
    model::ObjectKey,
    validate::{Lookup, Payload, ValueKind, payload},
};

/// GETs under way: at 2 ms each, 10,000 objects of as many Secrets are there in some 2 s.
const AT_ONCE: usize = 16;
/// A GET that takes longer is tried again.
const PATIENCE: Duration = Duration::from_secs(5);
/// Where a watch is not permitted and a GET may be, it is asked this often: what is rotated is in use within 5 s.
const ASK_AGAIN: Duration = Duration::from_secs(3);

/// A value in use that may not be read any more is given up after so many refusals in a row: an API server that
/// starts refuses everything until it has read its own rules, which takes seconds.
const REFUSALS: u32 = 6;

/// So many answers that are none are worth a line: the first few may be those of an API server that starts.
const TRIES_TOLD: u32 = 5;

/// What a GET found.
#[derive(Debug)]
pub(super) enum Answer {
    Found { payload: Payload, version: Arc<str> },
    Missing,
    Denied(Arc<str>),
}

pub(super) struct Values {
    client: Client,
    inbox: mpsc::Sender<Inbox>,
    tasks: JoinSet<()>,
    gate: Arc<Semaphore>,
    rooms: HashMap<(ValueKind, Arc<str>), Room>,
}

/// One kind in one namespace.
struct Room {
    watch: AbortHandle,
    wanted: HashMap<Arc<str>, Wanted>,
    /// Names that were told since a list began.
    listing: Option<HashSet<Arc<str>>>,
    /// The watch is not permitted.
    denied: bool,
}

#[derive(Default)]
struct Wanted {
    /// None: not known yet.
    held: Option<Answer>,
    fetching: bool,
    /// It may have changed since the GET under way began.
    again: bool,
    /// In a row, while there is a value from before.
    refusals: u32,
}

impl Wanted {
    fn version(&self) -> Option<&Arc<str>> {
        match &self.held {
            Some(Answer::Found { version, .. }) => Some(version),
            _ => None,
        }
    }
}

impl Held for Values {
    fn lookup(&self, kind: ValueKind, object: &ObjectKey, key: &str) -> Option<Lookup> {
        let wanted = self.rooms.get(&(kind, object.namespace.clone()))?.wanted.get(&object.name)?;
        Some(match wanted.held.as_ref()? {
            Answer::Found { payload, .. } => Lookup::in_payload(payload, key),
            Answer::Missing => Lookup::NoObject,
            Answer::Denied(why) => Lookup::NotPermitted(why.clone()),
        })
    }
}

impl Values {
    pub fn new(client: Client, inbox: mpsc::Sender<Inbox>) -> Self {
        let gate = Arc::new(Semaphore::new(AT_ONCE));
        Self { client, inbox, tasks: JoinSet::new(), gate, rooms: HashMap::new() }
    }

    /// Waits for a task to end, and forgets it; None while there is none.
    pub async fn ended(&mut self) -> Option<Result<(), JoinError>> {
        self.tasks.join_next().await
    }

    /// Something refers to the object now, or nothing any more.
    pub fn want(&mut self, kind: ValueKind, object: &ObjectKey, wanted: bool) {
        let place = (kind, object.namespace.clone());
        if wanted {
            if !self.rooms.contains_key(&place) {
                let watch = self.watch(kind, object.namespace.clone());
                let room = Room { watch, wanted: HashMap::new(), listing: None, denied: false };
                self.rooms.insert(place.clone(), room);
            }
            let is_new = self.rooms.get_mut(&place).is_some_and(|room| {
                let before = room.wanted.len();
                room.wanted.entry(object.name.clone()).or_default();
                room.wanted.len() > before
            });
            if is_new {
                self.fetch(kind, object, Duration::ZERO);
            }
        } else if let Some(room) = self.rooms.get_mut(&place) {
            room.wanted.remove(&object.name);
            if room.wanted.is_empty() {
                room.watch.abort();
                self.rooms.remove(&place);
            }
        }
    }

    /// Takes what a watch told, as name and version. Gives the objects that are others now.
    pub fn heard(
        &mut self,
        kind: ValueKind,
        namespace: &Arc<str>,
        heard: Heard<(Arc<str>, Arc<str>)>,
    ) -> Vec<ObjectKey> {
        let Some(room) = self.rooms.get_mut(&(kind, namespace.clone())) else { return Vec::new() };
        let mut fetch = Vec::new();
        let mut gone = None;
        match heard {
            Heard::Begin => room.listing = Some(HashSet::new()),
            Heard::Listed((name, version)) => {
                if let Some(wanted) = room.wanted.get(&name)
                    && wanted.version() != Some(&version)
                {
                    fetch.push(name.clone());
                }
                if let Some(listing) = room.listing.as_mut().filter(|_| room.wanted.contains_key(&name)) {
                    listing.insert(name);
                }
            }
            Heard::Applied((name, version)) => {
                if room.wanted.get(&name).is_some_and(|wanted| wanted.version() != Some(&version)) {
                    fetch.push(name);
                }
            }
            Heard::Complete => {
                room.denied = false;
                let listed = room.listing.take().unwrap_or_default();
                // What was not listed may have been wanted, or made, after its place in the list had passed: a GET
                // knows. What the watch may see, a GET may read.
                let asked = |(name, wanted): &(&Arc<str>, &Wanted)| match wanted.held {
                    Some(Answer::Missing) => false,
                    Some(Answer::Denied(_)) => true,
                    Some(Answer::Found { .. }) | None => !listed.contains(*name),
                };
                fetch.extend(room.wanted.iter().filter(asked).map(|(name, _)| name.clone()));
            }
            Heard::Gone((name, _)) => gone = Some(name),
            Heard::Trouble(Trouble { why: Why::Denied, text }) => {
                tracing::warn!(namespace = &**namespace, "cannot watch {kind}s: {text}; each is asked for by itself");
                room.denied = true;
                fetch.extend(room.wanted.keys().cloned());
            }
            Heard::Trouble(Trouble { text, .. }) => {
                tracing::warn!(
                    namespace = &**namespace,
                    "cannot watch {kind}s now: {text}; what was read before stays"
                );
            }
            Heard::Recovered => tracing::info!(namespace = &**namespace, "watching {kind}s again"),
        }
        let mut changed = Vec::new();
        if let Some(name) = gone
            && let Some(wanted) = room.wanted.get_mut(&name)
        {
            wanted.again |= wanted.fetching;
            if !matches!(wanted.held, Some(Answer::Missing)) && !wanted.fetching {
                wanted.held = Some(Answer::Missing);
                changed.push(ObjectKey::new(namespace.clone(), name));
            }
        }
        for name in fetch {
            self.fetch(kind, &ObjectKey::new(namespace.clone(), name), Duration::ZERO);
        }
        changed
    }

    /// Takes the answer to a GET. True when the object is another one now.
    pub fn fetched(&mut self, kind: ValueKind, object: &ObjectKey, answer: Answer) -> bool {
        let Some(room) = self.rooms.get_mut(&(kind, object.namespace.clone())) else { return false };
        let Some(wanted) = room.wanted.get_mut(&object.name) else { return false };
        wanted.fetching = false;
        let changed = match (&wanted.held, &answer) {
            (Some(Answer::Found { version: a, .. }), Answer::Found { version: b, .. }) => a != b,
            (Some(Answer::Missing), Answer::Missing) => false,
            (Some(Answer::Denied(a)), Answer::Denied(b)) => a != b,
            _ => true,
        };
        let denied = matches!(answer, Answer::Denied(_));
        let ask_again = room.denied || denied;
        wanted.refusals = if denied { wanted.refusals.saturating_add(1) } else { 0 };
        let bears = denied && wanted.refusals < REFUSALS && matches!(wanted.held, Some(Answer::Found { .. }));
        let changed = changed && !bears;
        if !bears {
            wanted.held = Some(answer);
        }
        if std::mem::take(&mut wanted.again) {
            self.fetch(kind, object, Duration::ZERO);
        } else if ask_again {
            self.fetch(kind, object, ASK_AGAIN);
        }
        changed
    }

    /// Starts a GET after `delay`; one that is under way is followed by another one.
    fn fetch(&mut self, kind: ValueKind, object: &ObjectKey, delay: Duration) {
        let Some(room) = self.rooms.get_mut(&(kind, object.namespace.clone())) else { return };
        let Some(wanted) = room.wanted.get_mut(&object.name) else { return };
        if std::mem::replace(&mut wanted.fetching, true) {
            wanted.again = true;
            return;
        }
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &object.namespace, &resource(kind));
        let (gate, inbox, object) = (self.gate.clone(), self.inbox.clone(), object.clone());
        self.tasks.spawn(async move {
            tokio::time::sleep(delay).await;
            let Some(answer) = get(&api, kind, &object, &gate).await else { return };
            // The source has ended, and with it who asked.
            let _ = inbox.send(Inbox::Fetched(kind, object, answer)).await;
        });
    }

    fn watch(&mut self, kind: ValueKind, namespace: Arc<str>) -> AbortHandle {
        let api: Api<PartialObjectMeta<DynamicObject>> =
            Api::namespaced_with(self.client.clone(), &namespace, &resource(kind));
        let inbox = self.inbox.clone();
        self.tasks.spawn(follow(api, watch::config(), inbox, move |heard| {
            let told = heard.map(|object| {
                let metadata = object.metadata;
                let version = metadata.resource_version.unwrap_or_default();
                (metadata.name.unwrap_or_default().into(), version.into())
            });
            Inbox::Values(kind, namespace.clone(), told)
        }))
    }
}

/// Asks until there is an answer. None when nobody waits for one any more.
async fn get(api: &Api<DynamicObject>, kind: ValueKind, object: &ObjectKey, gate: &Semaphore) -> Option<Answer> {
    let mut pause = Pause::default();
    let mut refused = 0_u32;
    loop {
        let _place = gate.acquire().await.ok()?;
        match tokio::time::timeout(PATIENCE, api.get_opt(&object.name)).await {
            Ok(Ok(None)) => return Some(Answer::Missing),
            Ok(Ok(Some(found))) => {
                let version = found.metadata.resource_version.unwrap_or_default().into();
                let (payload, mistakes) = payload(kind, &found.data);
                for mistake in mistakes {
                    tracing::warn!(namespace = &*object.namespace, name = &*object.name, "{kind} {object}: {mistake}");
                }
                return Some(Answer::Found { payload, version });
            }
            Ok(Err(error)) => {
                let Trouble { why, text } = watch::trouble(&error);
                if why == Why::Denied {
                    return Some(Answer::Denied(text));
                }
                refused += u32::from(matches!(error, kube::Error::Api(_)));
                // An API server that is away is told of by the watches; one that answers, and not with this, is not.
                if refused == TRIES_TOLD {
                    let (namespace, name) = (&*object.namespace, &*object.name);
                    tracing::warn!(
                        namespace,
                        name,
                        "cannot read {kind} {object}: {text}; it is asked for again and again, and what refers to it waits"
                    );
                }
            }
            Err(_) => tracing::debug!(namespace = &*object.namespace, name = &*object.name, "reading {kind} timed out"),
        }
        // The place is kept meanwhile: an API server that is away is not asked for each object at once.
        tokio::time::sleep(pause.longer()).await;
    }
}

fn resource(kind: ValueKind) -> ApiResource {
    let (name, plural) = match kind {
        ValueKind::Secret => ("Secret", "secrets"),
        ValueKind::ConfigMap => ("ConfigMap", "configmaps"),
    };
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("", "v1", name), plural)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use hyper::{Request, Response};
    use kube::client::Body;

    use super::*;
    use crate::model::Secret;

    /// With an API server that never answers: what it would say, the test says.
    fn values() -> (Values, mpsc::Receiver<Inbox>) {
        let silent = tower::service_fn(|_: Request<Body>| std::future::pending::<Result<Response<Body>, Infallible>>());
        let (told, inbox) = mpsc::channel(8);
        (Values::new(Client::new(silent, "ns"), told), inbox)
    }

    fn found(version: &str) -> Answer {
        let payload = [("k".to_owned(), Secret::new(version.as_bytes().into()))].into();
        Answer::Found { payload, version: version.into() }
    }

    fn held(values: &Values, name: &str) -> &'static str {
        match values.lookup(ValueKind::Secret, &ObjectKey::new("ns", name), "k") {
            None => "not known",
            Some(Lookup::Found(_)) => "found",
            Some(Lookup::NoObject) => "missing",
            Some(_) => "something else",
        }
    }

    #[tokio::test]
    async fn what_is_wanted_while_a_list_goes_on_is_not_missing_for_having_been_listed_before() {
        let (mut values, _inbox) = values();
        let (namespace, kind) = (Arc::<str>::from("ns"), ValueKind::Secret);
        let (a, b) = (ObjectKey::new("ns", "a"), ObjectKey::new("ns", "b"));
        values.want(kind, &a, true);
        for heard in [Heard::Begin, Heard::Listed(("a".into(), "1".into())), Heard::Listed(("b".into(), "1".into()))] {
            values.heard(kind, &namespace, heard);
        }
        values.want(kind, &b, true);
        assert_eq!(held(&values, "b"), "not known");
        assert!(values.fetched(kind, &a, found("1")) && values.fetched(kind, &b, found("1")));
        assert!(values.heard(kind, &namespace, Heard::Complete).is_empty());
        assert_eq!((held(&values, "a"), held(&values, "b")), ("found", "found"));
        // Whether it is still there, the next GET says.
        assert!(values.fetched(kind, &b, Answer::Missing));
        assert_eq!(held(&values, "b"), "missing");
        // One that goes while it is watched is gone at once; the list had it asked for once more.
        assert!(!values.fetched(kind, &a, found("1")));
        assert_eq!(values.heard(kind, &namespace, Heard::Gone(("a".into(), "2".into()))), [a]);
        assert_eq!(held(&values, "a"), "missing");
    }
}
