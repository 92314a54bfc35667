//! A NotificationChannel: from its text to the model.

use std::{
    num::NonZeroU32,
    ops::RangeInclusive,
    sync::{Arc, LazyLock},
    time::Duration,
};

use super::{
    FieldError,
    checker::Checker,
    discover,
    field::FieldPath,
    form::{Form, labels},
    metadata::Metadata,
    receiver,
    references::References,
};
use crate::{
    api::{
        AllowedNamespacesSpec, ChannelRef, DurationText, FromSpec, GroupingSpec, NotificationChannelSpec,
        RateLimitSpec, SeverityName,
    },
    model::{AllowedNamespaces, Channel, Grouping, Kind, ObjectKey, RateLimit, ReceiverKind, Severities, Severity},
};

const DAY: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3_600);

pub static FORM: LazyLock<Form> = LazyLock::new(|| Form::of(Kind::NotificationChannel, "spec: {log: {}}"));

/// The model, or every mistake.
pub fn judge(
    object: &serde_json::Value,
    namespace: &str,
    references: &dyn References,
) -> Result<Channel, Vec<FieldError>> {
    FORM.judge(object, namespace, references, model)
}

fn model(
    checker: &mut Checker<'_>,
    path: &FieldPath,
    metadata: &Metadata,
    spec: &NotificationChannelSpec,
) -> Option<Channel> {
    let key = ObjectKey::new(checker.namespace, metadata.name.as_str());
    let receiver = receiver::receiver(checker, path, spec);
    let grouping = grouping(checker, &path.field("grouping"), spec.grouping.as_ref());
    let rate_limit = rate_limit(checker, &path.field("rateLimit"), spec.rate_limit.as_ref());
    let fallback = fallback(checker, &path.field("fallback"), &key, spec.fallback.as_ref());
    let allowed_namespaces = allowed(checker, &path.field("allowedNamespaces"), spec.allowed_namespaces.as_ref());
    let receiver = receiver?;
    let by_programs = matches!(receiver.kind(), ReceiverKind::Webhook | ReceiverKind::Alertmanager | ReceiverKind::Log);
    Some(Channel {
        generation: metadata.generation,
        labels: labels(&metadata.labels),
        is_default: spec.default,
        severities: severities(spec.severities.as_deref()),
        send_resolved: spec.send_resolved,
        grouping: grouping?,
        rate_limit: rate_limit?.or((!by_programs).then_some(RateLimit::DEFAULT)),
        fallback: fallback?,
        allowed_namespaces: allowed_namespaces?,
        receiver,
        key,
    })
}

pub fn severity(name: SeverityName) -> Severity {
    match name {
        SeverityName::Low => Severity::Low,
        SeverityName::Medium => Severity::Medium,
        SeverityName::High => Severity::High,
        SeverityName::Critical => Severity::Critical,
    }
}

fn severities(names: Option<&[SeverityName]>) -> Severities {
    // The schema does not let an empty list through.
    names.and_then(|names| Severities::new(names.iter().copied().map(severity))).unwrap_or_default()
}

/// A duration within a range, which `what` says in words.
fn within(
    checker: &mut Checker<'_>,
    path: &FieldPath,
    text: &DurationText,
    range: RangeInclusive<Duration>,
    what: &str,
) -> Option<Duration> {
    let duration = checker.duration(path, text)?;
    if !range.contains(&duration) {
        checker.refuse(path, what);
        return None;
    }
    Some(duration)
}

fn grouping(checker: &mut Checker<'_>, path: &FieldPath, spec: Option<&GroupingSpec>) -> Option<Grouping> {
    let Some(spec) = spec else { return (!checker.was_left_out(path)).then(Grouping::default) };
    let second = Duration::from_secs(1);
    let wait = within(checker, &path.field("wait"), &spec.wait, Duration::ZERO..=HOUR, "must be at most 1h");
    let interval = within(checker, &path.field("interval"), &spec.interval, second..=DAY, "must be 1s to 24h");
    let longest = Duration::MAX;
    let repeat = within(checker, &path.field("repeat"), &spec.repeat, second * 60..=longest, "must be at least 1m");
    let by = spec.by.iter().map(|name| Arc::from(name.as_str())).collect();
    Some(Grouping { by, wait: wait?, interval: interval?, repeat: repeat? })
}

/// None when something is wrong; Some(None) when nothing is said.
fn rate_limit(checker: &mut Checker<'_>, path: &FieldPath, spec: Option<&RateLimitSpec>) -> Option<Option<RateLimit>> {
    let Some(spec) = spec else { return Some(None) };
    let per = within(checker, &path.field("per"), &spec.per, Duration::from_secs(1)..=DAY, "must be 1s to 24h")?;
    // The schema does not let less than 1 through.
    let max = NonZeroU32::new(spec.max.unsigned_abs()).unwrap_or(NonZeroU32::MIN);
    Some(Some(RateLimit { max, per }))
}

fn fallback(
    checker: &mut Checker<'_>,
    path: &FieldPath,
    own: &ObjectKey,
    spec: Option<&ChannelRef>,
) -> Option<Option<ObjectKey>> {
    let Some(spec) = spec else { return Some(None) };
    let namespace = spec.namespace.as_deref().map_or_else(|| own.namespace.clone(), Arc::from);
    let fallback = ObjectKey::new(namespace, spec.name.as_str());
    if fallback == *own {
        checker.refuse(path, "a channel cannot be its own fallback");
        return None;
    }
    Some(Some(fallback))
}

fn allowed(
    checker: &mut Checker<'_>,
    path: &FieldPath,
    spec: Option<&AllowedNamespacesSpec>,
) -> Option<AllowedNamespaces> {
    let Some(spec) = spec else { return Some(AllowedNamespaces::Same) };
    if (spec.from == FromSpec::Selector) != spec.selector.is_some() {
        checker.refuse(&path.field("selector"), "a selector goes with from: Selector");
        return None;
    }
    Some(match (spec.from, &spec.selector) {
        (FromSpec::All, _) => AllowedNamespaces::All,
        (FromSpec::Selector, Some(selector)) => {
            AllowedNamespaces::Selector(discover::selector(checker, &path.field("selector"), selector)?)
        }
        (FromSpec::Same | FromSpec::Selector, _) => AllowedNamespaces::Same,
    })
}
