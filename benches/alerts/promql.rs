//! Rules that ask a real Prometheus.

use std::{
    fmt::Write as _,
    fs,
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::json;

use super::{
    Plan,
    figures::Figures,
    measure::cpu,
    peers::{Receiver, serve},
    wire,
    world::{World, channel, object, on_time, until},
};

const RULES: usize = 1_000;

/// A Prometheus that scrapes a shop per rule; it ends with this value.
struct Prometheus {
    child: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    fn start() -> Self {
        let begin = Instant::now();
        let exporter = serve(move |_, _| {
            let mut page = String::new();
            let count = begin.elapsed().as_secs_f64() * 100.0;
            for shop in 0..RULES {
                for (code, share) in [(200, 0.99), (500, if shop == 0 { 0.1 } else { 0.01 })] {
                    writeln!(page, "http_requests_total{{shop=\"{shop}\",code=\"{code}\"}} {}", count * share).unwrap();
                }
            }
            page
        });
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("prometheus.yml");
        let scrape = format!("[{{job_name: shops, static_configs: [{{targets: ['{exporter}']}}]}}]");
        fs::write(&config, format!("global: {{scrape_interval: 5s}}\nscrape_configs: {scrape}\n")).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus is not here: scripts/test installs it");
        let asked = || wire::get(address, "/api/v1/query?query=count(http_requests_total%20offset%2010s)", &[]);
        while !asked().is_ok_and(|answer| answer.json()["data"]["result"][0]["value"][1] == "2000") {
            assert!(begin.elapsed() < Duration::from_secs(60), "Prometheus does not scrape");
            std::thread::sleep(Duration::from_millis(100));
        }
        Self { child, url: format!("http://{address}"), _folder: folder }
    }
}

pub fn run(plan: &Plan, figures: &mut Figures) {
    eprintln!("{RULES} rules that ask a real Prometheus, every 15 s");
    let (prometheus, receiver) = (Prometheus::start(), Receiver::start());
    let rules = (0..RULES).map(|shop| {
        let rate = |more: &str| format!("sum(rate(http_requests_total{{shop=\"{shop}\"{more}}}[1m]))");
        let expr = format!("{} / {} > 0.05", rate(",code=~\"5..\""), rate(""));
        let condition = json!({"promql": {"expr": expr, "source": {"url": prometheus.url}}});
        let spec = json!({
            "interval": "15s", "condition": condition, "severity": "critical",
            "message": "Error rate is {{ $value | humanizePercentage }}",
        });
        object("AlertRule", &format!("shop-{shop}"), spec)
    });
    let world = World::new(rules.chain([channel(receiver.address)]));
    let probity = world.start(false);
    // The one shop that is over the bound.
    until("a round of all rules", &probity, Duration::from_secs(60), || receiver.count() > 0);
    std::thread::sleep(Duration::from_secs(15));
    let (before, begin) = (cpu(prometheus.child.id()), Instant::now());
    on_time("1,000 PromQL rules", &probity, RULES as f64, plan.window, figures);
    let used = (cpu(prometheus.child.id()) - before).as_secs_f64() / begin.elapsed().as_secs_f64();
    figures.tell("1,000 PromQL rules: CPU of Prometheus, of one core", format!("{:.1} %", used * 100.0));
    assert_eq!(receiver.count(), 1, "one shop is over the bound");
}
