//! The `workload` probe.

use std::{fmt, sync::Arc};

use super::Expression;

#[derive(Debug, Clone)]
pub struct Workload {
    pub kind: WorkloadKind,
    /// Says nothing for a Node.
    pub namespace: Arc<str>,
    /// Empty in the check of a selector; each of its targets has its own.
    pub name: Arc<str>,
    /// Over `object`, in place of what is expected of the kind.
    pub expect: Option<Expression>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WorkloadKind {
    Deployment,
    StatefulSet,
    DaemonSet,
    PersistentVolumeClaim,
    Node,
}

impl WorkloadKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::PersistentVolumeClaim => "PersistentVolumeClaim",
            Self::Node => "Node",
        }
    }
}

impl fmt::Display for WorkloadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
