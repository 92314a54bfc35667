//! From the end of a probe that fails to the webhook's receipt.

use std::{collections::HashMap, time::Duration};

use serde_json::json;

use super::{
    Plan,
    figures::Figures,
    measure::{quantile, resident},
    peers::{Receiver, Targets, Told},
    world::{World, channel, check, object, until},
};

const CHECKS: usize = 1_000;
/// Everything fails within one interval; the rest is for a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn run(plan: &Plan, figures: &mut Figures) {
    eprintln!("{CHECKS} rules on {CHECKS} checks at 10 s, all of which fail");
    let (targets, receiver) = (Targets::start(), Receiver::start());
    let rules = (0..CHECKS).map(|number| {
        let name = format!("check-{number}");
        object("AlertRule", &name, json!({"severity": "critical", "condition": {"healthCheck": {"name": &name}}}))
    });
    let checks = (0..CHECKS).map(|number| check(number, targets.address));
    let world = World::new(checks.chain(rules).chain([channel(receiver.address)]));
    let probity = world.start(false);
    until("two runs of each check", &probity, PATIENCE, || targets.asked() >= 2 * CHECKS);
    let (mut firing, mut resolved) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        for (failing, delays) in [(true, &mut firing), (false, &mut resolved)] {
            targets.turn(failing);
            until("a notification of each check", &probity, PATIENCE, || receiver.count() >= CHECKS);
            let told = receiver.take();
            let since = targets.since();
            assert!(told.iter().all(|told| told.is_firing == failing), "what was told is not what happened");
            let by_check: HashMap<usize, &Told> = told.iter().map(|told| (number(told), told)).collect();
            assert_eq!(by_check.len(), CHECKS, "each check is told of");
            delays.extend(by_check.iter().map(|(number, told)| told.at.saturating_duration_since(since[number])));
        }
    }
    let mut tell = |what: &str, delays: &mut [Duration]| {
        for (name, share) in [("p50", 0.5), ("slowest", 1.0)] {
            figures.tell(&format!("{what}, {name}"), format!("{:.1} ms", quantile(delays, share).as_secs_f64() * 1e3));
        }
        figures.at_most(&format!("{what}, p99 of {}", delays.len()), quantile(delays, 0.99).as_secs_f64(), 1.0, "s");
    };
    tell("failing probe's end to webhook", &mut firing);
    // What is over is gathered with its group, for `grouping.interval`: told without a bound.
    let slowest = quantile(&mut resolved, 1.0).as_secs_f64();
    figures.tell("good probe's end to webhook, slowest", format!("{slowest:.1} s"));
    figures.tell("resident memory, 1,000 checks and rules", format!("{:.1} MB", resident(probity.child.id())));
}

fn number(told: &Told) -> usize {
    told.labels["healthcheck"].as_str().unwrap().trim_start_matches("check-").parse().unwrap()
}
