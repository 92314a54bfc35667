//! `/metrics`: rendered a slice at a time, as fast as the client reads, away from the runtime's threads.

use std::{io::Write, sync::Arc};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use futures::stream;
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, VARY};
use serde_json::json;
use tokio::sync::Semaphore;
use warp::{Filter, Reply, filters::BoxedFilter, reply::Response};

use super::{
    State,
    answer::{self, ApiError},
    routes::with,
};
use crate::{
    clock::rfc3339,
    metrics::{CONTENT_TYPE as TEXT, Exposition, figures},
};

/// Large enough that neither chunk heads nor wake-ups show, small enough to cost nothing while it waits.
const CHUNK: usize = 64 * 1024;

/// Chunks per turn on a blocking thread: some 0.5 ms, so that hand-overs cost little beside the rendering.
const CHUNKS_PER_TURN: usize = 4;

pub(super) fn filter(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    // One turn at a time, of all scrapes together: metrics must not take the second core from the probes.
    let turns = Arc::new(Semaphore::new(1));
    let metrics =
        warp::path!("metrics").and(with(state)).and(with(&turns)).and(warp::header::headers_cloned()).then(metrics);
    let business = warp::path!("metrics" / "business")
        .and(with(state))
        .map(|state: Arc<State>| answer::json(&json!({"timestamp": rfc3339(state.clock.wall())})));
    warp::get().and(metrics.or(business).unify()).boxed()
}

async fn metrics(state: Arc<State>, turns: Arc<Semaphore>, headers: HeaderMap) -> Response {
    let gzip = accepts_gzip(&headers);
    let begun = tokio::task::spawn_blocking(move || Scrape::begin(&state, gzip)).await;
    let scrape = match begun {
        Ok(Ok(scrape)) => scrape,
        Ok(Err(error)) => {
            tracing::error!(error = &error as &dyn std::error::Error, "metrics cannot be encoded");
            return ApiError::internal().response();
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "metrics could not be gathered");
            return ApiError::internal().response();
        }
    };
    let slices = stream::unfold(Some(scrape), move |scrape| {
        let turns = Arc::clone(&turns);
        async move {
            let scrape = scrape?;
            let turn = turns.acquire_owned().await.ok()?;
            let turned = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                scrape.turn()
            });
            match turned.await {
                Ok(Ok((chunks, rest))) => Some((Ok(chunks), rest)),
                Ok(Err(error)) => Some((Err(error), None)),
                Err(error) => Some((Err(std::io::Error::other(error)), None)),
            }
        }
    });
    let chunks = futures::StreamExt::flat_map(slices, |turn: std::io::Result<Vec<Bytes>>| {
        let chunks: Vec<std::io::Result<Bytes>> = match turn {
            Ok(chunks) => chunks.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        };
        stream::iter(chunks)
    });
    let mut response = warp::reply::stream(chunks).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(TEXT));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// A scrape in work, plain or compressed.
struct Scrape {
    exposition: Exposition,
    gzip: Option<GzEncoder<Vec<u8>>>,
    /// Used over and over where what is rendered is compressed.
    plain: Vec<u8>,
}

impl Scrape {
    fn begin(state: &State, gzip: bool) -> Result<Self, prometheus::Error> {
        let exposition =
            Exposition::new(&state.metrics, &state.snapshot, &state.board, &state.slos, &figures(&*state.store))?;
        // The fastest level: labels repeat so much that it takes 32 MB to 1 or 2 all the same.
        let gzip = gzip.then(|| GzEncoder::new(Vec::new(), Compression::fast()));
        Ok(Self { exposition, gzip, plain: Vec::new() })
    }

    /// Renders a few chunks; gives itself back while there is more.
    fn turn(mut self) -> std::io::Result<(Vec<Bytes>, Option<Self>)> {
        let mut chunks = Vec::with_capacity(CHUNKS_PER_TURN);
        for _ in 0..CHUNKS_PER_TURN {
            let (chunk, more) = self.chunk()?;
            if !chunk.is_empty() {
                chunks.push(chunk);
            }
            if !more {
                return Ok((chunks, None));
            }
        }
        Ok((chunks, Some(self)))
    }

    fn chunk(&mut self) -> std::io::Result<(Bytes, bool)> {
        let Some(gzip) = &mut self.gzip else {
            // A little over, because a slice ends behind the line that filled it.
            let mut chunk = Vec::with_capacity(CHUNK + 4096);
            let more = self.exposition.fill(&mut chunk, CHUNK);
            return Ok((chunk.into(), more));
        };
        self.plain.clear();
        let more = self.exposition.fill(&mut self.plain, CHUNK);
        gzip.write_all(&self.plain)?;
        if more {
            return Ok((std::mem::take(gzip.get_mut()).into(), true));
        }
        gzip.try_finish()?;
        Ok((std::mem::take(gzip.get_mut()).into(), false))
    }
}

/// Whether gzip is asked for and not refused (RFC 9110, 12.5.3).
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let all = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip") || name == "*");
        let refused =
            parts.any(|part| part.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).is_some_and(|q| q <= 0.0));
        named && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_for_who_accepts_it() {
        for (value, want) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("*", true),
            ("gzip;q=0", false),
            ("gzip; q=0.0, br", false),
            ("identity", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(value));
            assert_eq!(accepts_gzip(&headers), want, "{value}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
