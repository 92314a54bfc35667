//! Puts the parts together: for a folder of manifests, with no cluster and nothing else running, or for a cluster.
//!
//! Owns the order of start and stop. Start: store, port, then source and engine, so that what cannot work is known
//! before anything is probed. Stop: readiness off, no new runs, what is in flight ends, history is flushed, the
//! server goes last.

use std::{convert::Infallible, sync::Arc};

use failpoint::failpoint;
use tokio::{runtime, sync::mpsc};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{
    cli::Exit,
    clock::Clock,
    controller::{self, Budgets, Discovery, EventSender, StatusWriter, Statuses, Tally},
    engine::{self, Core, EVENTS, Engine, Snapshot},
    history::{self, Store, StoreHealth},
    metrics::Metrics,
    model,
    net::{Net, oauth2::Tokens},
    notify, probe, query,
    server::{self, Limits},
    settings::{Origin, Settings},
    shutdown::Signals,
    source::{
        self, Catalog, Files, Kubernetes, Silences,
        kubernetes::{Cluster, FirstLook, connect, guard},
    },
    supervisor::{Supervisor, chain},
    targets::Targets,
    validate::DEFAULT_NAMESPACE,
    vitals::{Progress, Readiness},
};

/// Runs until a signal, or until a part fails.
pub fn run(settings: Settings) -> Exit {
    let runtime = match runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            error!(%error, "cannot start threads");
            return Exit::CouldNotRun;
        }
    };
    let exit = runtime.block_on(serve(settings));
    // A name look-up of the system may hang in a thread of its own; it is not waited for.
    runtime.shutdown_background();
    exit
}

async fn serve(settings: Settings) -> Exit {
    let clock = Clock::system();
    let catalog = Arc::new(Catalog::default());
    let (tell, events) = mpsc::channel(EVENTS);
    let objects = match &settings.origin {
        Origin::Files(paths) => match Files::new(paths.clone(), catalog.clone(), tell, clock.clone()) {
            Ok(files) => Objects::Files(Box::new(files.keeping(settings.retention.history))),
            Err(error) => {
                error!("{}", chain(&error));
                return Exit::Usage;
            }
        },
        Origin::Cluster { namespaces } => match connect().await {
            Ok(cluster) => Objects::Cluster { cluster: Box::new(cluster), namespaces: namespaces.clone(), tell },
            Err(error) => {
                eprintln!("probity: nothing to run: {}\n\n{HELP}", chain(&error));
                return Exit::Usage;
            }
        },
    };
    match start(Source { objects, catalog, events, clock }, settings).await {
        Ok(true) => Exit::Good,
        Ok(false) => Exit::CouldNotRun,
        Err(error) => {
            error!("{}", chain(&*error));
            Exit::CouldNotRun
        }
    }
}

const HELP: &str = "Name files or folders of manifests, as in

  probity run --manifests manifests/quickstart

or a cluster, by a kubeconfig, as in

  KUBECONFIG=~/.kube/config probity run";

/// Where objects come from.
enum Objects {
    Files(Box<Files>),
    Cluster { cluster: Box<Cluster>, namespaces: Vec<String>, tell: mpsc::Sender<source::Event> },
}

/// The source, and where what it finds goes.
struct Source {
    objects: Objects,
    catalog: Arc<Catalog>,
    events: mpsc::Receiver<source::Event>,
    clock: Clock,
}

async fn start(source: Source, settings: Settings) -> Result<bool, Box<dyn std::error::Error>> {
    let Source { objects, catalog, events, clock } = source;
    let max_in_flight = descriptors(settings.max_in_flight);
    let signals = Signals::catch()?;
    let metrics = Metrics::new()?;
    let snapshot = Snapshot::default();
    let progress = Progress::new(clock.clone());
    let readiness = Readiness::waiting_for(&["source", "store"]);
    let store: Arc<dyn Store> = {
        let mut options = history::Options::new(clock.clone());
        options.retention = settings.retention.history;
        options.audit_retention = settings.retention.audit;
        history::open(&settings.data_dir, options)?
    };
    readiness.ready("store");
    let cluster_access = match &objects {
        Objects::Files(_) => None,
        Objects::Cluster { cluster, .. } => Some(server::ClusterAccess {
            client: cluster.client.clone(),
            clock: clock.clone(),
            open_reads: settings.open_reads,
        }),
    };
    let listener = server::bind(server_options(&settings, cluster_access)).await?;

    // The server outlives the engine: a stopping process still answers that it is not ready.
    let shutdown = CancellationToken::new();
    let server_shutdown = CancellationToken::new();
    let board = engine::alerts::Board::default();
    let bell = engine::Bell::default();
    let slo_board = engine::slos::Board::default();
    let slo_bell = engine::slos::Bell::default();
    let guarded = settings.egress.guarded.clone();
    let telling = match &objects {
        Objects::Files(_) => None,
        Objects::Cluster { cluster, .. } => {
            let present = controller::Present {
                snapshot: snapshot.clone(),
                board: board.clone(),
                slos: slo_board.clone(),
                catalog: catalog.clone(),
            };
            Some(telling(&cluster.client, present, &metrics, settings.status, &clock)?)
        }
    };
    let history_kept = settings.retention.history;
    let net = Arc::new(Net::new(settings.egress, clock.clone()));
    let targets = Arc::<Targets>::default();
    let operator: Arc<str> = match &objects {
        Objects::Files(_) => Arc::from(DEFAULT_NAMESPACE),
        Objects::Cluster { cluster, .. } => cluster.namespace.clone(),
    };
    let sender = Arc::new(notify::Sender::new(net.clone(), clock.clone(), notify::stdout(), settings.log_format, None));
    let (trials, trial_pool) = engine::alerts::Trials::new(sender.clone(), store.clone(), clock.clone());
    let ledger = Arc::new(engine::alerts::Books::new(store.clone(), bell.clone(), board.clone()));
    let seed = u64::from_le_bytes(uuid::Uuid::new_v4().into_bytes()[..8].try_into().unwrap_or_default());
    let (outboxes, pool) =
        notify::outbox::Outboxes::new(sender, ledger, clock.clone(), notify::Tally::new(&metrics)?, seed);
    let loaded = {
        let store = store.clone();
        // Blocks for as long as it takes to read what is open.
        tokio::task::spawn_blocking(move || store.load()).await??
    };
    let silences = Arc::new(match &objects {
        Objects::Files(_) => {
            let bell = bell.clone();
            let tell: source::made::Tell = Arc::new(move |id| bell.object(id));
            Silences::in_store(catalog.clone(), store.clone(), clock.clone(), operator.clone(), tell, &loaded)
        }
        Objects::Cluster { cluster, namespaces, .. } => {
            let client = cluster.client.clone();
            Silences::in_cluster(catalog.clone(), store.clone(), clock.clone(), operator.clone(), client, namespaces)
        }
    });
    let state = Arc::new(server::State {
        snapshot: snapshot.clone(),
        board: board.clone(),
        slos: slo_board.clone(),
        clock: clock.clone(),
        metrics: metrics.clone(),
        readiness: readiness.clone(),
        progress: progress.clone(),
        store: store.clone(),
        bell: bell.clone(),
        silences: silences.clone(),
        trials,
    });
    let slos = engine::slos::Slos::new(engine::slos::Parts {
        bell: slo_bell.clone(),
        catalog: catalog.clone(),
        snapshot: snapshot.clone(),
        store: store.clone(),
        clock: clock.clone(),
        beat: progress.watch("slos"),
        operator: operator.clone(),
        board: slo_board,
        tally: engine::slos::Tally::new(&metrics)?,
    });
    let tokens: Arc<Tokens> = Arc::default();
    let fallback = settings.prometheus.as_ref().map(|url| engine::alerts::Fallback {
        source: Arc::new(model::Source::plain(url.clone())),
        only: (!settings.shared_prometheus).then(|| operator.clone()),
    });
    let alerting = engine::alerts::Alerting::new(
        engine::alerts::Parts {
            bell: bell.clone(),
            catalog: catalog.clone(),
            snapshot: snapshot.clone(),
            store: store.clone(),
            outboxes,
            sources: Arc::new(query::Sources::new(net.clone(), clock.clone(), tokens.clone())),
            fallback,
            clock: clock.clone(),
            beat: progress.watch("alerting"),
            operator,
            board,
            tally: engine::alerts::Tally::new(&metrics)?,
            in_cluster: matches!(objects, Objects::Cluster { .. }),
        },
        &loaded,
    );
    drop(loaded);
    let context = probe::Context { tokens, ..probe::Context::new(clock.clone(), net) };
    let context = match &objects {
        Objects::Files(_) => context,
        Objects::Cluster { cluster, .. } => context.in_cluster(cluster.client.clone()),
    };
    let engine = Engine {
        core: Core::new(max_in_flight),
        catalog: catalog.clone(),
        targets: targets.clone(),
        store: store.clone(),
        snapshot,
        metrics,
        context,
        beat: progress.watch("engine"),
        readiness: readiness.clone(),
        listener: telling.as_ref().map(|telling| Arc::new(telling.statuses.clone()) as Arc<dyn engine::Listener>),
        bell,
        slos: slo_bell,
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
    supervisor.spawn("silences", silences.run(shutdown.clone()));
    supervisor.spawn("slos", slos.run(shutdown.clone()));
    match (objects, telling) {
        (Objects::Files(files), _) => supervisor.spawn("source", files.run(shutdown.clone())),
        (Objects::Cluster { .. }, None) => {}
        (Objects::Cluster { cluster, namespaces, tell }, Some(Telling { statuses, writer, events })) => {
            info!(server = %cluster.server, namespace = &*cluster.namespace, "in a cluster");
            let discovery = Discovery::new(cluster.client.clone(), targets, tell.clone(), clock);
            supervisor.spawn("discovery", discovery.run(shutdown.clone()));
            let onlooker = Arc::new(statuses);
            let source = Kubernetes::new(&cluster, &namespaces, catalog, tell, readiness.clone(), onlooker)
                .keeping(history_kept);
            let first = FirstLook::default();
            supervisor.spawn("guard", guard(Cluster::clone(&cluster), guarded, first.clone(), shutdown.clone()));
            let told = shutdown.clone();
            supervisor.spawn("source", async move {
                // What is the cluster's own is known before anything is probed.
                tokio::select! {
                    () = told.cancelled() => {}
                    () = first.wait() => {}
                }
                source.run(told).await
            });
            supervisor.spawn("status", writer.run(shutdown.clone()));
            supervisor.spawn("events", events.run(shutdown.clone()));
        }
    }
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
            // Alerting ends with the engine, so that what both have decided is on disk before the store closes.
            let (_, (), _, _, _) = tokio::join!(
                alerting.run(shutdown.clone()),
                engine.run(events, shutdown.clone()),
                pool.run(shutdown.clone()),
                trial_pool.run(shutdown),
                stopping
            );
            failpoint!("stop.ended");
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

/// What tells the cluster how its objects are. Made before the engine, which leaves word with it.
struct Telling {
    statuses: Statuses,
    writer: StatusWriter,
    events: EventSender,
}

fn telling(
    client: &kube::Client,
    present: controller::Present,
    metrics: &Metrics,
    budgets: Budgets,
    clock: &Clock,
) -> Result<Telling, prometheus::Error> {
    let tally = Tally::new(metrics)?;
    // The pod's name; kubelet sets HOSTNAME when the manifest does not tell it.
    let instance = ["POD_NAME", "HOSTNAME"].into_iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default();
    let (recorder, events) = controller::recorder(client.clone(), &instance, clock.clone(), tally.clone());
    let statuses = Statuses::default();
    present.board.watch(Arc::new(statuses.clone()));
    present.slos.watch(Arc::new(statuses.clone()));
    let writer = StatusWriter::new(client.clone(), statuses.clone(), present, recorder, tally, budgets, clock.clone());
    Ok(Telling { statuses, writer, events })
}

fn server_options(settings: &Settings, cluster: Option<server::ClusterAccess>) -> server::Options {
    let tls = settings.tls_cert.clone().zip(settings.tls_key.clone());
    server::Options {
        listen: settings.listen,
        tls: tls.map(|(cert, key)| server::TlsFiles { cert, key }),
        api_token_file: settings.api_token_file.clone(),
        cluster,
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
