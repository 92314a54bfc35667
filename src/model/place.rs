//! Where a target is: by its name, at addresses that the cluster told, or nowhere.

use std::{net::IpAddr, sync::Arc};

use crate::health::Reason;

/// How a run finds its target.
#[derive(Debug, Clone, Default)]
pub enum Place {
    /// As the probe's own address says; a name is looked up.
    #[default]
    Named,
    /// One host's addresses are known, and not looked up.
    Known(Arc<Known>),
    /// There is nothing to probe: a run ends with this at once.
    Nowhere(Arc<Nowhere>),
}

/// The addresses of one host; another host, as after a redirect, is looked up as ever.
#[derive(Debug, PartialEq, Eq)]
pub struct Known {
    /// As it stands in the probe's address.
    pub host: Arc<str>,
    /// At least one; all are the same to whoever dials.
    pub ips: Arc<[IpAddr]>,
}

/// Why there is nothing to probe.
#[derive(Debug, PartialEq, Eq)]
pub struct Nowhere {
    /// TargetMissing when it is known that nothing is there; one of ours when nothing is known.
    pub reason: Reason,
    pub message: Arc<str>,
}

impl Place {
    /// The known addresses of `host`.
    pub fn of(&self, host: &str) -> Option<&Arc<[IpAddr]>> {
        match self {
            Self::Known(known) if *known.host == *host => Some(&known.ips),
            _ => None,
        }
    }
}
