//! What checks look for in the cluster comes and goes, and the program follows. It runs as a process of this host,
//! with the kubeconfig of an admin; pods and endpoints are objects without a kubelet behind them.

#![expect(clippy::disallowed_methods, reason = "the clock is the program's; how long a test waits is the test's")]

use std::{
    io::{Read, Write},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use e2e::Api;
use serde_json::{Value, json};

use crate::{Stage, Told};

const NAMESPACE: &str = "discovery";
/// What the program promises of a target that comes or goes.
const PROMISED: Duration = Duration::from_secs(1);
/// Where more than that has to happen, on a machine that is busy with other tests.
const FOLLOWS: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(60);

/// The program, until it is dropped.
struct Probity {
    child: Child,
    api: Api,
    log: PathBuf,
}

impl Drop for Probity {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Probity {
    fn start(stage: &Stage<'_>) -> Result<Self, String> {
        // With the fail points that its own tests have in it: it is the same file.
        let built = Command::new(env!("CARGO"))
            .args(["build", "-q", "-p", "probity", "--bin", "probity", "--features", "failpoint/failpoints"])
            .status();
        built.ok().filter(|status| status.success()).ok_or("cannot build the program")?;
        // target/debug/deps/it-… → target/debug/probity
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let program = program.ancestors().nth(2).ok_or("no folder")?.join("probity");
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|bound| bound.local_addr()).map_err(|e| e.to_string())?.port();
        let log = stage.cluster.folder().join("probity.log");
        let output = std::fs::File::create(&log).map_err(|error| error.to_string())?;
        let mut command = Command::new(program);
        command
            .args(["run", "--allow-cidr", "127.0.0.0/8", "--listen", &format!("127.0.0.1:{port}"), "--data-dir"])
            .arg(stage.cluster.folder().join("discovery-data"))
            .stdin(Stdio::null())
            .stdout(output.try_clone().map_err(|error| error.to_string())?)
            .stderr(output);
        if let Some(config) = stage.cluster.kubectl().config() {
            command.env("KUBECONFIG", config);
        }
        let child = command.spawn().map_err(|error| error.to_string())?;
        let probity = Self { child, api: Api::new(port), log };
        probity.wait("readiness", PATIENCE, |probity| {
            probity.api.get("/health/readiness").is_ok_and(|answer| answer.is_success()).then_some(())
        })?;
        Ok(probity)
    }

    fn wait<T>(&self, what: &str, most: Duration, mut seen: impl FnMut(&Self) -> Option<T>) -> Result<T, String> {
        let begin = Instant::now();
        loop {
            if let Some(found) = seen(self) {
                return Ok(found);
            }
            if begin.elapsed() > most {
                let log = std::fs::read_to_string(&self.log).unwrap_or_default();
                let lines: Vec<_> = log.lines().collect();
                let last = lines[lines.len().saturating_sub(15)..].join("\n");
                return Err(format!("{what}: not within {most:?}; {:?}\n{last}", self.checks()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn checks(&self) -> Vec<Value> {
        let detailed = self.api.get(&format!("/health/detailed?namespace={NAMESPACE}"));
        detailed.ok().and_then(|answer| answer.body["checks"].as_array().cloned()).unwrap_or_default()
    }

    /// Waits until a check has this status and reason; how long that took.
    fn is(&self, name: &str, status: &str, reason: &str, most: Duration) -> Result<Duration, String> {
        let begin = Instant::now();
        self.wait(&format!("{name} is {status}, {reason}"), most, |probity| {
            let checks = probity.checks();
            let check = checks.iter().find(|check| check["name"] == name)?;
            (check["status"] == status && check["reason"] == reason).then(|| begin.elapsed())
        })
    }

    /// Waits until exactly these targets of a check have series; how long that took.
    fn has(&self, name: &str, instances: &[&str], most: Duration) -> Result<Duration, String> {
        let begin = Instant::now();
        self.wait(&format!("{name} has {instances:?}"), most, |probity| {
            let text = probity.api.get("/metrics").ok()?.body.as_str()?.to_owned();
            let mut found: Vec<_> = (text.lines())
                .filter(|line| line.starts_with("probity_healthcheck_state{"))
                .filter(|line| line.contains(&format!("namespace=\"{NAMESPACE}\",healthcheck=\"{name}\"")))
                .filter_map(|line| line.split("instance=\"").nth(1)?.split('"').next())
                .collect();
            found.sort_unstable();
            found.dedup();
            (found == instances).then(|| begin.elapsed())
        })
    }
}

/// Answers every request with 200, at every address of the loopback interface, as long as the process lives.
fn answering() -> Result<u16, String> {
    let listener = TcpListener::bind("0.0.0.0:0").map_err(|error| error.to_string())?;
    let port = listener.local_addr().map_err(|error| error.to_string())?.port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let _ = stream.read(&mut [0; 2048]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
        }
    });
    Ok(port)
}

fn apply(stage: &Stage<'_>, name: &str, object: &Value) -> Told {
    let file = stage.cluster.folder().join(format!("{name}.json"));
    std::fs::write(&file, object.to_string()).map_err(|error| error.to_string())?;
    let file = file.display().to_string();
    stage.cluster.kubectl().must(["apply", "--server-side", "--force-conflicts", "-f", &file]).map(drop)
}

fn status(stage: &Stage<'_>, object: &str, status: &Value) -> Told {
    let patch = json!({"status": status}).to_string();
    let arguments = ["patch", "-n", NAMESPACE, object, "--subresource=status", "--type=merge", "-p", &patch];
    stage.cluster.kubectl().must(arguments).map(drop)
}

fn delete(stage: &Stage<'_>, object: &str) -> Told {
    let arguments = ["delete", "-n", NAMESPACE, object, "--grace-period=0", "--force", "--wait=false"];
    stage.cluster.kubectl().must(arguments).map(drop)
}

fn object(version: &str, kind: &str, name: &str, rest: &Value) -> Value {
    let mut object = json!({
        "apiVersion": version, "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app": "web"}},
    });
    for (field, value) in rest.as_object().into_iter().flatten() {
        object[field] = value.clone();
    }
    object
}

fn check(stage: &Stage<'_>, name: &str, probe: &Value) -> Told {
    let mut spec = json!({"interval": "1s", "failureThreshold": 1, "timeout": "500ms"});
    for (field, value) in probe.as_object().into_iter().flatten() {
        spec[field] = value.clone();
    }
    apply(stage, name, &object("probity.dev/v1alpha1", "HealthCheck", name, &json!({"spec": spec})))
}

fn pod(stage: &Stage<'_>, name: &str, ip: &str) -> Told {
    let spec = json!({"nodeName": "nowhere", "containers": [{"name": "web", "image": "web"}]});
    apply(stage, name, &object("v1", "Pod", name, &json!({"spec": spec})))?;
    status(stage, &format!("pod/{name}"), &json!({"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}]}))
}

fn slice(stage: &Stage<'_>, ready: &[(&str, &str)]) -> Told {
    let endpoints: Vec<_> = (ready.iter())
        .map(|(name, ip)| {
            let pod = json!({"kind": "Pod", "name": name, "namespace": NAMESPACE});
            json!({"addresses": [ip], "conditions": {"ready": true}, "targetRef": pod})
        })
        .collect();
    let mut slice = object(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        "web-1",
        &json!({
            "addressType": "IPv4", "endpoints": endpoints, "ports": [{"name": "http", "port": 8080}],
        }),
    );
    slice["metadata"]["labels"]["kubernetes.io/service-name"] = "web".into();
    apply(stage, "slice", &slice)
}

fn prepare(stage: &Stage<'_>) -> Told {
    stage.cluster.kubectl().must(["create", "namespace", NAMESPACE])?;
    // Nobody makes these here: there is no controller manager.
    let account = json!({"automountServiceAccountToken": false});
    apply(stage, "account", &object("v1", "ServiceAccount", "default", &account))
}

pub fn targets_come_and_go(stage: &Stage<'_>) -> Told {
    prepare(stage)?;
    let port = answering()?;
    let probity = Probity::start(stage)?;
    let selector = json!({"matchLabels": {"app": "web"}});

    // Pods, at their own addresses.
    check(stage, "pods", &json!({"http": {}, "discover": {"kind": "Pod", "selector": selector, "port": port}}))?;
    probity.is("pods", "unhealthy", "TargetMissing", PATIENCE)?;
    let (one, two) = (format!("web-1:{port}"), format!("web-2:{port}"));
    pod(stage, "web-1", "127.0.0.2")?;
    let came = probity.has("pods", &[&one], PROMISED)?;
    probity.is("pods", "healthy", "Ok", FOLLOWS)?;
    pod(stage, "web-2", "127.0.0.3")?;
    probity.has("pods", &[&one, &two], FOLLOWS)?;
    delete(stage, "pod/web-1")?;
    let went = probity.has("pods", &[&two], PROMISED)?;
    println!("  a pod came after {came:?} and went after {went:?}");
    status(stage, "pod/web-2", &json!({"phase": "Succeeded"}))?;
    probity.is("pods", "unhealthy", "TargetMissing", FOLLOWS)?;
    pod(stage, "web-1", "127.0.0.2")?;
    probity.is("pods", "healthy", "Ok", FOLLOWS)?;

    // A Service, and the endpoints behind it.
    let ports = json!([{"name": "http", "port": 80, "targetPort": 8080}]);
    apply(stage, "service", &object("v1", "Service", "web", &json!({"spec": {"ports": ports}})))?;
    check(stage, "service", &json!({"http": {"service": {"name": "web", "port": "http"}}}))?;
    let endpoints = json!({"kind": "EndpointSlice", "selector": selector, "port": "http"});
    check(stage, "endpoints", &json!({"tcp": {}, "discover": endpoints}))?;
    probity.is("service", "unhealthy", "TargetMissing", PATIENCE)?;
    probity.is("endpoints", "unhealthy", "TargetMissing", PATIENCE)?;
    slice(stage, &[("web-1", "192.0.2.1"), ("web-2", "192.0.2.2")])?;
    probity.has("endpoints", &["web-1:8080", "web-2:8080"], FOLLOWS)?;
    // Its address is dialled, behind which nothing listens in this cluster.
    probity.wait("the Service is dialled", FOLLOWS, |probity| {
        let checks = probity.checks();
        let check = checks.iter().find(|check| check["name"] == "service")?;
        (check["status"] == "unhealthy" && check["reason"] != "TargetMissing").then_some(())
    })?;
    slice(stage, &[("web-2", "192.0.2.2")])?;
    probity.has("endpoints", &["web-2:8080"], FOLLOWS)?;
    slice(stage, &[])?;
    probity.is("service", "unhealthy", "TargetMissing", FOLLOWS)?;
    workloads(stage, &probity)
}

fn workloads(stage: &Stage<'_>, probity: &Probity) -> Told {
    let template = json!({
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": "web"}]},
    });
    let spec = json!({"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template});
    check(stage, "named", &json!({"workload": {"kind": "Deployment", "name": "web"}}))?;
    let selector = json!({"matchLabels": {"app": "web"}});
    check(stage, "selected", &json!({"workload": {"kind": "Deployment", "selector": selector}}))?;
    probity.is("named", "unhealthy", "TargetMissing", PATIENCE)?;
    probity.is("selected", "unhealthy", "TargetMissing", PATIENCE)?;
    apply(stage, "deployment", &object("apps/v1", "Deployment", "web", &json!({"spec": spec})))?;
    probity.has("selected", &["Deployment/web"], FOLLOWS)?;
    probity.is("named", "unhealthy", "ExpectationFailed", FOLLOWS)?;
    let good = json!({
        "observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2,
    });
    status(stage, "deployment/web", &good)?;
    probity.is("named", "healthy", "Ok", FOLLOWS)?;
    probity.is("selected", "healthy", "Ok", FOLLOWS)?;
    delete(stage, "deployment/web")?;
    probity.is("named", "unhealthy", "TargetMissing", FOLLOWS)?;
    probity.is("selected", "unhealthy", "TargetMissing", FOLLOWS).map(drop)
}
