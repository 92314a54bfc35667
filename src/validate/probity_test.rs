//! A ProbityTest: from its text to the suite of tests that it is. What it says of objects is `trial`'s to compare.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
    time::Duration,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::Value;

use super::{
    FieldError,
    bundle::Bundle,
    checker::Checker,
    field::FieldPath,
    form::Form,
    metadata::{self, Metadata},
    shape::shown,
    silence, suggest,
};
use crate::{
    alert::{self, Why, millis},
    api::{
        self, AlertStateName, DurationText, EventSpec, ExpectSpec, ExpectedAlertSpec, ExpectedCheckSpec,
        ExpectedToldSpec, ProbityTestSpec, QueryResultsSpec, StateName, StatusName, TestSpec, ToldAlertSpec, WhyName,
    },
    health::{Reason, State},
    model::ObjectKey,
    trial::{
        self, AlertState, CheckResults, Event, Expect, Failing, Fault, Happens, Of, QueryResults, Script, Series,
        Suite, TargetResults, Test, WantedAlert, WantedCheck, WantedStatus, WantedTold,
    },
};

/// A test lasts at most this long: as long as history is kept.
const LASTS_MAX: Duration = Duration::from_secs(100 * 86_400);
/// Where a test does not say: 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000;
const MINUTE: i64 = 60_000;

static FORM: LazyLock<Form> =
    LazyLock::new(|| Form::of_schema(api::test_schema(), "spec: {manifests: [rules.yaml], tests: […]}"));

/// The suite, or every mistake.
pub fn judge(object: &Value, namespace: &str) -> Result<Suite, Vec<FieldError>> {
    FORM.judge(object, namespace, &Bundle::default(), model)
}

fn model(checker: &mut Checker<'_>, path: &FieldPath, metadata: &Metadata, spec: &ProbityTestSpec) -> Option<Suite> {
    let mut tests = Vec::new();
    for (at, spec) in spec.tests.iter().enumerate() {
        let path = path.field("tests").index(at);
        tests.push(test(&mut Reader { checker: &mut *checker }, &path, spec));
    }
    let key = ObjectKey::new(checker.namespace, metadata.name.as_str());
    Some(Suite { key, manifests: spec.manifests.clone(), tests: tests.into_iter().collect::<Option<_>>()? })
}

fn test(reader: &mut Reader<'_, '_>, path: &FieldPath, spec: &TestSpec) -> Option<Test> {
    let interval = spec.interval.as_ref().map(|text| reader.time(&path.field("interval"), text));
    if interval == Some(Some(0)) {
        reader.checker.refuse(&path.field("interval"), "must be over 0");
    }
    let checks = spec.checks.iter().flatten().enumerate().map(|(at, spec)| {
        let path = path.field("checks").index(at);
        let targets = match (&spec.results, &spec.targets) {
            (Some(results), None) => {
                let script = reader.script(&path.field("results"), results)?;
                vec![TargetResults { instance: None, script }]
            }
            (None, Some(targets)) => {
                let target = |(at, spec): (usize, &api::TargetResultsSpec)| {
                    let path = path.field("targets").index(at).field("results");
                    let script = reader.script(&path, &spec.results)?;
                    Some(TargetResults { instance: Some(spec.instance.as_str().into()), script })
                };
                targets.iter().enumerate().map(target).collect::<Option<_>>()?
            }
            _ => {
                reader.checker.exactly_one(&path, &["results", "targets"]);
                return None;
            }
        };
        Some(CheckResults { key: reader.key(&path.field("name"), &spec.name)?, targets })
    });
    let checks: Vec<Option<_>> = checks.collect();
    for (at, results) in checks.iter().enumerate() {
        let same = |other: &Option<CheckResults>| {
            results.as_ref().zip(other.as_ref()).is_some_and(|(one, other)| one.key == other.key)
        };
        if checks.iter().take(at).any(same) {
            let path = path.field("checks").index(at).field("name");
            reader.checker.refuse(&path, "there are results for this check already");
        }
    }
    let queries = spec.queries.iter().flatten().enumerate();
    let queries: Vec<Option<_>> =
        queries.map(|(at, spec)| query(reader, &path.field("queries").index(at), spec)).collect();
    let events = spec.events.iter().flatten().enumerate();
    let events: Vec<Option<_>> =
        events.map(|(at, spec)| event(reader, &path.field("events").index(at), at, spec)).collect();
    let expected = spec.expect.iter().enumerate();
    let expect: Vec<Option<_>> =
        expected.map(|(at, spec)| expect(reader, &path.field("expect").index(at), spec)).collect();
    let times: Vec<_> = expect.iter().map(|one| one.as_ref().map(|one| one.at)).collect();
    for (at, pair) in times.windows(2).enumerate() {
        if let [Some(before), Some(after)] = pair
            && after < before
        {
            let path = path.field("expect").index(at + 1).field("at");
            reader.checker.refuse(&path, "comes before the one above it: write them in the order of their times");
        }
    }
    let mut events = events.into_iter().collect::<Option<Vec<_>>>()?;
    events.sort_by_key(|event| event.at);
    Some(Test {
        name: spec.name.as_str().into(),
        start: spec.start.as_ref().map_or(START, |Time(at)| at.as_millisecond()),
        checks: checks.into_iter().collect::<Option<_>>()?,
        queries: queries.into_iter().collect::<Option<_>>()?,
        interval: interval.unwrap_or(Some(MINUTE))?,
        events,
        expect: expect.into_iter().collect::<Option<_>>()?,
    })
}

fn query(reader: &mut Reader<'_, '_>, path: &FieldPath, spec: &QueryResultsSpec) -> Option<QueryResults> {
    reader.checker.exactly_one(path, &["rule", "expr"]);
    let of = match (&spec.rule, &spec.expr) {
        (Some(rule), _) => Of::Rule(reader.key(&path.field("rule"), rule)?),
        (None, Some(text)) => {
            Of::Expression(reader.checker.promql(&path.field("expr"), text).map(|text| trial::normal(&text))?)
        }
        (None, None) => return None,
    };
    let series = spec.series.iter().flatten().enumerate().map(|(at, spec)| {
        let path = path.field("series").index(at);
        let labels = reader.fault(&path.field("series"), trial::labels(&spec.series))?;
        reader.fault(&path.field("values"), Series::parse(labels, &spec.values))
    });
    let series: Vec<Option<_>> = series.collect();
    let failing = spec.failing.iter().flatten().enumerate().map(|(at, spec)| {
        let path = path.field("failing").index(at);
        let from = reader.time(&path.field("from"), &spec.from)?;
        let to = spec.to.as_ref().map_or(Some(i64::MAX), |to| reader.time(&path.field("to"), to))?;
        let message = spec.message.as_deref().unwrap_or("the source does not answer").into();
        Some(Failing { from, to, message })
    });
    let failing: Vec<Option<_>> = failing.collect();
    let series = series.into_iter().collect::<Option<_>>()?;
    Some(QueryResults { of, series, failing: failing.into_iter().collect::<Option<_>>()? })
}

fn event(reader: &mut Reader<'_, '_>, path: &FieldPath, index: usize, spec: &EventSpec) -> Option<Event> {
    reader.checker.exactly_one(path, &["silence", "expire", "acknowledge", "channel"]);
    let at = reader.time(&path.field("at"), &spec.at);
    let what = match spec {
        EventSpec { silence: Some(spec), .. } => {
            let path = path.field("silence");
            let matchers = silence::matchers(reader.checker, &path.field("matchers"), &spec.matchers);
            let duration = reader.time(&path.field("duration"), &spec.duration);
            if duration == Some(0) {
                reader.checker.refuse(&path.field("duration"), "must be over 0");
            }
            let key = match &spec.name {
                Some(name) => reader.key(&path.field("name"), name)?,
                // An object cannot have a name like that.
                None => ObjectKey::new(reader.checker.namespace, format!("event {index}")),
            };
            Happens::Silence {
                key,
                matchers: matchers?,
                duration: Duration::from_millis(u64::try_from(duration?).unwrap_or_default()),
            }
        }
        EventSpec { expire: Some(name), .. } => Happens::Expire(reader.key(&path.field("expire"), name)?),
        EventSpec { acknowledge: Some(spec), .. } => {
            Happens::Acknowledge { labels: spec.labels.clone(), by: spec.by.as_deref().unwrap_or("somebody").into() }
        }
        EventSpec { channel: Some(spec), .. } => {
            let key = reader.channel(&path.field("channel").field("name"), &spec.name)?;
            Happens::Channel { key, fails: spec.fails.as_deref().map(Arc::from) }
        }
        _ => return None,
    };
    Some(Event { at: at?, index, what })
}

fn expect(reader: &mut Reader<'_, '_>, path: &FieldPath, spec: &ExpectSpec) -> Option<Expect> {
    if spec.alerts.is_none() && spec.told.is_none() && spec.checks.is_none() {
        reader.checker.refuse_with(path, "nothing is expected here", "alerts: […], told: […] or checks: […]");
    }
    if spec.rule.is_some() && spec.alerts.is_none() {
        reader.checker.refuse(&path.field("rule"), "goes with alerts");
    }
    let rule = spec.rule.as_ref().map(|name| reader.key(&path.field("rule"), name));
    let told = spec.told.as_ref().map(|all| {
        let one = |(at, spec)| told(reader, &path.field("told").index(at), spec);
        all.iter().enumerate().map(one).collect::<Vec<_>>().into_iter().collect::<Option<Vec<_>>>()
    });
    let checks = spec.checks.as_ref().map(|all| {
        let one = |(at, spec)| check(reader, &path.field("checks").index(at), spec);
        all.iter().enumerate().map(one).collect::<Vec<_>>().into_iter().collect::<Option<Vec<_>>>()
    });
    Some(Expect {
        at: reader.time(&path.field("at"), &spec.at)?,
        rule: rule.map_or(Some(None), |rule| rule.map(Some))?,
        alerts: spec.alerts.as_ref().map(|all| all.iter().map(wanted_alert).collect()),
        told: told.map_or(Some(None), |told| told.map(Some))?,
        checks: checks.map_or(Some(None), |checks| checks.map(Some))?,
    })
}

fn named(labels: Option<&BTreeMap<String, String>>, alertname: Option<&String>) -> BTreeMap<String, String> {
    let name = alertname.map(|name| ("alertname".to_owned(), name.clone()));
    labels.into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())).chain(name).collect()
}

fn wanted_alert(spec: &ExpectedAlertSpec) -> WantedAlert {
    WantedAlert {
        state: spec.state.map(|state| match state {
            AlertStateName::Pending => AlertState::Pending,
            AlertStateName::Firing => AlertState::Firing,
            AlertStateName::Silenced => AlertState::Silenced,
            AlertStateName::Inhibited => AlertState::Inhibited,
            AlertStateName::Dependent => AlertState::Dependent,
        }),
        status: None,
        labels: named(spec.labels.as_ref(), spec.alertname.as_ref()),
        annotations: spec.annotations.clone().unwrap_or_default(),
        message: spec.message.clone(),
    }
}

fn status(name: StatusName) -> WantedStatus {
    match name {
        StatusName::Firing => WantedStatus::Firing,
        StatusName::Resolved => WantedStatus::Resolved,
    }
}

fn told_alert(spec: &ToldAlertSpec) -> WantedAlert {
    WantedAlert {
        state: None,
        status: spec.status.map(status),
        labels: named(spec.labels.as_ref(), spec.alertname.as_ref()),
        annotations: spec.annotations.clone().unwrap_or_default(),
        message: spec.message.clone(),
    }
}

fn told(reader: &mut Reader<'_, '_>, path: &FieldPath, spec: &ExpectedToldSpec) -> Option<WantedTold> {
    let at = spec.at.as_ref().map(|text| reader.time(&path.field("at"), text));
    Some(WantedTold {
        channel: reader.channel(&path.field("channel"), &spec.channel)?,
        at: at.map_or(Some(None), |at| at.map(Some))?,
        status: spec.status.map(status),
        why: spec.why.map(|why| match why {
            WhyName::First => Why::First,
            WhyName::New => Why::New,
            WhyName::SomeResolved => Why::SomeResolved,
            WhyName::AllResolved => Why::AllResolved,
            WhyName::Repeat => Why::Repeat,
            WhyName::Escalation => Why::Escalation,
            WhyName::MuteEnded => Why::MuteEnded,
            WhyName::Unsuppressed => Why::Unsuppressed,
            WhyName::Digest => Why::Digest,
        }),
        alerts: spec.alerts.as_ref().map(|all| all.iter().map(told_alert).collect()),
    })
}

fn check(reader: &mut Reader<'_, '_>, path: &FieldPath, spec: &ExpectedCheckSpec) -> Option<WantedCheck> {
    let reason = spec.reason.as_ref().map(|text| {
        let found = Reason::ALL.iter().copied().find(|reason| reason.as_str() == text);
        if found.is_none() {
            let message = format!("{} is no reason", shown(text));
            let near = suggest::nearest(text, Reason::ALL.iter().map(|reason| reason.as_str()));
            let hint =
                near.map_or_else(|| "such as ConnectionRefused".to_owned(), |near| format!("did you mean {near}?"));
            reader.checker.refuse_with(&path.field("reason"), message, hint);
        }
        found
    });
    Some(WantedCheck {
        key: reader.key(&path.field("name"), &spec.name)?,
        state: match spec.state {
            StateName::Healthy => State::Healthy,
            StateName::Degraded => State::Degraded,
            StateName::Unhealthy => State::Unhealthy,
            StateName::Unknown => State::Unknown,
            StateName::Suspended => State::Suspended,
        },
        reason: reason.map_or(Some(None), |reason| reason.map(Some))?,
    })
}

struct Reader<'c, 'o> {
    checker: &'c mut Checker<'o>,
}

impl Reader<'_, '_> {
    /// A time since the start, in milliseconds.
    fn time(&mut self, path: &FieldPath, text: &DurationText) -> Option<i64> {
        let duration = self.checker.duration(path, text)?;
        if duration > LASTS_MAX {
            self.checker.refuse(path, "a test lasts at most 100 days, which are 2400h");
            return None;
        }
        Some(millis(duration))
    }

    /// NAME or NAMESPACE/NAME.
    fn key(&mut self, path: &FieldPath, text: &str) -> Option<ObjectKey> {
        let (namespace, name) = text.split_once('/').unwrap_or((self.checker.namespace, text));
        if metadata::is_subdomain(name) && metadata::is_subdomain(namespace) {
            return Some(ObjectKey::new(namespace, name));
        }
        self.checker.refuse_with(
            path,
            format!("{} is not the name of an object", shown(text)),
            "NAME or NAMESPACE/NAME",
        );
        None
    }

    fn channel(&mut self, path: &FieldPath, text: &str) -> Option<ObjectKey> {
        let log = alert::desk::log_channel().key;
        if text == log.to_string() { Some(log) } else { self.key(path, text) }
    }

    fn script(&mut self, path: &FieldPath, text: &str) -> Option<Arc<Script>> {
        self.fault(path, Script::parse(text)).map(Arc::new)
    }

    fn fault<T>(&mut self, path: &FieldPath, read: Result<T, Fault>) -> Option<T> {
        read.map_err(|Fault { message, hint }| self.checker.refuse_with(path, message, hint)).ok()
    }
}
