//! An AlertRule: from its text to the model.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
    time::Duration,
};

use super::{
    channel,
    checker::Checker,
    condition,
    field::FieldPath,
    form::{Form, labels},
    metadata::Metadata,
    references::References,
};
use crate::{
    api::{self, AlertRuleSpec, ChannelRef, DurationText, EscalationSpec, InhibitionSpec, TemplateText},
    model::{AlertRule, Escalation, Inhibition, Kind, ObjectKey, OnError, OnNoData, Templates},
};

/// The shortest interval.
const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// Labels that are given, and what gives them.
const GIVEN: [&str; 2] = ["alertname", "namespace"];

pub static FORM: LazyLock<Form> =
    LazyLock::new(|| Form::of(Kind::AlertRule, "spec: {condition: {healthCheck: {name: …}}}"));

/// The model, or every mistake.
pub fn judge(
    object: &serde_json::Value,
    namespace: &str,
    references: &dyn References,
) -> Result<AlertRule, Vec<super::FieldError>> {
    FORM.judge(object, namespace, references, model)
}

fn model(checker: &mut Checker<'_>, path: &FieldPath, metadata: &Metadata, spec: &AlertRuleSpec) -> Option<AlertRule> {
    let interval = interval(checker, path, &spec.interval);
    let hold = checker.duration(&path.field("for"), &spec.r#for);
    let keep_firing_for = checker.duration(&path.field("keepFiringFor"), &spec.keep_firing_for);
    let condition = condition::condition(checker, &path.field("condition"), &spec.condition);
    let on_no_data = on_no_data(checker, path, spec);
    if let Some(given) = &spec.labels
        && GIVEN.iter().any(|name| given.contains_key(*name))
    {
        let message = "alertname and namespace are given: set alertName, or make the rule in that namespace";
        checker.refuse(&path.field("labels"), message);
    }
    let alert_labels = templates(checker, &path.field("labels"), "a label", spec.labels.as_ref());
    let annotations = templates(checker, &path.field("annotations"), "an annotation", spec.annotations.as_ref());
    let message = spec.message.as_ref().map(|text| checker.template(&path.field("message"), text));
    let own = ObjectKey::new(checker.namespace, metadata.name.as_str());
    let inhibited_by = inhibitions(checker, &path.field("inhibitedBy"), &own, spec.inhibited_by.as_deref());
    let escalate = escalations(checker, &path.field("escalate"), spec.escalate.as_deref());
    Some(AlertRule {
        generation: metadata.generation,
        labels: labels(&metadata.labels),
        alert_name: spec.alert_name.as_deref().unwrap_or(&metadata.name).into(),
        severity: channel::severity(spec.severity),
        interval: interval?,
        hold: hold?,
        keep_firing_for: keep_firing_for?,
        condition: condition?,
        on_no_data,
        on_error: match spec.on_error {
            api::OnErrorSpec::Keep => OnError::Keep,
            api::OnErrorSpec::Fire => OnError::Fire,
        },
        alert_labels: alert_labels?,
        labels_from_object: spec.labels_from_object.iter().flatten().map(|name| name.as_str().into()).collect(),
        message: message.map_or(Some(None), |message| message.map(Some))?,
        annotations: annotations?,
        notify: spec.notify.iter().flatten().map(|channel| channel_key(&own, channel)).collect(),
        escalate: escalate?,
        inhibited_by: inhibited_by?,
        key: own,
    })
}

fn interval(checker: &mut Checker<'_>, path: &FieldPath, text: &DurationText) -> Option<Duration> {
    let at = path.field("interval");
    let interval = checker.duration(&at, text)?;
    if interval < MIN_INTERVAL {
        checker.refuse(&at, "must be at least 1s");
        return None;
    }
    Some(interval)
}

fn on_no_data(checker: &mut Checker<'_>, path: &FieldPath, spec: &AlertRuleSpec) -> OnNoData {
    let at = path.field("onNoData");
    let Some(policy) = spec.on_no_data else { return OnNoData::default() };
    if spec.condition.promql.as_ref().is_some_and(|promql| promql.above.is_none() && promql.below.is_none()) {
        let message = "an expression alone cannot tell no data from not met: set above or below, and leave the comparison out of the expression";
        checker.refuse(&at, message);
    }
    if spec.condition.health_check.is_some() {
        checker.refuse(&at, "a healthCheck condition always has data: name Unknown among its states");
    }
    match policy {
        api::OnNoDataSpec::Keep => OnNoData::Keep,
        api::OnNoDataSpec::Fire => OnNoData::Fire,
        api::OnNoDataSpec::Resolve => OnNoData::Resolve,
    }
}

/// Names with templates that parse.
fn templates(
    checker: &mut Checker<'_>,
    path: &FieldPath,
    what: &str,
    specs: Option<&BTreeMap<String, TemplateText>>,
) -> Option<Templates> {
    let mut right = true;
    let mut all = Vec::new();
    for (name, TemplateText(text)) in specs.into_iter().flatten() {
        if !is_label_name(name) {
            let message = format!("{what}'s name begins with a letter or _, and holds letters, digits and _ only");
            checker.refuse(path, message);
            right = false;
        }
        match checker.template(&path.field(name.as_str()), text) {
            Some(template) => all.push((Arc::from(name.as_str()), template)),
            None => right = false,
        }
    }
    right.then(|| all.into())
}

/// As Prometheus has it, and not over 128 characters.
fn is_label_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|c| c.is_ascii_alphabetic() || c == b'_');
    first && name.len() <= 128 && bytes.all(|c| c.is_ascii_alphanumeric() || c == b'_')
}

/// The channel that an object names.
pub fn channel_key(own: &ObjectKey, channel: &ChannelRef) -> ObjectKey {
    let namespace = channel.namespace.as_deref().map_or_else(|| own.namespace.clone(), Arc::from);
    ObjectKey::new(namespace, channel.name.as_str())
}

fn escalations(
    checker: &mut Checker<'_>,
    path: &FieldPath,
    specs: Option<&[EscalationSpec]>,
) -> Option<Arc<[Escalation]>> {
    let mut all = Vec::new();
    let mut right = true;
    for (at, spec) in specs.into_iter().flatten().enumerate() {
        let at = path.index(at).field("after");
        match checker.duration(&at, &spec.after) {
            Some(after) if after.is_zero() => {
                checker.refuse(&at, "must be over 0");
                right = false;
            }
            Some(after) => {
                let namespace = spec.namespace.as_deref().unwrap_or(checker.namespace);
                all.push(Escalation { after, channel: ObjectKey::new(namespace, spec.name.as_str()) });
            }
            None => right = false,
        }
    }
    all.sort_by_key(|escalation| escalation.after);
    right.then(|| all.into())
}

fn inhibitions(
    checker: &mut Checker<'_>,
    path: &FieldPath,
    own: &ObjectKey,
    specs: Option<&[InhibitionSpec]>,
) -> Option<Arc<[Inhibition]>> {
    let mut all = Vec::new();
    for spec in specs.into_iter().flatten() {
        let namespace = spec.namespace.as_deref().map_or_else(|| own.namespace.clone(), Arc::from);
        let rule = ObjectKey::new(namespace, spec.name.as_str());
        if rule == *own {
            checker.refuse(path, "a rule cannot be inhibited by itself");
        }
        let equal = spec.equal.iter().flatten().map(|name| name.as_str().into()).collect();
        all.push(Inhibition { rule, equal });
    }
    Some(all.into())
}
