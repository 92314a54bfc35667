//! What of the objects the one who asks may see.

use std::{collections::BTreeSet, sync::Arc};

use warp::{Filter, filters::BoxedFilter};

/// Goes with a request from where it is let in to its handler.
#[derive(Debug, Clone)]
pub(super) enum Visible {
    All,
    /// What is in these namespaces.
    In(Arc<BTreeSet<Arc<str>>>),
    /// For a request that came to a handler past the door: there is no such way.
    Nothing,
}

impl Visible {
    pub(super) fn takes(&self, namespace: &str) -> bool {
        match self {
            Self::All => true,
            Self::In(namespaces) => namespaces.contains(namespace),
            Self::Nothing => false,
        }
    }

    /// The namespaces that are told of, where one may be asked for; None: all.
    pub(super) fn narrowed(&self, to: Option<&str>) -> Option<Arc<BTreeSet<Arc<str>>>> {
        match (to, self) {
            (Some(one), visible) if visible.takes(one) => Some(Arc::new([Arc::from(one)].into())),
            (None, Self::All) => None,
            (None, Self::In(namespaces)) => Some(namespaces.clone()),
            (Some(_), _) | (None, Self::Nothing) => Some(Arc::default()),
        }
    }
}

/// What this request may see, for a handler.
pub(super) fn visible() -> BoxedFilter<(Visible,)> {
    warp::ext::optional::<Visible>().map(|visible: Option<Visible>| visible.unwrap_or(Visible::Nothing)).boxed()
}
