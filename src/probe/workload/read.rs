//! One GET of one object, and what it means when there is no answer.

use crate::{
    health::Reason,
    model::{Workload, WorkloadKind},
    net::Failure,
    probe::Cluster,
};

/// The object as JSON, when it is its turn. Its size is bounded by the API server, which stores none over 3 MiB.
///
/// # Errors
/// TargetMissing; NotPermitted and ApiServerUnavailable, which are ours.
pub(super) async fn read(cluster: &Cluster, spec: &Workload) -> Result<String, Failure> {
    let stops = |_| Failure::new(Reason::ApiServerUnavailable, "the process stops");
    let _turn = cluster.turns.acquire().await.map_err(stops)?;
    let request = hyper::Request::get(path(spec)).body(Vec::new());
    let request =
        request.map_err(|error| Failure::new(Reason::ProtocolError, format!("cannot be asked for: {error}")))?;
    cluster.client.request_text(request).await.map_err(|error| failure(spec, &error))
}

/// With resourceVersion=0 the answer comes from the API server's memory and costs etcd nothing.
fn path(spec: &Workload) -> String {
    let Workload { kind, namespace, name, .. } = spec;
    let (group, plural) = match kind {
        WorkloadKind::Deployment => ("apis/apps/v1", "deployments"),
        WorkloadKind::StatefulSet => ("apis/apps/v1", "statefulsets"),
        WorkloadKind::DaemonSet => ("apis/apps/v1", "daemonsets"),
        WorkloadKind::PersistentVolumeClaim => ("api/v1", "persistentvolumeclaims"),
        WorkloadKind::Node => return format!("/api/v1/nodes/{name}?resourceVersion=0"),
    };
    format!("/{group}/namespaces/{namespace}/{plural}/{name}?resourceVersion=0")
}

fn failure(spec: &Workload, error: &kube::Error) -> Failure {
    let kube::Error::Api(status) = error else {
        return Failure::new(Reason::ApiServerUnavailable, "the API server does not answer");
    };
    match status.code {
        404 => Failure::new(Reason::TargetMissing, format!("{} {} is not there", spec.kind, spec.name)),
        401 | 403 => Failure::new(Reason::NotPermitted, format!("Probity may not read {}s here", spec.kind)),
        code => Failure::new(Reason::ApiServerUnavailable, format!("the API server answers with {code}")),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use kube::{client::Body, core::Status};

    use super::*;

    fn spec(kind: WorkloadKind) -> Workload {
        Workload { kind, namespace: "web".into(), name: "api".into(), expect: None }
    }

    #[tokio::test]
    async fn a_crowd_of_checks_asks_no_more_at_once_than_so_many() {
        let asked = Arc::new(AtomicUsize::new(0));
        let silent = tower::service_fn({
            let asked = asked.clone();
            move |_: hyper::Request<Body>| {
                asked.fetch_add(1, Ordering::SeqCst);
                std::future::pending::<Result<hyper::Response<Body>, Infallible>>()
            }
        });
        let cluster = Cluster::new(kube::Client::new(silent, "web"));
        let mut reads = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let cluster = cluster.clone();
            reads.spawn(async move { read(&cluster, &spec(WorkloadKind::Deployment)).await });
        }
        // On one thread: each has its turns, and nothing else is under way.
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        assert_eq!((asked.load(Ordering::SeqCst), reads.len()), (Cluster::AT_ONCE, 100));
    }

    #[test]
    fn each_kind_is_read_where_it_is() {
        for (kind, expected) in [
            (WorkloadKind::Deployment, "/apis/apps/v1/namespaces/web/deployments/api?resourceVersion=0"),
            (WorkloadKind::StatefulSet, "/apis/apps/v1/namespaces/web/statefulsets/api?resourceVersion=0"),
            (WorkloadKind::DaemonSet, "/apis/apps/v1/namespaces/web/daemonsets/api?resourceVersion=0"),
            (
                WorkloadKind::PersistentVolumeClaim,
                "/api/v1/namespaces/web/persistentvolumeclaims/api?resourceVersion=0",
            ),
            (WorkloadKind::Node, "/api/v1/nodes/api?resourceVersion=0"),
        ] {
            assert_eq!(path(&spec(kind)), expected);
        }
    }

    #[test]
    fn only_an_object_that_is_not_there_is_a_failure_of_the_target() {
        for (code, reason) in [
            (404, Reason::TargetMissing),
            (401, Reason::NotPermitted),
            (403, Reason::NotPermitted),
            (429, Reason::ApiServerUnavailable),
            (500, Reason::ApiServerUnavailable),
        ] {
            let error = kube::Error::Api(Status::failure("no", "No").with_code(code).boxed());
            let failure = failure(&spec(WorkloadKind::Node), &error);
            assert_eq!(failure.reason, reason);
            assert_eq!(failure.reason.is_ours(), code != 404);
        }
    }
}
