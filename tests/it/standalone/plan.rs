//! The plan's first rule, end to end: a service that fails, a real Prometheus that sees it, a real Alertmanager and a real
//! mail server that are told, and the audit trail of it all.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    process::Probity,
    wire::{self, PATIENCE},
};
use crate::{
    probes::peers::{
        pki::{Authority, NOW},
        real::{self, Smtp},
    },
    promql::{CONFIG, Prometheus, sources},
};

/// A small service that people use, and that counts how it answers them. It runs until the test's process ends.
struct Service {
    address: SocketAddr,
    /// Whether one request of ten fails.
    failing: Arc<AtomicBool>,
}

#[derive(Default)]
struct Counts {
    good: AtomicU64,
    failed: AtomicU64,
}

impl Service {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, failing) = (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let (counts, is_failing) = (Counts::default(), failing.clone());
        thread::spawn(move || listener.incoming().flatten().for_each(|stream| serve(stream, &counts, &is_failing)));
        // Its users.
        thread::spawn(move || {
            loop {
                let _ = wire::get(address, "/orders", &[]);
                thread::sleep(Duration::from_millis(10));
            }
        });
        Self { address, failing }
    }
}

fn serve(mut stream: TcpStream, counts: &Counts, failing: &AtomicBool) {
    let mut request = [0; 4096];
    let read = stream.read(&mut request).unwrap_or_default();
    let (good, failed) = (counts.good.load(Relaxed), counts.failed.load(Relaxed));
    let (status, body) = if request[..read].starts_with(b"GET /metrics ") {
        let series = |code: u16, count: u64| {
            format!("http_requests_total{{method=\"GET\",endpoint=\"/orders\",status_code=\"{code}\"}} {count}\n")
        };
        ("200 OK", format!("# TYPE http_requests_total counter\n{}{}", series(200, good), series(500, failed)))
    } else if failing.load(Relaxed) && (good + failed).is_multiple_of(10) {
        counts.failed.fetch_add(1, Relaxed);
        ("500 Internal Server Error", "no\n".to_owned())
    } else {
        counts.good.fetch_add(1, Relaxed);
        ("200 OK", "yes\n".to_owned())
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n", body.len());
    let _ = write!(stream, "{head}Connection: close\r\n\r\n{body}");
}

/// The plan's rule, over a shorter time than people would want, and both channels.
fn write(folder: &Path, prometheus: SocketAddr, alertmanager: SocketAddr, mail: SocketAddr, ca: &str) {
    let rate = |more: &str| format!("sum(rate(http_requests_total{{service=\"coordinator-api\"{more}}}[5s]))");
    let expr = format!("{} / {} > 0.05", rate(",status_code=~\"5..\""), rate(""));
    let object = |kind: &str, name: &str, spec: Value| json!({"apiVersion": "probity.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec});
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mail"},
        "stringData": {"password": "s3cret", "ca": ca},
    });
    let of_secret = |key: &str| json!({"valueFrom": {"secretKeyRef": {"name": "mail", "key": key}}});
    let all = [
        object(
            "AlertRule",
            "high-error-rate",
            json!({
                "alertName": "HighErrorRate", "severity": "high", "interval": "1s", "for": "2s",
                "condition": {"promql": {"expr": expr, "source": {"url": format!("http://{prometheus}")}}},
                "labels": {"service": "coordinator-api", "type": "error_rate"},
                "message": "Error rate is {{ $value | humanizePercentage }}, above 5%",
                "annotations": {"description": "Error rate has exceeded 5% threshold"},
                "notify": [{"name": "alertmanager"}, {"name": "mail"}],
            }),
        ),
        object(
            "NotificationChannel",
            "alertmanager",
            json!({"alertmanager": {"urls": [{"value": format!("http://{alertmanager}")}]}}),
        ),
        object(
            "NotificationChannel",
            "mail",
            json!({"email": {
                "host": "localhost", "port": mail.port(), "from": "Probity <probity@example.org>",
                "to": ["ops@example.org"], "startTLS": true, "tls": {"ca": of_secret("ca")},
                "auth": {"username": {"value": "probity"}, "password": of_secret("password")},
            }}),
        ),
        secret,
    ];
    fs::create_dir_all(folder).unwrap();
    for (number, object) in all.iter().enumerate() {
        fs::write(folder.join(format!("{number}.json")), object.to_string()).unwrap();
    }
}

/// Waits until there is something.
fn wait<T>(what: &str, probity: &Probity, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            println!("{what}: after {:?}", begin.elapsed());
            return found;
        }
        assert!(begin.elapsed() < PATIENCE, "{what}: never\n{}", probity.told());
        thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plans_rule_reaches_alertmanager_and_mail_needs_prometheus_needs_alertmanager_needs_smtp() {
    let Some(alertmanager) = real::alertmanager().await else { return };
    let Some(amtool) = real::require("amtool") else { return };
    let root = Authority::new("root", NOW);
    let identity = root.server(&["localhost"], NOW);
    let Some(mail) = real::smtp(&identity.chain_pem, &identity.key_pem, Smtp::StartTls, "PLAIN").await else { return };
    let service = Service::start();
    let config = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs: [{{job_name: shop, static_configs: \
         [{{targets: ['{}'], labels: {{service: coordinator-api}}}}]}}]\n",
        service.address
    );
    let prometheus = Prometheus::configured(&sources(), &[(CONFIG, &config)]).await;
    let folder = tempfile::tempdir().unwrap();
    let manifests = folder.path().join("manifests");
    write(&manifests, prometheus.address, alertmanager.address, mail.address, &root.pem);
    let probity = Probity::start(&manifests, &folder.path().join("data"), &[]);
    let query = || -> Vec<Value> {
        let url = format!("--alertmanager.url=http://{}", alertmanager.address);
        let out = Command::new(&amtool).args([&url, "alert", "query", "-o", "json"]).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice(&out.stdout).unwrap()
    };

    service.failing.store(true, Relaxed);
    let alert = wait("the alert in Alertmanager", &probity, || query().into_iter().next());
    let labels = json!({
        "alertname": "HighErrorRate", "severity": "high", "namespace": "default", "service": "coordinator-api",
        "type": "error_rate",
    });
    assert_eq!(alert["labels"], labels);
    assert_eq!(alert["annotations"]["description"], "Error rate has exceeded 5% threshold");
    let first = wait("the mail that it fires", &probity, || mail.mails().into_iter().next());
    assert_eq!(first["subject"], "\u{1f6a8} HIGH Alert: HighErrorRate");
    assert_eq!((&first["to"], &first["tls"]), (&json!(["ops@example.org"]), &true.into()));
    let text = first["text"].as_str().unwrap();
    assert!(text.contains("Status: firing") && text.contains("%, above 5%"), "{text}");

    service.failing.store(false, Relaxed);
    wait("no alert in Alertmanager any more", &probity, || query().is_empty().then_some(()));
    let mails = wait("the mail that it is over", &probity, || Some(mail.mails()).filter(|mails| mails.len() > 1));
    assert_eq!(mails.len(), 2, "{mails:?}");
    assert!(mails[1]["text"].as_str().unwrap().contains("Status: resolved"), "{mails:?}");
    assert_eq!(mails[1]["references"], first["references"], "one conversation");
    audited(&probity);
}

/// Each step stands in the trail, in order, and the trail proves itself.
fn audited(probity: &Probity) {
    let server = format!("http://{}", probity.address);
    let audit = |more: &[&str]| {
        let out = Command::new(env!("CARGO_BIN_EXE_probity"))
            .args(["audit", "--server", &server])
            .args(more)
            .output()
            .unwrap();
        assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    };
    let steps = || -> Vec<String> {
        let rows: Vec<Value> = serde_json::from_str(&audit(&["--alert", "HighErrorRate", "-o", "json"])).unwrap();
        let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let step = |row: &Value| {
            let entry = &row["entry"];
            Some(match entry["kind"].as_str()? {
                "transition" if entry["from"] == entry["to"] => return None,
                "transition" => format!("{} to {}", text(entry, "from"), text(entry, "to")),
                "told" => format!("{} to be told: {}", text(entry, "channel"), text(entry, "status")),
                "notification" => format!("{}: {}", text(entry, "channel"), text(entry, "outcome")),
                // That it waits for its group.
                "suppression" => return None,
                other => other.to_owned(),
            })
        };
        rows.iter().filter_map(step).collect()
    };
    // The last answer is written down behind the mail.
    let steps = wait("all steps in the audit trail", probity, || {
        Some(steps()).filter(|steps| steps.iter().filter(|step| step.ends_with(": delivered")).count() == 4)
    });
    let told = audit(&[]);
    println!("{told}{}", audit(&["verify"]));
    let firing = steps.iter().position(|step| step == "pending to firing").unwrap();
    let resolved = steps.iter().position(|step| step == "firing to resolved").unwrap();
    assert_eq!(steps[..=firing], ["inactive to pending", "pending to firing"], "{steps:?}");
    for (part, status) in [(&steps[firing..resolved], "firing"), (&steps[resolved..], "resolved")] {
        for channel in ["default/alertmanager", "default/mail"] {
            let decided = part.iter().position(|step| *step == format!("{channel} to be told: {status}"));
            let delivered = part.iter().position(|step| *step == format!("{channel}: delivered"));
            assert!(decided.is_some() && decided < delivered, "{channel}, {status}: {steps:?}");
        }
    }
}
