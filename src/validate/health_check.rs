//! A HealthCheck: from its text to the model.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use serde_json::Value;

use super::{
    checker::Checker,
    discover, dns,
    field::{Fault, FieldError, FieldPath},
    form::{Form, labels},
    http,
    metadata::Metadata,
    references::References,
    suggest, tcp, tls, workload,
};
use crate::{
    api::{self, DependencySpec, HealthCheckSpec},
    model::{Degraded, HealthCheck, Kind, ObjectKey, Place, Probe, Seek},
};

/// The timeout of a check that names none, unless its interval is shorter.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The shortest interval.
const MIN_INTERVAL: Duration = Duration::from_secs(1);
pub static FORM: LazyLock<Form> = LazyLock::new(|| Form::of(Kind::HealthCheck, "spec: {http: {url: …}}"));

/// The model, or every mistake.
pub fn judge(object: &Value, namespace: &str, references: &dyn References) -> Result<HealthCheck, Vec<FieldError>> {
    FORM.judge(object, namespace, references, model)
}

fn model(
    checker: &mut Checker<'_>,
    path: &FieldPath,
    metadata: &Metadata,
    spec: &HealthCheckSpec,
) -> Option<HealthCheck> {
    let interval = interval(checker, path, spec);
    let timeout = timeout(checker, path, spec, interval);
    let degraded = degraded(checker, path, spec);
    let depends_on =
        dependencies(checker, &path.field("dependsOn"), metadata, spec.depends_on.as_deref().unwrap_or_default());
    let probe = probe(checker, path, spec);
    let Made { probe, instance, seek } = probe?;
    Some(HealthCheck {
        key: ObjectKey::new(checker.namespace, metadata.name.as_str()),
        generation: metadata.generation,
        labels: labels(&metadata.labels),
        report_as: spec.report_as.as_deref().unwrap_or(&metadata.name).into(),
        interval: interval?,
        timeout: timeout?,
        // The schema keeps these small and not negative.
        failure_threshold: spec.failure_threshold.unsigned_abs(),
        success_threshold: spec.success_threshold.unsigned_abs(),
        retries: spec.retries.unsigned_abs(),
        suspend: spec.suspend,
        degraded: degraded?,
        depends_on: depends_on?,
        probe: Arc::new(probe),
        instance: instance.into(),
        seek: seek.map(Arc::new),
        place: Place::Named,
    })
}

fn interval(checker: &mut Checker<'_>, path: &FieldPath, spec: &HealthCheckSpec) -> Option<Duration> {
    let at = path.field("interval");
    let interval = checker.duration(&at, &spec.interval)?;
    if interval < MIN_INTERVAL {
        checker.refuse(&at, "must be at least 1s");
        return None;
    }
    // One that was left out has left its default here.
    (!checker.was_left_out(&at)).then_some(interval)
}

fn timeout(
    checker: &mut Checker<'_>,
    path: &FieldPath,
    spec: &HealthCheckSpec,
    interval: Option<Duration>,
) -> Option<Duration> {
    let at = path.field("timeout");
    let Some(text) = &spec.timeout else {
        return interval.map(|interval| interval.min(TIMEOUT));
    };
    let timeout = checker.duration(&at, text)?;
    if timeout.is_zero() {
        checker.refuse(&at, "must be over 0");
        return None;
    }
    if timeout > interval? {
        let hint = format!("at most {}, which is the interval", spec.interval.0);
        checker.refuse_with(&at, "timeout must not be over the interval", hint);
        return None;
    }
    Some(timeout)
}

fn degraded(checker: &mut Checker<'_>, path: &FieldPath, spec: &HealthCheckSpec) -> Option<Degraded> {
    let at = path.field("degraded");
    let Some(degraded) = &spec.degraded else { return Some(Degraded::default()) };
    let certificate_at = at.field("certificateValidFor");
    if degraded.certificate_valid_for.is_some() {
        if spec.dns.is_some() {
            checker.refuse(&certificate_at, "a dns probe sees no certificate");
        }
        if spec.workload.is_some() {
            checker.refuse(&certificate_at, "a workload probe sees no certificate");
        }
        let starts_tls = |tcp: &api::TcpSpec| tcp.steps.iter().flatten().any(|step| step.start_tls);
        if spec.tcp.as_ref().is_some_and(|tcp| tcp.tls.is_none() && !starts_tls(tcp))
            && !checker.is_set(&path.field("tcp").field("tls"))
        {
            checker.refuse(&certificate_at, "a tcp probe without tls sees no certificate");
        }
    }
    let latency = degraded.latency.as_ref().map(|text| checker.duration(&at.field("latency"), text));
    let valid_for = degraded.certificate_valid_for.as_ref().map(|text| checker.duration(&certificate_at, text));
    let when = degraded.when.as_ref().map(|source| {
        let at = at.field("when");
        if spec.workload.is_some() {
            checker.expression_over_object(&at, source)
        } else {
            checker.expression(&at, source)
        }
    });
    Some(Degraded { latency: latency.flatten(), certificate_valid_for: valid_for.flatten(), when: when.flatten() })
}

fn dependencies(
    checker: &mut Checker<'_>,
    path: &FieldPath,
    metadata: &Metadata,
    specs: &[DependencySpec],
) -> Option<Arc<[ObjectKey]>> {
    let mut keys = Vec::new();
    for (at, spec) in specs.iter().enumerate() {
        let at = path.index(at).field("name");
        let key = ObjectKey::new(checker.namespace, spec.name.as_str());
        if spec.name == metadata.name {
            checker.refuse(&at, "a check cannot depend on itself");
        } else if !checker.references.health_check_exists(&key) {
            let names = checker.references.health_checks(checker.namespace);
            let mut mistake =
                FieldError::new(at, Fault::UnresolvedReference, format!("HealthCheck {key} is not there"));
            mistake.hint = suggest::nearest(&spec.name, names.iter().map(|name| &**name))
                .map(|near| format!("did you mean {near}?"));
            checker.mistakes.push(mistake);
        }
        keys.push(key);
    }
    Some(keys.into())
}

/// What came of the probe's field.
struct Made {
    probe: Probe,
    instance: String,
    seek: Option<Seek>,
}

fn probe(checker: &mut Checker<'_>, path: &FieldPath, spec: &HealthCheckSpec) -> Option<Made> {
    checker.exactly_one(path, &["http", "tcp", "tls", "dns", "workload"]);
    let has_discover = checker.is_set(&path.field("discover"));
    if has_discover {
        addresses(checker, path);
    }
    let found = spec.discover.as_ref().map(|spec| discover::discover(checker, &path.field("discover"), spec));
    // Each that is there is judged, so that every mistake is told at once.
    let http = spec.http.as_ref().map(|spec| http::probe(checker, &path.field("http"), spec, has_discover));
    let tcp = spec.tcp.as_ref().map(|spec| tcp::probe(checker, &path.field("tcp"), spec, has_discover));
    let tls = spec.tls.as_ref().map(|spec| tls::probe(checker, &path.field("tls"), spec, has_discover));
    let dns = spec.dns.as_ref().map(|spec| dns::probe(checker, &path.field("dns"), spec));
    let workload = spec.workload.as_ref().map(|spec| workload::probe(checker, &path.field("workload"), spec));
    let fixed = |probe, instance| Made { probe, instance, seek: None };
    let http = http.map(|made| made.map(|(probe, instance, seek)| Made { probe, instance, seek }));
    let tcp = tcp.map(|made| made.map(|(probe, instance)| fixed(Probe::Tcp(probe), instance)));
    let tls = tls.map(|made| made.map(|(probe, instance)| fixed(Probe::Tls(probe), instance)));
    let dns = dns.map(|made| made.map(|(probe, instance)| fixed(Probe::Dns(probe), instance)));
    let workload =
        workload.map(|made| made.map(|(probe, instance, seek)| Made { probe: Probe::Workload(probe), instance, seek }));
    let mut made = http.or(tcp).or(tls).or(dns).or(workload)??;
    if has_discover {
        let found = found??;
        made.instance = found.to_string();
        made.seek = Some(Seek::Discover(found));
    }
    Some(made)
}

/// With `discover` a probe has no address of its own.
fn addresses(checker: &mut Checker<'_>, path: &FieldPath) {
    let own = ["http.url", "http.service", "tcp.address", "tls.address", "dns.server"];
    if own.iter().any(|field| checker.is_set(&path.join(&FieldPath::of(field)))) {
        checker.refuse(&path.field("discover"), "discover takes the place of the probe's own address");
    }
    if checker.is_set(&path.field("workload")) {
        checker.refuse(&path.field("discover"), "a workload probe has a selector of its own");
    }
}
