//! What a story works with: the cluster, Probity's image in it, and helm.

use std::{
    cell::Cell,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use e2e::{Kubectl, Node, Tools, pack};
use serde_json::{Value, json};

pub const IMAGE: &str = "e2e.test/probity";
const WEB: &str = "e2e.test/web:1";

pub struct World {
    /// None: the user's own cluster, which is not ours to disturb.
    pub node: Option<Node>,
    pub kubectl: Kubectl,
    tools: Tools,
    folder: PathBuf,
    /// What the story that is under way has made, to be removed after it.
    namespaces: Vec<String>,
    /// In the user's own cluster: whether the types in it are ours, to be removed at the end.
    brought_types: Cell<bool>,
}

impl World {
    /// Whether the cluster is the user's own.
    pub fn is_the_users() -> bool {
        std::env::var("E2E_CLUSTER").is_ok_and(|value| value == "existing")
    }

    pub fn new(folder: &Path) -> Result<Self, String> {
        let tools = Tools::find_all()?;
        let world = if !Self::is_the_users() {
            // Built first: while the cluster comes up its processors are needed.
            let archives = [probity(folder)?, web(&tools, folder)?];
            let node = Node::start(&tools, folder)?;
            for archive in archives {
                node.load(&archive)?;
            }
            let kubectl = node.kubectl();
            Self {
                node: Some(node),
                kubectl,
                tools,
                folder: folder.to_owned(),
                namespaces: Vec::new(),
                brought_types: Cell::new(false),
            }
        } else {
            let kubectl = Kubectl::of_the_user(&tools, folder);
            Self {
                node: None,
                kubectl,
                tools,
                folder: folder.to_owned(),
                namespaces: Vec::new(),
                brought_types: Cell::new(false),
            }
        };
        Ok(world)
    }

    /// Brings the types, for a story whose release leaves them alone. Those of a user's own stay as they are.
    pub fn types(&self) -> Result<(), String> {
        if self.node.is_none() && !self.brought_types.get() {
            if self.has_types()? {
                return Ok(());
            }
            self.brought_types.set(true);
        }
        let folder = Self::chart().join("files/crds");
        let arguments = ["apply", "--server-side", "--force-conflicts", "-f"].map(OsStr::new);
        self.kubectl.must(arguments.into_iter().chain([folder.as_os_str()]))?;
        let types = Self::type_names()?;
        let established = ["wait", "--for=condition=Established", "--timeout=30s"].into_iter();
        self.kubectl.must(established.chain(types.iter().map(String::as_str))).map(drop)
    }

    /// Whether there are none, for a story whose release brings them. Those of another story are removed.
    pub fn is_without_types(&self) -> Result<bool, String> {
        if self.node.is_some() || self.brought_types.get() {
            self.remove_types()?;
        }
        let without = !self.has_types()?;
        self.brought_types.set(without && self.node.is_none());
        Ok(without)
    }

    /// The types of the chart, as `crd/healthchecks.probity.dev`, in order.
    pub fn type_names() -> Result<Vec<String>, String> {
        let folder = fs::read_dir(Self::chart().join("files/crds")).map_err(|error| error.to_string())?;
        let files = folder.filter_map(|entry| entry.ok()?.path().file_stem()?.to_str().map(str::to_owned));
        let mut names: Vec<_> = files.map(|plural| format!("crd/{plural}.probity.dev")).collect();
        names.sort();
        Ok(names)
    }

    fn remove_types(&self) -> Result<(), String> {
        let types = Self::type_names()?;
        let delete = ["delete", "--ignore-not-found"].into_iter().chain(types.iter().map(String::as_str));
        self.kubectl.must(delete).map(drop)
    }

    fn has_types(&self) -> Result<bool, String> {
        self.kubectl.run(["get", "crd/healthchecks.probity.dev"]).map(|said| said.ok)
    }

    /// Makes a namespace that holds pods to the restricted standard, as clusters that care do. One that is there is
    /// not taken, as it would be removed in the end.
    pub fn namespace(&mut self, name: &str) -> Result<(), String> {
        self.send(
            "create",
            &json!({
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
            }),
        )?;
        self.namespaces.push(name.to_owned());
        Ok(())
    }

    pub fn apply(&self, object: &Value) -> Result<(), String> {
        self.send("apply", object)
    }

    fn send(&self, verb: &str, object: &Value) -> Result<(), String> {
        let file = self.folder.join("object.json");
        fs::write(&file, object.to_string()).map_err(|error| error.to_string())?;
        self.kubectl.must([verb.as_ref(), "-f".as_ref(), file.as_os_str()]).map(drop)
    }

    /// An object as the API server has it, or null.
    pub fn object(&self, namespace: &str, name: &str) -> Result<Value, String> {
        let said = self.kubectl.must(["--namespace", namespace, "get", name, "--ignore-not-found", "--output=json"])?;
        if said.trim().is_empty() { Ok(Value::Null) } else { serde_json::from_str(&said).map_err(|e| e.to_string()) }
    }

    /// Runs helm, which must succeed. Gives what it wrote.
    pub fn helm<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<String, String> {
        let mut command = Command::new(self.tools.path("helm"));
        command.args(arguments);
        for place in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
            command.env(place, self.folder.join("helm"));
        }
        if let Some(node) = &self.node {
            command.env("KUBECONFIG", node.kubeconfig()).env("HOME", &self.folder);
        }
        let output = command.output().map_err(|error| format!("cannot run helm: {error}"))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() {
            return Ok(text(&output.stdout));
        }
        Err(format!("{command:?}: {}{}", text(&output.stdout), text(&output.stderr)))
    }

    /// Installs or upgrades the chart, and waits until kubelet says that its pod is ready.
    pub fn install(&self, namespace: &str, chart: &Path, values: &[&str]) -> Result<(), String> {
        let image = std::env::var("E2E_IMAGE").unwrap_or_else(|_| format!("{IMAGE}:e2e"));
        let (repository, tag) = image.rsplit_once(':').ok_or("E2E_IMAGE must be REPOSITORY:TAG")?;
        let (repository, tag) = (format!("image.repository={repository}"), format!("image.tag={tag}"));
        let mut arguments: Vec<&OsStr> = ["upgrade", "--install", "probity"].into_iter().map(OsStr::new).collect();
        arguments.push(chart.as_os_str());
        for argument in ["--namespace", namespace, "--wait", "--timeout=120s", "--set", &repository, "--set", &tag] {
            arguments.push(argument.as_ref());
        }
        for value in values {
            arguments.extend([OsStr::new("--set"), OsStr::new(value)]);
        }
        self.helm(arguments).map(drop)
    }

    /// Web servers behind a Service, all named `name`.
    pub fn web(&self, namespace: &str, name: &str, replicas: u32) -> Result<(), String> {
        let labels = json!({"app": name});
        let image = std::env::var("E2E_WEB_IMAGE").unwrap_or_else(|_| WEB.to_owned());
        self.apply(&json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": {"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
        }))?;
        self.apply(&json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {
                    "automountServiceAccountToken": false,
                    "terminationGracePeriodSeconds": 1,
                    "securityContext": {
                        "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [{
                        "name": "web",
                        "image": image,
                        "imagePullPolicy": "IfNotPresent",
                        "ports": [{"name": "http", "containerPort": 8080}],
                        "readinessProbe": {"httpGet": {"path": "/asked", "port": "http"}, "periodSeconds": 1},
                        "securityContext": {
                            "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
                        },
                    }],
                }},
            },
        }))
    }

    /// A volume for the claim of a release in `namespace`: there is no one here who makes volumes.
    pub fn volume(&self, namespace: &str) -> Result<(), String> {
        let Some(node) = &self.node else { return Ok(()) };
        let place = node.folder().join("volumes").join(namespace);
        fs::create_dir_all(&place).map_err(|error| error.to_string())?;
        self.apply(&json!({
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": namespace},
            "spec": {
                "capacity": {"storage": "2Gi"},
                "accessModes": ["ReadWriteOnce"],
                "claimRef": {"namespace": namespace, "name": "probity"},
                "local": {"path": place},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["node1"]}]},
                ]}},
            },
        }))
    }

    /// The program that is in the image, for who runs it beside the cluster.
    pub fn program() -> PathBuf {
        let built = || {
            let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
            let target = target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"));
            target.join("x86_64-unknown-linux-musl/e2e/probity")
        };
        std::env::var_os("E2E_PROBITY").map_or_else(built, PathBuf::from)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The chart of the checkout.
    pub fn chart() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/probity")
    }

    /// Brings back what a story stopped and did not start again, as it failed on the way.
    pub fn mend(&mut self) {
        if let Some(Err(wrong)) = self.node.as_mut().map(|node| node.control.mend()) {
            println!("  the cluster is broken: {wrong}");
        }
    }

    /// Keeps what tells why the story that is under way failed.
    pub fn keep_logs(&self, story: &str) {
        let place = self.folder.join("logs").join(story);
        let _ = fs::create_dir_all(&place);
        for namespace in &self.namespaces {
            let here = format!("--namespace={namespace}");
            let log = ["logs", "--selector=app.kubernetes.io/name=probity", "--tail=-1", "--prefix"];
            for (file, arguments) in [
                ("objects", &["get", "all,probity,persistentvolumeclaims", "--output=wide"][..]),
                ("checks", &["get", "probity", "--output=yaml"]),
                ("pods", &["describe", "pods"]),
                ("events", &["get", "events", "--output=wide"]),
                ("probity", &log),
                ("probity-before", &[&log[..], &["--previous"]].concat()),
            ] {
                let said = self.kubectl.run([&[here.as_str()], arguments].concat());
                let text = said.map_or_else(|error| error, |said| said.stdout + &said.stderr);
                let _ = fs::write(place.join(format!("{namespace}-{file}.txt")), text);
            }
        }
    }

    /// Removes what a story made; its pods end in their own time, but in a cluster that is left behind.
    pub fn tidy_up(&mut self) {
        let wait = format!("--wait={}", self.node.is_none());
        for namespace in std::mem::take(&mut self.namespaces) {
            let _ = self.helm(["uninstall", "probity", "--namespace", &namespace, "--ignore-not-found"]);
            let _ = self.kubectl.run(["delete", "namespace", &namespace, &wait]);
            if self.node.is_some() {
                let _ =
                    self.kubectl.run(["delete", "persistentvolume", &namespace, "--ignore-not-found", "--wait=false"]);
            }
        }
    }

    /// Removes from a cluster of the user's own what the stories shared.
    pub fn leave(&self) {
        if self.brought_types.get() {
            let _ = self.remove_types();
        }
    }
}

/// Waits until `look` finds what it looks for; what it says instead is told when the time is over.
pub fn eventually<T>(what: &str, patience: Duration, mut look: impl FnMut() -> Result<T, String>) -> Result<T, String> {
    let begin = Instant::now();
    loop {
        match look() {
            Ok(found) => return Ok(found),
            Err(instead) if begin.elapsed() > patience => {
                return Err(format!("{what}: not within {} s; {instead}", patience.as_secs_f64()));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// The archive of Probity's image.
fn probity(folder: &Path) -> Result<PathBuf, String> {
    let archive = folder.join("probity.tar");
    let tag = format!("{IMAGE}:e2e");
    match std::env::var("E2E_PROBITY") {
        Ok(program) => pack(&["--binary", &program, "--tag", &tag], &archive)?,
        Err(_) => pack(&["--profile", "e2e", "--tag", &tag], &archive)?,
    }
    Ok(archive)
}

fn web(tools: &Tools, folder: &Path) -> Result<PathBuf, String> {
    let archive = folder.join("web.tar");
    pack(&["--binary", &tools.path("web").display().to_string(), "--tag", WEB], &archive)?;
    Ok(archive)
}
