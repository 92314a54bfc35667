//! What is kept of an object: as much as a probe needs to find it. Pure.

use std::{net::IpAddr, sync::Arc};

use kube::core::PartialObjectMeta;

use super::{
    Named,
    read::{Port, Read},
};
use crate::{
    model::Labels,
    targets::{Endpoint, Fact, PodFact, PortFact, ServiceFact, SliceFact},
};

/// The label by which a slice says whose it is.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

pub(super) fn service(service: Read) -> Named {
    let labels = Labels::from(service.metadata.labels.unwrap_or_default());
    let spec = service.spec.unwrap_or_default();
    let external = spec.type_.as_deref() == Some("ExternalName");
    // "None" of a headless one is no address.
    let cluster_ips = spec.cluster_ips.or_else(|| spec.cluster_ip.map(|ip| vec![ip])).unwrap_or_default();
    let ports = spec.ports.into_iter().flatten().filter_map(fact).collect();
    let cluster_ips = if external { Vec::new() } else { addresses(&cluster_ips) };
    (name(service.metadata.name), Fact::Service(ServiceFact { labels, cluster_ips, external, ports }))
}

pub(super) fn slice(slice: Read) -> Named {
    let labels = Labels::from(slice.metadata.labels.unwrap_or_default());
    let service = labels.get(SERVICE_NAME).map(|name| name.as_str().into());
    let ports = slice.ports.into_iter().flatten().filter_map(fact).collect();
    let mut ready = Vec::new();
    for endpoint in slice.endpoints.into_iter().flatten() {
        // Unknown counts as ready, says the API.
        let is_ready = endpoint.conditions.and_then(|conditions| conditions.ready).unwrap_or(true);
        // "Consumers should use the first only"; what is a name in DNS is no address.
        let first = endpoint.addresses.into_iter().flatten().next();
        let ip = first.and_then(|text| text.parse::<IpAddr>().ok());
        if let Some(ip) = ip.filter(|_| is_ready) {
            let name = endpoint.target_ref.and_then(|target| target.name).unwrap_or_else(|| ip.to_string());
            ready.push(Endpoint { name: name.into(), ip });
        }
    }
    (name(slice.metadata.name), Fact::EndpointSlice(SliceFact { labels, service, ports, ready }))
}

pub(super) fn pod(pod: Read) -> Named {
    let labels = Labels::from(pod.metadata.labels.unwrap_or_default());
    let status = pod.status.unwrap_or_default();
    let runs = pod.metadata.deletion_timestamp.is_none() && status.phase.as_deref() == Some("Running");
    let mut ips: Vec<String> = status.pod_ips.into_iter().flatten().map(|ip| ip.ip).collect();
    if ips.is_empty() {
        ips.extend(status.pod_ip);
    }
    let containers = pod.spec.and_then(|spec| spec.containers).unwrap_or_default();
    let ports = containers.into_iter().flat_map(|container| container.ports.unwrap_or_default());
    let ports = ports.filter(|port| port.name.is_some()).filter_map(fact);
    let ips = if runs { addresses(&ips) } else { Vec::new() };
    (name(pod.metadata.name), Fact::Pod(PodFact { labels, ips, ports: ports.collect() }))
}

pub(super) fn name_of(object: PartialObjectMeta) -> Named {
    let labels = Labels::from(object.metadata.labels.unwrap_or_default());
    (name(object.metadata.name), Fact::Workload { labels })
}

/// The API server gives every object a name.
fn name(name: Option<String>) -> Arc<str> {
    name.unwrap_or_default().into()
}

fn addresses(texts: &[String]) -> Vec<IpAddr> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

fn fact(port: Port) -> Option<PortFact> {
    let number = u16::try_from(port.port?).ok().filter(|number| *number > 0)?;
    Some(PortFact { name: port.name.unwrap_or_default().into(), number })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(object: Value, trim: fn(Read) -> Named) -> Fact {
        let (name, fact) = trim(serde_json::from_value(object).unwrap());
        assert_eq!(&*name, "a");
        fact
    }

    fn pod_of(phase: &str, deleted: Value) -> Fact {
        let object = json!({
            "metadata": {"name": "a", "deletionTimestamp": deleted, "labels": {"app": "web"}, "managedFields": [{}]},
            "spec": {"containers": [{"name": "c", "ports": [{"name": "http", "containerPort": 80}, {"containerPort": 9}]}]},
            "status": {"phase": phase, "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]},
        });
        of(object, pod)
    }

    #[test]
    fn a_pod_has_addresses_only_while_it_runs() {
        let Fact::Pod(running) = pod_of("Running", Value::Null) else { panic!() };
        assert_eq!(running.ips.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.1", "fd00::1"]);
        assert_eq!(running.ports, [PortFact { name: "http".into(), number: 80 }]);
        assert_eq!(running.labels.get("app").map(String::as_str), Some("web"));
        for (phase, deleted) in
            [("Succeeded", Value::Null), ("Failed", Value::Null), ("Running", json!("2026-01-01T00:00:00Z"))]
        {
            let Fact::Pod(ended) = pod_of(phase, deleted) else { panic!() };
            assert!(ended.ips.is_empty(), "{phase}");
        }
    }

    #[test]
    fn only_ready_endpoints_with_an_address_are_kept() {
        let object = json!({
            "metadata": {"name": "a", "labels": {SERVICE_NAME: "web"}},
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": 8080}, {"name": "any"}],
            "endpoints": [
                {"addresses": ["10.0.0.1"], "conditions": {"ready": true}, "targetRef": {"kind": "Pod", "name": "web-1"}},
                {"addresses": ["10.0.0.2"], "conditions": {"ready": false}, "targetRef": {"kind": "Pod", "name": "web-2"}},
                {"addresses": ["10.0.0.3"]},
                {"addresses": ["db.example"]},
            ],
        });
        let Fact::EndpointSlice(kept) = of(object, slice) else { panic!() };
        let names: Vec<_> = kept.ready.iter().map(|endpoint| &*endpoint.name).collect();
        assert_eq!((kept.service.as_deref(), names), (Some("web"), vec!["web-1", "10.0.0.3"]));
        assert_eq!(kept.ports, [PortFact { name: "http".into(), number: 8080 }]);
    }

    #[test]
    fn lists_that_are_null_are_empty() {
        let object = json!({"metadata": {"name": "a"}, "endpoints": null, "ports": null});
        assert_eq!(of(object, slice), Fact::EndpointSlice(SliceFact::default()));
        let object = json!({
            "metadata": {"name": "a", "labels": null},
            "spec": {"containers": [{"name": "c", "ports": null}], "volumes": [{"name": "v", "emptyDir": {}}]},
            "status": {"phase": "Pending", "podIPs": null},
        });
        assert_eq!(of(object, pod), Fact::Pod(PodFact::default()));
    }

    #[test]
    fn a_headless_service_and_an_alias_have_no_address() {
        let of_spec = |spec: Value| match of(json!({"metadata": {"name": "a"}, "spec": spec}), service) {
            Fact::Service(kept) => (kept.cluster_ips.len(), kept.external, kept.ports.len()),
            other => panic!("{other:?}"),
        };
        let ports = json!([{"port": 80}]);
        assert_eq!(
            of_spec(json!({"clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1", "fd00::9"], "ports": ports})),
            (2, false, 1)
        );
        assert_eq!(of_spec(json!({"clusterIP": "10.96.0.1", "ports": ports})), (1, false, 1));
        assert_eq!(of_spec(json!({"clusterIP": "None", "clusterIPs": ["None"], "ports": ports})), (0, false, 1));
        assert_eq!(of_spec(json!({"type": "ExternalName", "externalName": "a.example"})), (0, true, 0));
    }
}
