//! etcd and kube-apiserver: how they are told what to be, and when they are ready.

use std::{
    fs,
    io::Read,
    net::TcpListener,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{Api, Context, Kubectl, Result, Tools, process::Process};

/// A cold API server on a busy machine with two cores takes some 20 s.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// The user that may do everything.
pub const ADMIN: (&str, &str) = ("admin", "system:masters");

/// Where the two listen, and what else they are told.
#[derive(Debug, Clone)]
pub struct Layout {
    pub etcd_client: u16,
    pub etcd_peer: u16,
    pub secure: u16,
    /// The address that the API server is reached at.
    pub address: &'static str,
    /// More arguments of the API server.
    pub arguments: Vec<String>,
    /// Who has a token and a kubeconfig: name and group.
    pub users: Vec<(&'static str, &'static str)>,
}

/// The two processes, and what starts them again.
pub struct ControlPlane {
    // What talks to another one ends first.
    pub apiserver: Option<Process>,
    pub etcd: Option<Process>,
    layout: Layout,
    tools: Tools,
    root: PathBuf,
}

impl ControlPlane {
    /// Starts both, and waits until the API server says that it is ready.
    ///
    /// # Errors
    /// Says what did not start, with the last lines of its log.
    pub fn start(tools: &Tools, root: &Path, layout: Layout) -> Result<Self> {
        write_keys(root)?;
        let mut tokens = String::new();
        for (number, (user, group)) in layout.users.iter().enumerate() {
            let token = random_token()?;
            tokens += &format!("{token},{user},{number},\"{group}\"\n");
            write_kubeconfig(root, &layout, user, &token)?;
        }
        fs::write(root.join("tokens.csv"), tokens).context("cannot write tokens.csv")?;
        let mut control = Self { apiserver: None, etcd: None, layout, tools: tools.clone(), root: root.to_owned() };
        control.start_etcd()?;
        control.start_apiserver()?;
        Ok(control)
    }

    /// Starts etcd over the data that it has.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_etcd(&mut self) -> Result<()> {
        let Layout { etcd_client, etcd_peer, .. } = self.layout;
        let (client, peer) = (format!("http://127.0.0.1:{etcd_client}"), format!("http://127.0.0.1:{etcd_peer}"));
        let arguments = [
            format!("--data-dir={}", self.root.join("etcd").display()),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=default={peer}"),
            "--unsafe-no-fsync".to_owned(),
        ];
        self.etcd = Some(Process::start(&self.tools.path("etcd"), &self.root, &arguments)?);
        Ok(())
    }

    /// Starts the API server, and waits until it says that it is ready.
    ///
    /// # Errors
    /// When it does not become so, with the last lines of its log.
    pub fn start_apiserver(&mut self) -> Result<()> {
        let at = |name: &str| self.root.join(name).display().to_string();
        let Layout { etcd_client, secure, address, .. } = self.layout;
        let mut arguments = vec![
            format!("--etcd-servers=http://127.0.0.1:{etcd_client}"),
            format!("--secure-port={secure}"),
            format!("--advertise-address={address}"),
            format!("--cert-dir={}", at("certs")),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", at("sa.pub")),
            format!("--service-account-signing-key-file={}", at("sa.key")),
            format!("--token-auth-file={}", at("tokens.csv")),
            "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
        ];
        arguments.extend(self.layout.arguments.iter().cloned());
        let mut apiserver = Process::start(&self.tools.path("kube-apiserver"), &self.root, &arguments)?;
        let begin = Instant::now();
        while !self.is_ready() {
            let late = begin.elapsed() > PATIENCE;
            for process in self.etcd.iter_mut().chain([&mut apiserver]) {
                if process.has_ended() || late {
                    return Err(format!("the API server is not ready; a log ends with:\n{}", process.last_words()));
                }
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        self.apiserver = Some(apiserver);
        Ok(())
    }

    /// Whether the API server says that it is ready, with its etcd.
    pub fn is_ready(&self) -> bool {
        self.kubectl().run(["get", "--raw", "/readyz"]).is_ok_and(|output| output.ok)
    }

    /// Kills the API server; etcd goes on.
    pub fn stop_apiserver(&mut self) {
        self.apiserver = None;
    }

    /// Kills etcd; its data stays, and the API server goes on without it.
    pub fn stop_etcd(&mut self) {
        self.etcd = None;
    }

    /// Starts what was stopped and not started again.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn mend(&mut self) -> Result<()> {
        if self.etcd.is_none() {
            self.start_etcd()?;
        }
        if self.apiserver.is_none() { self.start_apiserver() } else { Ok(()) }
    }

    /// Has etcd forget everything but the present: a watch cannot go on from where it was before. Gives the revision
    /// of the present.
    ///
    /// # Errors
    /// When etcd refuses.
    pub fn compact(&self) -> Result<u64> {
        let etcd = Api::new(self.layout.etcd_client);
        let status = etcd.post("/v3/maintenance/status", &serde_json::json!({}))?;
        let revision = status.body["header"]["revision"].as_str().and_then(|text| text.parse().ok());
        let revision: u64 = revision.ok_or_else(|| format!("etcd says {}", status.body))?;
        let wanted = serde_json::json!({"revision": revision.to_string(), "physical": true});
        let answer = etcd.post("/v3/kv/compaction", &wanted)?;
        if answer.is_success() { Ok(revision) } else { Err(format!("etcd does not compact: {}", answer.message())) }
    }

    /// As the administrator.
    pub fn kubectl(&self) -> Kubectl {
        let config = Some(kubeconfig(&self.root, ADMIN.0));
        Kubectl { program: self.tools.path("kubectl"), config, home: self.root.clone() }
    }
}

/// Ports that nobody listens on now.
pub fn free_ports() -> Result<[u16; 3]> {
    // All are held until all are known, so that they differ.
    let listen = || TcpListener::bind("127.0.0.1:0").context("no free port");
    let held = [listen()?, listen()?, listen()?];
    let mut ports = [0; 3];
    for (port, listener) in ports.iter_mut().zip(&held) {
        *port = listener.local_addr().context("no address")?.port();
    }
    Ok(ports)
}

/// The file with which a user comes to the API server.
pub fn kubeconfig(root: &Path, user: &str) -> PathBuf {
    root.join(format!("{}.kubeconfig", user.replace(':', "-")))
}

/// The keys of service accounts.
fn write_keys(root: &Path) -> Result<()> {
    let key = rcgen::KeyPair::generate().context("cannot make a key")?;
    fs::write(root.join("sa.key"), key.serialize_pem()).context("cannot write sa.key")?;
    fs::write(root.join("sa.pub"), key.public_key_pem()).context("cannot write sa.pub")
}

fn random_token() -> Result<String> {
    let mut random = [0; 16];
    let mut source = fs::File::open("/dev/urandom").context("cannot read /dev/urandom")?;
    source.read_exact(&mut random).context("cannot read /dev/urandom")?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn write_kubeconfig(root: &Path, layout: &Layout, user: &str, token: &str) -> Result<()> {
    let config = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "e2e", "cluster": {
            "server": format!("https://{}:{}", layout.address, layout.secure),
            "certificate-authority": root.join("certs/apiserver.crt"),
        }}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": user}}],
        "current-context": "e2e",
    });
    fs::write(kubeconfig(root, user), config.to_string()).context("cannot write a kubeconfig")
}
