//! What a rule over checks sees.

use std::{collections::BTreeSet, sync::Arc};

use super::{Seen, Step, Target, rule::Rule};
use crate::{
    alert::{
        Labels, Value,
        rule::{Evaluation, Found, compose},
    },
    health::State,
    model::{self, Checks, Condition, ObjectKey},
};

/// Looks at one check, which may be gone.
pub(super) fn at_check(rule: &mut Rule, key: &ObjectKey, seen: Option<&Seen>, step: &mut Step<'_>) {
    let Condition::HealthCheck { checks, states } = &rule.model.condition else { return };
    let subject = key.name.clone();
    let seen = seen.filter(|seen| concerns(checks, seen));
    let evaluation = match seen {
        None => Evaluation::Gone,
        // It has not been seen since the process began, or cannot be: a rule that is not about that sees nothing.
        Some(seen) if !seen.is_verdict => Evaluation::NoData(None),
        Some(seen) if states.contains(&seen.state) => {
            let found = Found {
                labels: labels(rule, seen, None),
                value: Some(Value(1.0)),
                message: Some(seen.message.clone()),
                object: seen.labels.clone(),
                dependency: seen.dependency.clone(),
            };
            Evaluation::Met(vec![compose(&rule.model, &found, step.render)])
        }
        Some(seen) if seen.state == State::Unknown => Evaluation::NoData(None),
        Some(_) => Evaluation::Met(Vec::new()),
    };
    rule.see(&subject, evaluation, step);
}

/// The names of the checks that the rule is about, and of those that it was about.
pub(super) fn names(rule: &Rule, step: &Step<'_>) -> BTreeSet<Arc<str>> {
    let known = rule.state.subjects().cloned();
    known.chain(wanted(rule, step).into_iter().map(|seen| seen.key.name)).collect()
}

/// Looks at a figure of every target that the rule is about.
pub(super) fn at_figures(rule: &mut Rule, step: &mut Step<'_>) {
    let Condition::Probe { metric, over, bound, .. } = rule.model.condition else { return };
    // Whole minutes and the running one.
    let minutes = u32::try_from(over.as_secs().div_ceil(60)).unwrap_or(u32::MAX);
    let mut gone: BTreeSet<Arc<str>> = rule.state.subjects().cloned().collect();
    for seen in wanted(rule, step) {
        let targets = step.world.figures(&seen.key, metric, minutes);
        if targets.is_empty() {
            // What it looks for, or may use, is not known yet: that is no end of anything.
            let found = Found { labels: labels(rule, &seen, None), object: seen.labels.clone(), ..Found::default() };
            let of_it = |subject: &Arc<str>| subject.split('/').next() == Some(&*seen.key.name);
            let mut subjects: Vec<_> = gone.extract_if(.., of_it).collect();
            if subjects.is_empty() {
                subjects.push(seen.key.name.clone());
            }
            for subject in subjects {
                let stand_in = compose(&rule.model, &found, step.render);
                rule.see(&subject, Evaluation::NoData(Some(Box::new(stand_in))), step);
            }
        }
        for target in targets {
            let subject = subject(&seen.key, &target);
            gone.remove(&subject);
            let found = Found {
                labels: labels(rule, &seen, Some(&target)),
                value: target.value.map(Value),
                message: None,
                object: seen.labels.clone(),
                dependency: None,
            };
            let evaluation = match target.value {
                None => Evaluation::NoData(Some(Box::new(compose(&rule.model, &found, step.render)))),
                Some(value) if bound.is_crossed(value) => {
                    Evaluation::Met(vec![compose(&rule.model, &found, step.render)])
                }
                Some(_) => Evaluation::Met(Vec::new()),
            };
            rule.see(&subject, evaluation, step);
        }
    }
    for subject in gone {
        rule.see(&subject, Evaluation::Gone, step);
    }
}

/// The checks that the rule is about now.
fn wanted(rule: &Rule, step: &Step<'_>) -> Vec<Seen> {
    let namespace = &rule.model.key.namespace;
    match &rule.model.condition {
        Condition::HealthCheck { checks, .. } | Condition::Probe { checks, .. } => match checks {
            Checks::Named(name) => {
                step.world.check(&ObjectKey::new(namespace.clone(), name.clone())).into_iter().collect()
            }
            Checks::Selected(selector) => {
                let mut all = step.world.checks(namespace);
                all.retain(|seen| selector.matches(&seen.labels));
                all
            }
        },
        Condition::Promql { .. } => Vec::new(),
    }
}

pub(super) fn concerns(checks: &Checks, seen: &Seen) -> bool {
    match checks {
        Checks::Named(name) => *name == seen.key.name,
        Checks::Selected(selector) => selector.matches(&seen.labels),
    }
}

fn subject(check: &ObjectKey, target: &Target) -> Arc<str> {
    if target.is_one_of_many { format!("{}/{}", check.name, target.instance).into() } else { check.name.clone() }
}

fn labels(rule: &Rule, seen: &Seen, target: Option<&Target>) -> Labels {
    let own = rule.model.labels_from_object.iter().filter_map(|name| {
        let value = value_of(&seen.labels, name)?;
        Some((label_name(name), Arc::from(value)))
    });
    let instance = target.filter(|target| target.is_one_of_many).map(|target| ("instance", target.instance.clone()));
    Labels::new(own).with([("healthcheck", seen.key.name.clone())]).with(instance)
}

fn value_of<'l>(labels: &'l model::Labels, name: &str) -> Option<&'l str> {
    labels.get(name).map(String::as_str)
}

/// What Kubernetes takes for a label's name, as Prometheus takes it.
fn label_name(name: &str) -> Arc<str> {
    let letter = |(at, c): (usize, char)| match c {
        'a'..='z' | 'A'..='Z' | '_' => c,
        '0'..='9' if at > 0 => c,
        _ => '_',
    };
    name.char_indices().map(letter).collect::<String>().into()
}
