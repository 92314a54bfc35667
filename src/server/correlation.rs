//! The id that ties a request, its answer and its log lines together.

use std::sync::Arc;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use warp::{Filter, filters::BoxedFilter};

pub(super) const HEADER: HeaderName = HeaderName::from_static("x-correlation-id");

/// The id of one request.
#[derive(Debug, Clone)]
pub(super) struct Correlation {
    pub(super) id: Arc<str>,
    /// Whether the client gave it.
    pub(super) given: bool,
}

impl Correlation {
    /// The request's own id if it sent one that is valid, else a new UUID.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut all = headers.get_all(HEADER).iter();
        match (all.next().and_then(|value| value.to_str().ok()), all.next()) {
            (Some(id), None) if is_valid(id) => Self { id: Arc::from(id), given: true },
            _ => Self::fresh(),
        }
    }

    pub(super) fn fresh() -> Self {
        Self { id: uuid::Uuid::new_v4().to_string().into(), given: false }
    }

    pub(super) fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.id).unwrap_or_else(|_| HeaderValue::from_static("invalid"))
    }
}

/// The id of this request, for a handler.
pub(super) fn correlation() -> BoxedFilter<(Correlation,)> {
    warp::ext::optional::<Correlation>().map(|id: Option<Correlation>| id.unwrap_or_else(Correlation::fresh)).boxed()
}

/// 1–128 of `[A-Za-z0-9._-]`: it goes into logs and headers as it is.
fn is_valid(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valid_id_is_kept_and_any_other_replaced() {
        let long = "x".repeat(128);
        let too_long = "x".repeat(129);
        for (given, kept) in [
            ("abc", true),
            ("A.b_c-9", true),
            (long.as_str(), true),
            ("", false),
            (&too_long, false),
            ("a b", false),
            ("a\u{e9}", false),
            ("a\"", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, HeaderValue::from_bytes(given.as_bytes()).unwrap());
            let correlation = Correlation::of(&headers);
            assert_eq!(correlation.given, kept, "{given}");
            assert_eq!(&*correlation.id == given, kept, "{given}");
            assert_eq!(correlation.id.len(), if kept { given.len() } else { 36 });
        }
        assert!(!Correlation::of(&HeaderMap::new()).given);
    }
}
