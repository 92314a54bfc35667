//! What the README promises of `manifests/quickstart`.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
};

use super::{
    alerts,
    process::Probity,
    target::{Target, free_port},
    wire::Answer,
};

/// The quickstart, on ports of its own: its files name 8080 and 9999.
pub struct Quickstart {
    pub probity: Probity,
    folder: tempfile::TempDir,
    down: u16,
}

impl Quickstart {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (own, down) = (free_port(), free_port());
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/quickstart");
        for entry in fs::read_dir(source).unwrap() {
            let entry = entry.unwrap();
            let text = fs::read_to_string(entry.path()).unwrap();
            let text = text.replace("8080", &own.to_string()).replace("9999", &down.to_string());
            fs::write(folder.path().join(entry.file_name()), text).unwrap();
        }
        let data = folder.path().join("data");
        let listen = format!("127.0.0.1:{own}");
        let probity = Probity::start(folder.path(), &data, &["--listen", &listen]);
        Self { probity, folder, down }
    }
}

/// Name to status and reason, as `/health/detailed` tells them.
fn states(answer: &Answer) -> BTreeMap<String, (String, String)> {
    let told = answer.json();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    told["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| (text(&check["name"]), (text(&check["status"]), text(&check["reason"]))))
        .collect()
}

fn is(states: &BTreeMap<String, (String, String)>, name: &str, status: &str, reason: &str) -> bool {
    states.get(name) == Some(&(status.to_owned(), reason.to_owned()))
}

#[test]
fn shows_every_state_and_heals() {
    let quickstart = Quickstart::start();
    let probity = &quickstart.probity;
    let started = std::time::Instant::now();
    probity.wait_for("/health/detailed", |answer| {
        let states = states(answer);
        let all = is(&states, "probity-liveness", "healthy", "Ok")
            && is(&states, "probity-port", "healthy", "Ok")
            && is(&states, "probity-metrics", "healthy", "Ok")
            && is(&states, "probity-slow", "degraded", "Slow")
            && is(&states, "down-on-purpose", "unhealthy", "ConnectionRefused");
        all.then_some(())
    });
    assert!(started.elapsed().as_secs() < 30, "the README says 30 s, it took {:?}", started.elapsed());
    let told = probity.get("/health/detailed").json();
    assert_eq!(told["status"], "unhealthy");
    assert_eq!(told["failed_checks"], serde_json::json!(["down-on-purpose"]));
    assert_eq!((told["total_checks"].as_u64(), told["passed_checks"].as_u64()), (Some(5), Some(4)));

    // The rule of the folder tells of it; of the others nothing fires.
    let firing = alerts::nth(probity, 0);
    assert_eq!((&firing["status"], &firing["severity"]), (&"firing".into(), &"high".into()), "{firing}");
    assert_eq!(firing["alerts"][0]["message"], "down-on-purpose is down");
    assert!(started.elapsed().as_secs() < 30, "the README says half a minute, it took {:?}", started.elapsed());

    // What the README says to type: bring it up, and give the slow one a bound that can be met.
    let _healed = Target::on(TcpListener::bind(("127.0.0.1", quickstart.down)).unwrap());
    let slow = quickstart.folder.path().join("slow.yaml");
    fs::write(&slow, fs::read_to_string(&slow).unwrap().replace("latency: 0ms", "latency: 1s")).unwrap();
    probity.wait_for("/health/detailed", |answer| {
        let states = states(answer);
        (is(&states, "down-on-purpose", "healthy", "Ok") && is(&states, "probity-slow", "healthy", "Ok")).then_some(())
    });
    assert_eq!(probity.get("/health/detailed").json()["status"], "healthy");
    let resolved = alerts::nth(probity, 1);
    assert_eq!(resolved["status"], "resolved", "{resolved}");
}

#[test]
fn every_endpoint_answers() {
    let quickstart = Quickstart::start();
    let probity = &quickstart.probity;
    probity.wait_for("/health/readiness", |answer| (answer.status == 200).then_some(()));
    let cases = [
        ("/", "html"),
        ("/health", "json"),
        ("/health/", "json"),
        ("/health/detailed", "json"),
        ("/health/readiness", "json"),
        ("/health/liveness", "json"),
        ("/metrics", "text/plain"),
        ("/metrics/business", "json"),
        ("/api/v1/healthchecks", "json"),
        ("/api/v1/healthchecks/default/probity-port", "json"),
        ("/api/v1/healthchecks/default/probity-port/history?window=1h", "json"),
        ("/api/v1/openapi.json", "json"),
    ];
    for (path, kind) in cases {
        let answer = probity.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert!(
            answer.header("content-type").is_some_and(|found| found.contains(kind)),
            "{path}: {:?}",
            answer.headers
        );
        assert!(answer.header("x-correlation-id").is_some_and(|id| id.len() == 36), "{path}: {:?}", answer.headers);
        if kind == "json" {
            answer.json();
        }
    }
    let missing = probity.get("/api/v1/healthchecks/default/nobody");
    assert_eq!(missing.status, 404);
    assert_eq!(missing.json()["error"]["correlation_id"], missing.header("x-correlation-id").unwrap());
}

#[test]
fn metrics_please_promtool_needs_promtool() {
    let quickstart = Quickstart::start();
    let metrics = quickstart.probity.wait_for("/metrics", |answer| {
        let text = answer.text();
        (text.contains("probe_success{") && text.contains("reason=\"ConnectionRefused\"")).then_some(text)
    });
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is not here: scripts/test installs it (Debian: prometheus)");
    promtool.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.trim().is_empty(), "promtool finds:\n{said}");
}
