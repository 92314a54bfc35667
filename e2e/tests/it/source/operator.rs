//! The program itself, run as a person runs it: with a kubeconfig, on a port of its own. Dropped, it is killed.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

/// For the start of a process, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Operator {
    child: Child,
    log: PathBuf,
    address: String,
    _data: tempfile::TempDir,
}

impl Operator {
    pub fn start(kubeconfig: &Path, arguments: &[&str]) -> Result<Self, String> {
        let data = tempfile::tempdir().map_err(|error| error.to_string())?;
        let log = data.path().join("log");
        let output = File::create(&log).map_err(|error| error.to_string())?;
        let errors = output.try_clone().map_err(|error| error.to_string())?;
        let child = Command::new(program()?)
            .args(["run", "--log-format", "json", "--listen", "127.0.0.1:0", "--allow-cidr", "127.0.0.0/8"])
            .arg("--data-dir")
            .arg(data.path().join("data"))
            .args(arguments)
            .env("KUBECONFIG", kubeconfig)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(|error| format!("cannot start probity: {error}"))?;
        let mut operator = Self { child, log, address: String::new(), _data: data };
        let begin = Instant::now();
        while operator.address.is_empty() {
            if begin.elapsed() > PATIENCE {
                return Err(format!("it does not listen:\n{}", operator.said()));
            }
            std::thread::sleep(Duration::from_millis(50));
            let said = operator.said();
            let lines = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let address = lines
                .filter(|line| line["message"] == "listening")
                .find_map(|line| line["address"].as_str().map(str::to_owned));
            operator.address = address.unwrap_or_default();
        }
        Ok(operator)
    }

    /// Everything that it logged.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Status and body of an answer, to whoever has this token.
    pub fn ask(&self, path: &str, token: &str) -> Result<(u16, Value), String> {
        let wrong = |error: std::io::Error| format!("cannot ask for {path}: {error}");
        let mut stream = TcpStream::connect(&self.address).map_err(wrong)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(wrong)?;
        let authorization = if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n{authorization}\r\n").map_err(wrong)?;
        let mut text = String::new();
        stream.take(16 << 20).read_to_string(&mut text).map_err(wrong)?;
        let (head, body) = text.split_once("\r\n\r\n").ok_or("the answer is not HTTP")?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or("no status")?;
        Ok((status, serde_json::from_str(body).unwrap_or_default()))
    }

    /// State, reason and message of each check, by `namespace/name`.
    pub fn checks(&self) -> Result<Vec<(String, String)>, String> {
        let (_, body) = self.ask("/health/detailed", "")?;
        let text = |check: &Value, field: &str| check[field].as_str().unwrap_or_default().to_owned();
        let row = |check: &Value| {
            let said = format!("{} {}: {}", text(check, "status"), text(check, "reason"), text(check, "message"));
            (format!("{}/{}", text(check, "namespace"), text(check, "name")), said)
        };
        Ok(body["checks"].as_array().into_iter().flatten().map(row).collect())
    }

    /// Waits until what is said of a check begins so; an empty text: until it is gone.
    pub fn until(&self, check: &str, begins: &str, within: Duration) -> Result<Duration, String> {
        let begin = Instant::now();
        loop {
            let checks = self.checks()?;
            let said = checks.iter().find(|(name, _)| name == check).map(|(_, said)| said.as_str());
            match said {
                None if begins.is_empty() => return Ok(begin.elapsed()),
                Some(said) if !begins.is_empty() && said.starts_with(begins) => return Ok(begin.elapsed()),
                _ if begin.elapsed() > within => {
                    return Err(format!(
                        "after {within:?} {check} is {said:?}, not \"{begins}\"; log:\n{}",
                        self.said()
                    ));
                }
                _ => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program as it is in the working copy: built beside this test.
fn program() -> Result<PathBuf, String> {
    let test = std::env::current_exe().map_err(|error| error.to_string())?;
    let folder = test.parent().and_then(Path::parent).ok_or("this test is in no target folder")?;
    let target = folder.parent().ok_or("this test is in no target folder")?;
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    // With the fail points that its own tests have in it: it is the same file.
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "probity", "--bin", "probity"])
        .args(["--features", "failpoint/failpoints", "--manifest-path"])
        .arg(manifest)
        .env("CARGO_TARGET_DIR", target)
        .status()
        .map_err(|error| format!("cannot build probity: {error}"))?;
    let program = target.join("debug/probity");
    if built.success() && program.is_file() { Ok(program) } else { Err("probity could not be built".to_owned()) }
}
