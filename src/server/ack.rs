//! `/api/v1/alerts/{fingerprint}/ack`: somebody acts on an alert, or does no more.

use std::{sync::Arc, time::Duration};

use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use warp::{Filter, filters::BoxedFilter, reply::Response};

use super::{
    State,
    answer::{self, ApiError},
    caller::{Body, Caller, body, caller},
    reviews::Wish,
    routes::with,
};
use crate::{
    alert::{AlertIs, Fingerprint, desk::Ack},
    clock::rfc3339,
    engine::alerts::{Act, Acted, Subject},
};

/// Longer than the store may take before alerting goes on without it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Characters, as of a Silence's `comment` and `createdBy`.
const COMMENT: usize = 1_024;
const BY: usize = 253;

pub(super) fn filter(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    let path = || warp::path!("api" / "v1" / "alerts" / String / "ack").and(with(state)).and(caller()).and(body());
    let begin = warp::post().and(path()).then(begin);
    let end = warp::delete().and(path()).then(end);
    begin.or(end).unify().boxed()
}

/// What comes with the request.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Given {
    /// Who acts; in a cluster it is the one who asks.
    #[serde(default)]
    by: String,
    #[serde(default)]
    comment: String,
}

/// The alerts and who acts on them now.
#[derive(Serialize)]
struct Answer {
    fingerprint: String,
    alerts: Vec<Alert>,
    /// False while the store fails: what was said holds, but a restart may forget it.
    recorded: bool,
}

#[derive(Serialize)]
struct Alert {
    alertname: Arc<str>,
    namespace: Arc<str>,
    rule: Arc<str>,
    /// Null when nobody acts.
    ack: Option<AckJson>,
}

#[derive(Serialize)]
struct AckJson {
    by: Arc<str>,
    comment: Arc<str>,
    at: String,
}

async fn begin(text: String, state: Arc<State>, caller: Caller, body: Body) -> Response {
    let act = |alert, by, comment| Act::Acknowledge { alert, by, comment };
    done(&text, &state, &caller, &body, act).await.unwrap_or_else(ApiError::response)
}

async fn end(text: String, state: Arc<State>, caller: Caller, body: Body) -> Response {
    let act = |alert, by, _| Act::Unacknowledge { alert, by };
    done(&text, &state, &caller, &body, act).await.unwrap_or_else(ApiError::response)
}

async fn done(
    text: &str,
    state: &State,
    caller: &Caller,
    body: &Body,
    act: impl FnOnce(Fingerprint, Arc<str>, Arc<str>) -> Act,
) -> Result<Response, ApiError> {
    let given: Given = body.json_or_default()?;
    for (field, value, most) in [("by", &given.by, BY), ("comment", &given.comment, COMMENT)] {
        if value.chars().count() > most {
            return Err(ApiError::bad_request(format!("{field} has over {most} characters")));
        }
    }
    let fingerprint: Fingerprint = text.parse().map_err(|_| {
        let shown: String = text.chars().take(64).collect();
        ApiError::not_found(format!("{shown:?} is no fingerprint: 16 hexadecimal digits, as /api/v2/alerts tells them"))
    })?;
    let open = state.board.by_fingerprint(fingerprint);
    for alert in &open {
        let rule = &alert.episode.rule;
        let (namespace, name) = (Some(rule.namespace.clone()), Some(rule.name.clone()));
        caller.may(&Wish { verb: "update", resource: "alertrules", namespace, name }).await?;
    }
    if open.is_empty() {
        let message = format!("no alert {fingerprint} fires: /api/v2/alerts lists those that do");
        return Err(ApiError::not_found(message));
    }
    if open.iter().all(|alert| alert.is() == AlertIs::Pending) {
        let message = format!("alert {fingerprint} is pending: nobody was told of it, and nobody has to act");
        return Err(ApiError::new(StatusCode::CONFLICT, "pending", message));
    }
    let by = caller.name().map_or(given.by, str::to_owned);
    let by = if by.is_empty() { Arc::from("somebody") } else { Arc::from(by) };
    let acted = ask(state, act(fingerprint, by, given.comment.into())).await?;
    let alerts = acted.alerts.into_iter().map(Alert::from).collect();
    Ok(answer::json(&Answer { fingerprint: fingerprint.to_string(), alerts, recorded: acted.recorded }))
}

async fn ask(state: &State, act: Act) -> Result<Acted, ApiError> {
    let acted = tokio::time::timeout(PATIENCE, state.bell.act(act)).await;
    acted.ok().flatten().ok_or_else(|| {
        let message = "alerting does not answer now: it stops, or has too much to do";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
    })
}

impl From<Subject> for Alert {
    fn from(Subject { name, rule, ack, .. }: Subject) -> Self {
        let ack = ack.map(|Ack { by, comment, at }| AckJson { by, comment, at: rfc3339(at) });
        Self { alertname: name, namespace: rule.namespace, rule: rule.name, ack }
    }
}
