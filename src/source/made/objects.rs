//! Silences as objects in a cluster: made, changed and removed through its API server, and seen again by the watch.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use kube::{
    Api, Client,
    api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions},
    core::{ApiResource, DynamicObject, GroupVersionKind},
};
use serde_json::{Value, json};

use super::{Found, MadeError, manifest};
use crate::{
    api::{GROUP, VERSION},
    clock::Clock,
    model::{Kind, ObjectId, ObjectKey, Silence},
    source::Catalog,
    supervisor::chain,
};

/// On the objects that are made here; those of others are never removed.
const LABEL: (&str, &str) = ("probity.dev/made-by", "api");
const MANAGER: &str = "probity";
/// An API server that takes longer is as good as away.
const PATIENCE: Duration = Duration::from_secs(5);
/// A watch tells within a moment. What takes longer is in force all the same, and seen later.
const SEEN: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(20);

pub(super) struct Objects {
    client: Client,
    catalog: Arc<Catalog>,
    clock: Clock,
    /// None: all namespaces.
    watched: Option<BTreeSet<Arc<str>>>,
}

impl Objects {
    pub(super) fn new(
        client: Client,
        catalog: Arc<Catalog>,
        clock: Clock,
        watched: &[String],
        operator: &Arc<str>,
    ) -> Self {
        let named = watched.iter().map(|name| Arc::from(&**name)).chain([operator.clone()]);
        let watched = (!watched.is_empty()).then(|| named.collect());
        Self { client, catalog, clock, watched }
    }

    /// Makes an object, waits until it is seen, and gives its uid.
    pub(super) async fn make(&self, namespace: &Arc<str>, spec: Value) -> Result<Arc<str>, MadeError> {
        const WHAT: &str = "make a Silence";
        if self.watched.as_ref().is_some_and(|watched| !watched.contains(namespace)) {
            let why = "this Probity does not watch it, so that no alert is from there".to_owned();
            return Err(MadeError::Cluster { what: WHAT, namespace: namespace.clone(), why, is_theirs: true });
        }
        let metadata = json!({
            "generateName": "silence-", "namespace": &**namespace, "labels": {LABEL.0: LABEL.1},
        });
        let object: DynamicObject = serde_json::from_value(manifest(metadata, spec)).map_err(|error| {
            MadeError::Cluster { what: WHAT, namespace: namespace.clone(), why: error.to_string(), is_theirs: false }
        })?;
        let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        let made = self.ask(WHAT, namespace, self.api(namespace).create(&params, &object)).await?;
        let key = ObjectKey::new(namespace.clone(), made.metadata.name.unwrap_or_default());
        self.seen(key, made.metadata.generation).await;
        Ok(made.metadata.uid.unwrap_or_default().into())
    }

    /// Gives an object this spec, and waits until that is seen.
    pub(super) async fn change(&self, found: &Found, spec: &Value) -> Result<(), MadeError> {
        let key = &found.silence.key;
        let mut spec = spec.clone();
        // There may be one in its place, and the two exclude each other.
        spec["duration"] = Value::Null;
        // With another uid under this name the API server answers 409: it is another object.
        let patch = Patch::Merge(json!({"metadata": {"uid": &*found.uid}, "spec": spec}));
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        let api = self.api(&key.namespace);
        let changed = self.ask("change a Silence", &key.namespace, api.patch(&key.name, &params, &patch)).await?;
        self.seen(key.clone(), changed.metadata.generation).await;
        Ok(())
    }

    pub(super) async fn forget(&self, found: &Found) -> Result<(), MadeError> {
        let key = &found.silence.key;
        let uid = Some(found.uid.to_string());
        let preconditions = Some(Preconditions { uid, resource_version: None });
        let params = DeleteParams { preconditions, ..DeleteParams::default() };
        let api = self.api(&key.namespace);
        self.ask("remove a Silence", &key.namespace, api.delete(&key.name, &params)).await.map(drop)
    }

    fn api(&self, namespace: &str) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk(GROUP, VERSION, Kind::Silence.as_str());
        let resource = ApiResource::from_gvk_with_plural(&kind, Kind::Silence.plural());
        Api::namespaced_with(self.client.clone(), namespace, &resource)
    }

    async fn ask<T>(
        &self,
        what: &'static str,
        namespace: &Arc<str>,
        asked: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, MadeError> {
        let failed = |why: String, is_theirs| MadeError::Cluster { what, namespace: namespace.clone(), why, is_theirs };
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(kube::Error::Api(status))) => {
                // No such namespace, another object by now, or a spec that it does not take.
                Err(failed(status.message.clone(), matches!(status.code, 400 | 404 | 409 | 422)))
            }
            Ok(Err(error)) => Err(failed(chain(&error), false)),
            Err(_) => Err(failed(format!("no answer within {} s", PATIENCE.as_secs()), false)),
        }
    }

    /// Waits until the catalog has the object as it is now, so that whoever made it finds it.
    async fn seen(&self, key: ObjectKey, generation: Option<i64>) {
        let id = ObjectId::new(Kind::Silence, key);
        let deadline = self.clock.mono() + SEEN;
        while self.catalog.get(&id).is_none_or(|entry| Some(entry.generation) < generation) {
            if self.clock.mono() >= deadline {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Whether it was made here.
pub(super) fn is_ours(silence: &Silence) -> bool {
    silence.labels.get(LABEL.0).is_some_and(|value| value == LABEL.1)
}
