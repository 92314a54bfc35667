//! The container is killed, and later told to end: the same volume, probing again within seconds, and how long the
//! Service did not answer.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    Told,
    world::{World, eventually},
};

const HERE: &str = "kill";
const CHECKS: usize = 20;
/// From the kill to the first probe after it.
const BACK: Duration = Duration::from_secs(5);

pub fn probes_again_on_the_same_volume(world: &mut World) -> Told {
    if world.node.is_none() {
        println!("LEFT OUT: kill: a cluster of the user's own is not ours to disturb");
        return Ok(());
    }
    world.types()?;
    world.namespace(HERE)?;
    world.volume(HERE)?;
    world.web(HERE, "web", 1)?;
    let values = ["crds.install=false", "namespaces={kill}", "persistence.storageClass=-", "rbac.userRoles=false"];
    world.install(HERE, &World::chart(), &values)?;
    world.kubectl.must(["--namespace", HERE, "rollout", "status", "deployment/web", "--timeout=60s"])?;
    let web = address(world, "web", 80)?;
    for number in 0..CHECKS {
        world.apply(&json!({
            "apiVersion": "probity.dev/v1alpha1",
            "kind": "HealthCheck",
            "metadata": {"name": format!("web-{number}"), "namespace": HERE},
            "spec": {"interval": "1s", "http": {"url": format!("http://{web}/")}},
        }))?;
    }
    eventually("probes reach the target", Duration::from_secs(20), || {
        let count = asked(web)?;
        if count > 2 * CHECKS { Ok(()) } else { Err(format!("it was asked {count} times")) }
    })?;

    let watch = Watch::start(address(world, "probity", 8080)?);
    let before = asked(web)?;
    let restarts = restarts(world)?;
    kill(world)?;
    let begin = Instant::now();
    // What was in flight is let through: nobody probes for a moment, and then somebody does.
    eventually("the container was started again", Duration::from_secs(30), || {
        let now = self::restarts(world)?;
        if now > restarts { Ok(()) } else { Err(format!("{now} restarts")) }
    })?;
    let started = asked(web)?;
    eventually("probes come again", Duration::from_secs(30), || {
        if asked(web)? >= started + CHECKS {
            Ok(())
        } else {
            Err(format!("asked {} times before, {} since", before, started))
        }
    })?;
    let took = begin.elapsed();
    let told = watch.stop();
    println!("  killed: all {CHECKS} checks probed again after {:.1} s; liveness {told}", took.as_secs_f64());
    // The second that all of them need is theirs, and not the restart's.
    if took > BACK + Duration::from_secs(1) {
        return Err(format!("probing came back after {took:?}, not within {BACK:?}"));
    }

    world.kubectl.must([
        "--namespace",
        HERE,
        "wait",
        "pod",
        "--selector=app.kubernetes.io/name=probity",
        "--for=condition=Ready",
        "--timeout=60s",
    ])?;
    let watch = Watch::start(address(world, "probity", 8080)?);
    world.kubectl.must(["--namespace", HERE, "rollout", "restart", "deployment/probity"])?;
    world.kubectl.must(["--namespace", HERE, "rollout", "status", "deployment/probity", "--timeout=60s"])?;
    let ended = asked(web)?;
    eventually("probes come after a restart in order", BACK, || {
        if asked(web)? >= ended + CHECKS { Ok(()) } else { Err("no probe".to_owned()) }
    })?;
    println!("  restarted in order: liveness {}", watch.stop());
    Ok(())
}

fn address(world: &World, service: &str, port: u16) -> Result<SocketAddr, String> {
    let object = world.object(HERE, &format!("service/{service}"))?;
    let ip = object["spec"]["clusterIP"].as_str().ok_or("the Service has no address")?;
    format!("{ip}:{port}").parse().map_err(|error| format!("{ip}: {error}"))
}

fn restarts(world: &World) -> Result<u64, String> {
    let pods = world.kubectl.must([
        "--namespace",
        HERE,
        "get",
        "pods",
        "--selector=app.kubernetes.io/name=probity",
        "--output=jsonpath={.items[0].status.containerStatuses[0].restartCount}",
    ])?;
    pods.trim().parse().map_err(|_| format!("no pod: {pods:?}"))
}

/// SIGKILL to the container's processes, as the kernel does when memory runs out.
fn kill(world: &World) -> Told {
    let id = world.kubectl.must([
        "--namespace",
        HERE,
        "get",
        "pods",
        "--selector=app.kubernetes.io/name=probity",
        "--output=jsonpath={.items[0].status.containerStatuses[0].containerID}",
    ])?;
    let id = id.trim().trim_start_matches("containerd://");
    let node = world.node.as_ref().ok_or("no node")?;
    let output = node.ctr().args(["tasks", "kill", "--signal", "SIGKILL", "--all", id]).output();
    let output = output.map_err(|error| format!("cannot run ctr: {error}"))?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// How often the target was asked, as it counts itself.
fn asked(web: SocketAddr) -> Result<usize, String> {
    let (_, body) = get(web, "/asked")?;
    body.trim().parse().map_err(|_| format!("it says {body:?}"))
}

fn get(address: SocketAddr, path: &str) -> Result<(u16, String), String> {
    let patience = Duration::from_secs(2);
    let mut stream = TcpStream::connect_timeout(&address, patience).map_err(|error| error.to_string())?;
    stream.set_read_timeout(Some(patience)).map_err(|error| error.to_string())?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").map_err(|error| error.to_string())?;
    let mut text = String::new();
    stream.take(1 << 20).read_to_string(&mut text).map_err(|error| error.to_string())?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or("the answer is not HTTP")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or("the answer has no status")?;
    Ok((status, body.to_owned()))
}

/// A client that asks `/health/liveness` every 100 ms, on a connection of its own each time.
struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<(u32, u32, Duration)>,
}

impl Watch {
    fn start(address: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        let thread = std::thread::spawn(move || {
            let (mut asked, mut failed, mut longest) = (0, 0, Duration::ZERO);
            let mut well = Instant::now();
            while !told.load(Ordering::Relaxed) {
                asked += 1;
                if get(address, "/health/liveness").is_ok_and(|(status, _)| status == 200) {
                    longest = longest.max(well.elapsed());
                    well = Instant::now();
                } else {
                    failed += 1;
                }
                std::thread::sleep(Duration::from_millis(100));
            }
            (asked, failed, longest.max(well.elapsed()))
        });
        Self { stop, thread }
    }

    fn stop(self) -> String {
        self.stop.store(true, Ordering::Relaxed);
        match self.thread.join() {
            Ok((asked, failed, longest)) => {
                format!("failed {failed} of {asked} times, longest gap {:.1} s", longest.as_secs_f64())
            }
            Err(_) => "was not watched to the end".to_owned(),
        }
    }
}
