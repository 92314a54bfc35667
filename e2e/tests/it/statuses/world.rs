//! Probity's parts put together in this process, against a real API server: what `probity run` does, but for its
//! server, its store and its signals. Dropped, it is as if the process were killed.

use std::{net::TcpListener, path::Path, sync::Arc, thread::JoinHandle, time::Duration};

use kube::{Config, config::KubeConfigOptions, config::Kubeconfig};
use probity::{
    clock::Clock,
    controller::{Budgets, Present, StatusWriter, Statuses, Tally, recorder},
    engine::{Bell, Board, Core, EVENTS, Engine, Snapshot},
    health::State,
    history::Volatile,
    metrics::{Exposition, Metrics},
    model::ObjectKey,
    net::{Egress, Net},
    probe,
    source::{
        Catalog, Kubernetes,
        kubernetes::{Cluster, reach},
    },
    vitals::{Progress, Readiness},
};
use tokio::{runtime::Runtime, sync::mpsc};
use tokio_util::sync::CancellationToken;

pub struct World {
    /// Some until it is dropped.
    runtime: Option<Runtime>,
    snapshot: Snapshot,
    metrics: Metrics,
}

impl World {
    pub fn start(kubeconfig: &Path, budgets: Budgets) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|e| e.to_string())?;
        let (snapshot, metrics) = runtime.block_on(parts(kubeconfig, budgets))?;
        Ok(Self { runtime: Some(runtime), snapshot, metrics })
    }

    /// The state of a check of the namespace default, and what is said of it.
    pub fn state(&self, name: &str) -> Option<(State, String)> {
        let view = self.snapshot.get(&ObjectKey::new("default", name))?.view.load_full();
        Some((view.state, view.message.to_string()))
    }

    /// The sum of a metric's series whose line begins so.
    pub fn metric(&self, begin: &str) -> f64 {
        let Ok(mut exposition) =
            Exposition::new(&self.metrics, &Snapshot::default(), &Board::default(), &Default::default(), &[])
        else {
            return 0.0;
        };
        let mut text = Vec::new();
        while exposition.fill(&mut text, usize::MAX) {}
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines = text.lines().filter(|line| line.starts_with(begin));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }
}

/// The way to the API server, as `probity run` has it.
pub async fn client(kubeconfig: &Path) -> Result<Cluster, String> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).map_err(|error| error.to_string())?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    reach(config.map_err(|error| error.to_string())?).map_err(|error| error.to_string())
}

async fn parts(kubeconfig: &Path, budgets: Budgets) -> Result<(Snapshot, Metrics), String> {
    let cluster = client(kubeconfig).await?;
    let (clock, snapshot) = (Clock::system(), Snapshot::default());
    let metrics = Metrics::new().map_err(|error| error.to_string())?;
    let tally = Tally::new(&metrics).map_err(|error| error.to_string())?;
    let (recorder, events) = recorder(cluster.client.clone(), "e2e", clock.clone(), tally.clone());
    let statuses = Statuses::default();
    let writer = StatusWriter::new(
        cluster.client.clone(),
        statuses.clone(),
        Present { snapshot: snapshot.clone(), ..Present::default() },
        recorder,
        tally,
        budgets,
        clock.clone(),
    );
    let catalog = Arc::new(Catalog::default());
    let (tell, told) = mpsc::channel(EVENTS);
    let readiness = Readiness::waiting_for(&["source"]);
    let egress = Egress { allow_loopback: true, ..Egress::default() };
    let engine = Engine {
        core: Core::new(1_000),
        catalog: catalog.clone(),
        targets: Arc::default(),
        store: Arc::new(Volatile::default()),
        snapshot: snapshot.clone(),
        metrics: metrics.clone(),
        context: probe::Context::new(clock.clone(), Arc::new(Net::new(egress, clock.clone()))),
        beat: Progress::new(clock).watch("engine"),
        readiness: readiness.clone(),
        listener: Some(Arc::new(statuses.clone())),
        bell: Bell::default(),
        slos: Default::default(),
    };
    let source = Kubernetes::new(&cluster, &[], catalog, tell, readiness, Arc::new(statuses));
    // Told to stop by the end of its runtime, as by a kill.
    let never = CancellationToken::new();
    let runtime = tokio::runtime::Handle::current();
    runtime.spawn(source.run(never.clone()));
    runtime.spawn(engine.run(told, never.clone()));
    runtime.spawn(writer.run(never.clone()));
    runtime.spawn(events.run(never));
    Ok((snapshot, metrics))
}

/// A port that takes connections, until it is dropped.
pub struct Target {
    pub port: u16,
    stop: Arc<std::sync::atomic::AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Target {
    /// On a port of its own (0), or on this one.
    pub fn on(port: u16) -> Result<Self, String> {
        let listener = TcpListener::bind(("127.0.0.1", port)).map_err(|error| format!("cannot listen: {error}"))?;
        let port = listener.local_addr().map_err(|error| error.to_string())?.port();
        let stop = Arc::<std::sync::atomic::AtomicBool>::default();
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
                let _ = listener.accept();
            }
        });
        Ok(Self { port, stop, thread: Some(thread) })
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.stop.store(true, std::sync::atomic::Ordering::Relaxed);
        // Wakes it, so that it sees that.
        let _ = std::net::TcpStream::connect(("127.0.0.1", self.port));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
