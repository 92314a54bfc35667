//! What the cluster is asked for, so that a check has targets.

use std::{fmt, sync::Arc};

use super::{Selector, WorkloadKind};

/// Where the targets of a check come from. All objects are of the check's own namespace, but for Nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seek {
    /// One Service by its name: one target.
    Service { name: Arc<str>, port: Port },
    /// A target for each address that a selector finds.
    Discover(Discover),
    /// A target for each object of a `workload` probe that a selector finds.
    Workloads { kind: WorkloadKind, selector: Selector },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discover {
    pub kind: DiscoverKind,
    pub selector: Selector,
    pub port: Port,
    /// At least 1; beyond it the first by name are taken.
    pub max_targets: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DiscoverKind {
    /// At its cluster address.
    Service,
    /// At its own address, while it runs.
    Pod,
    /// Each of its ready endpoints.
    EndpointSlice,
}

/// A port by its number, or by the name that an object gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Port {
    Number(u16),
    Name(Arc<str>),
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

impl DiscoverKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Service => "Service",
            Self::Pod => "Pod",
            Self::EndpointSlice => "EndpointSlice",
        }
    }
}

/// `Pod(app=web):8080`: what stands for the targets while there is none.
impl fmt::Display for Discover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({}):{}", self.kind.as_str(), self.selector, self.port)
    }
}
