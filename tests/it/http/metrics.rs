//! `/metrics`: names, labels, types, compression, and what does not show.

use std::{collections::BTreeSet, io::Read, process::Stdio};

use hyper::Method;
use probity::{
    engine::CheckView,
    health::{Reason, State},
    model::ProbeKind,
    probe::Verdict,
};

use super::world::{World, check, checks, http_details, options, run, until};

/// A check with all that an HTTP run gives.
pub fn probed(name: &str) -> CheckView {
    let outcome = run(Verdict::Good, Reason::Ok, "200 OK", http_details(false));
    check("web", name, ProbeKind::Http, State::Healthy, Reason::Ok, outcome)
}

/// The samples of one check: `name{labels beyond the target's} value`.
fn samples(text: &str, check: &str) -> Vec<String> {
    let of = format!("healthcheck=\"{check}\"");
    let lines = text.lines().filter(|line| !line.starts_with('#') && line.contains(&of));
    let mut lines: Vec<_> = lines
        .map(|line| {
            let (name, rest) = line.split_once('{').unwrap();
            let (labels, value) = rest.rsplit_once("} ").unwrap();
            let own = labels.split_once("\\\"x\\\"\"").unwrap().1.trim_start_matches(',');
            format!("{name}{{{own}}} {value}")
        })
        .collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn an_http_check_has_the_series_of_blackbox_exporter() {
    let world = World::start().await;
    let text = world.metrics().await;
    let tls = "fingerprint_sha256=\"abababababababababababababababababababababababababababababababab\",\
               subject=\"CN=a \\\"quoted\\\" \\\\ name\",issuer=\"CN=issuer\",subjectalternative=\"a.example,b.example\",serialnumber=\"01ff\"";
    let mut want = vec![
        "probe_dns_lookup_time_seconds{} 0.002".to_owned(),
        "probe_duration_seconds{} 0.01234".to_owned(),
        "probe_failed_due_to_cel{} 0".to_owned(),
        "probe_failed_due_to_regex{} 0".to_owned(),
        "probe_http_content_length{} -1".to_owned(),
        "probe_http_duration_seconds{phase=\"connect\"} 0.003".to_owned(),
        "probe_http_duration_seconds{phase=\"processing\"} 0.004".to_owned(),
        "probe_http_duration_seconds{phase=\"resolve\"} 0.002".to_owned(),
        "probe_http_duration_seconds{phase=\"tls\"} 0".to_owned(),
        "probe_http_duration_seconds{phase=\"transfer\"} 0.001".to_owned(),
        "probe_http_last_modified_timestamp_seconds{} 1600000000".to_owned(),
        "probe_http_redirects{} 1".to_owned(),
        "probe_http_ssl{} 1".to_owned(),
        "probe_http_status_code{} 200".to_owned(),
        "probe_http_uncompressed_body_length{} 512".to_owned(),
        "probe_http_version{} 1.1".to_owned(),
        "probe_ip_addr_hash{} 1969986452".to_owned(),
        "probe_ip_protocol{} 4".to_owned(),
        "probe_ssl_earliest_cert_expiry{} 1800000000".to_owned(),
        "probe_ssl_last_chain_expiry_timestamp_seconds{} -62135596800".to_owned(),
        format!("probe_ssl_last_chain_info{{{tls}}} 1"),
        "probe_success{} 1".to_owned(),
        "probe_timeout_seconds{} 5".to_owned(),
        "probe_tls_cipher_info{cipher=\"TLS_AES_128_GCM_SHA256\"} 1".to_owned(),
        "probe_tls_version_info{version=\"TLS 1.3\"} 1".to_owned(),
        "probity_healthcheck_state{state=\"degraded\"} 0".to_owned(),
        "probity_healthcheck_state{state=\"healthy\"} 1".to_owned(),
        "probity_healthcheck_state{state=\"suspended\"} 0".to_owned(),
        "probity_healthcheck_state{state=\"unhealthy\"} 0".to_owned(),
        "probity_healthcheck_state{state=\"unknown\"} 0".to_owned(),
        "probity_probe_runs_total{result=\"good\",reason=\"Ok\"} 3".to_owned(),
    ];
    want.sort();
    assert_eq!(samples(&text, "api"), want);
    let line = text.lines().find(|line| line.starts_with("probe_success{") && line.contains("\"api\"")).unwrap();
    assert_eq!(
        line,
        "probe_success{namespace=\"web\",healthcheck=\"api\",instance=\"http://api.example/\\\"x\\\"\"} 1"
    );
}

#[tokio::test]
async fn each_kind_and_each_failure_has_its_own_series() {
    let world = World::start().await;
    let text = world.metrics().await;
    let has = |check: &str, name: &str| samples(&text, check).iter().any(|sample| sample.starts_with(name));
    // A run that never came to an answer has all the phases, at 0, and no certificate.
    let broken = samples(&text, "broken");
    assert_eq!(broken.iter().filter(|sample| sample.starts_with("probe_http_duration_seconds{")).count(), 5);
    assert!(broken.contains(&"probe_success{} 0".to_owned()));
    assert!(broken.contains(&"probe_http_status_code{} 0".to_owned()));
    assert!(broken.contains(&"probity_probe_runs_total{result=\"failed\",reason=\"DNSError\"} 3".to_owned()));
    assert!(!has("broken", "probe_ssl_") && !has("broken", "probe_ip_protocol"));
    assert!(has("slow-page", "probe_success{} 1"), "degraded is a success");
    assert!(has("down", "probe_failed_due_to_regex{} 0") && !has("down", "probe_http_"));
    assert!(has("cert", "probe_ssl_earliest_cert_expiry") && !has("cert", "probe_failed_due_to_regex"));
    assert!(has("zone", "probe_dns_duration_seconds{phase=\"request\"}") && has("zone", "probe_dns_serial{} 7"));
    assert!(!has("zone", "probe_http_"));
    // What is not known now is not told from memory.
    for check in ["new", "stale", "off"] {
        assert!(!has(check, "probe_"), "{check}");
        assert!(has(check, "probity_healthcheck_state"), "{check}");
    }
    assert!(samples(&text, "refused").is_empty());
    assert!(text.contains("probity_objects{kind=\"HealthCheck\",ready=\"true\"} 9"));
    assert!(text.contains("probity_objects{kind=\"HealthCheck\",ready=\"false\"} 1"));
    assert!(text.contains("\nprobity_store_records_total 7\n"));
    assert!(text.contains("probity_build_info{version="));
    assert!(text.contains("\nprocess_resident_memory_bytes "));
}

#[tokio::test]
async fn the_labels_of_each_metric_are_those_of_the_table() {
    let world = World::start().await;
    let text = world.metrics().await;
    let mut seen = BTreeSet::new();
    for (name, kind, labels, help) in probity::metrics::reference() {
        assert!(text.contains(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n")), "{name}");
        assert!(seen.insert(name), "{name} is there twice");
        let line = text.lines().find(|line| line.starts_with(&format!("{name}{{"))).unwrap();
        for label in labels {
            assert!(line.contains(&format!(",{label}=\"")), "{line}");
        }
    }
}

#[tokio::test]
async fn it_is_compressed_for_who_asks() {
    let many: Vec<_> = (0..500).map(|i| probed(&format!("check-{i}"))).collect();
    let world = World::with(options(), many).await;
    let plain = world.get("/metrics").await;
    assert_eq!(plain.header("content-encoding"), None);
    assert_eq!(plain.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let packed = world.ask(Method::GET, "/metrics", &[("accept-encoding", "gzip")]).await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed.body[..]).read_to_string(&mut text).unwrap();
    let probes =
        |text: &str| text.lines().filter(|line| line.contains("healthcheck=")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(probes(&text), probes(std::str::from_utf8(&plain.body).unwrap()));
    assert!(packed.body.len() * 10 < plain.body.len(), "{} {}", packed.body.len(), plain.body.len());
}

#[tokio::test]
async fn requests_are_counted_by_template_and_never_by_path() {
    let world = World::start().await;
    for path in [
        "/health/detailed?namespace=web",
        "/api/v1/healthchecks/web/api",
        "/api/v1/healthchecks/web/secret-name",
        "/wp-admin.php",
        "/x/y",
    ] {
        world.get(path).await;
    }
    world.ask(Method::from_bytes(b"BREW").unwrap(), "/health", &[]).await;
    until("the counts", async || world.state.metrics.requests_in_flight().get() == 0).await;
    let text = world.metrics().await;
    for line in [
        "http_requests_total{endpoint=\"/health/detailed\",method=\"GET\",status_code=\"200\"} 1",
        "http_requests_total{endpoint=\"/api/v1/healthchecks/{namespace}/{name}\",method=\"GET\",status_code=\"200\"} 1",
        "http_requests_total{endpoint=\"/api/v1/healthchecks/{namespace}/{name}\",method=\"GET\",status_code=\"404\"} 1",
        "http_requests_total{endpoint=\"unmatched\",method=\"GET\",status_code=\"404\"} 2",
        "http_requests_total{endpoint=\"/health\",method=\"other\",status_code=\"405\"} 1",
        "http_request_duration_seconds_count{endpoint=\"unmatched\",method=\"GET\"} 2",
    ] {
        assert!(
            text.contains(line),
            "{line} is not in\n{}",
            text.lines().filter(|l| l.starts_with("http_")).collect::<Vec<_>>().join("\n")
        );
    }
    for leaked in ["wp-admin", "secret-name", "BREW", "/x/y"] {
        let lines: Vec<_> = text.lines().filter(|line| line.starts_with("http_") && line.contains(leaked)).collect();
        assert!(lines.is_empty(), "{lines:?}");
    }
}

#[tokio::test]
async fn promtool_finds_nothing_needs_promtool() {
    let there =
        std::process::Command::new("promtool").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if there.is_err() {
        assert!(
            std::env::var_os("CI").is_none(),
            "promtool is not installed, and this is CI: install Debian's prometheus"
        );
        eprintln!("LEFT OUT: promtool is not installed (Debian's package prometheus has it)");
        return;
    }
    let world = World::with(options(), checks()).await;
    world.state.metrics.probe_lag(std::time::Duration::from_millis(3));
    world.state.metrics.probes_skipped("overlap", 1);
    world.get("/nowhere").await;
    until("the count", async || world.state.metrics.requests_in_flight().get() == 0).await;
    let text = world.metrics().await;
    let output = tokio::task::spawn_blocking(move || {
        let mut promtool = std::process::Command::new("promtool");
        let mut child = promtool
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    });
    let output = output.await.unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.is_empty(), "{said}");
}
