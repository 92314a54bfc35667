//! Servers that other people wrote, where this machine has them. The test runner's machine has all of them.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// A server in a process of its own. It ends with the value.
pub struct Server {
    pub address: SocketAddr,
    child: Child,
    /// Its files.
    dir: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The path of a program, or None after saying loudly that a test is left out. With `CI=true` a missing
/// program fails the test: there, everything is installed.
pub fn require(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.extend(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    // Debian keeps PostgreSQL's own programs by version.
    if let Ok(versions) = fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    let found = folders.into_iter().map(|folder| folder.join(program)).find(|path| path.is_file());
    if found.is_none() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{program} is not installed, and must be here");
        eprintln!("LEFT OUT: a test of this name needs {program}, which is not installed here");
    }
    found
}

/// A port that was free a moment ago, for servers that cannot pick one themselves.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Starts a server on a free port, and again on another if somebody took the port meanwhile.
async fn start(command: impl Fn(u16, &TempDir) -> Command) -> Server {
    for _ in 0..5 {
        let dir = TempDir::new().unwrap();
        let port = free_port();
        let mut command = command(port, &dir);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut server = Server { address: ([127, 0, 0, 1], port).into(), child, dir };
        if server.is_up().await {
            return server;
        }
    }
    panic!("the server does not start: {:?}", command(0, &TempDir::new().unwrap()));
}

impl Server {
    async fn is_up(&mut self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if tokio::net::TcpStream::connect(self.address).await.is_ok() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }
}

/// Alertmanager without peers, which tells nobody.
pub async fn alertmanager() -> Option<Server> {
    let program = require("prometheus-alertmanager").or_else(|| require("alertmanager"))?;
    let start = start(|port, dir| {
        let file = dir.path().join("alertmanager.yml");
        fs::write(&file, "route: {receiver: nobody, group_wait: 0s}\nreceivers: [{name: nobody}]\n").unwrap();
        let mut command = Command::new(&program);
        command.arg(format!("--config.file={}", file.display()));
        command.arg(format!("--storage.path={}", dir.path().join("data").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}")).arg("--cluster.listen-address=");
        command
    });
    Some(start.await)
}

/// How a mail server speaks TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Smtp {
    StartTls,
    Tls,
}

impl Server {
    /// What a mail server took: one JSON object per mail.
    pub fn mails(&self) -> Vec<serde_json::Value> {
        let text = fs::read_to_string(self.dir.path().join("mails")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// aiosmtpd that wants TLS and the login `probity` with the password `s3cret`, by this mechanism. It knows no
/// `never@…`, and takes mail for `later@…` the second time.
pub async fn smtp(chain_pem: &str, key_pem: &str, tls: Smtp, mechanism: &str) -> Option<Server> {
    let python = PathBuf::from("/usr/bin/python3");
    let there = Command::new(&python).args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status();
    if !there.is_ok_and(|status| status.success()) {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "aiosmtpd is not installed, and must be here");
        eprintln!("LEFT OUT: a test of this name needs aiosmtpd, which is not installed here");
        return None;
    }
    let start = start(|port, dir| {
        let (certificate, key) = (dir.path().join("server.crt"), dir.path().join("server.key"));
        fs::write(&certificate, chain_pem).unwrap();
        fs::write(&key, key_pem).unwrap();
        let script = dir.path().join("server.py");
        fs::write(&script, include_str!("smtp.py")).unwrap();
        let mut command = Command::new(&python);
        command.arg(script).arg(port.to_string()).args([certificate, key, dir.path().join("mails")]);
        command.arg(if tls == Smtp::Tls { "tls" } else { "starttls" }).arg(mechanism);
        command
    });
    Some(start.await)
}

/// dnsmasq with these lines as its configuration; it knows nothing else and asks nobody.
pub async fn dnsmasq(config: &str) -> Option<Server> {
    let program = require("dnsmasq")?;
    let start = start(|port, dir| {
        let file = dir.path().join("dnsmasq.conf");
        let fixed = "no-daemon\nno-resolv\nno-hosts\nbind-interfaces\nlisten-address=127.0.0.1\nuser=\ngroup=\n";
        fs::write(&file, format!("{fixed}port={port}\n{config}")).unwrap();
        let mut command = Command::new(&program);
        command.arg("-C").arg(file).arg("--pid-file=").arg("--keep-in-foreground");
        command
    });
    Some(start.await)
}

/// redis-server without persistence, with this password.
pub async fn redis(password: &str) -> Option<Server> {
    let program = require("redis-server")?;
    let start = start(|port, dir| {
        let mut command = Command::new(&program);
        command.args(["--bind", "127.0.0.1", "--save", "", "--requirepass", password, "--port"]);
        command.arg(port.to_string()).arg("--dir").arg(dir.path());
        command
    });
    Some(start.await)
}

/// PostgreSQL that offers TLS with this identity. It does not run as root, so that a root's tests run it as
/// `nobody`.
pub async fn postgres(chain_pem: &str, key_pem: &str) -> Option<Server> {
    let program = require("postgres")?;
    let initdb = require("initdb")?;
    let start = start(|port, dir| {
        let data = dir.path().join("data");
        let (certificate, key) = (dir.path().join("server.crt"), dir.path().join("server.key"));
        fs::write(&certificate, chain_pem).unwrap();
        fs::write(&key, key_pem).unwrap();
        let script = format!(
            "set -e; chmod 600 {key}; {initdb} -D {data} -A trust -N -E UTF8 --locale=C >/dev/null; \
             exec {program} -D {data} -p {port} -k '' -h 127.0.0.1 -F \
             -c ssl=on -c ssl_cert_file={certificate} -c ssl_key_file={key}",
            initdb = initdb.display(),
            program = program.display(),
            data = data.display(),
            key = key.display(),
            certificate = certificate.display(),
        );
        if rustix::process::geteuid().is_root() {
            Command::new("chown").args(["-R", "nobody"]).arg(dir.path()).status().unwrap();
            let mut command = Command::new("setpriv");
            command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", "sh", "-c", &script]);
            command.current_dir(dir.path());
            command
        } else {
            let mut command = Command::new("sh");
            command.args(["-c", &script]);
            command
        }
    });
    Some(start.await)
}
