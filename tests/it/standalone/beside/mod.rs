//! The same rules in Probity and in a real Prometheus beside it, on the same data: the same alerts at every turn of it.

mod compare;
mod exporter;
mod rules;

use std::{collections::BTreeMap, fs, path::Path, time::Instant};

use exporter::{Exporter, Phase};

use super::{
    process::Probity,
    wire::{self, PATIENCE},
};
use crate::promql::{CONFIG, Prometheus, sources};

/// How often rules are evaluated.
const INTERVAL: &str = "2s";
/// How far apart `activeAt` may be, in milliseconds: one interval, as both see the same data each at its own phase; and
/// what an evaluation on a busy machine is late by.
const APART: i64 = 2_000 + 250;

/// What is expected of Prometheus: alerts by name, in which state, how many. What always fires is not told.
type Expected = [(&'static str, &'static str, usize)];

const HOT: &Expected = &[
    ("QueueDeep", "firing", 3),
    ("QueueDeepForLong", "firing", 3),
    ("QueueLowered", "pending", 3),
    ("QueueRaisedWhilePending", "pending", 3),
    ("QueueRaisedWhileFiring", "firing", 3),
    ("HeartbeatMissing", "firing", 1),
    ("HighErrorRate", "firing", 1),
    ("TooHot", "firing", 1),
    ("TooHotForLong", "firing", 1),
    ("DiskLow", "firing", 1),
    ("Asks", "firing", 2),
    ("BackupOld", "firing", 1),
    // Twins: an error, and nothing fires.
    ("Level", "firing", 1),
    ("Joined", "firing", 2),
    ("Unmaintained", "firing", 3),
    ("Broken", "firing", 1),
    ("Texts", "firing", 1),
    ("Hottest", "firing", 1),
    ("Infinite", "firing", 1),
    ("NotANumber", "firing", 1),
];

const CHANGED: &Expected = &[
    ("QueueDeep", "firing", 2),
    ("QueueDeepForLong", "firing", 2),
    ("QueueLowered", "pending", 2),
    ("QueueRaisedWhilePending", "pending", 2),
    ("QueueRaisedWhileFiring", "firing", 2),
    ("HeartbeatMissing", "firing", 1),
    ("HighErrorRate", "firing", 1),
    ("TooHot", "firing", 2),
    ("TooHotForLong", "firing", 2),
    ("DiskLow", "firing", 1),
    ("Asks", "firing", 1),
    ("BackupOld", "firing", 1),
    ("Level", "firing", 1),
    ("Joined", "firing", 2),
    ("Unmaintained", "firing", 1),
    ("Broken", "firing", 1),
    ("Texts", "firing", 1),
    ("Hottest", "firing", 1),
    ("Infinite", "firing", 1),
    ("NotANumber", "firing", 1),
];

/// What had `keepFiringFor` fires on.
const COOLED: &Expected = &[
    ("QueueDeep", "firing", 1),
    ("QueueDeepForLong", "firing", 1),
    ("QueueLowered", "pending", 1),
    ("QueueRaisedWhilePending", "pending", 1),
    ("QueueRaisedWhileFiring", "firing", 1),
    ("TooHot", "firing", 2),
    ("TooHotForLong", "firing", 2),
    ("Twins", "firing", 1),
    ("Joined", "firing", 1),
    ("Unmaintained", "firing", 1),
    ("Broken", "firing", 1),
    ("Texts", "firing", 1),
];

const KEPT_NO_MORE: &Expected = &[
    ("QueueDeep", "firing", 1),
    ("QueueDeepForLong", "firing", 1),
    ("QueueLowered", "pending", 1),
    ("QueueRaisedWhilePending", "pending", 1),
    ("QueueRaisedWhileFiring", "firing", 1),
    ("Twins", "firing", 1),
    ("Joined", "firing", 1),
    ("Unmaintained", "firing", 1),
    ("Broken", "firing", 1),
    ("Texts", "firing", 1),
];

/// `for` was lowered, and raised; what it makes of an alert that fires is not for this Prometheus to say.
const EDITED: &Expected = &[
    ("QueueDeep", "firing", 1),
    ("QueueDeepForLong", "firing", 1),
    ("QueueLowered", "firing", 1),
    ("QueueRaisedWhilePending", "pending", 1),
    ("Twins", "firing", 1),
    ("Joined", "firing", 1),
    ("Unmaintained", "firing", 1),
    ("Broken", "firing", 1),
    ("Texts", "firing", 1),
];

/// Twins has two alerts with the same labels: the one that it has stays.
const AGAIN: &Expected = &[
    ("QueueDeep", "firing", 2),
    ("QueueDeepForLong", "firing", 2),
    ("QueueLowered", "firing", 2),
    ("QueueRaisedWhilePending", "pending", 2),
    ("Asks", "firing", 1),
    ("Twins", "firing", 1),
    ("Level", "firing", 1),
    ("Joined", "firing", 2),
    ("Unmaintained", "firing", 2),
    ("Broken", "firing", 1),
    ("Texts", "firing", 1),
];

/// What fires whatever the data.
const ALWAYS: [&str; 2] = ["Watchdog", "Constant"];

const GONE: &Expected = &[("HeartbeatMissing", "firing", 1)];

const DOWN: &Expected = &[("HeartbeatMissing", "firing", 1), ("TargetDown", "firing", 1)];

/// Both programs, and what they look at.
struct World {
    exporter: Exporter,
    prometheus: Prometheus,
    probity: Probity,
    folder: tempfile::TempDir,
}

impl World {
    async fn start() -> Self {
        let exporter = Exporter::start();
        let config = format!(
            "global: {{scrape_interval: 1s}}\nrule_files: [rules.json]\nscrape_configs: \
             [{{job_name: shop, static_configs: [{{targets: ['{}']}}]}}]\n",
            exporter.address
        );
        let files = [(CONFIG, config.as_str()), ("rules.json", &rules::for_prometheus(INTERVAL, false))];
        let prometheus = Prometheus::configured(&sources(), &files).await;
        let folder = tempfile::tempdir().unwrap();
        let manifests = folder.path().join("manifests");
        write(&manifests, &prometheus, false);
        let probity = Probity::start(&manifests, &folder.path().join("data"), &[]);
        Self { exporter, prometheus, probity, folder }
    }

    fn edit(&self) {
        self.prometheus.change("rules.json", &rules::for_prometheus(INTERVAL, true));
        write(&self.folder.path().join("manifests"), &self.prometheus, true);
    }

    /// Waits until Prometheus tells what is expected, and Probity the same. How far apart `activeAt` is at most.
    fn agree(&self, what: &str, expected: &Expected) {
        let of = |&(name, state, count): &(&str, &str, usize)| ((name.to_owned(), state.to_owned()), count);
        let always = ALWAYS.map(|name| (name, "firing", 1));
        let expected: BTreeMap<_, _> = expected.iter().chain(&always).map(of).collect();
        let is_raised = |labels: &BTreeMap<String, String>| {
            matches!(what, "edited" | "again") && labels["alertname"] == rules::RAISED
        };
        let begin = Instant::now();
        loop {
            let read = |answer: wire::Answer| {
                let mut alerts = compare::alerts(&answer.json());
                alerts.retain(|labels, _| !is_raised(labels));
                // They fire since each program began.
                let always = alerts.iter_mut().filter(|(labels, _)| ALWAYS.contains(&labels["alertname"].as_str()));
                always.for_each(|(_, shown)| shown.active_at = 0);
                alerts
            };
            let theirs = read(wire::get(self.prometheus.address, "/api/v1/alerts", &[]).unwrap());
            let ours = read(self.probity.get("/api/v1/alerts"));
            let differences = compare::differences(&ours, &theirs, APART);
            let told = compare::tally(&theirs);
            if told == expected && differences.is_empty() {
                let apart = theirs.iter().map(|(labels, their)| (ours[labels].active_at - their.active_at).abs()).max();
                let (alerts, apart) = (theirs.len(), apart.unwrap_or_default());
                println!("{what}: {alerts} alerts agree, activeAt {apart} ms apart at most, {:?}", begin.elapsed());
                return;
            }
            assert!(
                begin.elapsed() < PATIENCE,
                "{what}: in Prometheus {told:#?}\nexpected {expected:#?}\ndifferences:\n{}",
                differences.join("\n")
            );
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }
}

fn write(folder: &Path, prometheus: &Prometheus, is_edited: bool) {
    fs::create_dir_all(folder).unwrap();
    for (name, text) in rules::for_probity(INTERVAL, &format!("http://{}", prometheus.address), is_edited) {
        fs::write(folder.join(name), text).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_rules_give_the_same_alerts_as_in_prometheus_needs_prometheus() {
    assert!(rules::RULES.len() >= 15);
    let world = World::start().await;
    world.agree("calm", &[]);
    for (what, phase, expected) in
        [("hot", Phase::Hot, HOT), ("changed", Phase::Changed, CHANGED), ("cooled", Phase::Cooled, COOLED)]
    {
        world.exporter.enter(phase);
        world.agree(what, expected);
    }
    world.agree("kept no more", KEPT_NO_MORE);
    world.edit();
    world.agree("edited", EDITED);
    // As newer versions of Prometheus do it: it fires no more, and is pending since it was at first.
    world.probity.wait_for("/api/v1/alerts", |answer| {
        let all = compare::alerts(&answer.json());
        let mut raised = all.into_iter().filter(|(labels, _)| labels["alertname"] == rules::RAISED);
        let (_, shown) = raised.next()?;
        (raised.next().is_none() && shown.state == "pending").then_some(())
    });
    for (what, phase, expected) in
        [("again", Phase::Again, AGAIN), ("gone", Phase::Gone, GONE), ("down", Phase::Down, DOWN)]
    {
        world.exporter.enter(phase);
        world.agree(what, expected);
    }
    println!("{} rules", rules::RULES.len());
}
