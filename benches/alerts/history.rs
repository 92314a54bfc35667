//! Rules over the program's own history, on one core.

use std::time::Duration;

use serde_json::json;

use super::{
    Plan,
    figures::Figures,
    measure::resident,
    peers::{Receiver, Targets},
    world::{World, channel, check, object, on_time, until},
};

const RULES: usize = 10_000;
const CHECKS: usize = 1_000;
const METRICS: [(&str, f64); 5] =
    [("failure_ratio", 0.5), ("latency_avg", 5.0), ("latency_p50", 5.0), ("latency_p95", 5.0), ("latency_p99", 5.0)];

pub fn run(plan: &Plan, figures: &mut Figures) {
    eprintln!("{RULES} rules over the history of {CHECKS} checks, every 15 s, on one core");
    let (targets, receiver) = (Targets::start(), Receiver::start());
    let checks = (0..CHECKS).map(|number| check(number, targets.address));
    let rules = (0..RULES).map(|number| {
        let (metric, above) = METRICS[number % METRICS.len()];
        let check = format!("check-{}", number % CHECKS);
        let condition = json!({"probe": {"name": check, "metric": metric, "over": "5m", "above": above}});
        object("AlertRule", &format!("rule-{number}"), json!({"interval": "15s", "condition": condition}))
    });
    let world = World::new(checks.chain(rules).chain([channel(receiver.address)]));
    let probity = world.start(true);
    until("two runs of each check", &probity, Duration::from_secs(120), || targets.asked() >= 2 * CHECKS);
    // A round of all rules.
    std::thread::sleep(Duration::from_secs(15));
    on_time("10,000 rules over history", &probity, RULES as f64, plan.window, figures);
    figures.tell("10,000 rules over history: resident memory", format!("{:.1} MB", resident(probity.child.id())));
    assert_eq!(receiver.count(), 0, "nothing was to fire");
}
