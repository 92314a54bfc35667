//! Puts the parts together for a folder of manifests: no cluster, no account, nothing else running.
//!
//! Owns the order of start and stop. Start: store, port, then source and engine, so that what cannot work is known
//! before anything is probed. Stop: readiness off, no new runs, what is in flight ends, history is flushed, the
//! server goes last.

use std::{convert::Infallible, sync::Arc};

use tokio::{runtime, sync::mpsc};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{
    cli::Exit,
    clock::Clock,
    engine::{Core, EVENTS, Engine, Snapshot},
    history::{self, Store, StoreHealth},
    metrics::Metrics,
    net::Net,
    probe,
    server::{self, Limits},
    settings::Settings,
    shutdown::Signals,
    source::{self, Catalog, Files},
    supervisor::{Supervisor, chain},
    vitals::{Progress, Readiness},
};

/// Runs until a signal, or until a part fails.
pub fn run(settings: Settings) -> Exit {
    let clock = Clock::system();
    let catalog = Arc::new(Catalog::default());
    let (tell, events) = mpsc::channel(EVENTS);
    let files = match Files::new(settings.manifests.clone(), catalog.clone(), tell, clock.clone()) {
        Ok(files) => files,
        Err(error) => {
            error!("{}", chain(&error));
            return Exit::Usage;
        }
    };
    let runtime = match runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            error!(%error, "cannot start threads");
            return Exit::CouldNotRun;
        }
    };
    let exit = runtime.block_on(serve(Source { files, catalog, events, clock }, settings));
    // A name look-up of the system may hang in a thread of its own; it is not waited for.
    runtime.shutdown_background();
    exit
}

async fn serve(source: Source, settings: Settings) -> Exit {
    match start(source, settings).await {
        Ok(true) => Exit::Good,
        Ok(false) => Exit::CouldNotRun,
        Err(error) => {
            error!("{}", chain(&*error));
            Exit::CouldNotRun
        }
    }
}

/// The source, and where what it finds goes.
struct Source {
    files: Files,
    catalog: Arc<Catalog>,
    events: mpsc::Receiver<source::Event>,
    clock: Clock,
}

async fn start(source: Source, settings: Settings) -> Result<bool, Box<dyn std::error::Error>> {
    let Source { files, catalog, events, clock } = source;
    let max_in_flight = descriptors(settings.max_in_flight);
    let signals = Signals::catch()?;
    let metrics = Metrics::new()?;
    let snapshot = Snapshot::default();
    let progress = Progress::new(clock.clone());
    let readiness = Readiness::waiting_for(&["source", "store"]);
    let store: Arc<dyn Store> = {
        let mut options = history::Options::new(clock.clone());
        options.retention = settings.history;
        history::open(&settings.data_dir, options)?
    };
    readiness.ready("store");
    let listener = server::bind(server_options(&settings)).await?;

    // The server outlives the engine: a stopping process still answers that it is not ready.
    let shutdown = CancellationToken::new();
    let server_shutdown = CancellationToken::new();
    let state = Arc::new(server::State {
        snapshot: snapshot.clone(),
        clock: clock.clone(),
        metrics: metrics.clone(),
        readiness: readiness.clone(),
        progress: progress.clone(),
        store: store.clone(),
    });
    let net = Arc::new(Net::new(settings.egress, clock.clone()));
    let engine = Engine {
        core: Core::new(max_in_flight),
        catalog,
        store: store.clone(),
        snapshot,
        metrics,
        context: probe::Context::new(clock.clone(), net),
        beat: progress.watch("engine"),
        readiness: readiness.clone(),
        listener: None,
    };

    let mut supervisor = Supervisor::new(shutdown.clone());
    {
        let (server_shutdown, shutdown) = (server_shutdown.clone(), shutdown.clone());
        supervisor.spawn("server", async move {
            let ended = listener.run(state, server_shutdown.clone()).await;
            // Told by the engine's end; if it ended on its own, everything else ends too.
            if !server_shutdown.is_cancelled() {
                shutdown.cancel();
            }
            ended
        });
    }
    supervisor.spawn("source", files.run(shutdown.clone()));
    {
        let (readiness, shutdown, server_shutdown, store) = (readiness, shutdown.clone(), server_shutdown, store);
        supervisor.spawn("engine", async move {
            let stopping = {
                let (readiness, shutdown) = (readiness, shutdown.clone());
                async move {
                    shutdown.cancelled().await;
                    readiness.not_ready("process", "stopping");
                }
            };
            tokio::join!(engine.run(events, shutdown), stopping);
            let closing = store.clone();
            // Blocks until everything is on disk.
            if tokio::task::spawn_blocking(move || closing.close()).await.is_err() {
                error!("the store did not close in order");
            }
            if let StoreHealth::Degraded { message, .. } = store.health() {
                warn!("history is incomplete: {message}");
            }
            server_shutdown.cancel();
            Ok::<_, Infallible>(())
        });
    }
    tokio::select! {
        () = signals.watch(shutdown) => Ok(false),
        in_order = supervisor.wait() => {
            info!("stopped");
            Ok(in_order)
        }
    }
}

fn server_options(settings: &Settings) -> server::Options {
    let tls = settings.tls_cert.clone().zip(settings.tls_key.clone());
    server::Options {
        listen: settings.listen,
        tls: tls.map(|(cert, key)| server::TlsFiles { cert, key }),
        api_token_file: settings.api_token_file.clone(),
        limits: Limits::default(),
    }
}

/// For the store, the server's connections, and files that are read.
const OTHER_DESCRIPTORS: u64 = 512;

/// Raises the soft limit of descriptors to the hard one, and gives how many runs may go on at once within it.
fn descriptors(wanted: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let Some(current) = current else { return wanted };
    let room = usize::try_from(current.saturating_sub(OTHER_DESCRIPTORS)).unwrap_or(usize::MAX).max(1);
    if room < wanted {
        warn!(
            wanted,
            room, "the limit of open files allows fewer runs at once: raise it (ulimit -n), or lower --max-in-flight"
        );
    }
    wanted.min(room)
}
