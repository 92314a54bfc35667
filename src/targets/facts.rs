//! What is kept of an object of the cluster: its labels, and where it can be reached. Pure.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use crate::model::{DiscoverKind, HealthCheck, Labels, Seek, WorkloadKind};

/// A kind of object that is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Watched {
    Service,
    EndpointSlice,
    Pod,
    /// Its name and labels alone.
    Workload(WorkloadKind),
}

/// The objects of one kind in one namespace: what one watch covers. The namespace of Nodes is empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope {
    pub kind: Watched,
    pub namespace: Arc<str>,
}

/// One object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    Service(ServiceFact),
    EndpointSlice(SliceFact),
    Pod(PodFact),
    Workload { labels: Labels },
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceFact {
    pub labels: Labels,
    /// Empty for a headless one.
    pub cluster_ips: Vec<IpAddr>,
    /// An alias of a name in DNS: there is nothing of it in the cluster.
    pub external: bool,
    pub ports: Vec<PortFact>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SliceFact {
    pub labels: Labels,
    /// The Service that it belongs to, by its label.
    pub service: Option<Arc<str>>,
    pub ports: Vec<PortFact>,
    /// The ready ones alone.
    pub ready: Vec<Endpoint>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Of the pod behind it, else its address.
    pub name: Arc<str>,
    pub ip: IpAddr,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodFact {
    pub labels: Labels,
    /// Empty unless it runs: a pod that has ended or is being deleted is no target.
    pub ips: Vec<IpAddr>,
    pub ports: Vec<PortFact>,
}

/// A port and its name; the name of the only port may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortFact {
    pub name: Arc<str>,
    pub number: u16,
}

impl Fact {
    pub fn labels(&self) -> &BTreeMap<String, String> {
        match self {
            Self::Service(ServiceFact { labels, .. })
            | Self::EndpointSlice(SliceFact { labels, .. })
            | Self::Pod(PodFact { labels, .. })
            | Self::Workload { labels } => labels,
        }
    }
}

impl Watched {
    /// Of several of them, for people.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Service => "Services",
            Self::EndpointSlice => "EndpointSlices",
            Self::Pod => "Pods",
            Self::Workload(WorkloadKind::Deployment) => "Deployments",
            Self::Workload(WorkloadKind::StatefulSet) => "StatefulSets",
            Self::Workload(WorkloadKind::DaemonSet) => "DaemonSets",
            Self::Workload(WorkloadKind::PersistentVolumeClaim) => "PersistentVolumeClaims",
            Self::Workload(WorkloadKind::Node) => "Nodes",
        }
    }
}

/// What has to be watched for a check; nothing for a fixed address.
pub(super) fn scopes(check: &HealthCheck) -> Vec<Scope> {
    let namespace = &check.key.namespace;
    let of = |kind| Scope { kind, namespace: namespace.clone() };
    match check.seek.as_deref() {
        None => Vec::new(),
        // Whether there is anything behind a Service, its EndpointSlices tell.
        Some(Seek::Service { .. }) => vec![of(Watched::Service), of(Watched::EndpointSlice)],
        Some(Seek::Discover(discover)) => match discover.kind {
            DiscoverKind::Service => vec![of(Watched::Service), of(Watched::EndpointSlice)],
            DiscoverKind::Pod => vec![of(Watched::Pod)],
            DiscoverKind::EndpointSlice => vec![of(Watched::EndpointSlice)],
        },
        Some(Seek::Workloads { kind: WorkloadKind::Node, .. }) => {
            vec![Scope { kind: Watched::Workload(WorkloadKind::Node), namespace: "".into() }]
        }
        Some(Seek::Workloads { kind, .. }) => vec![of(Watched::Workload(*kind))],
    }
}

/// Whether what a check looks for may be another one when this object comes, changes or goes.
pub(super) fn concerns(seek: &Seek, name: &str, fact: &Fact) -> bool {
    match (seek, fact) {
        (Seek::Service { name: wanted, .. }, Fact::Service(_)) => **wanted == *name,
        (Seek::Service { name: wanted, .. }, Fact::EndpointSlice(slice)) => slice.service.as_ref() == Some(wanted),
        // Which Services are meant, their own labels say and not those of the slice.
        (Seek::Discover(discover), Fact::EndpointSlice(_)) if discover.kind == DiscoverKind::Service => true,
        (Seek::Discover(discover), _) => discover.selector.matches(fact.labels()),
        (Seek::Workloads { selector, .. }, _) => selector.matches(fact.labels()),
        (Seek::Service { .. }, _) => false,
    }
}
