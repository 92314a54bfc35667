//! What Probity makes of a cluster's objects, seen from outside: the program runs as a process with a kubeconfig.
//!
//! One story after the other, on an API server of its own, because it is stopped on the way.

#![expect(clippy::disallowed_methods, reason = "the clock is the program's; how long a test waits is the test's")]

mod operator;
mod target;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use e2e::{Cluster, Kubectl};
use serde_json::{Value, json};

use self::{operator::Operator, target::Target};
use crate::{Told, crd::CRDS};

struct Scene {
    cluster: Cluster,
    operator: Operator,
    target: Target,
}

type Story = fn(&mut Scene) -> Told;

const STORIES: [(&str, Story); 9] = [
    ("the types are installed after Probity was started", types_come),
    ("a check is probed as soon as it is there, follows its spec, and goes with its object", lifecycle),
    ("a missing Secret appears, is rotated, and is in use within 5 s", secrets),
    ("a check that was deleted and made anew is another one", made_anew),
    ("an object that the program cannot read stalls nothing", unreadable),
    ("what may not be read in one namespace is said, and the rest works", denied),
    ("the HTTP API tells each what they may see", readers),
    ("the types are deleted and installed again", types_go),
    ("the API server is away: no probe is missed, and the present is read when it is back", away),
];

/// For what should take a second, on a machine that does much else.
const SOON: Duration = Duration::from_secs(20);
/// Refusals that are borne, 3 s apart, and room for a slow machine.
const GIVEN_UP: Duration = Duration::from_secs(60);
/// In use, or seen: what is promised.
const PROMISED: Duration = Duration::from_secs(5);

pub fn tell(cluster: Cluster) -> Told {
    let Some(kubeconfig) = cluster.kubeconfig() else {
        eprintln!("\n*** LEFT OUT: the stories of objects: they stop the API server, and this one is not ours ***\n");
        return Ok(());
    };
    let operator = Operator::start(&kubeconfig, &[])?;
    let mut scene = Scene { cluster, operator, target: Target::start()? };
    for (name, story) in STORIES {
        story(&mut scene).map_err(|wrong| format!("{name}: {wrong}"))?;
        println!("ok: {name}");
    }
    Ok(())
}

impl Scene {
    fn kubectl(&self) -> &Kubectl {
        self.cluster.kubectl()
    }

    /// Applies an object as a person would.
    fn apply(&self, object: &Value) -> Told {
        let file = self.cluster.folder().join("object.json");
        std::fs::write(&file, object.to_string()).map_err(|error| error.to_string())?;
        self.kubectl().must(["apply".as_ref(), "-f".as_ref(), file.as_os_str()]).map(drop)
    }

    fn check(&self, name: &str, spec: Value) -> Told {
        self.apply(&check(name, "default", spec))
    }

    fn good(&self) -> Value {
        json!({"interval": "1s", "http": {"url": self.target.url()}})
    }

    fn install(&self) -> Told {
        self.kubectl().must(["apply", "-f", CRDS])?;
        self.kubectl().must(["wait", "--for=condition=Established", "--timeout=60s", "-f", CRDS]).map(drop)
    }

    /// A kubeconfig of whoever has this token.
    fn kubeconfig(&self, token: &str) -> Result<PathBuf, String> {
        let admin = self.cluster.kubeconfig().ok_or("there is no kubeconfig")?;
        let text = std::fs::read_to_string(admin).map_err(|error| error.to_string())?;
        let mut config: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        config["users"][0]["user"] = json!({"token": token});
        let path = self.cluster.folder().join("account.kubeconfig");
        std::fs::write(&path, config.to_string()).map_err(|error| error.to_string())?;
        Ok(path)
    }

    /// A token of a new ServiceAccount in the namespace default.
    fn account(&self, name: &str, arguments: &[&str]) -> Result<String, String> {
        self.kubectl().must(["create", "serviceaccount", name])?;
        let all = ["create", "token", name].into_iter().chain(arguments.iter().copied());
        Ok(self.kubectl().must(all)?.trim().to_owned())
    }

    /// Lets a ServiceAccount read our checks in a namespace.
    fn grant(&self, account: &str, namespace: &str) -> Told {
        let kubectl = self.kubectl();
        kubectl.must([
            "create",
            "role",
            "reader",
            "-n",
            namespace,
            "--verb=get,list,watch",
            "--resource=healthchecks.probity.dev",
        ])?;
        let account = format!("--serviceaccount=default:{account}");
        kubectl.must(["create", "rolebinding", "reader", "-n", namespace, "--role=reader", &account]).map(drop)
    }
}

fn check(name: &str, namespace: &str, spec: Value) -> Value {
    let metadata = json!({"name": name, "namespace": namespace});
    json!({"apiVersion": "probity.dev/v1alpha1", "kind": "HealthCheck", "metadata": metadata, "spec": spec})
}

fn until(within: Duration, mut holds: impl FnMut() -> Told) -> Told {
    let begin = Instant::now();
    while let Err(why) = holds() {
        if begin.elapsed() > within {
            return Err(format!("not within {within:?}: {why}"));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

fn types_come(scene: &mut Scene) -> Told {
    until(SOON, || {
        let (status, body) = scene.operator.ask("/health/readiness", "")?;
        let why = body.to_string();
        if status == 503 && why.contains("CustomResourceDefinition") { Ok(()) } else { Err(format!("{status} {why}")) }
    })?;
    scene.install()?;
    until(SOON, || match scene.operator.ask("/health/readiness", "")? {
        (200, _) => Ok(()),
        (status, body) => Err(format!("{status} {body}")),
    })
}

fn lifecycle(scene: &mut Scene) -> Told {
    scene.check("life", scene.good())?;
    let took = scene.operator.until("default/life", "healthy Ok", SOON)?;
    println!("    from kubectl's answer to Healthy: {} ms", took.as_millis());
    scene.check("life", json!({"interval": "1s", "failureThreshold": 1, "tcp": {"address": "127.0.0.1:1"}}))?;
    scene.operator.until("default/life", "unhealthy ConnectionRefused", SOON)?;
    scene.check("life", json!({"http": {"url": scene.target.url()}, "dependsOn": [{"name": "nobody"}]}))?;
    scene.operator.until(
        "default/life",
        "unknown InvalidSpec: spec.dependsOn[0].name: HealthCheck default/nobody",
        SOON,
    )?;
    scene.check("nobody", scene.good())?;
    scene.operator.until("default/life", "healthy Ok", SOON)?;
    scene.kubectl().must(["delete", "healthcheck", "life", "nobody"])?;
    scene.operator.until("default/life", "", SOON).map(drop)
}

fn secrets(scene: &mut Scene) -> Told {
    let header = json!([{"name": "X-Key", "valueFrom": {"secretKeyRef": {"name": "credentials", "key": "k"}}}]);
    scene.check("keyed", json!({"interval": "1s", "http": {"url": scene.target.url(), "headers": header}}))?;
    scene.operator.until("default/keyed", "unknown SecretMissing", SOON)?;
    scene.kubectl().must(["create", "secret", "generic", "credentials", "--from-literal=k=first-value"])?;
    scene.operator.until("default/keyed", "healthy Ok", SOON)?;
    until(SOON, || {
        if scene.target.keys().iter().any(|key| key == "first-value") { Ok(()) } else { Err("no key".into()) }
    })?;
    for round in 0..3 {
        let value = format!("rotated-{round}");
        let patch = json!({"stringData": {"k": value}}).to_string();
        scene.kubectl().must(["patch", "secret", "credentials", "-p", &patch])?;
        let begin = Instant::now();
        until(PROMISED, || match scene.target.keys().last() {
            Some(key) if *key == value => Ok(()),
            other => Err(format!("{other:?}")),
        })?;
        println!("    rotated, in use after {} ms", begin.elapsed().as_millis());
    }
    scene.kubectl().must(["delete", "secret", "credentials"])?;
    scene.operator.until("default/keyed", "unknown SecretMissing", SOON)?;
    if scene.operator.said().contains("rotated-") {
        return Err("a value of a Secret stands in the log".to_owned());
    }
    scene.kubectl().must(["delete", "healthcheck", "keyed"]).map(drop)
}

fn made_anew(scene: &mut Scene) -> Told {
    scene.check("anew", json!({"interval": "30s", "tcp": {"address": "127.0.0.1:1"}, "failureThreshold": 1}))?;
    scene.operator.until("default/anew", "unhealthy", SOON)?;
    let file = scene.cluster.folder().join("anew.json");
    // Of the same generation, and with a spec that the next run alone could not tell apart for half a minute.
    let spec = json!({"interval": "30s", "http": {"url": scene.target.url()}});
    std::fs::write(&file, check("anew", "default", spec).to_string()).map_err(|error| error.to_string())?;
    scene.kubectl().must(["replace".as_ref(), "--force".as_ref(), "-f".as_ref(), file.as_os_str()])?;
    scene.operator.until("default/anew", "healthy Ok", SOON)?;
    scene.kubectl().must(["delete", "healthcheck", "anew"]).map(drop)
}

fn unreadable(scene: &mut Scene) -> Told {
    scene.check("neighbour", scene.good())?;
    scene.operator.until("default/neighbour", "healthy Ok", SOON)?;
    // As an older version of the type would have let it through.
    let lenient = json!([{"op": "replace", "path": "/spec/versions/0/schema/openAPIV3Schema",
        "value": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}]);
    scene.kubectl().must(["patch", "crd", "healthchecks.probity.dev", "--type=json", "-p", &lenient.to_string()])?;
    until(SOON, || scene.check("older", json!({"interval": 5, "http": ["not", "an", "object"], "shape": {"a": 1}})))?;
    scene.operator.until("default/older", "unknown InvalidSpec: ", SOON)?;
    scene.install()?;
    let before = scene.target.asked();
    scene.check("newer", scene.good())?;
    scene.operator.until("default/newer", "healthy Ok", SOON)?;
    until(SOON, || if scene.target.asked() > before + 3 { Ok(()) } else { Err("no more runs".to_owned()) })?;
    scene.operator.until("default/older", "unknown InvalidSpec: ", SOON)?;
    scene.kubectl().must(["delete", "healthcheck", "older", "newer"]).map(drop)
}

fn denied(scene: &mut Scene) -> Told {
    for namespace in ["open", "shut"] {
        scene.kubectl().must(["create", "namespace", namespace])?;
        scene.apply(&check("there", namespace, scene.good()))?;
    }
    let token = scene.account("operator", &[])?;
    scene.grant("operator", "open")?;
    let kubeconfig = scene.kubeconfig(&token)?;
    let operator = Operator::start(&kubeconfig, &["--namespace", "open", "--namespace", "shut"])?;
    operator.until("open/there", "healthy Ok", SOON)?;
    let (status, body) = operator.ask("/health/readiness", "")?;
    let why = body.to_string();
    // It does its work where it may: nobody is sent away for the rest.
    if status != 200
        || !why.contains("namespace shut")
        || !why.contains("forbidden")
        || !operator.said().contains("cannot read HealthChecks in namespace shut")
    {
        return Err(format!("{status} {why}"));
    }
    scene.grant("operator", "shut")?;
    operator.until("shut/there", "healthy Ok", SOON)?;
    until(SOON, || match operator.ask("/health/readiness", "")? {
        (200, body) if !body.to_string().contains("namespace shut") => Ok(()),
        (status, body) => Err(format!("{status} {body}")),
    })?;
    // A Secret that may not be read is said of the object that needs it.
    let header = json!([{"name": "X-Key", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]);
    let spec = json!({"interval": "1s", "http": {"url": scene.target.url(), "headers": header}});
    scene.kubectl().must(["create", "secret", "generic", "s", "-n", "open", "--from-literal=k=v"])?;
    scene.apply(&check("keyed", "open", spec))?;
    operator.until("open/keyed", "unknown SecretMissing", SOON)?;
    if !operator.checks()?.iter().any(|(name, said)| name == "open/keyed" && said.contains("may not be read")) {
        return Err(format!("{:?}", operator.checks()?));
    }
    // GET alone will do.
    let kubectl = scene.kubectl();
    kubectl.must(["create", "role", "secrets", "-n", "open", "--verb=get", "--resource=secrets"])?;
    kubectl.must([
        "create",
        "rolebinding",
        "secrets",
        "-n",
        "open",
        "--role=secrets",
        "--serviceaccount=default:operator",
    ])?;
    operator.until("open/keyed", "healthy Ok", SOON)?;
    // Taken away again: some refusals are borne, as they may be those of an API server that has just started.
    kubectl.must(["delete", "rolebinding", "secrets", "-n", "open"])?;
    let took = operator.until("open/keyed", "unknown SecretMissing", GIVEN_UP)?;
    println!("    what RBAC takes away is given up after {} ms", took.as_millis());
    Ok(())
}

fn readers(scene: &mut Scene) -> Told {
    let nobody = scene.account("nobody", &[])?;
    let one = scene.account("one", &[])?;
    let ours = scene.kubectl().must(["create", "token", "one", "--audience=probity"])?;
    let others = scene.kubectl().must(["create", "token", "one", "--audience=somebody-else"])?;
    scene.kubectl().must([
        "create",
        "rolebinding",
        "one",
        "-n",
        "shut",
        "--role=reader",
        "--serviceaccount=default:one",
    ])?;
    let list = "/api/v1/healthchecks";
    for (token, path, wanted) in [
        ("", list, 401),
        ("", "/api/v1/healthchecks/shut/there", 401),
        ("", "/health/detailed", 200),
        ("", "/metrics", 200),
        ("not-a-token-at-all", list, 401),
        (others.trim(), list, 401),
        (&nobody, list, 403),
        (&nobody, "/api/v1/healthchecks/shut/there", 403),
        (&nobody, "/api/v1/healthchecks/shut/there/history", 403),
        (&one, list, 200),
        (ours.trim(), list, 200),
        (&one, "/api/v1/healthchecks/shut/there", 200),
        (&one, "/api/v1/healthchecks/shut/there/history", 200),
        (&one, "/api/v1/healthchecks/open/there", 403),
        (&one, "/api/v1/healthchecks?namespace=open", 403),
    ] {
        let (status, body) = scene.operator.ask(path, token)?;
        if status != wanted {
            return Err(format!("{path} as {token:.10}: {status} in place of {wanted}: {body}"));
        }
    }
    let (_, body) = scene.operator.ask(list, &one)?;
    let namespaces: Vec<_> = body["items"].as_array().into_iter().flatten().map(|item| &item["namespace"]).collect();
    if namespaces != ["shut"] { Err(format!("one who may read shut sees {namespaces:?}")) } else { Ok(()) }
}

fn types_go(scene: &mut Scene) -> Told {
    scene.check("stays", scene.good())?;
    scene.operator.until("default/stays", "healthy Ok", SOON)?;
    scene.kubectl().must(["delete", "-f", CRDS])?;
    scene.operator.until("default/stays", "", SOON)?;
    scene.install()?;
    until(SOON, || scene.check("stays", scene.good()))?;
    scene.operator.until("default/stays", "healthy Ok", SOON).map(drop)
}

fn away(scene: &mut Scene) -> Told {
    scene.check("goes", scene.good())?;
    scene.operator.until("default/goes", "healthy Ok", SOON)?;
    scene.cluster.stop_apiserver();
    let before = scene.target.asked();
    // Two checks at 1 s.
    until(SOON, || if scene.target.asked() >= before + 20 { Ok(()) } else { Err("probes stopped".to_owned()) })?;
    let (status, body) = scene.operator.ask("/health/readiness", "")?;
    if status != 200 {
        return Err(format!("unready: {status} {body}"));
    }
    scene.cluster.start_apiserver()?;
    scene.kubectl().must(["delete", "healthcheck", "goes"])?;
    let took = scene.operator.until("default/goes", "", SOON)?;
    println!("    what changed since its return is seen after {} ms", took.as_millis());
    scene.operator.until("default/stays", "healthy Ok", Duration::ZERO).map(drop)
}
