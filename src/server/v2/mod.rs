//! `/api/v2/…`: Alertmanager's API, so that its clients (amtool, dashboards) see the alerts here and can silence them.
//! <https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>
//!
//! Owns its shapes and its ways of saying no: an error is a JSON text and nothing else. What a silence is, `source::made`
//! knows; what fires, alerting's view.

mod alerts;
mod params;
mod postable;
mod silences;
mod status;

use std::sync::Arc;

use hyper::StatusCode;
use warp::{Filter, filters::BoxedFilter, reply::Response};

use super::{State, answer::ApiError};

pub(super) fn filter(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    alerts::filter(state).or(silences::filter(state)).unify().or(status::filter(state)).unify().boxed()
}

/// 400 as Alertmanager says it.
fn bad(message: impl Into<String>) -> ApiError {
    ApiError::said(StatusCode::BAD_REQUEST, message.into())
}
