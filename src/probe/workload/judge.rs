//! What is good of an object's status when its check says nothing else. Pure.
//!
//! A workload is good when its rollout is complete, as `kubectl rollout status` has it, and all that it asks for is
//! available.

use serde_json::Value;

use crate::model::WorkloadKind;

/// What is good of it, or what is not.
pub(super) fn judge(kind: WorkloadKind, text: &str) -> Result<String, String> {
    let object: Value = serde_json::from_str(text).map_err(|_| "the API server's answer is not JSON".to_owned())?;
    match kind {
        WorkloadKind::Deployment => deployment(&object),
        WorkloadKind::StatefulSet => stateful_set(&object),
        WorkloadKind::DaemonSet => daemon_set(&object),
        WorkloadKind::PersistentVolumeClaim => claim(&object),
        WorkloadKind::Node => node(&object),
    }
}

/// A count of the status; those that are 0 are left out there.
fn count(object: &Value, name: &str) -> i64 {
    object["status"][name].as_i64().unwrap_or(0)
}

/// `spec.replicas`, which is 1 where it is not written.
fn wanted(object: &Value) -> i64 {
    object["spec"]["replicas"].as_i64().unwrap_or(1)
}

/// Until the controller has seen a change, its status speaks of what was before.
fn seen(object: &Value) -> Result<(), String> {
    let generation = object["metadata"]["generation"].as_i64().unwrap_or(0);
    if count(object, "observedGeneration") < generation {
        return Err("its last change is not observed by its controller".to_owned());
    }
    Ok(())
}

fn all(have: i64, want: i64, what: &str) -> Result<(), String> {
    if have < want { Err(format!("{have} of {want} {what}")) } else { Ok(()) }
}

fn condition<'v>(object: &'v Value, kind: &str) -> Option<&'v Value> {
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)
}

fn deployment(object: &Value) -> Result<String, String> {
    seen(object)?;
    let stuck =
        condition(object, "Progressing").is_some_and(|progress| progress["reason"] == "ProgressDeadlineExceeded");
    if stuck {
        return Err("its rollout is stuck: ProgressDeadlineExceeded".to_owned());
    }
    let (want, updated) = (wanted(object), count(object, "updatedReplicas"));
    all(updated, want, "replicas are updated")?;
    if count(object, "replicas") > updated {
        return Err(format!("{} replicas are still old", count(object, "replicas") - updated));
    }
    all(count(object, "availableReplicas"), want, "replicas are available")?;
    Ok(format!("{want} of {want} replicas are available"))
}

fn stateful_set(object: &Value) -> Result<String, String> {
    seen(object)?;
    let want = wanted(object);
    let strategy = &object["spec"]["updateStrategy"];
    if strategy["type"] != "OnDelete" {
        // Those below the partition stay as they are on purpose.
        let partition = strategy["rollingUpdate"]["partition"].as_i64().unwrap_or(0);
        all(count(object, "updatedReplicas"), (want - partition).max(0), "replicas are updated")?;
    }
    all(count(object, "availableReplicas"), want, "replicas are available")?;
    Ok(format!("{want} of {want} replicas are available"))
}

fn daemon_set(object: &Value) -> Result<String, String> {
    seen(object)?;
    let want = count(object, "desiredNumberScheduled");
    if object["spec"]["updateStrategy"]["type"] != "OnDelete" {
        all(count(object, "updatedNumberScheduled"), want, "pods are updated")?;
    }
    all(count(object, "numberAvailable"), want, "pods are available")?;
    Ok(format!("{want} of {want} pods are available"))
}

fn claim(object: &Value) -> Result<String, String> {
    match object["status"]["phase"].as_str().unwrap_or("Pending") {
        "Bound" => Ok("is Bound".to_owned()),
        phase => Err(format!("is {phase}, not Bound")),
    }
}

fn node(object: &Value) -> Result<String, String> {
    let Some(ready) = condition(object, "Ready") else { return Err("has no condition Ready".to_owned()) };
    match (ready["status"].as_str(), ready["reason"].as_str()) {
        (Some("True"), _) => Ok("is Ready".to_owned()),
        (_, Some(reason)) => Err(format!("is not Ready: {reason}")),
        (_, None) => Err("is not Ready".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{WorkloadKind::*, *};

    #[test]
    fn the_defaults_of_each_kind() {
        let cases = [
            (
                Deployment,
                json!({"metadata": {"generation": 2}, "spec": {"replicas": 2}, "status": {
                    "observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}}),
                Ok("2 of 2 replicas are available"),
            ),
            (Deployment, json!({"spec": {"replicas": 0}, "status": {}}), Ok("0 of 0 replicas are available")),
            (Deployment, json!({"spec": {}, "status": {}}), Err("0 of 1 replicas are updated")),
            (
                Deployment,
                json!({"metadata": {"generation": 3}, "spec": {"replicas": 1}, "status": {
                    "observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}}),
                Err("its last change is not observed by its controller"),
            ),
            (
                Deployment,
                json!({"spec": {"replicas": 2}, "status": {"replicas": 3, "updatedReplicas": 2, "availableReplicas": 3}}),
                Err("1 replicas are still old"),
            ),
            (
                Deployment,
                json!({"spec": {"replicas": 2}, "status": {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 1}}),
                Err("1 of 2 replicas are available"),
            ),
            (
                Deployment,
                json!({"spec": {"replicas": 1}, "status": {"conditions": [
                    {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]}}),
                Err("its rollout is stuck: ProgressDeadlineExceeded"),
            ),
            (
                StatefulSet,
                json!({"spec": {"replicas": 3}, "status": {"updatedReplicas": 2, "availableReplicas": 3}}),
                Err("2 of 3 replicas are updated"),
            ),
            (
                StatefulSet,
                json!({"spec": {"replicas": 3, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}},
                    "status": {"updatedReplicas": 1, "availableReplicas": 3}}),
                Ok("3 of 3 replicas are available"),
            ),
            (
                StatefulSet,
                json!({"spec": {"replicas": 3, "updateStrategy": {"type": "OnDelete"}}, "status": {"availableReplicas": 3}}),
                Ok("3 of 3 replicas are available"),
            ),
            (
                DaemonSet,
                json!({"status": {"desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 1}}),
                Err("1 of 2 pods are available"),
            ),
            (DaemonSet, json!({"status": {}}), Ok("0 of 0 pods are available")),
            (PersistentVolumeClaim, json!({"status": {"phase": "Bound"}}), Ok("is Bound")),
            (PersistentVolumeClaim, json!({"status": {"phase": "Lost"}}), Err("is Lost, not Bound")),
            (PersistentVolumeClaim, json!({}), Err("is Pending, not Bound")),
            (Node, json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}}), Ok("is Ready")),
            (
                Node,
                json!({"status": {"conditions": [{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}]}}),
                Err("is not Ready: NodeStatusUnknown"),
            ),
            (Node, json!({}), Err("has no condition Ready")),
        ];
        for (kind, object, expected) in cases {
            let judged = judge(kind, &object.to_string());
            assert_eq!(judged.as_deref().map_err(String::as_str), expected, "{kind} {object}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_answer_makes_it_panic(text in proptest::prelude::any::<String>(), want in -3i64..5, have in -3i64..5) {
            for kind in [Deployment, StatefulSet, DaemonSet, PersistentVolumeClaim, Node] {
                let _ = judge(kind, &text);
                let object = json!({"spec": {"replicas": want}, "status": {"availableReplicas": have, "conditions": have}});
                let _ = judge(kind, &object.to_string());
            }
        }
    }
}
