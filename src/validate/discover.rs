//! `discover`, Services, and the selectors that both `discover` and `workload` have.

use std::collections::BTreeMap;

use super::{
    checker::Checker,
    field::{Fault, FieldError, FieldPath},
    metadata,
};
use crate::{
    api::{DiscoverSpec, LabelValue, OperatorSpec, PortSpec, RequirementSpec, SelectorSpec},
    model::{Discover, DiscoverKind, Operator, Port, Selector},
};

pub fn discover(checker: &mut Checker<'_>, path: &FieldPath, spec: &DiscoverSpec) -> Option<Discover> {
    let supported = needs_cluster(checker, path, "needs a cluster, whose objects it looks for", "give an address");
    let selector = selector(checker, &path.field("selector"), &spec.selector);
    let found = Discover {
        kind: match spec.kind {
            crate::api::DiscoverKind::Service => DiscoverKind::Service,
            crate::api::DiscoverKind::Pod => DiscoverKind::Pod,
            crate::api::DiscoverKind::EndpointSlice => DiscoverKind::EndpointSlice,
        },
        selector: selector?,
        port: port(&spec.port)?,
        // The schema keeps it between 1 and 1000.
        max_targets: usize::try_from(spec.max_targets).unwrap_or(1).max(1),
    };
    supported.then_some(found)
}

/// Refuses what only a cluster can serve where there is none. `instead` is what to do stand-alone.
pub fn needs_cluster(checker: &mut Checker<'_>, path: &FieldPath, message: &str, instead: &str) -> bool {
    let supported = checker.references.in_cluster();
    if !supported {
        let mistake = FieldError::new(path.clone(), Fault::NotSupported, message);
        checker.mistakes.push(mistake.hint(format!("stand-alone, {instead}")));
    }
    supported
}

/// None only for a number that the schema does not let through.
pub fn port(spec: &PortSpec) -> Option<Port> {
    Some(match spec {
        PortSpec::Number(number) => Port::Number(u16::try_from(*number).ok().filter(|port| *port > 0)?),
        PortSpec::Name(name) => Port::Name(name.as_str().into()),
    })
}

pub fn selector(checker: &mut Checker<'_>, path: &FieldPath, spec: &SelectorSpec) -> Option<Selector> {
    let none = BTreeMap::new();
    let mut selector = Selector::default();
    let mut right = true;
    for (key, LabelValue(value)) in spec.match_labels.as_ref().unwrap_or(&none) {
        right &= label_name(checker, &path.field("matchLabels").field(key.as_str()), key);
        selector = selector.and(key, Operator::In, vec![value.clone()]);
    }
    for (at, spec) in spec.match_expressions.iter().flatten().enumerate() {
        let at = path.field("matchExpressions").index(at);
        right &= label_name(checker, &at.field("key"), &spec.key);
        let (operator, values) = requirement(checker, &at, spec);
        selector = selector.and(&spec.key, operator, values);
    }
    right.then_some(selector)
}

fn requirement(checker: &mut Checker<'_>, path: &FieldPath, spec: &RequirementSpec) -> (Operator, Vec<String>) {
    let operator = match spec.operator {
        OperatorSpec::In => Operator::In,
        OperatorSpec::NotIn => Operator::NotIn,
        OperatorSpec::Exists => Operator::Exists,
        OperatorSpec::DoesNotExist => Operator::DoesNotExist,
    };
    let values: Vec<_> = spec.values.iter().flatten().map(|LabelValue(value)| value.clone()).collect();
    if matches!(operator, Operator::In | Operator::NotIn) == values.is_empty() {
        checker.refuse(path, "In and NotIn take values, Exists and DoesNotExist take none");
    }
    (operator, values)
}

fn label_name(checker: &mut Checker<'_>, path: &FieldPath, name: &str) -> bool {
    let right = metadata::is_qualified_name(name);
    if !right {
        checker.refuse_with(path, "is not the name of a label", "such as app.kubernetes.io/name or tier");
    }
    right
}
