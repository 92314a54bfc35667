//! The verdicts on the objects of one source, what each was reached with, and which checks go in a circle. Pure.
//!
//! Owns what a change of one object means for others: who has to be judged anew. Where the objects come from is
//! each source's own.

use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;

use super::{Refused, Verdict, circles};
use crate::{
    health::Reason,
    model::{Kind, Labels, Object, ObjectId, ObjectKey},
    validate::{self, Fault, FieldError, Lookup, References, ValueKind},
};

/// What an object may refer to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Id {
    Object(ObjectId),
    Values(ValueKind, ObjectKey),
}

/// The verdict on one object.
pub(super) struct Judged<S> {
    /// What the source keeps of what it was reached from.
    pub source: S,
    pub generation: i64,
    pub labels: Labels,
    pub verdict: Verdict,
    /// What was looked up: a change of one of them makes the object due.
    pub uses: Box<[Id]>,
}

/// Judges the text of an object, in `namespace` when it names none. Gives the mistakes in it, too.
pub(super) fn judge<S>(
    source: S,
    kind: Kind,
    object: &Value,
    namespace: &str,
    generation: i64,
    references: &dyn References,
) -> (Judged<S>, Vec<FieldError>) {
    let asked = Asked { references, uses: RefCell::default() };
    let (verdict, labels, mistakes) = match validate::object(kind, object, namespace, &asked) {
        Ok(model) => {
            let labels = model.labels().clone();
            (Verdict::Accepted(model.of_generation(generation)), labels, Vec::new())
        }
        Err(invalid) => (Verdict::Refused(Refused::from(&invalid)), labels(object), invalid.0),
    };
    let uses = asked.uses.into_inner().into_iter().collect();
    (Judged { source, generation, labels, verdict, uses }, mistakes)
}

/// Remembers what was asked for.
struct Asked<'r> {
    references: &'r dyn References,
    uses: RefCell<BTreeSet<Id>>,
}

impl References for Asked<'_> {
    fn value(&self, kind: ValueKind, object: &ObjectKey, key: &str) -> Lookup {
        self.uses.borrow_mut().insert(Id::Values(kind, object.clone()));
        self.references.value(kind, object, key)
    }

    fn health_check_exists(&self, check: &ObjectKey) -> bool {
        self.uses.borrow_mut().insert(Id::Object(ObjectId::check(check.clone())));
        self.references.health_check_exists(check)
    }

    fn health_checks(&self, namespace: &str) -> Vec<Arc<str>> {
        self.references.health_checks(namespace)
    }

    fn in_cluster(&self) -> bool {
        self.references.in_cluster()
    }

    fn is_operators(&self, namespace: &str) -> bool {
        self.references.is_operators(namespace)
    }

    fn retention(&self) -> Duration {
        self.references.retention()
    }
}

/// The verdicts of one source.
pub(super) struct Verdicts<S> {
    judged: HashMap<ObjectId, Judged<S>>,
    used_by: HashMap<Id, HashSet<ObjectId>>,
    /// What to say of the checks whose dependencies go in a circle.
    circles: HashMap<ObjectKey, Arc<str>>,
}

impl<S> Default for Verdicts<S> {
    fn default() -> Self {
        Self { judged: HashMap::new(), used_by: HashMap::new(), circles: HashMap::new() }
    }
}

impl<S> Verdicts<S> {
    pub fn get(&self, id: &ObjectId) -> Option<&Judged<S>> {
        self.judged.get(id)
    }

    /// Puts the verdict on an object in place of the one before, which it gives back.
    pub fn put(&mut self, id: &ObjectId, judged: Judged<S>) -> Option<Judged<S>> {
        let before = self.remove(id);
        for used in &judged.uses {
            self.used_by.entry(used.clone()).or_default().insert(id.clone());
        }
        self.judged.insert(id.clone(), judged);
        before
    }

    pub fn remove(&mut self, id: &ObjectId) -> Option<Judged<S>> {
        let before = self.judged.remove(id)?;
        for used in &before.uses {
            if let Some(users) = self.used_by.get_mut(used) {
                users.remove(id);
                if users.is_empty() {
                    self.used_by.remove(used);
                }
            }
        }
        Some(before)
    }

    /// The objects that asked for `id`.
    pub fn users(&self, id: &Id) -> impl Iterator<Item = &ObjectId> {
        self.used_by.get(id).into_iter().flatten()
    }

    /// Looks for circles among the dependencies. Gives the checks of which something else is to be said now.
    pub fn find_circles(&mut self) -> Vec<ObjectKey> {
        let circles = circles::find(self.judged.iter().filter_map(|(id, judged)| match &judged.verdict {
            Verdict::Accepted(Object::HealthCheck(check)) if !check.depends_on.is_empty() => {
                Some((&id.key, &*check.depends_on))
            }
            _ => None,
        }));
        let mut changed: Vec<_> = self.circles.keys().filter(|key| !circles.contains_key(*key)).cloned().collect();
        changed.extend(
            circles.iter().filter(|(key, text)| self.circles.get(*key) != Some(*text)).map(|(key, _)| key.clone()),
        );
        self.circles = circles;
        changed.sort();
        changed
    }

    /// What to say of a check whose dependencies go in a circle.
    pub fn circle(&self, key: &ObjectKey) -> Option<&Arc<str>> {
        self.circles.get(key)
    }

    /// The verdict on an object among all others.
    pub fn verdict(&self, id: &ObjectId) -> Option<Verdict> {
        let judged = self.judged.get(id)?;
        let circle = self.circles.get(&id.key).filter(|_| id.kind == Kind::HealthCheck);
        Some(match circle {
            Some(text) => Verdict::Refused(Refused {
                ready_reason: Fault::InvalidSpec.as_str(),
                reason: Reason::InvalidSpec,
                message: text.clone(),
            }),
            None => judged.verdict.clone(),
        })
    }
}

/// Labels as far as they are text, for an object that is refused.
fn labels(object: &Value) -> Labels {
    let labels = object.pointer("/metadata/labels").and_then(Value::as_object);
    let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    Arc::new(labels.into_iter().flatten().filter_map(text).collect())
}
