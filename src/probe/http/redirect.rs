//! Where an answer sends us, and what goes there. Pure.

use hyper::{Method, StatusCode, header::LOCATION, http::response::Parts};
use url::Url;

use crate::{
    health::Reason,
    model::{Hop, Http, Request},
    net::Failure,
};

/// As browsers and curl come close to; a service that needs more sends in circles.
const REDIRECTS_MAX: u8 = 10;

/// The way of a run through redirects.
pub(super) struct Trail<'a> {
    /// None before the first redirect: the URL of the object.
    url: Option<Url>,
    first: &'a Url,
    method: Method,
    with_body: bool,
    hop: Hop,
    redirects: u8,
}

impl<'a> Trail<'a> {
    pub(super) fn start(http: &'a Http) -> Self {
        Self {
            url: None,
            first: &http.url,
            method: http.method.clone(),
            with_body: http.body.is_some(),
            hop: Hop::Trusted,
            redirects: 0,
        }
    }

    /// How many were followed.
    pub(super) fn redirects(&self) -> u8 {
        self.redirects
    }

    /// Whether credentials go with the next request. Once they were left behind they stay so, even when a
    /// redirect leads back: whoever sent us there could choose what they are sent with.
    pub(super) fn is_trusted(&self) -> bool {
        self.hop == Hop::Trusted
    }

    /// The request that a redirect asks for; None when the answer is the last.
    ///
    /// # Errors
    /// TooManyRedirects; ProtocolError for a place that is no http or https URL.
    pub(super) fn follow(&mut self, http: &Http, head: &Parts) -> Result<Option<Request>, Failure> {
        if !http.follow_redirects || !is_redirect(head.status) {
            return Ok(None);
        }
        // A redirect without a place is an answer like any other.
        let Some(location) = head.headers.get(LOCATION) else { return Ok(None) };
        if self.redirects == REDIRECTS_MAX {
            let message = format!("redirected over {REDIRECTS_MAX} times");
            return Err(Failure::new(Reason::TooManyRedirects, message));
        }
        let current = self.url.as_ref().unwrap_or(self.first);
        let next = target(current, location.as_bytes())
            .map_err(|what| Failure::new(Reason::ProtocolError, format!("redirected to {what}")))?;
        if !same_origin(current, &next) {
            self.hop = Hop::Foreign;
        }
        let method = rewritten(head.status, &self.method);
        self.with_body &= method == self.method;
        self.method = method;
        self.redirects += 1;
        let request = Request::new(http, &next, self.method.clone(), self.with_body, self.hop)
            .map_err(|what| Failure::new(Reason::ProtocolError, format!("redirected to where {what}")))?;
        self.url = Some(next);
        Ok(Some(request))
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The method of the next request: RFC 9110, section 15.4, as browsers read it.
fn rewritten(status: StatusCode, method: &Method) -> Method {
    match status.as_u16() {
        301 | 302 if *method == Method::POST => Method::GET,
        303 if *method != Method::HEAD => Method::GET,
        _ => method.clone(),
    }
}

/// Where a Location leads from `current`: RFC 9110, section 10.2.2. Credentials in it are not taken over.
///
/// # Errors
/// What it is instead of an http or https URL.
pub(super) fn target(current: &Url, location: &[u8]) -> Result<Url, &'static str> {
    let text = std::str::from_utf8(location).map_err(|_| "what is not text")?;
    let mut url = current.join(text).map_err(|_| "what is no URL")?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("what is neither http nor https");
    }
    // These fail for URLs without a host, and this has one.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    Ok(url)
}

/// RFC 6454: scheme, host and port.
pub(super) fn same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host() == other.host()
        && one.port_or_known_default() == other.port_or_known_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn locations_are_relative_to_where_they_were_said() {
        let current = url("http://a.example:81/x/y?z=1");
        let cases: &[(&[u8], &str)] = &[
            (b"/p", "http://a.example:81/p"),
            (b"p", "http://a.example:81/x/p"),
            (b"../p", "http://a.example:81/p"),
            (b"?q=2", "http://a.example:81/x/y?q=2"),
            (b"//b.example/p", "http://b.example/p"),
            (b"https://a.example/p#frag", "https://a.example/p"),
            (b"http://user:pass@b.example/", "http://b.example/"),
            (b"http://0xa9fea9fe/", "http://169.254.169.254/"),
            (b"http://[::ffff:169.254.169.254]/", "http://[::ffff:a9fe:a9fe]/"),
            (b"", "http://a.example:81/x/y?z=1"),
            ("/ü".as_bytes(), "http://a.example:81/%C3%BC"),
        ];
        for (location, expected) in cases {
            let shown = String::from_utf8_lossy(location);
            assert_eq!(target(&current, location).as_ref().map(Url::as_str), Ok(*expected), "{shown}");
        }
        for location in [&b"ftp://a/"[..], b"javascript:alert(1)", b"mailto:x@y", b"data:,x", b"file:///etc/passwd"] {
            assert_eq!(target(&current, location), Err("what is neither http nor https"));
        }
        assert_eq!(target(&current, b"http://"), Err("what is no URL"));
        assert_eq!(target(&current, b"http://a:99999/"), Err("what is no URL"));
        assert_eq!(target(&current, b"/\xff"), Err("what is not text"));
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let cases = [
            ("http://a.example/x", "http://A.example:80/y", true),
            ("http://a.example/", "https://a.example/", false),
            ("http://a.example/", "http://a.example:8080/", false),
            ("http://a.example/", "http://b.a.example/", false),
            ("http://127.0.0.1/", "http://0x7f.1/", true),
            ("http://[::1]/", "http://127.0.0.1/", false),
        ];
        for (one, other, expected) in cases {
            assert_eq!(same_origin(&url(one), &url(other)), expected, "{one} {other}");
        }
    }

    #[test]
    fn methods_are_rewritten_as_browsers_do() {
        let cases = [
            (301, "GET", "GET"),
            (301, "POST", "GET"),
            (302, "POST", "GET"),
            (302, "PUT", "PUT"),
            (303, "PUT", "GET"),
            (303, "HEAD", "HEAD"),
            (307, "POST", "POST"),
            (308, "POST", "POST"),
        ];
        for (status, method, expected) in cases {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(rewritten(status, &method.parse().unwrap()).as_str(), expected, "{status} {method}");
        }
    }
}
