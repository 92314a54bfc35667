//! Addresses of the cluster's own that a default keeps probes from. Pure: is told which they are.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use arc_swap::ArcSwap;

/// What is at each address. Cheap to clone; all clones are one, so that it may change while probes run.
#[derive(Debug, Clone, Default)]
pub struct Guarded(Arc<ArcSwap<HashMap<IpAddr, &'static str>>>);

impl Guarded {
    /// Puts `addresses`, and no others, under `what`.
    pub fn set(&self, what: &'static str, addresses: impl IntoIterator<Item = IpAddr>) {
        let mut all = HashMap::clone(&self.0.load());
        all.retain(|_, held| *held != what);
        for address in addresses {
            all.entry(address.to_canonical()).or_insert(what);
        }
        self.0.store(Arc::new(all));
    }

    pub(super) fn find(&self, ip: IpAddr) -> Option<&'static str> {
        self.0.load().get(&ip.to_canonical()).copied()
    }
}
