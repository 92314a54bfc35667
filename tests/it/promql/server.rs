//! A Prometheus of a test's own, without anything to scrape.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use probity::{model::Source, promql::Answer, query::Sources};

const PATIENCE: Duration = Duration::from_secs(60);

pub struct Prometheus {
    child: Child,
    pub address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    /// Starts one and waits until it answers.
    pub async fn start(sources: &Sources) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("prometheus.yml");
        fs::write(&config, "global: {}\n").unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus is not here: scripts/test installs it");
        let started = Self { child, address, _folder: folder };
        let end = Instant::now() + PATIENCE;
        while started.instant(sources, "1").await.is_err() {
            assert!(Instant::now() < end, "Prometheus does not start");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        started
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
