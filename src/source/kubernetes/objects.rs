//! The objects of one kind of the cluster as they were seen, and the verdicts on them. Pure.
//!
//! Owns what a message of a watch means for the objects: who is judged, who waits for a value that is being fetched,
//! who is gone. Kept of an object: its verdict, and its text when something that it refers to may change.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;

use super::object::Seen;
use crate::{
    health::Reason,
    model::{Kind, Labels, Object, ObjectId, ObjectKey},
    source::{
        Entry, Present, Refused, Verdict,
        digest::{Digest, digest},
        verdicts::{self, Id, Judged, Verdicts},
    },
    validate::{self, Fault, Lookup, References, ValueKind},
};

/// The Secrets and ConfigMaps that are known.
pub(super) trait Held {
    /// What `key` of an object holds; None when it is not known yet.
    fn lookup(&self, kind: ValueKind, object: &ObjectKey, key: &str) -> Option<Lookup>;
}

/// What a verdict was reached from.
struct From {
    uid: Arc<str>,
    digest: Digest,
    /// None when nothing that it refers to can change.
    text: Option<Box<[u8]>>,
    /// What it refers to is not known yet: there is no verdict.
    waits: bool,
}

/// The objects of one watch.
struct Scope {
    /// None: all.
    namespace: Option<Arc<str>>,
    /// Since a list began.
    listing: Option<HashSet<ObjectKey>>,
}

pub(super) struct Objects {
    kind: Kind,
    scopes: Vec<Scope>,
    /// The namespace that Probity itself runs in.
    operator: Arc<str>,
    /// How long history is kept.
    retention: Duration,
    verdicts: Verdicts<From>,
    names: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    due: BTreeSet<ObjectKey>,
    changed: BTreeSet<ObjectKey>,
    /// Whether a dependency came, went or changed since circles were looked for.
    depends: bool,
    /// Values that objects began or ceased to refer to.
    wants: BTreeSet<(ValueKind, ObjectKey)>,
    waiting: HashSet<ObjectKey>,
}

impl Objects {
    /// Those of a Probity that runs in the namespace `operator`.
    #[must_use]
    pub fn run_from(self, operator: Arc<str>) -> Self {
        Self { operator, ..self }
    }

    /// The same where history is kept for so long.
    #[must_use]
    pub fn keeping(self, retention: Duration) -> Self {
        Self { retention, ..self }
    }

    /// One scope for each of `namespaces`; None is the whole cluster.
    pub fn new(kind: Kind, namespaces: &[Option<Arc<str>>]) -> Self {
        let scope = |namespace: &Option<Arc<str>>| Scope { namespace: namespace.clone(), listing: None };
        Self {
            kind,
            scopes: namespaces.iter().map(scope).collect(),
            operator: Arc::default(),
            retention: validate::RETENTION,
            verdicts: Verdicts::default(),
            names: BTreeMap::new(),
            due: BTreeSet::new(),
            changed: BTreeSet::new(),
            depends: false,
            wants: BTreeSet::new(),
            waiting: HashSet::new(),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.names.values().map(BTreeSet::len).sum()
    }

    /// Whether some wait for what they refer to.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub fn begin(&mut self, scope: usize) {
        if let Some(scope) = self.scopes.get_mut(scope) {
            scope.listing = Some(HashSet::new());
        }
    }

    /// Everything of the scope was told: what was not is gone.
    pub fn complete(&mut self, scope: usize) {
        let Some(scope) = self.scopes.get_mut(scope) else { return };
        let (Some(listed), namespace) = (scope.listing.take(), scope.namespace.clone()) else { return };
        let namespaces: Vec<_> = match namespace {
            Some(namespace) => vec![namespace],
            None => self.names.keys().cloned().collect(),
        };
        for namespace in namespaces {
            let names = self.names.get(&namespace).cloned().unwrap_or_default();
            for key in names.into_iter().map(|name| ObjectKey::new(namespace.clone(), name)) {
                if !listed.contains(&key) {
                    self.remove(&key);
                }
            }
        }
        // A dependency that was not there while the list went on is missing now.
        self.due.extend(self.waiting.iter().cloned());
    }

    pub fn seen(&mut self, scope: usize, seen: Seen, values: &dyn Held) {
        let Seen { key, uid, generation, text, status: _ } = seen;
        if let Some(listing) = self.scopes.get_mut(scope).and_then(|scope| scope.listing.as_mut()) {
            listing.insert(key.clone());
        }
        let bytes = match &text {
            // A value has nothing in it that cannot be written.
            Ok(text) => serde_json::to_vec(text).unwrap_or_default(),
            Err(why) => why.clone().into_bytes(),
        };
        let digest = digest(&bytes);
        if self
            .verdicts
            .get(&self.id(&key))
            .is_some_and(|held| (&held.source.uid, held.source.digest) == (&uid, digest))
        {
            return;
        }
        let is_new = self.names.entry(key.namespace.clone()).or_default().insert(key.name.clone());
        let from = From { uid, digest, text: None, waits: false };
        match text {
            Ok(text) => self.judge(&key, from, generation, &text, bytes, values),
            Err(why) => {
                let message = why.chars().take(crate::source::refused::MAX_MESSAGE_BYTES).collect::<String>().into();
                let verdict = Verdict::Refused(Refused {
                    ready_reason: Fault::InvalidSpec.as_str(),
                    reason: Reason::InvalidSpec,
                    message,
                });
                let labels = Labels::default();
                self.put(&key, Judged { source: from, generation, labels, verdict, uses: Box::default() });
            }
        }
        if is_new {
            self.users_are_due(&Id::Object(self.id(&key)));
        }
    }

    /// The object of that uid is gone; another one of the same name may have been told already.
    pub fn gone(&mut self, key: &ObjectKey, uid: &str) {
        if self.verdicts.get(&self.id(key)).is_some_and(|held| &*held.source.uid == uid) {
            self.remove(key);
        }
    }

    /// A Secret or a ConfigMap is another one now.
    pub fn value_changed(&mut self, kind: ValueKind, object: &ObjectKey) {
        self.users_are_due(&Id::Values(kind, object.clone()));
    }

    /// Judges what is due. Gives the checks of which something else may have to be said now.
    pub fn settle(&mut self, values: &dyn Held) -> BTreeSet<ObjectKey> {
        // One that is judged makes no other one due: only its coming and going does.
        for key in std::mem::take(&mut self.due) {
            let Some(held) = self.verdicts.get(&self.id(&key)) else { continue };
            let Some(bytes) = held.source.text.clone() else { continue };
            let from = From { uid: held.source.uid.clone(), digest: held.source.digest, text: None, waits: false };
            let generation = held.generation;
            if let Ok(text) = serde_json::from_slice::<Value>(&bytes) {
                self.judge(&key, from, generation, &text, bytes.into(), values);
            }
        }
        if std::mem::take(&mut self.depends) {
            self.changed.extend(self.verdicts.find_circles());
        }
        std::mem::take(&mut self.changed)
    }

    /// Values that objects began or ceased to refer to since this was asked last.
    pub fn take_wants(&mut self) -> BTreeSet<(ValueKind, ObjectKey)> {
        std::mem::take(&mut self.wants)
    }

    /// What is to be said of an object now.
    pub fn present(&self, key: &ObjectKey) -> Present {
        let id = self.id(key);
        let (Some(judged), Some(verdict)) = (self.verdicts.get(&id), self.verdicts.verdict(&id)) else {
            return Present::Gone;
        };
        if judged.source.waits {
            // What it refers to is not known yet.
            return Present::Unsaid;
        }
        Present::Entry(Entry {
            id,
            uid: judged.source.uid.clone(),
            generation: judged.generation,
            labels: judged.labels.clone(),
            verdict,
            stale: None,
            note: None,
        })
    }

    fn judge(&mut self, key: &ObjectKey, from: From, generation: i64, text: &Value, bytes: Vec<u8>, values: &dyn Held) {
        let listing = self.scopes.iter().any(|scope| {
            scope.listing.is_some() && scope.namespace.as_ref().is_none_or(|namespace| *namespace == key.namespace)
        });
        let (names, operator, retention) = (&self.names, &*self.operator, self.retention);
        let known = Known { names, values, operator, retention, listing, unknown: Cell::new(false) };
        let (mut judged, _) = verdicts::judge(from, self.kind, text, &key.namespace, generation, &known);
        judged.source.waits = known.unknown.get();
        judged.source.text = (!judged.uses.is_empty()).then(|| bytes.into());
        self.put(key, judged);
    }

    fn put(&mut self, key: &ObjectKey, judged: Judged<From>) {
        self.depends |= depends(&judged);
        if judged.source.waits {
            self.waiting.insert(key.clone());
        } else {
            self.waiting.remove(key);
        }
        let uses = judged.uses.clone();
        let before = self.verdicts.put(&self.id(key), judged);
        self.changed.insert(key.clone());
        if let Some(before) = before {
            self.depends |= depends(&before);
            self.note_wants(&before.uses);
        }
        self.note_wants(&uses);
    }

    fn remove(&mut self, key: &ObjectKey) {
        let Some(before) = self.verdicts.remove(&self.id(key)) else { return };
        if let Some(names) = self.names.get_mut(&key.namespace) {
            names.remove(&key.name);
            if names.is_empty() {
                self.names.remove(&key.namespace);
            }
        }
        self.depends |= depends(&before);
        self.waiting.remove(key);
        self.note_wants(&before.uses);
        self.changed.insert(key.clone());
        self.users_are_due(&Id::Object(self.id(key)));
    }

    fn id(&self, key: &ObjectKey) -> ObjectId {
        ObjectId::new(self.kind, key.clone())
    }

    fn users_are_due(&mut self, id: &Id) {
        self.due.extend(self.verdicts.users(id).map(|user| user.key.clone()));
    }

    /// Whether any of them refers to a Secret or a ConfigMap.
    pub fn wants(&self, kind: ValueKind, object: &ObjectKey) -> bool {
        self.verdicts.users(&Id::Values(kind, object.clone())).next().is_some()
    }

    fn note_wants(&mut self, uses: &[Id]) {
        for id in uses {
            if let Id::Values(kind, object) = id {
                self.wants.insert((*kind, object.clone()));
            }
        }
    }
}

fn depends(judged: &Judged<From>) -> bool {
    matches!(&judged.verdict, Verdict::Accepted(Object::HealthCheck(check)) if !check.depends_on.is_empty())
}

/// What the cluster is known to hold.
struct Known<'k> {
    names: &'k BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    values: &'k dyn Held,
    operator: &'k str,
    retention: Duration,
    /// A check that is not there may still be told.
    listing: bool,
    /// Whether something was asked for of which it is not known whether it is there.
    unknown: Cell<bool>,
}

impl References for Known<'_> {
    fn value(&self, kind: ValueKind, object: &ObjectKey, key: &str) -> Lookup {
        self.values.lookup(kind, object, key).unwrap_or_else(|| {
            self.unknown.set(true);
            Lookup::NoObject
        })
    }

    fn health_check_exists(&self, check: &ObjectKey) -> bool {
        let there = self.names.get(&check.namespace).is_some_and(|names| names.contains(&check.name));
        if !there && self.listing {
            self.unknown.set(true);
        }
        there
    }

    fn health_checks(&self, namespace: &str) -> Vec<Arc<str>> {
        self.names.get(namespace).into_iter().flatten().cloned().collect()
    }

    fn in_cluster(&self) -> bool {
        true
    }

    fn is_operators(&self, namespace: &str) -> bool {
        self.operator == namespace
    }

    fn retention(&self) -> Duration {
        self.retention
    }
}

#[cfg(test)]
mod tests;
