//! What of a Service, an EndpointSlice or a Pod is read; the rest of its text is passed over. Pure.
//!
//! One type for the three, and known by name and not by type: what watches it is in the program once, and of a Pod's
//! 20 KB a few hundred bytes are ever in memory.

use std::borrow::Cow;

use kube::{
    Resource,
    core::{ApiResource, DynamicResourceScope, GroupVersionKind, ObjectMeta},
};
use serde::Deserialize;

use crate::{model::WorkloadKind, targets::Watched};

/// Where objects of the kind are served.
pub(super) fn resource(kind: Watched) -> ApiResource {
    let (group, kind, plural) = match kind {
        Watched::Service => ("", "Service", "services"),
        Watched::EndpointSlice => ("discovery.k8s.io", "EndpointSlice", "endpointslices"),
        Watched::Pod => ("", "Pod", "pods"),
        Watched::Workload(kind) => match kind {
            WorkloadKind::Deployment => ("apps", "Deployment", "deployments"),
            WorkloadKind::StatefulSet => ("apps", "StatefulSet", "statefulsets"),
            WorkloadKind::DaemonSet => ("apps", "DaemonSet", "daemonsets"),
            WorkloadKind::PersistentVolumeClaim => ("", "PersistentVolumeClaim", "persistentvolumeclaims"),
            WorkloadKind::Node => ("", "Node", "nodes"),
        },
    };
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, "v1", kind), plural)
}

/// Any of the three; a list that is null counts as none.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Read {
    pub metadata: ObjectMeta,
    pub spec: Option<Spec>,
    /// Of a Pod.
    pub status: Option<Status>,
    /// Of an EndpointSlice.
    pub endpoints: Option<Vec<Endpoint>>,
    pub ports: Option<Vec<Port>>,
}

/// Of a Service or a Pod.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Spec {
    #[serde(rename = "type")]
    pub type_: Option<String>,
    #[serde(rename = "clusterIP")]
    pub cluster_ip: Option<String>,
    #[serde(rename = "clusterIPs")]
    pub cluster_ips: Option<Vec<String>>,
    pub ports: Option<Vec<Port>>,
    pub containers: Option<Vec<Container>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Container {
    pub ports: Option<Vec<Port>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Port {
    pub name: Option<String>,
    /// As a Service and an EndpointSlice have it, or as a container does.
    #[serde(alias = "containerPort")]
    pub port: Option<i32>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    pub phase: Option<String>,
    #[serde(rename = "podIP")]
    pub pod_ip: Option<String>,
    #[serde(rename = "podIPs")]
    pub pod_ips: Option<Vec<PodIp>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct PodIp {
    pub ip: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Endpoint {
    pub addresses: Option<Vec<String>>,
    pub conditions: Option<Conditions>,
    pub target_ref: Option<TargetRef>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Conditions {
    pub ready: Option<bool>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct TargetRef {
    pub name: Option<String>,
}

impl Resource for Read {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(resource: &ApiResource) -> Cow<'_, str> {
        resource.kind.as_str().into()
    }

    fn group(resource: &ApiResource) -> Cow<'_, str> {
        resource.group.as_str().into()
    }

    fn version(resource: &ApiResource) -> Cow<'_, str> {
        resource.version.as_str().into()
    }

    fn plural(resource: &ApiResource) -> Cow<'_, str> {
        resource.plural.as_str().into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
