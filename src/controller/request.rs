//! One write of one status: the request, and what its answer means.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::{Request, Response, StatusCode, header::RETRY_AFTER};
use kube::{
    Client,
    api::{Patch, PatchParams, Request as Paths},
    client::Body,
};
use serde::Serialize;
use serde_json::Value;

use super::schedule::Ended;
use crate::{
    api::{GROUP, VERSION},
    model::ObjectId,
};

/// Who owns the fields of a status.
pub(super) const FIELD_MANAGER: &str = "probity";

/// An API server that takes longer is as good as away. Others ask meanwhile whether it is back, 2 s apart at most.
const TIMEOUT: Duration = Duration::from_secs(5);

/// For a 429 without a word on how long.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(1);
/// Longer is not waited, whatever the answer says.
const MAX_RETRY_AFTER: u64 = 60;

/// What is read of an answer that says no; the rest of it is thrown away.
const MAX_REASON: usize = 2048;

/// How a write ended, and why in words when it is not written.
pub(super) struct Answer {
    pub(super) ended: Ended,
    pub(super) why: Option<String>,
}

/// Applies `status` to the object of this name, if it still is the one with `uid`.
pub(super) async fn apply(client: &Client, subject: &ObjectId, uid: &str, status: &impl Serialize) -> Answer {
    let body = serde_json::json!({
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "kind": subject.kind.as_str(),
        // With another uid under this name the API server answers 409: it is another object.
        "metadata": {"name": &*subject.key.name, "namespace": &*subject.key.namespace, "uid": uid},
        "status": status,
    });
    let paths =
        Paths::new(format!("/apis/{GROUP}/{VERSION}/namespaces/{}/{}", subject.key.namespace, subject.kind.plural()));
    let params = PatchParams::apply(FIELD_MANAGER).force();
    match paths.patch_subresource("status", &subject.key.name, &params, &Patch::Apply(&body)) {
        Ok(request) => about(subject, send(client, request).await),
        Err(error) => Answer { ended: Ended::Refused, why: Some(format!("cannot make the request: {error}")) },
    }
}

/// An object that was made under another type, which the API server itself cannot take apart now, gives 500 as etcd's
/// troubles do; its text then names the object, as `NAMESPACE/NAME; VERSION, Kind=…`. Others it takes.
fn about(subject: &ObjectId, answer: Answer) -> Answer {
    let names = |why: &String| why.starts_with("500") && why.contains(&format!("({}; ", subject.key));
    match answer.ended {
        Ended::Away if answer.why.as_ref().is_some_and(names) => Answer { ended: Ended::Refused, ..answer },
        _ => answer,
    }
}

/// Sends a request and says what its answer means.
pub(super) async fn send(client: &Client, request: Request<Vec<u8>>) -> Answer {
    let answer = async {
        let response = client.send(request.map(Body::from)).await?;
        let (status, retry_after) = (response.status(), retry_after(&response));
        Ok::<_, kube::Error>((status, retry_after, read(response, !status.is_success()).await))
    };
    match tokio::time::timeout(TIMEOUT, answer).await {
        Ok(Ok((status, retry_after, text))) => Answer {
            ended: meaning(status, retry_after),
            why: (!status.is_success()).then(|| format!("{}: {}", status.as_u16(), reason(&text))),
        },
        Ok(Err(error)) => Answer { ended: Ended::Away, why: Some(crate::supervisor::chain(&error)) },
        Err(_) => Answer { ended: Ended::Away, why: Some(format!("no answer within {} s", TIMEOUT.as_secs())) },
    }
}

/// Reads an answer to its end, so that its connection serves again, and keeps the beginning if it is wanted.
async fn read(response: Response<Body>, wanted: bool) -> Vec<u8> {
    let mut body = response.into_body();
    let mut kept = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        if let Some(data) = frame.data_ref().filter(|_| wanted) {
            kept.extend_from_slice(&data[..data.len().min(MAX_REASON - kept.len())]);
        }
    }
    kept
}

/// The message of a Kubernetes Status, or the text as it came.
fn reason(body: &[u8]) -> String {
    let parsed: Option<Value> = serde_json::from_slice(body).ok();
    let message = parsed.as_ref().and_then(|status| status["message"].as_str());
    message.map_or_else(|| String::from_utf8_lossy(body).trim().to_owned(), str::to_owned)
}

/// Seconds; a date is for caches, and no API server sends one.
fn retry_after<B>(response: &Response<B>) -> Option<Duration> {
    let seconds: u64 = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(MAX_RETRY_AFTER)))
}

fn meaning(status: StatusCode, retry_after: Option<Duration>) -> Ended {
    match status.as_u16() {
        200..=299 => Ended::Written,
        404 => Ended::Gone,
        429 => Ended::Busy(retry_after.unwrap_or(DEFAULT_RETRY_AFTER)),
        401 | 403 => Ended::Denied,
        // It cannot serve this now; how soon it is asked again is bounded, whatever it proposes.
        500..=599 => Ended::Away,
        _ => Ended::Refused,
    }
}

impl Answer {
    /// As the metric has it.
    pub(super) fn label(&self) -> &'static str {
        match self.ended {
            Ended::Written => "written",
            Ended::Gone => "gone",
            Ended::Refused | Ended::Denied => "refused",
            Ended::Busy(_) => "busy",
            Ended::Away => "unavailable",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ObjectKey;

    #[test]
    fn every_status_has_a_meaning() {
        let busy = |seconds| Ended::Busy(Duration::from_secs(seconds));
        for (status, retry_after, ended) in [
            (200, None, Ended::Written),
            (201, None, Ended::Written),
            (400, None, Ended::Refused),
            (401, None, Ended::Denied),
            (403, None, Ended::Denied),
            (404, None, Ended::Gone),
            (409, None, Ended::Refused),
            (410, None, Ended::Refused),
            (422, None, Ended::Refused),
            (429, None, busy(1)),
            (429, Some(7), busy(7)),
            (500, None, Ended::Away),
            (503, None, Ended::Away),
            (503, Some(3), Ended::Away),
            (504, None, Ended::Away),
        ] {
            let status_code = StatusCode::from_u16(status).unwrap();
            assert_eq!(meaning(status_code, retry_after.map(Duration::from_secs)), ended, "{status}");
        }
    }

    #[test]
    fn trouble_with_one_object_is_no_trouble_of_the_server() {
        let subject = ObjectId::check(ObjectKey::new("shop", "cart"));
        for (why, ended) in [
            (
                "500: failed to create typed live object (shop/cart; probity.dev/v1alpha1, Kind=HealthCheck)",
                Ended::Refused,
            ),
            ("500: failed to create typed live object (shop/bus; probity.dev/v1alpha1, Kind=HealthCheck)", Ended::Away),
            ("500: etcdserver: request timed out", Ended::Away),
            ("503: (shop/cart; ", Ended::Away),
        ] {
            let answer = Answer { ended: Ended::Away, why: Some(why.to_owned()) };
            assert_eq!(about(&subject, answer).ended, ended, "{why}");
        }
    }

    #[test]
    fn a_status_object_gives_its_message_and_other_text_itself() {
        assert_eq!(reason(br#"{"kind":"Status","message":"no"}"#), "no");
        assert_eq!(reason(b"Too many requests\n"), "Too many requests");
    }

    #[test]
    fn a_wait_is_read_in_seconds() {
        for (value, seconds) in [
            ("3", Some(3)),
            (" 5 ", Some(5)),
            ("soon", None),
            ("-1", None),
            // Times are added to it.
            ("18446744073709551615", Some(60)),
        ] {
            let response = Response::builder().header(RETRY_AFTER, value).body(()).unwrap();
            assert_eq!(retry_after(&response), seconds.map(Duration::from_secs), "{value}");
        }
    }
}
