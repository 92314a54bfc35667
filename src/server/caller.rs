//! Who asks, for handlers that learn from a body, or from what runs, what the request is about; and the way to a body.

use std::sync::Arc;

use bytes::Bytes;
use hyper::{
    StatusCode,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue},
};
use serde::de::DeserializeOwned;
use warp::{Filter, Rejection, filters::BoxedFilter};

use super::{
    answer::ApiError,
    door::forbidden,
    reviews::{Reviews, User, Wish},
};

/// Goes with a request from where it is let in to its handler.
#[derive(Clone)]
pub(super) enum Caller {
    /// Somebody on this machine, or who has a token of `--api-token-file`: they may do everything, and have no name.
    Trusted,
    /// A user of the cluster.
    User { user: Arc<User>, reviews: Arc<Reviews> },
    /// For a request that came to a handler past the door: there is no such way.
    Nobody,
}

impl Caller {
    /// The user's name, as the cluster knows it.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::User { user, .. } => Some(&user.name),
            Self::Trusted | Self::Nobody => None,
        }
    }

    /// Whether the cluster lets them.
    ///
    /// # Errors
    /// 403; 503 when the cluster cannot be asked.
    pub(super) async fn may(&self, wish: &Wish) -> Result<(), ApiError> {
        let may = match self {
            Self::Trusted => true,
            Self::User { user, reviews } => reviews.may(user, wish).await?,
            Self::Nobody => false,
        };
        if may { Ok(()) } else { Err(forbidden(wish)) }
    }
}

/// Who sent this request, for a handler.
pub(super) fn caller() -> BoxedFilter<(Caller,)> {
    warp::ext::optional::<Caller>().map(|caller: Option<Caller>| caller.unwrap_or(Caller::Nobody)).boxed()
}

/// The body of a request, for a handler; at most as long as the limits say.
#[expect(clippy::disallowed_methods, reason = "the front has put every body under the limit")]
pub(super) fn body() -> BoxedFilter<(Body,)> {
    let bytes = warp::body::bytes().map(Some).or_else(|_| std::future::ready(Ok::<_, Rejection>((None,))));
    warp::header::headers_cloned().and(bytes).map(|headers, bytes| Body { headers, bytes }).boxed()
}

/// What came with a request.
pub(super) struct Body {
    headers: HeaderMap,
    /// None when it was too long, or its sender went away.
    bytes: Option<Bytes>,
}

impl Body {
    /// What it says, as JSON. A web page of somewhere else cannot send that type unasked.
    ///
    /// # Errors
    /// 415 for another type, 413 when it is too long, 400 when it is no JSON of the form.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        let media = self.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        let media = media.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        if !media.eq_ignore_ascii_case(b"application/json") {
            let message = "send the body as JSON, with the header Content-Type: application/json";
            return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message));
        }
        let Some(bytes) = &self.bytes else {
            let message = "the body is too long, or did not come whole";
            return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message));
        };
        serde_json::from_slice(bytes)
            .map_err(|error| ApiError::bad_request(format!("the body cannot be read: {error}")))
    }

    /// As [`Self::json`], or what stands for no body at all.
    ///
    /// # Errors
    /// As of [`Self::json`].
    pub(super) fn json_or_default<T: DeserializeOwned + Default>(&self) -> Result<T, ApiError> {
        if self.bytes.as_ref().is_some_and(Bytes::is_empty) { Ok(T::default()) } else { self.json() }
    }
}
