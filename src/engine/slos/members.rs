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
    namespace: Arc<str>,
    of: Arc<BTreeMap<ObjectKey, Arc<CheckCell>>>,
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
    pub(super) fn of(checks: Arc<BTreeMap<ObjectKey, Arc<CheckCell>>>, namespace: &Arc<str>) -> Self {
        let (of, namespace) = (checks.clone(), namespace.clone());
        let mut members = Self { namespace: namespace.clone(), of, checks: Vec::new(), by_label: HashMap::new() };
        let first = ObjectKey::new(namespace.clone(), "");
        for (key, cell) in checks.range(first..).take_while(|(key, _)| key.namespace == namespace) {
            let labels = cell.view.load().labels.clone();
            for (name, value) in labels.iter() {
                members.by_label.entry((name.clone(), value.clone())).or_default().push(members.checks.len());
            }
            members.checks.push(Member { key: key.clone(), labels, cell: cell.clone() });
        }
        members
    }

    /// Whether these are the checks of a namespace, as all are now.
    pub(super) fn is_of(&self, checks: &Arc<BTreeMap<ObjectKey, Arc<CheckCell>>>, namespace: &str) -> bool {
        *self.namespace == *namespace && Arc::ptr_eq(&self.of, checks)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(namespace: &str, name: &str, labels: &[(&str, &str)]) -> (ObjectKey, Arc<CheckCell>) {
        use crate::{
            engine::{CheckView, Ready},
            health::{Reason, State},
        };
        let key = ObjectKey::new(namespace, name);
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let view = CheckView {
            key: key.clone(),
            generation: 1,
            labels: Arc::new(labels),
            report_as: name.into(),
            uid: "".into(),
            kind: None,
            interval: std::time::Duration::from_secs(10),
            timeout: std::time::Duration::from_secs(5),
            ready: Ready { ok: true, reason: "Valid", message: "in force".into() },
            state: State::Unknown,
            reason: Reason::Pending,
            message: "".into(),
            blamed: None,
            since: 0,
            targets: Arc::new([]),
        };
        (key, Arc::new(CheckCell { view: arc_swap::ArcSwap::from_pointee(view) }))
    }

    #[test]
    fn a_selector_finds_checks_of_its_namespace_by_any_of_its_requirements() {
        let all = Arc::new(BTreeMap::from([
            cell("shop", "api", &[("tier", "api"), ("app", "shop")]),
            cell("shop", "web", &[("tier", "web"), ("app", "shop")]),
            cell("shop", "db", &[("tier", "db")]),
            cell("bank", "web", &[("tier", "web"), ("app", "shop")]),
        ]));
        let members = Members::of(all.clone(), &Arc::from("shop"));
        for (selector, want) in [
            ("", &["api", "db", "web"][..]),
            ("tier=web", &["web"]),
            ("app=shop", &["api", "web"]),
            ("app=shop,tier!=web", &["api"]),
            ("tier in (web, db)", &["db", "web"]),
            ("!app", &["db"]),
            ("tier=none", &[]),
        ] {
            let found = members.find(&Selector::parse(selector).unwrap());
            let names: Vec<_> = found.iter().map(|member| &*member.key.name).collect();
            assert_eq!(names, want, "{selector}");
        }
        assert!(members.is_of(&all, "shop") && !members.is_of(&all, "bank"));
        assert!(!members.is_of(&Arc::new(BTreeMap::clone(&all)), "shop"));
    }
}
