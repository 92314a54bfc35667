//! An alert's labels and texts, made of what an evaluation found and of its rule.

use std::sync::Arc;

use crate::{
    alert::{Labels, Severity, Value, template::Template},
    model::{self, AlertRule},
};

/// One element of a query's result, or one target for which the condition holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    /// Of the series, with `__name__`; or healthcheck, instance, and what `labelsFromObject` names. Templates see these.
    pub labels: Labels,
    pub value: Option<Value>,
    /// What the alert says where the rule has no message: of a check, the message of its last run.
    pub message: Option<Arc<str>>,
    /// Labels of the object that it is about, which maintenance windows select by.
    pub object: model::Labels,
    /// The check that is down and that this one depends on: only that one is told.
    pub dependency: Option<Arc<str>>,
}

/// An alert that a rule would have: its condition holds for it now.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    pub labels: Labels,
    pub message: Arc<str>,
    pub annotations: Labels,
    pub value: Option<Value>,
    pub object: model::Labels,
    pub dependency: Option<Arc<str>>,
    /// What the first template that failed said. The alert goes out with it in its text.
    pub fault: Option<Arc<str>>,
}

impl Candidate {
    pub fn severity(&self) -> Option<Severity> {
        self.labels.get("severity")?.parse().ok()
    }
}

/// Renders a template with what was found; the error says what is wrong with the data.
pub type Render<'a> = dyn FnMut(&Template, &Found) -> Result<String, String> + 'a;

/// Makes an alert of what was found: its labels without `__name__`, then the rule's `severity`, then the rule's own
/// labels, where an empty one takes a label away, and at last `alertname` and `namespace`, which nothing overrides.
///
/// A template that fails drops no alert: its place in the text says `<error expanding template: …>`.
pub fn compose(rule: &AlertRule, found: &Found, render: &mut Render<'_>) -> Candidate {
    let mut fault = None;
    let mut filled = |template: &Template| -> Arc<str> {
        // Most texts hold nothing to fill in.
        if !template.source().contains("{{") {
            return template.source().into();
        }
        render(template, found).map_or_else(
            |error| {
                let said: Arc<str> = format!("<error expanding template: {error}>").into();
                fault.get_or_insert_with(|| Arc::from(error));
                said
            },
            Arc::from,
        )
    };
    let own: Vec<(Arc<str>, Arc<str>)> =
        rule.alert_labels.iter().map(|(name, template)| (name.clone(), filled(template))).collect();
    let annotations =
        Labels::annotations(rule.annotations.iter().map(|(name, template)| (name.clone(), filled(template))));
    let message = rule.message.as_ref().map(&mut filled).or_else(|| found.message.clone());
    let forced = [("alertname", rule.alert_name.clone()), ("namespace", rule.key.namespace.clone())];
    let labels = found
        .labels
        .with([("__name__", Arc::from("")), ("severity", Arc::from(rule.severity.as_str()))])
        .with(own)
        .with(forced);
    Candidate {
        labels,
        message: message.unwrap_or_default(),
        annotations,
        value: found.value,
        object: found.object.clone(),
        dependency: found.dependency.clone(),
        fault,
    }
}
