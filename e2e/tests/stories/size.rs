//! What the pod takes with a thousand checks, as its control group counts it, beside what the chart asks for.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    Told,
    pod::{container, pod, process},
    visitor::get,
    way::Way,
    world::{World, eventually},
};

const HERE: &str = "size";
const CHECKS: usize = 1_000;
/// All checks run twice in it, and all have a status.
const SETTLES: Duration = Duration::from_secs(20);
const MEASURED: Duration = Duration::from_secs(30);

pub fn takes_what_the_chart_asks_for(world: &mut World) -> Told {
    if world.node.is_none() {
        println!("LEFT OUT: size: the control groups of the user's own cluster are not here to be read");
        return Ok(());
    }
    world.types()?;
    world.namespace(HERE)?;
    world.volume(HERE)?;
    world.web(HERE, "web", 1)?;
    // As it comes, in all but what this cluster lacks.
    world.install(
        HERE,
        &World::chart(),
        &["crds.install=false", "persistence.storageClass=-", "rbac.userRoles=false"],
    )?;
    world.kubectl.must(["--namespace", HERE, "rollout", "status", "deployment/web", "--timeout=60s"])?;
    let idle = Group::of(world)?.memory()?;
    let items: Vec<_> = (0..CHECKS)
        .map(|number| {
            json!({
                "apiVersion": "probity.dev/v1alpha1",
                "kind": "HealthCheck",
                "metadata": {"name": format!("web-{number}"), "namespace": HERE},
                "spec": {"interval": "10s", "http": {"service": {"name": "web", "port": 80}, "expect": {
                    "bodyMatches": ["^web-"],
                    "when": "response.headers['content-type'].startsWith('text/plain')",
                }}},
            })
        })
        .collect();
    world.apply(&json!({"apiVersion": "v1", "kind": "List", "items": items}))?;
    let probity = Way::to(world, HERE, "probity", 8080)?;
    eventually("all checks pass", Duration::from_secs(120), || {
        let (_, body) = get(probity.address(), "/metrics", "")?;
        let passing = body.lines().filter(|line| line.starts_with("probe_success{") && line.ends_with("} 1")).count();
        if passing == CHECKS { Ok(()) } else { Err(format!("{passing} pass")) }
    })?;
    // Time is what is measured here, and so it is waited for.
    std::thread::sleep(SETTLES);
    let group = Group::of(world)?;
    let (began, before) = (Instant::now(), group.cpu()?);
    std::thread::sleep(MEASURED);
    let cpu = (group.cpu()? - before).as_secs_f64() / began.elapsed().as_secs_f64() * 1000.0;
    let memory = group.memory()?;
    let pod = pod(world, HERE)?;
    if container(&pod)["restartCount"] != 0 {
        return Err(format!("it was started again: {}", container(&pod)));
    }
    let resources = &pod["spec"]["containers"][0]["resources"];
    println!(
        "  {CHECKS} checks every 10 s: {cpu:.0} m of CPU, {} of memory ({} with none); the chart asks for {resources}",
        mebibytes(memory),
        mebibytes(idle),
    );
    let asked = |kind: &str, unit: &str| {
        let text = resources["requests"][kind].as_str().unwrap_or_default();
        text.strip_suffix(unit).and_then(|number| number.parse::<f64>().ok()).ok_or(format!("it asks for {text:?}"))
    };
    // Unless it is given, the program is one that was built quickly and not for speed.
    let (most_cpu, most_memory) = (asked("cpu", "m")? * 2.0, asked("memory", "Mi")? * 1_048_576.0);
    if cpu > most_cpu || memory as f64 > most_memory {
        return Err(format!("it takes {cpu:.0} m and {}: too much for what is asked for", mebibytes(memory)));
    }
    Ok(())
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.0} MiB", bytes as f64 / 1_048_576.0)
}

/// The control group of the container: version 1 has a tree for each resource, version 2 one for all.
struct Group {
    memory: PathBuf,
    cpu: PathBuf,
    unified: bool,
}

impl Group {
    fn of(world: &World) -> Result<Self, String> {
        let process = process(world, HERE)?.ok_or("no process")?;
        let groups = read(Path::new(&format!("/proc/{process}/cgroup")))?;
        // NUMBER:CONTROLLERS:PATH
        let path = |controller: &str| {
            groups.lines().find_map(|line| {
                let mut parts = line.splitn(3, ':').skip(1);
                let (controllers, path) = (parts.next()?, parts.next()?);
                controllers.split(',').any(|one| one == controller).then(|| path.trim_start_matches('/').to_owned())
            })
        };
        let root = Path::new("/sys/fs/cgroup");
        if let (Some(memory), Some(cpu)) = (path("memory"), path("cpuacct")) {
            return Ok(Self {
                memory: root.join("memory").join(memory),
                cpu: root.join("cpuacct").join(cpu),
                unified: false,
            });
        }
        let one = root.join(path("").ok_or_else(|| format!("no control group in {groups:?}"))?);
        Ok(Self { memory: one.clone(), cpu: one, unified: true })
    }

    /// The working set: what is in use, without the files that could be read again; what kubelet counts and evicts by.
    fn memory(&self) -> Result<u64, String> {
        let (used, inactive) = if self.unified {
            ("memory.current", "inactive_file")
        } else {
            ("memory.usage_in_bytes", "total_inactive_file")
        };
        let used: u64 = number(&read(&self.memory.join(used))?)?;
        Ok(used.saturating_sub(field(&read(&self.memory.join("memory.stat"))?, inactive)?))
    }

    fn cpu(&self) -> Result<Duration, String> {
        if self.unified {
            return Ok(Duration::from_micros(field(&read(&self.cpu.join("cpu.stat"))?, "usage_usec")?));
        }
        Ok(Duration::from_nanos(number(&read(&self.cpu.join("cpuacct.usage"))?)?))
    }
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn field(text: &str, name: &str) -> Result<u64, String> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    number(value.ok_or_else(|| format!("there is no {name}"))?)
}

fn number(text: &str) -> Result<u64, String> {
    text.trim().parse().map_err(|_| format!("{text:?} is no number"))
}
