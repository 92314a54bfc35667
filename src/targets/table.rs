//! What the watches know, and who wants to know it: shared between the engine and `controller::discovery`.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use parking_lot::RwLock;
use tokio::sync::Notify;

use super::{
    facts::{Fact, Scope, concerns, scopes},
    resolve::{Found, Knowledge, Objects, Trouble, resolve},
};
use crate::model::{HealthCheck, ObjectKey, Seek};

/// The present of all that is watched. Empty stand-alone, where nothing is.
///
/// It holds as much as the namespaces hold in which a check looks for something: some 300 bytes for each Pod, Service
/// and EndpointSlice, and 40 for each endpoint.
#[derive(Default)]
pub struct Targets {
    inner: RwLock<Inner>,
    bell: Notify,
}

#[derive(Default)]
struct Inner {
    known: HashMap<Scope, Knowledge>,
    /// Who looks for something in a scope.
    wanted: HashMap<Scope, HashMap<ObjectKey, Arc<Seek>>>,
    /// The scopes of each check that looks for something.
    checks: HashMap<ObjectKey, Vec<Scope>>,
}

impl Targets {
    /// Notes what the check under `key` looks for from now on; None when there is no such check.
    pub fn want(&self, key: &ObjectKey, check: Option<&HealthCheck>) {
        let seek = check.and_then(|check| check.seek.as_ref());
        // Nearly every check has a fixed address.
        if seek.is_none() && !self.inner.read().checks.contains_key(key) {
            return;
        }
        let scopes = check.map(scopes).unwrap_or_default();
        let mut inner = self.inner.write();
        let before = inner.checks.remove(key).unwrap_or_default();
        for scope in &before {
            if let Some(checks) = inner.wanted.get_mut(scope) {
                checks.remove(key);
            }
        }
        if let Some(seek) = seek {
            for scope in &scopes {
                inner.wanted.entry(scope.clone()).or_default().insert(key.clone(), seek.clone());
            }
            inner.checks.insert(key.clone(), scopes.clone());
        }
        inner.wanted.retain(|_, checks| !checks.is_empty());
        drop(inner);
        if before != scopes {
            self.bell.notify_one();
        }
    }

    /// The targets of a check, as far as they are known now.
    pub fn find(&self, check: &Arc<HealthCheck>) -> Found {
        if check.seek.is_none() {
            return resolve(check, &|_| None);
        }
        let inner = self.inner.read();
        resolve(check, &|scope| inner.known.get(scope))
    }

    /// What has to be watched now.
    pub fn wanted(&self) -> BTreeSet<Scope> {
        self.inner.read().wanted.keys().cloned().collect()
    }

    /// Waits until [`Targets::wanted`] may be another one. For one waiter.
    pub async fn changed(&self) {
        self.bell.notified().await;
    }

    /// A scope was read whole. Whose targets may be others now.
    pub fn replace(&self, scope: &Scope, objects: impl IntoIterator<Item = (Arc<str>, Fact)>) -> Vec<ObjectKey> {
        let objects: Objects = objects.into_iter().collect();
        self.know(scope, |known| known.read = Some(objects))
    }

    /// An object came, changed or went. Whose targets may be others now.
    pub fn apply(&self, scope: &Scope, name: &Arc<str>, fact: Option<Fact>) -> Vec<ObjectKey> {
        let mut inner = self.inner.write();
        let read = inner.known.get_mut(scope).and_then(|known| known.read.as_mut());
        let Some(objects) = read else { return Vec::new() };
        let before = match &fact {
            Some(fact) if objects.get(name) == Some(fact) => return Vec::new(),
            Some(fact) => objects.insert(name.clone(), fact.clone()),
            None => objects.remove(name),
        };
        let facts: Vec<&Fact> = before.iter().chain(&fact).collect();
        let wanted = inner.wanted.get(scope).into_iter().flatten();
        let concerned = wanted.filter(|(_, seek)| facts.iter().any(|fact| concerns(seek, name, fact)));
        concerned.map(|(key, _)| key.clone()).collect()
    }

    /// A scope cannot be followed now; `denied` is whether Probity may not. Whose targets that touches.
    pub fn trouble(&self, scope: &Scope, denied: bool, why: &str) -> Vec<ObjectKey> {
        self.know(scope, |known| known.trouble = Some(Trouble { denied, why: why.into() }))
    }

    /// The trouble is over, and what was known is followed again.
    pub fn recovered(&self, scope: &Scope) -> Vec<ObjectKey> {
        self.know(scope, |known| known.trouble = None)
    }

    /// Nobody looks for anything in it any more.
    pub fn forget(&self, scope: &Scope) {
        self.inner.write().known.remove(scope);
    }

    fn know(&self, scope: &Scope, change: impl FnOnce(&mut Knowledge)) -> Vec<ObjectKey> {
        let mut inner = self.inner.write();
        let known = inner.known.entry(scope.clone()).or_default();
        let before = known.clone();
        change(known);
        // What is known stands while the API server is away: nobody's targets are others.
        let denied = |known: &Knowledge| known.trouble.as_ref().is_some_and(|trouble| trouble.denied);
        let same = before.read == known.read
            && denied(&before) == denied(known)
            && (before.read.is_some() || before.trouble == known.trouble);
        if same {
            return Vec::new();
        }
        inner.wanted.get(scope).map(|checks| checks.keys().cloned().collect()).unwrap_or_default()
    }
}
