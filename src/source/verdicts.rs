//! The verdicts on the checks of one source, what each was reached with, and which checks go in a circle. Pure.
//!
//! Owns what a change of one object means for others: who has to be judged anew. Where the objects come from is
//! each source's own.

use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use serde_json::Value;

use super::{Refused, Verdict, circles};
use crate::{
    health::Reason,
    model::{Labels, ObjectKey},
    validate::{Fault, FieldError, Lookup, References, ValueKind, health_check},
};

/// What an object may refer to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Id {
    Check(ObjectKey),
    Values(ValueKind, ObjectKey),
}

/// The verdict on one check.
pub(super) struct Judged<S> {
    /// What the source keeps of what it was reached from.
    pub source: S,
    pub generation: i64,
    pub labels: Labels,
    pub verdict: Verdict,
    /// What was looked up: a change of one of them makes the check due.
    pub uses: Box<[Id]>,
}

/// Judges the text of a check, in `namespace` when it names none. Gives the mistakes in it, too.
pub(super) fn judge<S>(
    source: S,
    object: &Value,
    namespace: &str,
    generation: i64,
    references: &dyn References,
) -> (Judged<S>, Vec<FieldError>) {
    let asked = Asked { references, uses: RefCell::default() };
    let (verdict, labels, mistakes) = match health_check(object, namespace, &asked) {
        Ok(mut check) => {
            check.generation = generation;
            let labels = check.labels.clone();
            (Verdict::Accepted(Arc::new(check)), labels, Vec::new())
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
        self.uses.borrow_mut().insert(Id::Check(check.clone()));
        self.references.health_check_exists(check)
    }

    fn health_checks(&self, namespace: &str) -> Vec<Arc<str>> {
        self.references.health_checks(namespace)
    }

    fn in_cluster(&self) -> bool {
        self.references.in_cluster()
    }
}

/// The verdicts of one source.
pub(super) struct Verdicts<S> {
    judged: HashMap<ObjectKey, Judged<S>>,
    used_by: HashMap<Id, HashSet<ObjectKey>>,
    /// What to say of the checks whose dependencies go in a circle.
    circles: HashMap<ObjectKey, Arc<str>>,
}

impl<S> Default for Verdicts<S> {
    fn default() -> Self {
        Self { judged: HashMap::new(), used_by: HashMap::new(), circles: HashMap::new() }
    }
}

impl<S> Verdicts<S> {
    pub fn get(&self, key: &ObjectKey) -> Option<&Judged<S>> {
        self.judged.get(key)
    }

    /// Puts the verdict on a check in place of the one before, which it gives back.
    pub fn put(&mut self, key: &ObjectKey, judged: Judged<S>) -> Option<Judged<S>> {
        let before = self.remove(key);
        for id in &judged.uses {
            self.used_by.entry(id.clone()).or_default().insert(key.clone());
        }
        self.judged.insert(key.clone(), judged);
        before
    }

    pub fn remove(&mut self, key: &ObjectKey) -> Option<Judged<S>> {
        let before = self.judged.remove(key)?;
        for id in &before.uses {
            if let Some(users) = self.used_by.get_mut(id) {
                users.remove(key);
                if users.is_empty() {
                    self.used_by.remove(id);
                }
            }
        }
        Some(before)
    }

    /// The checks that asked for `id`.
    pub fn users(&self, id: &Id) -> impl Iterator<Item = &ObjectKey> {
        self.used_by.get(id).into_iter().flatten()
    }

    /// Looks for circles among the dependencies. Gives the checks of which something else is to be said now.
    pub fn find_circles(&mut self) -> Vec<ObjectKey> {
        let circles = circles::find(self.judged.iter().filter_map(|(key, judged)| match &judged.verdict {
            Verdict::Accepted(check) if !check.depends_on.is_empty() => Some((key, &*check.depends_on)),
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

    /// The verdict on a check among all others.
    pub fn verdict(&self, key: &ObjectKey) -> Option<Verdict> {
        let judged = self.judged.get(key)?;
        Some(match self.circles.get(key) {
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
