//! What Probity costs a cluster, and how soon it follows it: `cargo bench -p e2e --bench cluster -- 10000`.
//!
//! So many HealthChecks at 60 s are made in a real API server, while Probity runs as a process of its own. It prints
//! one table and fails when a bound does not hold. The program is built for it; `E2E_PROBITY=FILE` takes one that is
//! there. `--quick` makes the windows shorter. To try the benchmark itself: `cargo test -p e2e --bench cluster --
//! 300 --quick`, with a program built for development, whose figures those are.
//!
//! etcd and the API server run on the same machine and take what CPU they want.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads clocks, and is not the program")]

mod changes;
#[path = "../../../benches/probes/figures.rs"]
mod figures;
mod fill;
#[path = "../../../benches/probes/measure.rs"]
mod measure;
mod objects;
mod probity;
mod restart;
mod steady;
mod target;

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use e2e::{Cluster, Tools};
use figures::Figures;
use objects::Objects;
use probity::Probity;
use target::Target;
use tokio::runtime::Runtime;

const CRDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crds");
/// Of every check.
const INTERVAL: Duration = Duration::from_secs(60);
/// The bound; the README says what it is at 10,000 checks without a cluster.
const MEMORY: f64 = 200.0;

/// What every part works with.
struct World {
    checks: usize,
    /// After what changed, until figures are as they stay.
    settle: Duration,
    window: Duration,
    /// The program that is measured.
    program: PathBuf,
    objects: Objects,
    target: Target,
    cluster: Cluster,
    runtime: Runtime,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut figures = Figures::default();
    let result = measured(&arguments, &mut figures);
    figures.print();
    match result {
        Ok(()) if figures.all_hold() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cluster: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measured(arguments: &[String], figures: &mut Figures) -> Result<(), String> {
    let world = World::new(arguments)?;
    eprintln!("{} HealthChecks every {} s", world.checks, INTERVAL.as_secs());
    let probity = Probity::start(&world, &[])?;
    fill::run(&world, &probity, figures)?;
    steady::run(&world, &probity, figures)?;
    changes::run(&world, &probity, figures)?;
    figures.at_most("resident memory, its peak in all of this", probity.peak(), MEMORY, "MB");
    probity.stop()?;
    restart::run(&world, figures)
}

impl World {
    fn new(arguments: &[String]) -> Result<Self, String> {
        let checks = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(10_000);
        let quick = arguments.iter().any(|argument| argument == "--quick");
        let program = program()?;
        let cluster = Cluster::start(&Tools::find()?)?;
        cluster.kubectl().must(["apply", "-f", CRDS])?;
        // kubectl gives up at once on a type that has no conditions yet.
        until("the types are established", Duration::from_secs(60), Duration::from_millis(200), || {
            let waited = cluster.kubectl().run(["wait", "--for=condition=Established", "--timeout=60s", "-f", CRDS])?;
            Ok(waited.ok.then_some(()))
        })?;
        let runtime = Runtime::new().map_err(|error| error.to_string())?;
        let target = runtime.block_on(Target::start())?;
        let kubeconfig = cluster.kubeconfig().ok_or("the user's own cluster is not for measuring")?;
        let objects = runtime.block_on(Objects::new(&kubeconfig, target.port))?;
        let (settle, window) = if quick { (35, 15) } else { (90, 60) };
        let (settle, window) = (Duration::from_secs(settle), Duration::from_secs(window));
        Ok(Self { checks, settle, window, program, objects, target, cluster, runtime })
    }
}

/// The program as it is in the working copy, built as this benchmark is.
fn program() -> Result<PathBuf, String> {
    if let Some(program) = std::env::var_os("E2E_PROBITY") {
        return Ok(program.into());
    }
    let (profile, folder) = if cfg!(debug_assertions) { ("dev", "debug") } else { ("release", "release") };
    // target/release/deps/cluster-… → target
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let target = this.ancestors().nth(3).ok_or("this benchmark is in no target folder")?;
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "probity", "--bin", "probity", "--profile", profile, "--manifest-path"])
        .arg(manifest)
        .env("CARGO_TARGET_DIR", target)
        .status()
        .map_err(|error| format!("cannot build probity: {error}"))?;
    let program = target.join(folder).join("probity");
    if built.success() && program.is_file() { Ok(program) } else { Err("probity could not be built".to_owned()) }
}

/// Asks again and again until there is an answer.
fn until<T>(
    what: &str,
    patience: Duration,
    pause: Duration,
    mut look: impl FnMut() -> Result<Option<T>, String>,
) -> Result<T, String> {
    let begin = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if begin.elapsed() > patience {
            return Err(format!("{what}: not within {patience:?}"));
        }
        // A condition that is looked at: nothing there tells of itself.
        std::thread::sleep(pause);
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
