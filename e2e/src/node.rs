//! A whole Kubernetes of one node: what runs pods, beside etcd and the API server.
//!
//! Only ever inside the namespaces of `e2e/namespaces.sh`: addresses and ports are fixed, and nothing in here cleans up.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    Api, Audit, Context, Kubectl, Partition, Result, Tools, Write, audit,
    control::{ADMIN, ControlPlane, Layout, PATIENCE, kubeconfig},
    process::Process,
    tools,
};

/// The node's address (RFC 5737, TEST-NET-1); `e2e/namespaces.sh` gives it to the node.
pub const ADDRESS: &str = "192.0.2.10";
/// Where pods are (RFC 2544: for tests between networks).
const PODS: &str = "198.18.0.0/24";
const NAME: &str = "node1";
const PAUSE: &str = "e2e.test/pause:1";
/// Where the API server listens.
const SECURE: u16 = 6443;
/// The API server's audit log, in the folder of the run.
const AUDIT: &str = "logs/audit.json";

const CONTROLLERS: (&str, &str) = ("system:kube-controller-manager", "e2e");
const SCHEDULER: (&str, &str) = ("system:kube-scheduler", "e2e");
const KUBELET: (&str, &str) = ("system:node:node1", "system:nodes");
const PROXY: (&str, &str) = ("system:kube-proxy", "e2e");

/// A running cluster.
pub struct Node {
    pub control: ControlPlane,
    others: Vec<Process>,
    pub api: Api,
    root: PathBuf,
    tools: Tools,
}

impl Node {
    /// Starts everything in `root`, and waits until the node is ready.
    ///
    /// # Errors
    /// Says what did not start, with the last lines of its log.
    pub fn start(tools: &Tools, root: &Path) -> Result<Self> {
        let containerd = start_containerd(root)?;
        let control = ControlPlane::start(tools, root, layout(root)?)?;
        let (proxy, api) = control.kubectl().proxy(root)?;
        let mut node =
            Self { control, others: vec![proxy, containerd], api, root: root.to_owned(), tools: tools.clone() };
        let pause = root.join("pause.tar");
        pack(&["--binary", &tools.path("pause").display().to_string(), "--tag", PAUSE], &pause)?;
        node.load(&pause)?;
        node.start_controllers()?;
        node.start_kubelet()?;
        node.start_network()?;
        node.wait_until_ready()?;
        Ok(node)
    }

    /// As the administrator.
    pub fn kubectl(&self) -> Kubectl {
        self.control.kubectl()
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        kubeconfig(&self.root, ADMIN.0)
    }

    /// The folder of the run, for files of the tests.
    pub fn folder(&self) -> &Path {
        &self.root
    }

    /// Where the programs are.
    pub fn tools(&self) -> &Tools {
        &self.tools
    }

    /// Gives the node an image, from an archive.
    ///
    /// # Errors
    /// When containerd does not take it.
    pub fn load(&self, archive: &Path) -> Result<()> {
        must(containerd_client(&self.root).args(["images", "import"]).arg(archive))
    }

    /// The socket of the node's containerd.
    pub fn containerd(&self) -> PathBuf {
        socket(&self.root)
    }

    /// `ctr` in the namespace of Kubernetes, for what kubectl cannot do to a container.
    pub fn ctr(&self) -> Command {
        containerd_client(&self.root)
    }

    /// Every write of our kinds and of events that the API server has answered.
    ///
    /// # Errors
    /// When its log cannot be read.
    pub fn writes(&self) -> Result<Vec<Write>> {
        Audit::of(self.root.join(AUDIT)).writes()
    }

    /// Cuts a pod of this address off from the API server, silently.
    ///
    /// # Errors
    /// When the firewall does not take it.
    pub fn cut_off(&self, pod: &str) -> Result<Partition> {
        Partition::of(pod, SECURE)
    }

    fn start_controllers(&mut self) -> Result<()> {
        let config = |user: (&str, &str)| format!("--kubeconfig={}", kubeconfig(&self.root, user.0).display());
        let at = |name: &str| self.root.join(name).display().to_string();
        let controllers = [
            config(CONTROLLERS),
            format!("--service-account-private-key-file={}", at("sa.key")),
            format!("--root-ca-file={}", at("certs/apiserver.crt")),
            "--use-service-account-credentials".to_owned(),
            "--leader-elect=false".to_owned(),
            "--bind-address=127.0.0.1".to_owned(),
            // When the API server is away for long, controllers elsewhere lose their lease and begin anew. These go on,
            // and would take the node for lost, from which they have not heard meanwhile.
            "--node-monitor-grace-period=300s".to_owned(),
        ];
        let scheduler = [config(SCHEDULER), "--leader-elect=false".to_owned(), "--bind-address=127.0.0.1".to_owned()];
        self.run("kube-controller-manager", &controllers)?;
        self.run("kube-scheduler", &scheduler)
    }

    fn start_kubelet(&mut self) -> Result<()> {
        let group = self.root.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let settings = json!({
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "containerRuntimeEndpoint": format!("unix://{}", socket(&self.root).display()),
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": format!("/{group}"),
            "failCgroupV1": false,
            "failSwapOn": false,
            "enforceNodeAllocatable": [],
            // Nobody else is in this network; the API server comes without a certificate of its own.
            "authentication": {"anonymous": {"enabled": true}, "webhook": {"enabled": false}},
            "authorization": {"mode": "AlwaysAllow"},
            "clusterDNS": [ADDRESS],
            "clusterDomain": "cluster.local",
            "resolvConf": "",
            "podLogsDir": self.root.join("logs/pods"),
            // The disk is the machine's: how full it is says nothing about the tests.
            "evictionHard": {"nodefs.available": "0%", "imagefs.available": "0%"},
            "imageGCHighThresholdPercent": 100,
            "imageGCLowThresholdPercent": 99,
            "nodeStatusUpdateFrequency": "2s",
        });
        let file = self.root.join("kubelet.json");
        fs::write(&file, settings.to_string()).context("cannot write kubelet.json")?;
        let arguments = [
            format!("--config={}", file.display()),
            format!("--kubeconfig={}", kubeconfig(&self.root, KUBELET.0).display()),
            format!("--hostname-override={NAME}"),
            format!("--node-ip={ADDRESS}"),
            format!("--root-dir={}", self.root.join("kubelet").display()),
        ];
        self.run("kubelet", &arguments)
    }

    /// Services, and their names.
    fn start_network(&mut self) -> Result<()> {
        let proxy = [
            format!("--kubeconfig={}", kubeconfig(&self.root, PROXY.0).display()),
            "--proxy-mode=iptables".to_owned(),
            format!("--hostname-override={NAME}"),
            format!("--cluster-cidr={PODS}"),
            "--metrics-bind-address=127.0.0.1:10249".to_owned(),
            "--conntrack-max-per-core=0".to_owned(),
        ];
        self.run("kube-proxy", &proxy)?;
        let file = self.root.join("Corefile");
        let config = self.kubeconfig();
        let zone = format!(
            ".:53 {{\n  bind {ADDRESS}\n  errors\n  kubernetes cluster.local {{\n    kubeconfig {} e2e\n  }}\n}}\n",
            config.display()
        );
        fs::write(&file, zone).context("cannot write the Corefile")?;
        self.run("coredns", &["-conf".to_owned(), file.display().to_string()])
    }

    fn run(&mut self, part: &str, arguments: &[String]) -> Result<()> {
        self.others.push(Process::start(&self.tools.path(part), &self.root, arguments)?);
        Ok(())
    }

    /// Ready, and pods can be made: a pod needs the account that a controller makes.
    fn wait_until_ready(&mut self) -> Result<()> {
        let begin = Instant::now();
        loop {
            let ready = self.api.get(&format!("/api/v1/nodes/{NAME}"))?.body["status"]["conditions"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
            if ready && self.api.get("/api/v1/namespaces/default/serviceaccounts/default")?.is_success() {
                return Ok(());
            }
            let late = begin.elapsed() > PATIENCE;
            if let Some(process) = self.others.iter_mut().find_map(|process| process.has_ended().then_some(process)) {
                return Err(format!("{} has ended:\n{}", process.name(), process.last_words()));
            }
            if late {
                return Err(format!("the node is not ready after {} s; see kubelet.log", PATIENCE.as_secs()));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// Packs a program as an image with `scripts/image`, which builds it unless `arguments` name one.
///
/// # Errors
/// When it cannot be built.
pub fn pack(arguments: &[&str], archive: &Path) -> Result<()> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/image");
    must(Command::new("bash").arg(script).args(arguments).arg("--output").arg(archive))
}

fn layout(root: &Path) -> Result<Layout> {
    let audit = audit::arguments(root, &root.join(AUDIT))?;
    let mut arguments = vec![
        "--bind-address=0.0.0.0".to_owned(),
        "--authorization-mode=Node,RBAC".to_owned(),
        "--enable-admission-plugins=NodeRestriction".to_owned(),
        "--allow-privileged=true".to_owned(),
        "--kubelet-preferred-address-types=InternalIP".to_owned(),
    ];
    arguments.extend(audit);
    let users = vec![ADMIN, CONTROLLERS, SCHEDULER, KUBELET, PROXY];
    Ok(Layout { etcd_client: 2379, etcd_peer: 2380, secure: SECURE, address: ADDRESS, arguments, users })
}

fn socket(root: &Path) -> PathBuf {
    root.join("containerd.sock")
}

fn containerd_client(root: &Path) -> Command {
    let mut command = Command::new(tools::which("ctr").unwrap_or_else(|| "ctr".into()));
    command.arg("--address").arg(socket(root)).args(["--namespace", "k8s.io"]);
    command
}

fn start_containerd(root: &Path) -> Result<Process> {
    let plugins = tools::network_plugins().ok_or("the network plug-ins are not here")?;
    let networks = root.join("networks");
    fs::create_dir_all(&networks).context("cannot make a folder")?;
    // A pair of devices for each pod: no bridge, whose traffic would need a kernel module to meet the firewall.
    let network = json!({
        "cniVersion": "0.4.0",
        "name": "e2e",
        "plugins": [{
            "type": "ptp",
            "ipam": {
                "type": "host-local",
                "dataDir": root.join("addresses"),
                "ranges": [[{"subnet": PODS}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        }],
    });
    fs::write(networks.join("10-e2e.conflist"), network.to_string()).context("cannot write the network's settings")?;
    let settings = format!(
        "version = 2\n\
         root = \"{root}/containers\"\n\
         state = \"/run/containerd\"\n\
         [grpc]\n\
         address = \"{socket}\"\n\
         [plugins.\"io.containerd.internal.v1.opt\"]\n\
         path = \"{root}/opt\"\n\
         [plugins.\"io.containerd.grpc.v1.cri\"]\n\
         sandbox_image = \"{PAUSE}\"\n\
         restrict_oom_score_adj = true\n\
         [plugins.\"io.containerd.grpc.v1.cri\".cni]\n\
         bin_dir = \"{plugins}\"\n\
         conf_dir = \"{networks}\"\n",
        root = root.display(),
        socket = socket(root).display(),
        plugins = plugins.display(),
        networks = networks.display(),
    );
    let file = root.join("containerd.toml");
    fs::write(&file, settings).context("cannot write containerd.toml")?;
    let program = tools::which("containerd").ok_or("containerd is not here")?;
    let mut containerd = Process::start(&program, root, &["--config".to_owned(), file.display().to_string()])?;
    let begin = Instant::now();
    while must(containerd_client(root).arg("version")).is_err() {
        if containerd.has_ended() || begin.elapsed() > PATIENCE {
            return Err(format!("containerd does not answer:\n{}", containerd.last_words()));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(containerd)
}

fn must(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().context(format!("cannot run {name}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("{name}: {}: {}", output.status, said.trim())) }
}
