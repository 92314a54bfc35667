//! Which file says what about which object, and which objects have to be judged anew. Pure.
//!
//! An object may be claimed by several documents; the first in the order of the paths is in force, and when it
//! goes the next one takes over. The documents themselves are not kept: what is due is read again, so that ten
//! thousand checks cost a few hundred bytes each.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
    sync::Arc,
};

use super::judged::Judged;
use crate::{
    model::{Kind, ObjectId, ObjectKey},
    source::{
        Entry, Present,
        digest::Digest,
        manifest::Position,
        verdicts::{Id, Verdicts},
    },
    validate::{Payload, ValueKind},
};

/// One document that says what an object is.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    pub file: Arc<Path>,
    /// Its position among the documents of the file.
    pub number: usize,
    pub start: Position,
    pub content: Digest,
    /// Of its spec alone: what the generation counts.
    pub spec: Digest,
    /// Empty for a check.
    pub payload: Payload,
}

#[derive(Default)]
pub(super) struct Index {
    files: BTreeMap<Arc<Path>, File>,
    /// In the order in which they are in force.
    claims: HashMap<Id, Vec<Claim>>,
    verdicts: Verdicts<Read>,
    /// Objects that have to be judged, by the file that holds them.
    due: BTreeMap<Arc<Path>, BTreeSet<ObjectId>>,
}

/// What a verdict was reached from.
pub(super) struct Read {
    pub content: Digest,
    pub spec: Digest,
}

#[derive(Default)]
struct File {
    claimed: Vec<Id>,
    /// Why it cannot be read now, as a whole or in part.
    trouble: Option<Arc<str>>,
    /// What it claims is of a content that it no longer has.
    from_before: bool,
}

/// What a look at the files has touched so far.
#[derive(Default)]
pub(super) struct Touched {
    /// With the content that was in force before.
    ids: BTreeMap<Id, Option<Digest>>,
    /// Objects whose file was read or cannot be read.
    objects: BTreeSet<ObjectId>,
}

/// A document that is not in force because another one is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shadowed {
    pub id: Id,
    pub file: Arc<Path>,
    pub start: Position,
    pub by: (Arc<Path>, Position),
}

impl Index {
    /// Whether anything of `file` is in force or waits to be.
    pub fn knows(&self, file: &Path) -> bool {
        self.files.get(file).is_some_and(|file| !file.claimed.is_empty())
    }

    /// Why `file` cannot be read now.
    pub fn trouble_of(&self, file: &Path) -> Option<&Arc<str>> {
        self.files.get(file)?.trouble.as_ref()
    }

    /// Whether what `file` says is from before it could not be read any more.
    pub fn is_from_before(&self, file: &Path) -> bool {
        self.files.get(file).is_some_and(|file| file.from_before)
    }

    /// `file` cannot be read now: what it said before stays.
    pub fn trouble(&mut self, file: &Arc<Path>, trouble: Arc<str>, touched: &mut Touched) {
        let held = self.files.entry(file.clone()).or_default();
        held.trouble = Some(trouble);
        held.from_before = true;
        touched.objects.extend(objects_of(&held.claimed));
    }

    /// `file` says this now. `trouble` is set when a part of it could not be read.
    pub fn say(
        &mut self,
        file: &Arc<Path>,
        claims: Vec<(Id, Claim)>,
        trouble: Option<Arc<str>>,
        touched: &mut Touched,
    ) {
        self.gone(file, touched);
        let claimed = claims.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
        touched.objects.extend(objects_of(&claimed));
        for (id, claim) in claims {
            self.touch(&id, touched);
            // Nearly always the only one: the room that a growing list takes in advance would be three times itself.
            let all = self.claims.entry(id).or_insert_with(|| Vec::with_capacity(1));
            let at = all.partition_point(|other| (&other.file, other.number) < (&claim.file, claim.number));
            all.insert(at, claim);
        }
        self.files.insert(file.clone(), File { claimed, trouble, from_before: false });
    }

    /// `file` says nothing any more.
    pub fn gone(&mut self, file: &Arc<Path>, touched: &mut Touched) {
        let Some(held) = self.files.remove(file) else { return };
        for id in held.claimed {
            self.touch(&id, touched);
            if let Some(all) = self.claims.get_mut(&id) {
                all.retain(|claim| claim.file != *file);
            }
        }
    }

    fn touch(&self, id: &Id, touched: &mut Touched) {
        if !touched.ids.contains_key(id) {
            touched.ids.insert(id.clone(), self.in_force(id).map(|claim| claim.content));
        }
    }

    fn in_force(&self, id: &Id) -> Option<&Claim> {
        self.claims.get(id).and_then(|all| all.first())
    }

    /// Finds out what is due. Gives the objects to look at without judging them, and the documents that are
    /// not in force.
    pub fn settle(&mut self, touched: Touched) -> (BTreeSet<ObjectId>, Vec<Shadowed>) {
        let mut shadowed = Vec::new();
        let mut look = touched.objects;
        for (id, before) in touched.ids {
            let after = self.in_force(&id).map(|claim| claim.content);
            // Of an object of ours only its being there matters to others, of values their content.
            let matters = match id {
                Id::Object(_) => before.is_some() != after.is_some(),
                Id::Values(..) => before != after,
            };
            if matters {
                for user in self.verdicts.users(&id).cloned().collect::<Vec<_>>() {
                    self.make_due(&user);
                }
            }
            if let Id::Object(key) = &id {
                look.insert(key.clone());
                match after {
                    None => {
                        self.verdicts.remove(key);
                    }
                    Some(content) if self.judged(key).is_none_or(|judged| judged.source.content != content) => {
                        self.make_due(key);
                    }
                    Some(_) => {}
                }
            }
            match self.claims.get(&id).map(Vec::as_slice) {
                Some([first, others @ ..]) => shadowed.extend(others.iter().map(|other| Shadowed {
                    id: id.clone(),
                    file: other.file.clone(),
                    start: other.start,
                    by: (first.file.clone(), first.start),
                })),
                _ => {
                    self.claims.remove(&id);
                }
            }
        }
        (look, shadowed)
    }

    fn make_due(&mut self, key: &ObjectId) {
        if let Some(claim) = self.in_force(&Id::Object(key.clone())) {
            self.due.entry(claim.file.clone()).or_default().insert(key.clone());
        }
    }

    /// Files that hold something to be judged, and can be read.
    pub fn due_files(&self) -> Vec<Arc<Path>> {
        self.due.keys().filter(|file| !self.is_from_before(file)).cloned().collect()
    }

    /// The objects of `file` to be judged, with their claims. They are no longer due.
    pub fn take_due(&mut self, file: &Arc<Path>) -> Vec<(ObjectId, Claim)> {
        let keys = self.due.remove(file).unwrap_or_default();
        let claim = |id: ObjectId| {
            let claim = self.in_force(&Id::Object(id.clone()))?.clone();
            (claim.file == *file).then_some((id, claim))
        };
        keys.into_iter().filter_map(claim).collect()
    }

    pub fn judged(&self, id: &ObjectId) -> Option<&Judged> {
        self.verdicts.get(id)
    }

    /// Puts the verdict on an object in place of the one before.
    pub fn judge(&mut self, id: &ObjectId, judged: Judged) {
        self.verdicts.put(id, judged);
    }

    /// Looks for circles among the dependencies. Gives the checks of which something else is to be said now.
    pub fn find_circles(&mut self) -> Vec<ObjectKey> {
        self.verdicts.find_circles()
    }

    /// What to say of a check whose dependencies go in a circle, and where it is.
    pub fn circle(&self, key: &ObjectKey) -> Option<(&Arc<str>, &Claim)> {
        Some((self.verdicts.circle(key)?, self.in_force(&Id::Object(ObjectId::check(key.clone())))?))
    }

    /// What the files say of an object now.
    pub fn present(&self, id: &ObjectId) -> Present {
        let claims = self.claims.get(&Id::Object(id.clone())).map(Vec::as_slice).unwrap_or_default();
        let [claim, others @ ..] = claims else { return Present::Gone };
        let (Some(judged), Some(verdict)) = (self.judged(id), self.verdicts.verdict(id)) else {
            // Not judged yet: its file has changed again since.
            return Present::Unsaid;
        };
        Present::Entry(Entry {
            id: id.clone(),
            uid: Arc::default(),
            generation: judged.generation,
            labels: judged.labels.clone(),
            verdict,
            stale: self.files.get(&claim.file).and_then(|file| file.trouble.clone()),
            note: others.first().map(|other| note(other, others.len())),
        })
    }

    /// The values of a Secret or a ConfigMap.
    pub fn payload(&self, kind: ValueKind, object: &ObjectKey) -> Option<&Payload> {
        self.in_force(&Id::Values(kind, object.clone())).map(|claim| &claim.payload)
    }

    pub fn has_check(&self, key: &ObjectKey) -> bool {
        self.in_force(&Id::Object(ObjectId::check(key.clone()))).is_some()
    }

    /// The names of the checks of a namespace.
    pub fn check_names(&self, namespace: &str) -> Vec<Arc<str>> {
        let name = |id: &Id| match id {
            Id::Object(ObjectId { kind: Kind::HealthCheck, key }) if &*key.namespace == namespace => {
                Some(key.name.clone())
            }
            _ => None,
        };
        self.claims.keys().filter_map(name).collect()
    }

    /// How many objects of a kind are claimed.
    pub fn count(&self, of: Kind) -> usize {
        self.claims.keys().filter(|id| matches!(id, Id::Object(ObjectId { kind, .. }) if *kind == of)).count()
    }
}

/// That others are of the same name: the first of them, and how many there are.
fn note(other: &Claim, count: usize) -> Arc<str> {
    let place = format!("{}:{}", other.file.display(), other.start);
    match count {
        1 => format!("in force; {place} is of the same name and is not").into(),
        _ => format!("in force; {place} and {} more are of the same name and are not", count - 1).into(),
    }
}

fn objects_of(ids: &[Id]) -> impl Iterator<Item = ObjectId> {
    ids.iter().filter_map(|id| match id {
        Id::Object(id) => Some(id.clone()),
        Id::Values(..) => None,
    })
}
