//! The labels of namespaces, watched from when the first channel says by them who may use it.
//!
//! Owns that watch, and what is told of it. Metadata alone is read. Where that is not permitted, nobody is let in, and
//! channels that ask for labels are looked at again, so that they say so. Called by the source's loop.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use kube::{
    Api, Client,
    core::{ApiResource, DynamicObject, GroupVersionKind, PartialObjectMeta},
};
use tokio::{
    sync::mpsc,
    task::{JoinError, JoinSet},
};

use super::{
    Inbox,
    watch::{self, Heard, Trouble, Why, follow},
};
use crate::{
    model::{Kind, Labels, ObjectId, ObjectKey},
    source::{Catalog, Event},
};

pub(super) struct Namespaces {
    client: Client,
    inbox: mpsc::Sender<Inbox>,
    catalog: Arc<Catalog>,
    /// Channels that ask for labels.
    users: BTreeSet<ObjectKey>,
    /// The watch, once it was needed: it goes on, as who needed it may need it again.
    watch: JoinSet<()>,
    /// All were told once, or may not be read.
    settled: bool,
    /// Names that were told since a list began.
    listing: Option<HashSet<Arc<str>>>,
}

impl Namespaces {
    pub fn new(client: Client, inbox: mpsc::Sender<Inbox>, catalog: Arc<Catalog>) -> Self {
        let (users, watch) = (BTreeSet::new(), JoinSet::new());
        Self { client, inbox, catalog, users, watch, settled: false, listing: None }
    }

    /// Whether a channel asks for labels now.
    pub fn used_by(&mut self, channel: &ObjectKey, uses: bool) {
        if !uses {
            self.users.remove(channel);
            return;
        }
        self.users.insert(channel.clone());
        if self.watch.is_empty() {
            let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Namespace"));
            let api: Api<PartialObjectMeta<DynamicObject>> = Api::all_with(self.client.clone(), &resource);
            self.watch.spawn(follow(api, watch::config(), self.inbox.clone(), |heard| {
                Inbox::Namespaces(heard.map(|object| {
                    let metadata = object.metadata;
                    (metadata.name.unwrap_or_default().into(), Arc::new(metadata.labels.unwrap_or_default()))
                }))
            }));
        }
    }

    /// Whether somebody needs labels that have not come yet.
    pub fn is_waiting(&self) -> bool {
        !self.users.is_empty() && !self.settled
    }

    /// Waits for the watch to end; None while there is none.
    pub async fn ended(&mut self) -> Option<Result<(), JoinError>> {
        self.watch.join_next().await
    }

    /// Takes what the watch told. Gives what the engine has to know.
    pub fn heard(&mut self, heard: Heard<(Arc<str>, Labels)>) -> Vec<Event> {
        let known = &self.catalog.namespaces;
        let mut changed = BTreeSet::new();
        let mut unread = known.unread();
        match heard {
            Heard::Begin => self.listing = Some(HashSet::new()),
            Heard::Listed((name, labels)) => {
                if let Some(listing) = &mut self.listing {
                    listing.insert(name.clone());
                }
                changed.extend(known.set(&name, Some(labels)).then_some(name));
            }
            Heard::Applied((name, labels)) => changed.extend(known.set(&name, Some(labels)).then_some(name)),
            Heard::Gone((name, _)) => changed.extend(known.set(&name, None).then_some(name)),
            Heard::Complete => {
                let listed = self.listing.take().unwrap_or_default();
                let gone = known.names().into_iter().filter(|name| !listed.contains(name));
                changed.extend(gone.filter(|name| known.set(name, None)));
                (self.settled, unread) = (true, None);
            }
            Heard::Trouble(Trouble { why: Why::Denied, text }) => {
                tracing::warn!(
                    "cannot read Namespaces: {text}; channels that say by labels who may use them let nobody in but \
                     their own namespace; grant it, as rbac.namespaces of the chart does"
                );
                // What was read before may be so no longer.
                changed.extend(known.names().into_iter().filter(|name| known.set(name, None)));
                (self.settled, unread) = (true, Some(text));
            }
            Heard::Trouble(Trouble { text, .. }) => {
                tracing::warn!("cannot read Namespaces now: {text}; what was read before stays");
            }
            Heard::Recovered => tracing::info!("reading Namespaces again"),
        }
        let mut events: Vec<_> = changed.into_iter().map(Event::Namespace).collect();
        if known.set_unread(unread) {
            let channel = |key: &ObjectKey| Event::Changed(ObjectId::new(Kind::NotificationChannel, key.clone()));
            events.extend(self.users.iter().map(channel));
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use hyper::{Request, Response};
    use kube::client::Body;

    use super::*;

    /// With an API server that never answers: what it would say, the test says.
    fn namespaces() -> (Namespaces, Arc<Catalog>) {
        let silent = tower::service_fn(|_: Request<Body>| std::future::pending::<Result<Response<Body>, Infallible>>());
        let (told, _) = mpsc::channel(8);
        let catalog = Arc::<Catalog>::default();
        (Namespaces::new(Client::new(silent, "ns"), told, catalog.clone()), catalog)
    }

    fn labels(team: &str) -> Labels {
        Arc::new([("team".to_owned(), team.to_owned())].into())
    }

    fn one(name: &str, team: &str) -> (Arc<str>, Labels) {
        (name.into(), labels(team))
    }

    fn told(name: &str) -> Event {
        Event::Namespace(name.into())
    }

    #[tokio::test]
    async fn labels_are_known_from_when_a_channel_asks_and_only_what_changed_is_told() {
        let (mut namespaces, catalog) = namespaces();
        let channel = ObjectKey::new("ops", "pager");
        assert!(!namespaces.is_waiting() && namespaces.watch.is_empty());
        namespaces.used_by(&channel, true);
        assert!(namespaces.is_waiting() && !namespaces.watch.is_empty());
        assert_eq!(namespaces.heard(Heard::Begin), []);
        assert_eq!(namespaces.heard(Heard::Listed(one("a", "x"))), [told("a")]);
        assert_eq!(namespaces.heard(Heard::Listed(one("b", "x"))), [told("b")]);
        assert_eq!(namespaces.heard(Heard::Complete), []);
        assert!(!namespaces.is_waiting());
        assert_eq!(namespaces.heard(Heard::Applied(one("a", "x"))), []);
        assert_eq!(namespaces.heard(Heard::Applied(one("a", "y"))), [told("a")]);
        assert_eq!(catalog.namespaces.labels("a"), Some(labels("y")));
        // What a new list does not have is gone.
        namespaces.heard(Heard::Begin);
        assert_eq!(namespaces.heard(Heard::Listed(one("a", "y"))), []);
        assert_eq!(namespaces.heard(Heard::Complete), [told("b")]);
        assert_eq!(namespaces.heard(Heard::Gone(one("a", "y"))), [told("a")]);
        assert_eq!(catalog.namespaces.labels("a"), None);
    }

    #[tokio::test]
    async fn where_they_may_not_be_read_nothing_is_known_and_the_channels_that_ask_are_told() {
        let (mut namespaces, catalog) = namespaces();
        let channel = ObjectKey::new("ops", "pager");
        namespaces.used_by(&channel, true);
        for heard in [Heard::Begin, Heard::Listed(one("a", "x")), Heard::Complete] {
            namespaces.heard(heard);
        }
        let denied = || Heard::Trouble(Trouble { why: Why::Denied, text: "forbidden".into() });
        let asks = Event::Changed(ObjectId::new(Kind::NotificationChannel, channel));
        assert_eq!(namespaces.heard(denied()), [told("a"), asks.clone()]);
        assert_eq!((catalog.namespaces.labels("a"), catalog.namespaces.unread()), (None, Some("forbidden".into())));
        assert_eq!(namespaces.heard(denied()), []);
        namespaces.heard(Heard::Begin);
        assert_eq!(namespaces.heard(Heard::Complete), [asks]);
        assert_eq!(catalog.namespaces.unread(), None);
    }
}
