//! How fast statuses reach a real API server: `cargo bench -p e2e --bench statuses -- 1000`.
//!
//! So many HealthChecks are made, and the time is taken until each has a status that was written for its own first
//! result. The API server, etcd and what fills it run on the same machine.

#![expect(clippy::disallowed_methods, reason = "the clock is the program's; what is measured is the bench's")]

#[path = "../tests/it/statuses/world.rs"]
mod world;

use std::time::{Duration, Instant};

use e2e::{Cluster, Tools};
use futures::StreamExt;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, ListParams, PostParams},
    core::GroupVersionKind,
};
use probity::{controller::Budgets, health::State};
use serde_json::json;
use world::{Target, World};

const CRDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crds");
const BUDGETS: Budgets = Budgets { transitions: 200, refreshes: 10 };
/// Beyond what the budget needs.
const PATIENCE: Duration = Duration::from_secs(300);
/// As one person's tools would: a create takes the API server some milliseconds.
const CREATES_AT_ONCE: usize = 8;

fn main() -> Result<(), String> {
    let wanted = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(1_000);
    let cluster = Cluster::start(&Tools::find()?)?;
    cluster.kubectl().must(["apply", "-f", CRDS])?;
    cluster.kubectl().must(["wait", "--for=condition=Established", "--timeout=60s", "-f", CRDS])?;
    let target = Target::on(0)?;
    let kubeconfig = cluster.kubeconfig().ok_or("the user's own cluster is not for measuring")?;
    let world = World::start(&kubeconfig, BUDGETS)?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let client = world::client(&kubeconfig).await?.client;
        measure(&world, client, wanted, target.port).await
    })
}

async fn measure(world: &World, client: Client, wanted: usize, port: u16) -> Result<(), String> {
    let kind = GroupVersionKind::gvk("probity.dev", "v1alpha1", "HealthCheck");
    let resource = ApiResource::from_gvk_with_plural(&kind, "healthchecks");
    let api: Api<DynamicObject> = Api::namespaced_with(client, "default", &resource);
    let begin = Instant::now();
    let create = |number: usize| {
        let (api, resource) = (api.clone(), &resource);
        let spec = json!({"interval": "60s", "tcp": {"address": format!("127.0.0.1:{port}")}});
        let object = DynamicObject::new(&format!("c{number:05}"), resource).data(json!({"spec": spec}));
        async move { api.create(&PostParams::default(), &object).await }
    };
    let made: Vec<_> = futures::stream::iter((0..wanted).map(create)).buffer_unordered(CREATES_AT_ONCE).collect().await;
    let created = begin.elapsed();
    if let Some(Err(error)) = made.into_iter().find(Result::is_err) {
        return Err(format!("cannot make a HealthCheck: {error}"));
    }
    let written = |world: &World| world.metric("probity_status_writes_total{kind=\"HealthCheck\",outcome=\"written\"}");
    let healthy = async || -> Result<usize, String> {
        let list = api.list(&ListParams::default()).await.map_err(|error| error.to_string())?;
        Ok(list.items.iter().filter(|one| one.data["status"]["state"] == "Healthy").count())
    };
    let all = loop {
        // The count is looked at first: a list of all costs the API server as much as many writes.
        if written(world) >= wanted as f64 && healthy().await? == wanted {
            break begin.elapsed();
        }
        if begin.elapsed() > created + PATIENCE {
            return Err(format!("{} of {wanted} have a status", healthy().await?));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let last = world.state(&format!("c{:05}", wanted.saturating_sub(1)));
    if last.as_ref().is_none_or(|(state, _)| *state != State::Healthy) {
        return Err(format!("the API server says Healthy of the last one, and Probity {last:?}"));
    }
    let writes = written(world);
    println!("| what | figure |\n| --- | --- |");
    println!("| HealthChecks | {wanted} |");
    println!("| created in | {:.1} s |", created.as_secs_f64());
    println!("| all statuses written after the first create | {:.1} s |", all.as_secs_f64());
    println!("| … after the last create | {:.1} s |", (all.saturating_sub(created)).as_secs_f64());
    println!("| status writes | {writes} |");
    println!("| status writes per second | {:.0} (budget {}) |", writes / all.as_secs_f64(), BUDGETS.transitions);
    Ok(())
}
