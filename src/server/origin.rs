//! No web page of somewhere else changes anything here: what a browser says of where a request comes from.
//!
//! A browser sends `Sec-Fetch-Site` (Fetch Metadata, W3C) with every request and `Origin` (RFC 6454; Fetch, WHATWG) with
//! every one that is not a plain read; no script can change either. Who is no browser sends neither.

use hyper::{
    StatusCode,
    header::{HOST, HeaderName, HeaderValue, ORIGIN},
    http::{request::Parts as Head, uri::Uri},
};

use super::answer::ApiError;

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// # Errors
/// 403 for a request that a page of another origin sent.
pub(super) fn check(request: &Head) -> Result<(), ApiError> {
    let text = |name: &HeaderName| request.headers.get(name).map(HeaderValue::as_bytes);
    let site = text(&SITE).is_none_or(|site| matches!(site, b"same-origin" | b"none"));
    let host = request.uri.authority().map(|authority| authority.as_str().as_bytes()).or_else(|| text(&HOST));
    let origin = text(&ORIGIN).is_none_or(|origin| {
        let uri = Uri::try_from(origin).ok();
        let authority = uri.as_ref().and_then(Uri::authority).map(|authority| authority.as_str().as_bytes());
        authority.is_some_and(|authority| host.is_some_and(|host| host.eq_ignore_ascii_case(authority)))
    });
    if site && origin {
        return Ok(());
    }
    let message = "a web page of another origin sent this; only pages that are served here may change anything";
    Err(ApiError::new(StatusCode::FORBIDDEN, "cross_origin", message))
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    #[test]
    fn only_pages_of_this_origin_and_no_browsers_write() {
        for (headers, want) in [
            (&[][..], true),
            (&[("origin", "http://127.0.0.1:8080")], true),
            (&[("origin", "https://127.0.0.1:8080"), ("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("origin", "http://127.0.0.1:9090")], false),
            (&[("origin", "http://evil.example")], false),
            (&[("origin", "null")], false),
            (&[("origin", "")], false),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "cross-site")], false),
        ] {
            let mut request = Request::builder().header("host", "127.0.0.1:8080");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let (head, ()) = request.body(()).unwrap().into_parts();
            assert_eq!(check(&head).is_ok(), want, "{headers:?}");
        }
    }
}
