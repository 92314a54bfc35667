//! The labels of the cluster's namespaces, by which channels say who may use them. Written by the source, and only where
//! some channel asks; stand-alone it stays empty.

use std::{collections::HashMap, sync::Arc};

use parking_lot::RwLock;

use crate::model::Labels;

/// What is known of them. Bounded by the namespaces of the cluster.
#[derive(Default)]
pub struct Namespaces(RwLock<Known>);

#[derive(Default)]
struct Known {
    labels: HashMap<Arc<str>, Labels>,
    unread: Option<Arc<str>>,
}

impl Namespaces {
    /// None: there is no such namespace, or nothing is known of it.
    pub fn labels(&self, name: &str) -> Option<Labels> {
        self.0.read().labels.get(name).cloned()
    }

    /// Why they may not be read: nobody is let in by a label then.
    pub fn unread(&self) -> Option<Arc<str>> {
        self.0.read().unread.clone()
    }

    pub(super) fn names(&self) -> Vec<Arc<str>> {
        self.0.read().labels.keys().cloned().collect()
    }

    /// True when it is another one now.
    pub(super) fn set(&self, name: &Arc<str>, labels: Option<Labels>) -> bool {
        let mut known = self.0.write();
        let before = match &labels {
            Some(labels) => known.labels.insert(name.clone(), labels.clone()),
            None => known.labels.remove(name),
        };
        before != labels
    }

    /// True when that is news.
    pub(super) fn set_unread(&self, why: Option<Arc<str>>) -> bool {
        let before = std::mem::replace(&mut self.0.write().unread, why.clone());
        before != why
    }
}
