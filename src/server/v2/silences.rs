//! `/api/v2/silences` and `/api/v2/silence/{id}`.

use std::{cmp::Reverse, sync::Arc};

use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;
use warp::{Filter, filters::BoxedFilter, reply::Response};

use super::{
    bad,
    params::{self, Params},
    postable::Postable,
};
use crate::{
    alert::Compare,
    api::SilenceStateName,
    clock::{WallMs, rfc3339},
    server::{
        State,
        answer::{self, ApiError},
        caller::{Body, Caller, body, caller},
        reviews::Wish,
        routes::{raw_query, with},
        visible::{Visible, visible},
    },
    source::{Found, MadeError, Silences, stage},
};

pub(super) fn filter(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    let all = || warp::path!("api" / "v2" / "silences").and(with(state));
    let one = || warp::path!("api" / "v2" / "silence" / String).and(with(state)).and(caller());
    let list = warp::get().and(all()).and(raw_query()).and(visible()).then(list);
    let set = warp::post().and(all()).and(caller()).and(body()).then(set);
    let get = warp::get().and(one()).then(get);
    let expire = warp::delete().and(one()).then(expire);
    list.or(set).unify().or(get).unify().or(expire).unify().boxed()
}

async fn list(state: Arc<State>, raw: String, visible: Visible) -> Response {
    answer::off_the_runtime(move || {
        listed(&state, &raw, &visible).map_or_else(ApiError::response, |all| answer::json(&all))
    })
    .await
}

fn listed(state: &State, raw: &str, visible: &Visible) -> Result<Vec<Value>, ApiError> {
    let params = Params::parse(raw);
    let filter = params.matchers()?;
    let wanted = [params.wants("active")?, params.wants("pending")?, params.wants("expired")?];
    let now = state.clock.wall();
    let mut found = state.silences.all();
    found.retain(|found| {
        visible.takes(&found.silence.key.namespace)
            && wanted.get(usize::from(order(found, now).0)).is_none_or(|wanted| *wanted)
            && params::takes(&filter, &state.silences.matchers(&found.silence))
    });
    found.sort_by_cached_key(|found| (order(found, now), found.id.clone()));
    Ok(found.iter().map(|found| shown(&state.silences, found, now)).collect())
}

/// Active ones first, by when they end; then those that are to begin, then those that are over, the last first.
fn order(found: &Found, now: WallMs) -> (u8, WallMs, Reverse<WallMs>) {
    let (starts_at, ends_at) = (found.silence.starts_at, found.silence.ends_at);
    match stage(starts_at, ends_at, now) {
        SilenceStateName::Active => (0, ends_at, Reverse(0)),
        SilenceStateName::Pending => (1, starts_at, Reverse(0)),
        SilenceStateName::Expired => (2, 0, Reverse(ends_at)),
    }
}

/// `gettableSilence` of Alertmanager's OpenAPI.
fn shown(silences: &Silences, found: &Found, now: WallMs) -> Value {
    let silence = &found.silence;
    let state = match stage(silence.starts_at, silence.ends_at, now) {
        SilenceStateName::Active => "active",
        SilenceStateName::Pending => "pending",
        SilenceStateName::Expired => "expired",
    };
    let matchers = silences.matchers(silence);
    let matchers = matchers.iter().map(|matcher| {
        json!({
            "name": matcher.name(),
            "value": matcher.value(),
            "isRegex": matches!(matcher.compare(), Compare::Matches | Compare::NotMatches),
            "isEqual": matches!(matcher.compare(), Compare::Equal | Compare::Matches),
        })
    });
    // An object does not tell when it was changed. One that ended was, or need not have been, when it did.
    let updated_at = [silence.ends_at, silence.starts_at].into_iter().find(|at| *at <= now).unwrap_or(now);
    json!({
        "id": &*found.id,
        "status": {"state": state},
        "updatedAt": rfc3339(updated_at),
        "comment": &*silence.comment,
        "createdBy": &*silence.created_by,
        "startsAt": rfc3339(silence.starts_at),
        "endsAt": rfc3339(silence.ends_at),
        "matchers": matchers.collect::<Vec<_>>(),
    })
}

async fn get(id: String, state: Arc<State>, caller: Caller) -> Response {
    let asked = async {
        let found = known(&state, &id, &caller, "get").await?;
        Ok(answer::json(&shown(&state.silences, &found, state.clock.wall())))
    };
    asked.await.unwrap_or_else(ApiError::response)
}

async fn set(state: Arc<State>, caller: Caller, body: Body) -> Response {
    let asked = async {
        let posted: Postable = body.json().map_err(ApiError::plain)?;
        let before = match posted.id() {
            Some(id) => Some(known(&state, id, &caller, "delete").await?),
            None => None,
        };
        let namespace = posted.namespace(state.silences.operator());
        may(&caller, "create", &namespace, None).await?;
        let draft = spawn_blocking(move || posted.draft()).await.map_err(|_| ApiError::internal())??;
        let made = state.silences.set(draft, before.as_ref(), caller.name()).await;
        Ok(answer::json(&json!({"silenceID": &*made.map_err(|error| refused(error, StatusCode::BAD_REQUEST))?})))
    };
    asked.await.unwrap_or_else(ApiError::response)
}

async fn expire(id: String, state: Arc<State>, caller: Caller) -> Response {
    let asked = async {
        let found = known(&state, &id, &caller, "delete").await?;
        // The one status with words that Alertmanager has here.
        let failed = |error| refused(error, StatusCode::INTERNAL_SERVER_ERROR);
        state.silences.expire(&found, caller.name()).await.map_err(failed)?;
        Ok(Response::default())
    };
    asked.await.unwrap_or_else(ApiError::response)
}

/// The silence of this id, if whoever asks may do this to it.
async fn known(state: &State, id: &str, caller: &Caller, verb: &'static str) -> Result<Found, ApiError> {
    if uuid::Uuid::parse_str(id).is_err() {
        let shown: String = id.chars().take(64).collect();
        let message = format!("silenceID in path must be of type uuid: {shown:?}");
        return Err(ApiError::said(StatusCode::UNPROCESSABLE_ENTITY, json!({"code": 601, "message": message})));
    }
    let found = state.silences.get(id).ok_or_else(|| refused(MadeError::NotFound, StatusCode::NOT_FOUND))?;
    let key = &found.silence.key;
    may(caller, verb, &key.namespace, Some(&key.name)).await?;
    Ok(found)
}

async fn may(
    caller: &Caller,
    verb: &'static str,
    namespace: &Arc<str>,
    name: Option<&Arc<str>>,
) -> Result<(), ApiError> {
    let wish = Wish { verb, resource: "silences", namespace: Some(namespace.clone()), name: name.cloned() };
    caller.may(&wish).await
}

fn refused(error: MadeError, otherwise: StatusCode) -> ApiError {
    let status = match &error {
        MadeError::NotFound => StatusCode::NOT_FOUND,
        MadeError::Cluster { is_theirs: false, .. } => StatusCode::SERVICE_UNAVAILABLE,
        MadeError::InFile(_)
        | MadeError::Invalid(_)
        | MadeError::Times(_)
        | MadeError::TooMany(_)
        | MadeError::Cluster { .. } => otherwise,
    };
    if status == StatusCode::SERVICE_UNAVAILABLE {
        tracing::warn!("{error}");
    }
    if status == StatusCode::BAD_REQUEST { bad(error.to_string()) } else { ApiError::said(status, error.to_string()) }
}
