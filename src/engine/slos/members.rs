//! Which checks an SLOTarget is about: those of its namespace that its selector finds now. Pure.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use crate::{
    engine::CheckCell,
    model::{Labels, ObjectKey, Selector},
};

/// The checks of one namespace, by their labels: ten thousand targets that each name one of ten thousand checks must
/// not come to a hundred million looks.
pub(super) struct Members {
    checks: Vec<Member>,
    by_label: HashMap<(String, String), Vec<usize>>,
}

/// One check, as far as an SLO is about it.
#[derive(Clone)]
pub(super) struct Member {
    pub(super) key: ObjectKey,
    pub(super) labels: Labels,
    pub(super) cell: Arc<CheckCell>,
}

impl Members {
    /// Those of `namespace`. One whose spec is refused runs no more, but what was seen of it counts.
    pub(super) fn of(checks: &BTreeMap<ObjectKey, Arc<CheckCell>>, namespace: &str) -> Self {
        let mut members = Self { checks: Vec::new(), by_label: HashMap::new() };
        let first = ObjectKey::new(namespace, "");
        for (key, cell) in checks.range(first..).take_while(|(key, _)| &*key.namespace == namespace) {
            let labels = cell.view.load().labels.clone();
            for (name, value) in labels.iter() {
                members.by_label.entry((name.clone(), value.clone())).or_default().push(members.checks.len());
            }
            members.checks.push(Member { key: key.clone(), labels, cell: cell.clone() });
        }
        members
    }

    /// Those that the selector finds, by name.
    pub(super) fn find(&self, selector: &Selector) -> Vec<Member> {
        let takes = |member: &&Member| selector.matches(&member.labels);
        match selector.pinned() {
            Some((name, value)) => {
                let places = self.by_label.get(&(name.to_owned(), value.to_owned()));
                let named = places.into_iter().flatten().filter_map(|place| self.checks.get(*place));
                named.filter(takes).cloned().collect()
            }
            None => self.checks.iter().filter(takes).cloned().collect(),
        }
    }
}
