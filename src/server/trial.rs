//! `POST /api/v1/channels/{namespace}/{name}/test`: tries a channel now, and tells what its receiver said.

use std::sync::Arc;

use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use warp::{Filter, filters::BoxedFilter, reply::Response};

use super::{
    State,
    answer::{self, ApiError},
    caller::{Body, Caller, body, caller},
    correlation::{Correlation, correlation},
    reviews::Wish,
    routes::with,
};
use crate::{
    engine::alerts::{Asker, NoTrial, Tried, board},
    model::{Channel, Kind, ObjectKey},
    notify::trial,
};

/// Characters, as of a Silence's `createdBy`.
const BY: usize = 253;
/// Characters of a namespace or a name that are said again: as long as Kubernetes lets them be.
const NAME: usize = 253;

pub(super) fn filter(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    warp::post()
        .and(warp::path!("api" / "v1" / "channels" / String / String / "test"))
        .and(with(state))
        .and(caller())
        .and(correlation())
        .and(body())
        .then(test)
        .boxed()
}

/// What comes with the request.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Given {
    /// Who tries it; in a cluster it is the one who asks.
    #[serde(default)]
    by: String,
}

/// What came of it.
#[derive(Serialize)]
struct Answer<'a> {
    channel: String,
    kind: &'static str,
    /// The id of what was sent.
    notification: &'a str,
    /// delivered, or what would become of a notification: retry or refused.
    outcome: &'static str,
    answer: &'a str,
    /// Seconds.
    duration: f64,
    /// False while the store fails: then the audit trail does not say that it was tried.
    recorded: bool,
}

async fn test(
    namespace: String,
    name: String,
    state: Arc<State>,
    caller: Caller,
    correlation: Correlation,
    body: Body,
) -> Response {
    let key = ObjectKey::new(namespace, name);
    tried(&key, &state, &caller, correlation, &body).await.unwrap_or_else(ApiError::response)
}

async fn tried(
    key: &ObjectKey,
    state: &State,
    caller: &Caller,
    correlation: Correlation,
    body: &Body,
) -> Result<Response, ApiError> {
    let given: Given = body.json_or_default()?;
    if given.by.chars().count() > BY {
        return Err(ApiError::bad_request(format!("by has over {BY} characters")));
    }
    // Who may not try it does not hear whether it is there.
    caller.may(&wish("update", Some(&key.namespace), Some(&key.name))).await?;
    let channel = channel(key, state, caller).await?;
    let by = caller.name().map_or(given.by, str::to_owned);
    let by = if by.is_empty() { Arc::from("somebody") } else { Arc::from(by) };
    let asker = Asker { by, correlation_id: correlation.id };
    let Tried { trial, recorded } = state.trials.attempt(channel.clone(), asker).await.map_err(not_now)?;
    Ok(answer::json(&Answer {
        channel: channel.key.to_string(),
        kind: channel.receiver.kind().as_str(),
        notification: &trial.notification,
        outcome: trial.outcome,
        answer: &trial.answer,
        duration: trial.took.as_secs_f64(),
        recorded,
    }))
}

/// The channel as it is in force.
async fn channel(key: &ObjectKey, state: &State, caller: &Caller) -> Result<Arc<Channel>, ApiError> {
    let Some(view) = state.board.channel(key) else {
        let known = known(key, state, caller).await;
        let cut = |text: &str| text.chars().take(NAME).collect::<String>();
        let name = format!("{}/{}", cut(&key.namespace), cut(&key.name));
        return Err(ApiError::not_found(trial::unknown(&name, &known)));
    };
    view.model().cloned().ok_or_else(|| {
        let message = format!("NotificationChannel {key} is refused: {}", board::ready(&view.entry).message);
        ApiError::new(StatusCode::CONFLICT, "refused", message)
    })
}

/// The names of the channels that whoever asks may list: all, or those of the namespace that is asked about.
async fn known(key: &ObjectKey, state: &State, caller: &Caller) -> Vec<String> {
    let lists_all = caller.may(&wish("list", None, None)).await.is_ok();
    if !lists_all && caller.may(&wish("list", Some(&key.namespace), None)).await.is_err() {
        return Vec::new();
    }
    let channels = state.board.channels();
    let all = channels.iter().map(|view| &view.entry.id.key);
    all.filter(|known| lists_all || known.namespace == key.namespace).map(ToString::to_string).collect()
}

fn wish(verb: &'static str, namespace: Option<&Arc<str>>, name: Option<&Arc<str>>) -> Wish {
    let resource = Kind::NotificationChannel.plural();
    Wish { verb, resource, namespace: namespace.cloned(), name: name.cloned() }
}

fn not_now(why: NoTrial) -> ApiError {
    match why {
        NoTrial::Closed(why) => ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_tests", why.to_string()),
        NoTrial::Stops => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", why.to_string()),
    }
}
