//! How alerting hears of what happened: never waited for, by anybody.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use super::acts::{Act, Acted, Asked};
use crate::{
    alert::{book::Seen, desk},
    model::{ObjectId, ObjectKey},
};

/// State changes of checks that wait. Ten thousand checks that fail at once, and again some seconds later, are in it;
/// what is over it makes everything be looked at as it is then.
const CHECKS_MAX: usize = 65_536;

/// Acts of people that wait: one per request under way, of which the server has fewer.
const ACTS_MAX: usize = 1_024;

/// The way in. Cheap to clone.
#[derive(Clone, Default)]
pub struct Bell(Arc<Inner>);

#[derive(Default)]
struct Inner {
    inbox: Mutex<Inbox>,
    rung: Notify,
}

/// What was said since the last time.
#[derive(Default)]
pub(super) struct Inbox {
    /// Keys and nothing else: as many as there are objects.
    pub(super) objects: BTreeSet<ObjectId>,
    /// Names, as many as there are namespaces.
    pub(super) namespaces: BTreeSet<Arc<str>>,
    pub(super) checks: VecDeque<(ObjectKey, Option<Seen>)>,
    /// There was no room for some changes.
    pub(super) missed: bool,
    /// Everything that is configured was told once.
    pub(super) ready: bool,
    /// For the desk: what became of notifications (as many as wait in the outboxes at most), and what people do.
    pub(super) desk: VecDeque<desk::Event>,
    /// What people want done; each waits for its answer.
    pub(super) acts: VecDeque<Asked>,
}

impl Bell {
    /// An object other than a check was added, changed or removed.
    pub fn object(&self, id: ObjectId) {
        self.0.inbox.lock().objects.insert(id);
        self.0.rung.notify_one();
    }

    /// The labels of a namespace are others.
    pub fn namespace(&self, name: Arc<str>) {
        self.0.inbox.lock().namespaces.insert(name);
        self.0.rung.notify_one();
    }

    /// A check is another now, or gone.
    pub fn check(&self, key: ObjectKey, seen: Option<Seen>) {
        {
            let mut inbox = self.0.inbox.lock();
            if inbox.checks.len() < CHECKS_MAX {
                inbox.checks.push_back((key, seen));
            } else {
                inbox.missed = true;
            }
        }
        self.0.rung.notify_one();
    }

    /// Everything that is configured was told once.
    pub fn ready(&self) {
        self.0.inbox.lock().ready = true;
        self.0.rung.notify_one();
    }

    pub fn desk(&self, event: desk::Event) {
        self.0.inbox.lock().desk.push_back(event);
        self.0.rung.notify_one();
    }

    /// Has something done on behalf of somebody. None when there is no room, or alerting has ended.
    pub async fn act(&self, act: Act) -> Option<Acted> {
        let (reply, answer) = oneshot::channel();
        {
            let mut inbox = self.0.inbox.lock();
            if inbox.acts.len() >= ACTS_MAX {
                return None;
            }
            inbox.acts.push_back(Asked { act, reply });
        }
        self.0.rung.notify_one();
        answer.await.ok()
    }

    /// What was said since the last time; of checks at most `gulp`.
    pub(super) fn take(&self, gulp: usize) -> Inbox {
        let mut inbox = self.0.inbox.lock();
        let rest = if inbox.checks.len() > gulp { inbox.checks.split_off(gulp) } else { VecDeque::new() };
        // What is behind the rest has to wait for it.
        if rest.is_empty() {
            return std::mem::take(&mut inbox);
        }
        self.0.rung.notify_one();
        Inbox {
            checks: std::mem::replace(&mut inbox.checks, rest),
            objects: std::mem::take(&mut inbox.objects),
            namespaces: std::mem::take(&mut inbox.namespaces),
            ready: std::mem::take(&mut inbox.ready),
            desk: std::mem::take(&mut inbox.desk),
            acts: std::mem::take(&mut inbox.acts),
            missed: false,
        }
    }

    /// Ends when something was said since [`Bell::take`], also before this was called.
    pub(super) async fn rung(&self) {
        self.0.rung.notified().await;
    }
}
