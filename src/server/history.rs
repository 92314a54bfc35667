//! `/api/v1/healthchecks/{namespace}/{name}/history`: what was seen, in buckets.

use std::{sync::Arc, time::Duration};

use hyper::StatusCode;
use serde::Serialize;
use warp::{Filter, filters::BoxedFilter, reply::Response};

use super::{
    State,
    answer::{self, ApiError},
    checks::absent,
    query::Query,
    routes::{raw_query, with},
};
use crate::{
    engine::TargetCell,
    history::{Bucket, ReadError},
    model::ObjectKey,
};

const DEFAULT_WINDOW: Duration = Duration::from_secs(3600);
const WINDOW_MIN: Duration = Duration::from_secs(5 * 60);
/// The longest that history is kept by default.
const WINDOW_MAX: Duration = Duration::from_secs(100 * 86_400);

pub(super) fn filter(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    warp::get()
        .and(warp::path!("api" / "v1" / "healthchecks" / String / String / "history"))
        .and(with(state))
        .and(raw_query())
        .then(history)
        .boxed()
}

#[derive(Serialize)]
struct Answer<'a> {
    namespace: &'a str,
    name: &'a str,
    /// Seconds.
    window: u64,
    /// Seconds.
    step: u64,
    buckets: &'a [Bucket],
}

async fn history(namespace: String, name: String, state: Arc<State>, raw: String) -> Response {
    let query = match Query::parse(&raw, &["window", "target"]) {
        Ok(query) => query,
        Err(error) => return error.response(),
    };
    let window = match window(query.get("window")) {
        Ok(window) => window,
        Err(error) => return error.response(),
    };
    let Some(cell) = state.snapshot.get(&ObjectKey::new(namespace.as_str(), name.as_str())) else { return absent() };
    let wanted = query.get("target");
    let is_it = |target: &&Arc<TargetCell>| wanted.is_none_or(|wanted| *target.instance == *wanted);
    let target = cell.view.load().targets.iter().find(is_it).map(|target| target.id);
    let Some(target) = target else {
        let why = match wanted {
            Some(_) => "it has no such target now; its details name those that it has",
            None => "its spec is refused or nothing was found yet, so it has no target and no history",
        };
        return ApiError::new(StatusCode::NOT_FOUND, "no_history", why).response();
    };
    match state.store.history(target, window, state.clock.wall()).await {
        Ok(found) => answer::json(&Answer {
            namespace: &namespace,
            name: &name,
            window: found.window,
            step: found.step,
            buckets: &found.buckets,
        }),
        Err(error @ (ReadError::Busy | ReadError::Closed)) => {
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", error.to_string()).response()
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, %namespace, %name, "a history cannot be read");
            ApiError::internal().response()
        }
    }
}

/// A window as the API writes it: `90m`, `1h30m`, `7d`, `2w`.
fn window(text: Option<&str>) -> Result<Duration, ApiError> {
    let Some(text) = text else { return Ok(DEFAULT_WINDOW) };
    let wrong = |why: &str| {
        let shown: String = text.chars().take(32).collect();
        ApiError::bad_request(format!("query parameter \"window\": {shown:?} {why}"))
    };
    let window =
        duration(text).ok_or_else(|| wrong("is no window; give numbers with s, m, h, d or w, such as 90m or 7d"))?;
    if window < WINDOW_MIN || window > WINDOW_MAX {
        return Err(wrong("is out of range; a window is 5m to 100d"));
    }
    Ok(window)
}

fn duration(text: &str) -> Option<Duration> {
    if text.is_empty() || text.len() > 16 {
        return None;
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at_checked(digits)?;
        let letters = after.len() - after.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (unit, after) = after.split_at_checked(letters)?;
        let ms = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return None,
        };
        let part = Duration::from_millis(number.parse::<u64>().ok()?.checked_mul(ms)?);
        total = total.checked_add(part)?;
        rest = after;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_read_and_bounded() {
        for (text, want) in
            [("5m", 300), ("1h30m", 5400), ("90m", 5400), ("7d", 604_800), ("2w", 1_209_600), ("100d", 8_640_000)]
        {
            assert_eq!(window(Some(text)).unwrap().as_secs(), want, "{text}");
        }
        assert_eq!(window(None).unwrap().as_secs(), 3600);
        for text in ["", "h", "1", "1x", "1 h", "-1h", "4m", "101d", "99999999999999999w", "1h\u{e9}", "0h"] {
            assert!(window(Some(text)).is_err(), "{text}");
        }
    }
}
