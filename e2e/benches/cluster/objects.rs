//! The objects in the cluster, as a client of the API server makes, changes and deletes them.

use std::{path::Path, time::Instant};

use futures::StreamExt as _;
use kube::{
    Api, Client, Config,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
    core::GroupVersionKind,
};
use serde_json::{Value, json};

/// As many people's tools would: a create takes the API server some milliseconds.
const CREATES_AT_ONCE: usize = 8;
const PAGE: u32 = 500;
/// What the endpoints are found by.
const LABEL: (&str, &str) = ("app", "endpoints");

pub struct Objects {
    checks: Api<DynamicObject>,
    slices: Api<DynamicObject>,
    kinds: [ApiResource; 2],
    /// Where targets listen.
    port: u16,
}

impl Objects {
    pub async fn new(kubeconfig: &Path, port: u16) -> Result<Self, String> {
        let read = Kubeconfig::read_from(kubeconfig).map_err(|error| error.to_string())?;
        let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await;
        let client = Client::try_from(config.map_err(|error| error.to_string())?).map_err(|error| error.to_string())?;
        let kind = |group, version, kind, plural| {
            ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
        };
        let kinds = [
            kind("probity.dev", "v1alpha1", "HealthCheck", "healthchecks"),
            kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices"),
        ];
        let [checks, slices] = kinds.each_ref().map(|kind| Api::default_namespaced_with(client.clone(), kind));
        Ok(Self { checks, slices, kinds, port })
    }

    /// A check whose target is asked for `/t/NAME`, with all kinds of expectations.
    pub fn check(&self, name: &str, number: usize) -> Value {
        // Several addresses, so that no destination is asked too often for its ports to last.
        let url = format!("http://127.0.1.{}:{}/t/{name}", number % 250 + 1, self.port);
        let expect = json!({
            "status": ["200-299"],
            "headers": [{"name": "Content-Type", "matches": "application/json.*"}],
            "bodyMatches": ["\"status\":\\s*\"healthy\""],
            "when": "response.json.status == 'healthy' && response.json.queue < 100",
        });
        json!({
            "apiVersion": "probity.dev/v1alpha1", "kind": "HealthCheck",
            "metadata": {"name": name, "labels": {"component": "bench", "tier": "backend"}},
            "spec": {"interval": "60s", "timeout": "5s", "http": {"url": url, "expect": expect}},
        })
    }

    /// Makes so many checks. When the first was asked for, and when the last one was there.
    pub async fn fill(&self, wanted: usize) -> Result<(Instant, Instant), String> {
        let begin = Instant::now();
        let create = |number: usize| {
            let object = serde_json::from_value(self.check(&format!("c{number:05}"), number));
            async move {
                let object: DynamicObject = object.map_err(|error| error.to_string())?;
                let made = self.checks.create(&PostParams::default(), &object).await;
                made.map(drop).map_err(|error| format!("cannot make a HealthCheck: {error}"))
            }
        };
        let mut made = futures::stream::iter((0..wanted).map(create)).buffer_unordered(CREATES_AT_ONCE);
        while let Some(one) = made.next().await {
            one?;
        }
        Ok((begin, Instant::now()))
    }

    /// How many checks the API server has whose status says, of their present spec, that they are healthy.
    pub async fn healthy(&self) -> Result<usize, String> {
        let (mut found, mut next) = (0, None);
        loop {
            let page = ListParams { limit: Some(PAGE), continue_token: next, ..ListParams::default() };
            let list = self.checks.list(&page).await.map_err(|error| error.to_string())?;
            let good = |one: &&DynamicObject| {
                let status = &one.data["status"];
                status["state"] == "Healthy" && status["observedGeneration"] == json!(one.metadata.generation)
            };
            found += list.items.iter().filter(good).count();
            next = list.metadata.continue_.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(found);
            }
        }
    }

    pub async fn delete(&self, name: &str) -> Result<(), String> {
        let deleted = self.checks.delete(name, &DeleteParams::default()).await;
        deleted.map(drop).map_err(|error| format!("cannot delete {name}: {error}"))
    }

    /// A check that finds its targets in EndpointSlices.
    pub async fn discover(&self, name: &str) -> Result<(), String> {
        let selector = json!({"matchLabels": {LABEL.0: LABEL.1}});
        let spec = json!({
            "interval": "60s", "tcp": {}, "discover": {"kind": "EndpointSlice", "selector": selector, "port": "http"},
        });
        self.apply(&self.checks, &self.kinds[0], name, &json!({"spec": spec})).await
    }

    /// The one EndpointSlice, with these endpoints and no others.
    pub async fn endpoints(&self, names: &[String]) -> Result<(), String> {
        let endpoints: Vec<_> = (names.iter().enumerate())
            .map(|(number, name)| {
                let pod = json!({"kind": "Pod", "name": name, "namespace": "default"});
                let address = format!("192.0.2.{}", number + 1);
                json!({"addresses": [address], "conditions": {"ready": true}, "targetRef": pod})
            })
            .collect();
        let ports = json!([{"name": "http", "port": 8080}]);
        let slice = json!({"addressType": "IPv4", "endpoints": endpoints, "ports": ports});
        self.apply(&self.slices, &self.kinds[1], "endpoints-1", &slice).await
    }

    async fn apply(
        &self,
        api: &Api<DynamicObject>,
        kind: &ApiResource,
        name: &str,
        rest: &Value,
    ) -> Result<(), String> {
        let mut object = json!({
            "apiVersion": kind.api_version, "kind": kind.kind,
            "metadata": {"name": name, "labels": {LABEL.0: LABEL.1, "kubernetes.io/service-name": LABEL.1}},
        });
        for (field, value) in rest.as_object().into_iter().flatten() {
            object[field] = value.clone();
        }
        let applied = api.patch(name, &PatchParams::apply("bench").force(), &Patch::Apply(&object)).await;
        applied.map(drop).map_err(|error| format!("cannot apply {name}: {error}"))
    }
}
