//! etcd and kube-apiserver on free ports of the loopback interface, in a temporary folder.

use std::{
    ffi::OsStr,
    fs,
    io::Read,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use crate::{Api, Context, Result, Tools, process::Process};

/// A cold API server on a busy machine with two cores takes some 20 s.
const PATIENCE: Duration = Duration::from_secs(120);
/// Another program may take a port between our asking for it and the server's listening.
const ATTEMPTS: usize = 3;

/// A running API server, or the user's own cluster. Stopped when it is dropped, also by a panic.
pub struct Cluster {
    kubectl: Kubectl,
    // In the order of their ends: what talks to another one ends first, the folder goes last.
    proxy: Option<Process>,
    _apiserver: Option<Process>,
    _etcd: Option<Process>,
    folder: tempfile::TempDir,
}

/// `kubectl` with a kubeconfig.
#[derive(Debug, Clone)]
pub struct Kubectl {
    program: PathBuf,
    /// None: the user's own.
    config: Option<PathBuf>,
    /// For its caches, so that it leaves none behind.
    home: PathBuf,
}

/// What a command wrote.
#[derive(Debug, Clone)]
pub struct Output {
    pub ok: bool,
    pub stdout: String,
    pub stderr: String,
}

impl Cluster {
    /// Starts one; with `E2E_CLUSTER=existing`, takes the one that the user's kubeconfig leads to.
    ///
    /// # Errors
    /// Says what did not start, with the last lines of its log.
    pub fn start(tools: &Tools) -> Result<Self> {
        if std::env::var("E2E_CLUSTER").is_ok_and(|value| value == "existing") {
            let folder = tempfile::tempdir().context("cannot make a folder")?;
            let kubectl = Kubectl { program: tools.path("kubectl"), config: None, home: folder.path().to_owned() };
            return Ok(Self { kubectl, proxy: None, _apiserver: None, _etcd: None, folder });
        }
        let mut last = String::new();
        for _ in 0..ATTEMPTS {
            match Self::try_start(tools) {
                Ok(cluster) => return Ok(cluster),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn try_start(tools: &Tools) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a folder")?;
        let root = folder.path();
        let [client, peer, secure] = free_ports()?;
        let (client, peer) = (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
        let mut etcd = Process::start(
            &tools.path("etcd"),
            root,
            &[
                format!("--data-dir={}", root.join("etcd").display()),
                format!("--listen-client-urls={client}"),
                format!("--advertise-client-urls={client}"),
                format!("--listen-peer-urls={peer}"),
                format!("--initial-advertise-peer-urls={peer}"),
                format!("--initial-cluster=default={peer}"),
                "--unsafe-no-fsync".to_owned(),
            ],
        )?;
        let token = write_credentials(root)?;
        let at = |name: &str| root.join(name).display().to_string();
        let mut apiserver = Process::start(
            &tools.path("kube-apiserver"),
            root,
            &[
                format!("--etcd-servers={client}"),
                format!("--secure-port={secure}"),
                "--bind-address=127.0.0.1".to_owned(),
                "--advertise-address=127.0.0.1".to_owned(),
                "--endpoint-reconciler-type=none".to_owned(),
                format!("--cert-dir={}", at("certs")),
                "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
                format!("--service-account-key-file={}", at("sa.pub")),
                format!("--service-account-signing-key-file={}", at("sa.key")),
                format!("--token-auth-file={}", at("tokens.csv")),
                "--authorization-mode=RBAC".to_owned(),
                "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
            ],
        )?;
        write_kubeconfig(root, secure, &token)?;
        let kubectl =
            Kubectl { program: tools.path("kubectl"), config: Some(root.join("kubeconfig")), home: root.to_owned() };
        let begin = Instant::now();
        while !kubectl.run(["get", "--raw", "/readyz"]).is_ok_and(|output| output.ok) {
            for process in [&mut etcd, &mut apiserver] {
                if process.has_ended() || begin.elapsed() > PATIENCE {
                    return Err(format!("the API server is not ready; a log ends with:\n{}", process.last_words()));
                }
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(Self { kubectl, proxy: None, _apiserver: Some(apiserver), _etcd: Some(etcd), folder })
    }

    pub fn kubectl(&self) -> &Kubectl {
        &self.kubectl
    }

    /// A folder of the cluster's, for files of the tests.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The API over plain HTTP, through `kubectl proxy`.
    ///
    /// # Errors
    /// When the proxy does not start.
    pub fn api(&mut self) -> Result<Api> {
        let [port, ..] = free_ports()?;
        let mut arguments = vec!["proxy".to_owned(), format!("--port={port}"), "--address=127.0.0.1".to_owned()];
        arguments.extend(self.kubectl.config.iter().map(|config| format!("--kubeconfig={}", config.display())));
        let mut proxy = Process::start(&self.kubectl.program, self.folder.path(), &arguments)?;
        let api = Api::new(port);
        let begin = Instant::now();
        while api.get("/readyz").is_err() {
            if proxy.has_ended() || begin.elapsed() > PATIENCE {
                return Err(format!("kubectl proxy does not answer:\n{}", proxy.last_words()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.proxy = Some(proxy);
        Ok(api)
    }
}

impl Kubectl {
    /// Runs a command to its end.
    ///
    /// # Errors
    /// When it cannot be started; that it fails is in the output.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<Output> {
        let mut command = Command::new(&self.program);
        match &self.config {
            Some(config) => command.env("KUBECONFIG", config).env("HOME", &self.home),
            None => command.env("KUBECACHEDIR", self.home.join("cache")),
        };
        let output = command.args(arguments).output().context("cannot run kubectl")?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Output { ok: output.status.success(), stdout: text(&output.stdout), stderr: text(&output.stderr) })
    }

    /// As [`Kubectl::run`], for a command that must succeed. Gives what it wrote.
    ///
    /// # Errors
    /// When it fails.
    pub fn must<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<String> {
        let arguments: Vec<_> = arguments.into_iter().collect();
        let output = self.run(&arguments)?;
        if output.ok {
            return Ok(output.stdout);
        }
        let shown: Vec<_> = arguments.iter().map(|argument| argument.as_ref().to_string_lossy()).collect();
        Err(format!("kubectl {}: {}", shown.join(" "), output.stderr.trim()))
    }
}

/// Ports that nobody listens on now.
fn free_ports() -> Result<[u16; 3]> {
    // All are held until all are known, so that they differ.
    let listen = || TcpListener::bind("127.0.0.1:0").context("no free port");
    let held = [listen()?, listen()?, listen()?];
    let mut ports = [0; 3];
    for (port, listener) in ports.iter_mut().zip(&held) {
        *port = listener.local_addr().context("no address")?.port();
    }
    Ok(ports)
}

/// The keys of service accounts, and a token of an administrator.
fn write_credentials(root: &Path) -> Result<String> {
    let key = rcgen::KeyPair::generate().context("cannot make a key")?;
    let mut random = [0; 16];
    let mut source = fs::File::open("/dev/urandom").context("cannot read /dev/urandom")?;
    source.read_exact(&mut random).context("cannot read /dev/urandom")?;
    let token: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    for (name, text) in [
        ("sa.key", key.serialize_pem()),
        ("sa.pub", key.public_key_pem()),
        ("tokens.csv", format!("{token},admin,1,\"system:masters\"\n")),
    ] {
        fs::write(root.join(name), text).context(format!("cannot write {name}"))?;
    }
    Ok(token)
}

fn write_kubeconfig(root: &Path, port: u16, token: &str) -> Result<()> {
    let config = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "e2e", "cluster": {
            "server": format!("https://127.0.0.1:{port}"),
            "certificate-authority": root.join("certs/apiserver.crt"),
        }}],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": "admin"}}],
        "current-context": "e2e",
    });
    fs::write(root.join("kubeconfig"), config.to_string()).context("cannot write the kubeconfig")
}
