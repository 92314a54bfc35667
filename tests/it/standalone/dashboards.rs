//! The chart's dashboards show something: each of their queries, asked of a real Prometheus that scrapes the program.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    quickstart::Quickstart,
    target::free_port,
    wire::{self, PATIENCE},
};

/// Panels that have nothing to show of the quickstart, and why.
const MAY_BE_EMPTY: &[(&str, &str)] = &[
    ("Certificates that end first", "no check of the quickstart speaks TLS"),
    ("Skipped runs", "none is skipped while all is well"),
];

struct Prometheus {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    fn scraping(target: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("prometheus.yml");
        let scrape = format!(
            "global: {{scrape_interval: 1s}}\nscrape_configs:\n- job_name: probity\n  honor_labels: true\n  \
             static_configs: [{{targets: [\"{target}\"]}}]\n"
        );
        fs::write(&config, scrape).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus is not here: scripts/test installs it");
        Self { child, address, _folder: folder }
    }

    /// The series that a query finds now; None while Prometheus is not up yet.
    fn query(&self, query: &str) -> Option<Vec<Value>> {
        let encoded: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let answer = wire::get(self.address, &format!("/api/v1/query?query={encoded}"), &[]).ok()?;
        if answer.status == 503 {
            return None;
        }
        let told = answer.json();
        assert_eq!(told["status"], "success", "{query}: {told}");
        told["data"]["result"].as_array().cloned()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Panel and query, with the dashboard's variables as Grafana would fill them in.
fn queries(dashboard: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let expression = target["expr"]
                .as_str()
                .unwrap()
                .replace("$__rate_interval", "10s")
                .replace("$namespace", ".*")
                .replace("$healthcheck", ".*")
                .replace("$job", ".*");
            assert!(!expression.contains('$'), "a variable that this test does not know: {expression}");
            found.push((panel["title"].as_str().unwrap().to_owned(), expression));
        }
    }
    found
}

#[test]
fn every_query_finds_something_needs_prometheus() {
    let quickstart = Quickstart::start();
    let prometheus = Prometheus::scraping(quickstart.probity.address);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/probity/dashboards");
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty());
    let mut open = BTreeMap::new();
    for file in files {
        let dashboard: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        for (panel, query) in queries(&dashboard) {
            let may_be_empty = MAY_BE_EMPTY.iter().any(|(title, _)| *title == panel);
            open.insert(query, (panel, may_be_empty));
        }
    }
    let end = Instant::now() + PATIENCE;
    loop {
        // A query is asked until it finds something; one that may be empty is asked once, for its grammar.
        open.retain(|query, (_, may_be_empty)| {
            prometheus.query(query).is_none_or(|found| found.is_empty() && !*may_be_empty)
        });
        if open.is_empty() {
            return;
        }
        assert!(Instant::now() < end, "these find nothing: {open:#?}");
        thread::sleep(Duration::from_millis(200));
    }
}
