//! Ten thousand alerts that fire at once.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{
    figures::Figures,
    measure::{cpu, memory, resident},
    peers::{Receiver, Told, serve},
    world::{World, channel, object, until},
};

const RULES: usize = 10;
const SERIES: usize = 1_000;

pub fn run(figures: &mut Figures) {
    eprintln!("{} alerts that fire at once, of {RULES} rules", RULES * SERIES);
    let (is_burst, answered) = (Arc::new(AtomicBool::new(false)), Arc::<Mutex<HashMap<String, Instant>>>::default());
    let source = {
        let (is_burst, answered) = (is_burst.clone(), answered.clone());
        serve(move |_, body| {
            let is_burst = is_burst.load(Relaxed);
            let rule = form_urlencoded::parse(body).find(|(name, _)| name == "query").unwrap().1.into_owned();
            let answer = answer(&rule, is_burst);
            if is_burst {
                answered.lock().entry(rule).or_insert_with(Instant::now);
            }
            answer
        })
    };
    let receiver = Receiver::start();
    let rules = (0..RULES).map(|number| {
        let source = format!("http://{source}");
        let spec = json!({
            "severity": "high", "interval": "5s",
            "condition": {"promql": {"expr": format!("burst_{number}"), "source": {"url": source}}},
            "labels": {"team": "{{ $labels.tier }}-team"},
            "message": "{{ $labels.pod }} of {{ $labels.tier }} is at {{ $value | humanizePercentage }}",
            "annotations": {"description": "Nobody knows why", "runbook_url": "https://example.org/{{ $labels.pod }}"},
        });
        object("AlertRule", &format!("burst-{number}"), spec)
    });
    let world = World::new(rules.chain([channel(receiver.address)]));
    let probity = world.start(false);
    let process = probity.child.id();
    std::thread::sleep(Duration::from_secs(12));
    let (before, used) = (resident(process), cpu(process));

    is_burst.store(true, Relaxed);
    let told = all(&receiver, &probity, true);
    let messages: BTreeSet<_> = told.iter().map(|told| told.number).collect();
    let answered = answered.lock().clone();
    let slowest = told.iter().map(|told| told.at - answered[&rule(told)]).max().unwrap();
    figures.at_most("10,000 alerts: source's answer to receipt, the last", slowest.as_secs_f64(), 30.0, "s");
    figures.tell("10,000 alerts: messages that they came in", messages.len().to_string());
    // The records of what was delivered.
    std::thread::sleep(Duration::from_secs(3));
    figures.at_most("10,000 alerts: memory on top, at its peak", memory(process, "VmHWM:") - before, 100.0, "MB");
    figures.tell("10,000 alerts: CPU of it all", format!("{:.2} s", (cpu(process) - used).as_secs_f64()));

    // While they stand, they cost something as well.
    let (standing, begin) = (cpu(process), Instant::now());
    std::thread::sleep(Duration::from_secs(10));
    let share = (cpu(process) - standing).as_secs_f64() / begin.elapsed().as_secs_f64();
    figures.tell("10,000 alerts: CPU while they stand, of one core", format!("{:.1} %", share * 100.0));
    is_burst.store(false, Relaxed);
    all(&receiver, &probity, false);
}

/// Waits until all of them were told; nobody is told of anything twice.
fn all(receiver: &Receiver, probity: &super::process::Probity, is_firing: bool) -> Vec<Told> {
    until("all notifications", probity, Duration::from_secs(60), || receiver.count() >= RULES * SERIES);
    let told = receiver.take();
    let different: BTreeSet<_> = told.iter().map(|told| (rule(told), told.labels["pod"].to_string())).collect();
    assert_eq!((told.len(), different.len()), (RULES * SERIES, RULES * SERIES));
    assert!(told.iter().all(|told| told.is_firing == is_firing));
    told
}

/// Which question an alert comes from.
fn rule(told: &Told) -> String {
    told.labels["alertname"].as_str().unwrap().replace('-', "_")
}

fn answer(rule: &str, is_burst: bool) -> String {
    let series = (0..if is_burst { SERIES } else { 0 }).map(|number| {
        let metric = json!({
            "__name__": rule, "pod": format!("web-{number:04}-7d9c5b6f4d"), "tier": "web", "instance": "10.0.0.1:9090",
            "job": "kubernetes-pods", "container": "web",
        });
        json!({"metric": metric, "value": [0, "0.93"]})
    });
    let result: Vec<Value> = series.collect();
    json!({"status": "success", "data": {"resultType": "vector", "result": result}}).to_string()
}
