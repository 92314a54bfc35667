//! A Prometheus of a test's own: without anything to scrape, or with the configuration that a test wants.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use probity::{model::Source, promql::Answer, query::Sources};

const PATIENCE: Duration = Duration::from_secs(60);

/// The name of its configuration.
pub const CONFIG: &str = "prometheus.yml";

pub struct Prometheus {
    child: Child,
    pub address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Prometheus {
    /// Starts one that scrapes nothing, and waits until it answers.
    pub async fn start(sources: &Sources) -> Self {
        Self::configured(sources, &[(CONFIG, "global: {}\n")]).await
    }

    /// Starts one with these files, of which one is [`CONFIG`] and others stand beside it, and waits until it answers.
    pub async fn configured(sources: &Sources, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let config = folder.path().join(CONFIG);
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus is not here: scripts/test installs it");
        let started = Self { child, address, folder };
        let end = Instant::now() + PATIENCE;
        while started.instant(sources, "1").await.is_err() {
            assert!(Instant::now() < end, "Prometheus does not start");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        started
    }

    /// Gives it another text for one of its files, and has it read all of them again.
    pub fn change(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::HUP).unwrap();
    }

    pub fn source(&self) -> Source {
        Source::plain(format!("http://{}", self.address).parse().unwrap())
    }

    pub async fn instant(&self, sources: &Sources, expr: &str) -> Result<Answer, probity::net::Failure> {
        sources.instant(&self.source(), expr, 1_435_781_451_781).await
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
