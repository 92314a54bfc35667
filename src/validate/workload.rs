//! The `workload` probe.

use std::sync::Arc;

use super::{
    checker::Checker,
    discover,
    field::{Fault, FieldError, FieldPath},
};
use crate::{
    api::{WorkloadKindSpec, WorkloadSpec},
    model::{Seek, Workload, WorkloadKind},
};

/// The probe, how a person would write its target, and what it looks for.
pub fn probe(
    checker: &mut Checker<'_>,
    path: &FieldPath,
    spec: &WorkloadSpec,
) -> Option<(Workload, String, Option<Seek>)> {
    let hint = "there is nothing of that kind to read";
    let supported = discover::needs_cluster(checker, path, "needs a cluster, whose objects it reads", hint);
    checker.exactly_one(path, &["name", "selector"]);
    let kind = match spec.kind {
        WorkloadKindSpec::Deployment => WorkloadKind::Deployment,
        WorkloadKindSpec::StatefulSet => WorkloadKind::StatefulSet,
        WorkloadKindSpec::DaemonSet => WorkloadKind::DaemonSet,
        WorkloadKindSpec::PersistentVolumeClaim => WorkloadKind::PersistentVolumeClaim,
        WorkloadKindSpec::Node => WorkloadKind::Node,
    };
    let permitted = permitted(checker, path, kind);
    let expect = match &spec.expect {
        None => None,
        Some(source) => Some(checker.expression_over_object(&path.field("expect"), source)?),
    };
    let selector = match &spec.selector {
        None => None,
        Some(spec) => Some(discover::selector(checker, &path.field("selector"), spec)?),
    };
    let name: Arc<str> = spec.name.as_deref().unwrap_or_default().into();
    let instance = match &selector {
        Some(selector) => format!("{kind}({selector})"),
        None => format!("{kind}/{name}"),
    };
    let probe = Workload { kind, namespace: checker.namespace.into(), name, expect };
    let seek = selector.map(|selector| Seek::Workloads { kind, selector });
    (supported && permitted).then_some((probe, instance, seek))
}

/// A Node says more of a cluster than a tenant of it is to know.
fn permitted(checker: &mut Checker<'_>, path: &FieldPath, kind: WorkloadKind) -> bool {
    let permitted = kind != WorkloadKind::Node
        || checker.references.is_operators(checker.namespace)
        || !checker.references.in_cluster();
    if !permitted {
        let message = "a Node may be read only from the namespace that Probity runs in";
        checker.mistakes.push(FieldError::new(path.field("kind"), Fault::NotPermitted, message));
    }
    permitted
}
