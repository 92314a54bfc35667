//! An HTTP request as a payload makes it, and the answer as a channel reads it: data alone. Pure.

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use url::Url;

use super::letter::Letter;
use crate::model::{HttpEndpoint, Secret};

pub(super) const CORRELATION: HeaderName = HeaderName::from_static("x-correlation-id");
pub(super) const IDEMPOTENCY: HeaderName = HeaderName::from_static("idempotency-key");

/// A POST to an endpoint, whose own headers go with it.
#[derive(Debug, Clone)]
pub(super) struct Call<'a> {
    pub(super) endpoint: &'a HttpEndpoint,
    /// Where not to the endpoint's URL itself.
    pub(super) url: Option<Secret<Url>>,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// What of the body or the URL must not come back in a message.
    pub(super) secret: Option<&'a Secret>,
}

impl<'a> Call<'a> {
    /// With a JSON body, and the ids that every call carries.
    pub(super) fn json(endpoint: &'a HttpEndpoint, letter: &Letter<'_>, body: &impl Serialize) -> Self {
        // What is serialised is maps of strings, numbers and lists of these, which never fails.
        let body = serde_json::to_vec(body).unwrap_or_default();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Ok(id) = HeaderValue::from_str(&letter.notification.correlation_id) {
            headers.insert(CORRELATION, id);
        }
        Self { endpoint, url: None, headers, body, secret: None }
    }

    /// With a further header, if its value can be sent.
    pub(super) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// The endpoint's headers and those of the call; of two with one name the object's counts, but for the ids.
    pub(super) fn all_headers(&self) -> HeaderMap {
        let mut all = self.headers.clone();
        for header in &self.endpoint.headers {
            all.remove(&header.name);
        }
        for header in &self.endpoint.headers {
            all.append(&header.name, header.value.clone());
        }
        for name in [CORRELATION, IDEMPOTENCY] {
            if let Some(value) = self.headers.get(&name) {
                all.insert(name, value.clone());
            }
        }
        all
    }
}

/// What a receiver answered. The default is for tests.
#[derive(Debug, Clone, Default)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// What the header `Retry-After` comes to.
    pub(super) retry_after: Option<Duration>,
    pub(super) headers: HeaderMap,
    /// Its beginning: at most [`Reply::BODY_MAX`] bytes.
    pub(super) body: Bytes,
}

impl Reply {
    /// What receivers say is a few hundred bytes; more than this is a page for people.
    pub(super) const BODY_MAX: usize = 16 << 10;

    pub(super) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    pub(super) fn json<T: serde::de::DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }
}

#[cfg(test)]
impl Reply {
    pub(super) fn of(status: u16, body: &str) -> Self {
        Self { status, body: Bytes::copy_from_slice(body.as_bytes()), ..Self::default() }
    }
}
