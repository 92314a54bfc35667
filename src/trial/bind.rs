//! A test and the objects that it is about: what one says of the other has to be so before anything is run.

use std::{collections::BTreeMap, sync::Arc};

use super::{Expect, Happens, How, Of, Test, answers::Answers, checks::outcome};
use crate::{
    alert::{desk, millis},
    health::Reason,
    model::{AlertRule, Channel, Checks, Condition, HealthCheck, MaintenanceWindow, Object, ObjectKey, Seek, Silence},
    validate::{FieldError, FieldPath, nearest},
};

/// Runs of checks and evaluations of rules in one test. At some 3 µs each, a quarter of a minute at the worst; 30 days of
/// a check every 30 s with a rule every 15 s are 260,000.
pub const STEPS_MAX: u64 = 5_000_000;

/// The objects of a test, by their names.
#[derive(Debug, Clone, Default)]
pub struct Objects {
    pub checks: BTreeMap<ObjectKey, Arc<HealthCheck>>,
    pub rules: BTreeMap<ObjectKey, Arc<AlertRule>>,
    pub channels: BTreeMap<ObjectKey, Arc<Channel>>,
    pub silences: BTreeMap<ObjectKey, Arc<Silence>>,
    pub windows: BTreeMap<ObjectKey, Arc<MaintenanceWindow>>,
}

impl FromIterator<Object> for Objects {
    fn from_iter<T: IntoIterator<Item = Object>>(objects: T) -> Self {
        let mut all = Self::default();
        for object in objects {
            match object {
                Object::HealthCheck(check) => drop(all.checks.insert(check.key.clone(), check)),
                Object::AlertRule(rule) => drop(all.rules.insert(rule.key.clone(), rule)),
                Object::NotificationChannel(channel) => drop(all.channels.insert(channel.key.clone(), channel)),
                Object::Silence(silence) => drop(all.silences.insert(silence.key.clone(), silence)),
                Object::MaintenanceWindow(window) => drop(all.windows.insert(window.key.clone(), window)),
                // What is promised is not looked at in a test yet.
                Object::SloTarget(_) => {}
            }
        }
        all
    }
}

/// What a test says that its objects do not bear out. Paths are seen from the test: `checks[0].name`.
pub fn bind(objects: &Objects, test: &Test) -> Vec<FieldError> {
    let mut binding = Binding { objects, mistakes: Vec::new() };
    binding.checks(test);
    binding.queries(test);
    binding.events(test);
    for (at, expect) in test.expect.iter().enumerate() {
        binding.expect(&FieldPath::of("expect").index(at), expect, test);
    }
    binding.work(test);
    binding.mistakes
}

struct Binding<'o> {
    objects: &'o Objects,
    mistakes: Vec<FieldError>,
}

impl Binding<'_> {
    fn refuse(&mut self, path: FieldPath, message: impl Into<String>, hint: impl Into<String>) {
        self.mistakes.push(FieldError::invalid(path, message).hint(hint));
    }

    /// Says that there is no such object, and which there are.
    fn missing<T>(&mut self, path: FieldPath, kind: &str, key: &ObjectKey, known: &BTreeMap<ObjectKey, T>) {
        let names: Vec<String> = known.keys().map(ToString::to_string).collect();
        let hint = match nearest(&key.to_string(), names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean {near}?"),
            None if names.is_empty() => format!("there is no {kind} among the manifests of this test"),
            None => format!("there are {}", names.iter().take(10).map(String::as_str).collect::<Vec<_>>().join(", ")),
        };
        self.refuse(path, format!("{kind} {key} is not among the manifests of this test"), hint);
    }

    fn checks(&mut self, test: &Test) {
        for (at, results) in test.checks.iter().enumerate() {
            let path = FieldPath::of("checks").index(at);
            let Some(check) = self.objects.checks.get(&results.key) else {
                let objects = self.objects;
                self.missing(path.field("name"), "HealthCheck", &results.key, &objects.checks);
                continue;
            };
            if check.suspend {
                self.refuse(path.field("name"), "the check is suspended: it has no results", "suspend: false");
            }
            let many = matches!(check.seek.as_deref(), Some(Seek::Discover(_) | Seek::Workloads { .. }));
            let given = results.targets.iter().any(|target| target.instance.is_some());
            if many && !given {
                let hint = "targets: [{instance: web-1, results: ok}]";
                self.refuse(path.field("results"), "the check finds its targets: say which, and their results", hint);
            } else if given && !many {
                self.refuse(path.field("targets"), "the check has one target, which it names itself", "results: ok");
            }
            for (number, target) in results.targets.iter().enumerate() {
                let path = match target.instance {
                    Some(_) => path.field("targets").index(number).field("results"),
                    None => path.field("results"),
                };
                for reading in target.script.readings() {
                    self.reading(&path, reading, check);
                }
            }
        }
    }

    fn reading(&mut self, path: &FieldPath, reading: &super::Reading, check: &HealthCheck) {
        let shown = super::show::time(millis(reading.latency));
        if reading.latency > check.timeout {
            let timeout = super::show::time(millis(check.timeout));
            let message = format!("no run of this check takes {shown}: its timeout is {timeout}");
            self.refuse(path.clone(), message, format!("fail(Timeout, {timeout})"));
        } else if reading.how == How::Slow && outcome(reading, &check.degraded).reason != Reason::Slow {
            let message = match check.degraded.latency {
                Some(bound) => {
                    format!("{shown} is not slow: the check's degraded.latency is {}", super::show::time(millis(bound)))
                }
                None => "the check has no degraded.latency, so that no run of it is slow".to_owned(),
            };
            self.refuse(path.clone(), message, format!("ok({shown})"));
        }
    }

    fn queries(&mut self, test: &Test) {
        for (at, results) in test.queries.iter().enumerate() {
            let path = FieldPath::of("queries").index(at);
            if test.queries.iter().take(at).any(|other| other.of == results.of) {
                self.refuse(
                    path.clone(),
                    "there are results for this one already",
                    "write all its series in one place",
                );
            }
            let Of::Rule(key) = &results.of else { continue };
            match self.objects.rules.get(key).map(|rule| &rule.condition) {
                Some(Condition::Promql { .. }) => {}
                Some(_) => {
                    let message = "the rule asks no source: it looks at checks";
                    self.refuse(path.field("rule"), message, "give the results of its checks");
                }
                None => {
                    let objects = self.objects;
                    self.missing(path.field("rule"), "AlertRule", key, &objects.rules);
                }
            }
        }
    }

    fn events(&mut self, test: &Test) {
        let mut silences: BTreeMap<ObjectKey, ()> = self.objects.silences.keys().map(|key| (key.clone(), ())).collect();
        for event in &test.events {
            let path = FieldPath::of("events").index(event.index);
            match &event.what {
                Happens::Silence { key, .. } => drop(silences.insert(key.clone(), ())),
                Happens::Expire(key) if !silences.contains_key(key) => {
                    self.missing(path.field("expire"), "Silence", key, &silences);
                }
                Happens::Channel { key, .. } => self.channel(path.field("channel").field("name"), key),
                Happens::Expire(_) | Happens::Acknowledge { .. } => {}
            }
        }
    }

    fn channel(&mut self, path: FieldPath, key: &ObjectKey) {
        let objects = self.objects;
        if !objects.channels.contains_key(key) && *key != desk::log_channel().key {
            self.missing(path, "NotificationChannel", key, &objects.channels);
        }
    }

    fn expect(&mut self, path: &FieldPath, expect: &Expect, test: &Test) {
        let objects = self.objects;
        if let Some(key) = &expect.rule {
            match objects.rules.get(key).map(|rule| &rule.condition) {
                None => self.missing(path.field("rule"), "AlertRule", key, &objects.rules),
                Some(Condition::Promql { expr, .. }) if !Answers::new(test).has(key, expr) => {
                    let message = "the rule asks a source, and this test does not say what it answers";
                    self.refuse(path.field("rule"), message, format!("queries: [{{rule: {}, series: […]}}]", key.name));
                }
                Some(_) => {}
            }
        }
        for (at, wanted) in expect.told.iter().flatten().enumerate() {
            self.channel(path.field("told").index(at).field("channel"), &wanted.channel);
        }
        for (at, wanted) in expect.checks.iter().flatten().enumerate() {
            if !objects.checks.contains_key(&wanted.key) {
                let path = path.field("checks").index(at).field("name");
                self.missing(path, "HealthCheck", &wanted.key, &objects.checks);
            }
        }
    }

    /// That the test does not take for ever.
    fn work(&mut self, test: &Test) {
        let end = test.end();
        let per = |interval| u64::try_from(end / millis(interval).max(1)).unwrap_or(u64::MAX).saturating_add(1);
        let of = |key: &ObjectKey| self.objects.checks.get(key).map(|check| check.interval);
        let runs = test
            .checks
            .iter()
            .filter_map(|results| Some(per(of(&results.key)?).saturating_mul(results.targets.len() as u64)));
        let targets = test.checks.iter().map(|results| results.targets.len() as u64).sum::<u64>();
        let answers = Answers::new(test);
        let looks = self.objects.rules.values().filter_map(|rule| match &rule.condition {
            Condition::HealthCheck { .. } => None,
            Condition::Probe { checks: Checks::Named(_), .. } => Some(per(rule.interval)),
            Condition::Probe { checks: Checks::Selected(_), .. } => Some(per(rule.interval).saturating_mul(targets)),
            Condition::Promql { expr, .. } => answers.has(&rule.key, expr).then(|| {
                let series = test.queries.iter().map(|query| query.series.len() as u64).max().unwrap_or_default();
                per(rule.interval).saturating_mul(series.max(1))
            }),
        });
        let steps = runs.chain(looks).fold(0, u64::saturating_add);
        if steps > STEPS_MAX {
            let message = format!("comes to {steps} runs and evaluations, over {STEPS_MAX}");
            self.refuse(FieldPath::of("expect"), message, "end it sooner, or give fewer checks and series");
        }
    }
}
