//! What an `http` probe sends. Pure.
//!
//! Made anew for each run: it takes a microsecond of a run's hundred, and kept it would be a kilobyte per check.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hyper::{
    HeaderMap, Method, Uri,
    header::{
        AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_TYPE,
        COOKIE, HOST, HeaderName, HeaderValue, PROXY_AUTHORIZATION, TRANSFER_ENCODING, USER_AGENT,
    },
};
use url::{Position, Url};

use super::{Address, Auth, Header, Http, HttpVersion};

/// A request that can be sent as it is, but for an OAuth2 token.
#[derive(Debug, Clone)]
pub struct Request {
    pub address: Address,
    /// Over TLS.
    pub secure: bool,
    pub method: Method,
    /// With the path and the query alone for HTTP/1 (RFC 9112, section 3.2.1), whole for HTTP/2.
    pub uri: Uri,
    pub headers: HeaderMap,
    /// Whether the body of the probe goes with it.
    pub with_body: bool,
}

/// What a request to a URL is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hop {
    /// The first, or a redirect that stayed at its origin: credentials go with it.
    Trusted,
    /// After a redirect to another origin: they do not.
    Foreign,
}

impl Http {
    /// The request of a run before any redirect.
    ///
    /// # Errors
    /// What of it cannot be sent. No secret is in it.
    pub fn request(&self) -> Result<Request, String> {
        Request::new(self, &self.url, self.method.clone(), self.body.is_some(), Hop::Trusted)
    }
}

impl Request {
    /// The request of `http` to `url`, with `method` and perhaps the body.
    ///
    /// # Errors
    /// What of it cannot be sent. No secret is in it.
    pub fn new(http: &Http, url: &Url, method: Method, with_body: bool, hop: Hop) -> Result<Self, String> {
        let address = address(url).ok_or("the url has no host")?;
        let authority = &url[Position::BeforeHost..Position::AfterPort];
        let path = &url[Position::BeforePath..Position::AfterQuery];
        let uri = match http.version {
            HttpVersion::Http1 => Uri::try_from(path),
            HttpVersion::Http2 => {
                let authority = own_host(http, hop).unwrap_or(authority);
                Uri::try_from(format!("{}://{authority}{path}", url.scheme()))
            }
        };
        let uri = uri.map_err(|error| format!("the url, or the header Host, cannot be sent: {error}"))?;
        // Three of ours, and those of the object. No Accept, which means anything (RFC 9110, section 12.5.1).
        let mut headers = HeaderMap::with_capacity(3 + http.headers.len());
        if http.version == HttpVersion::Http1 {
            let host = HeaderValue::from_str(authority).map_err(|_| "the host of the url cannot be sent")?;
            headers.insert(HOST, host);
            // The peer closes, so that no port of ours waits.
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("probity/", env!("CARGO_PKG_VERSION"))));
        if !with_body && matches!(method, Method::POST | Method::PUT | Method::PATCH) {
            // RFC 9110, section 8.6: such a method without content says so.
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        own_headers(http, hop, with_body, &mut headers);
        if http.version == HttpVersion::Http2 {
            // It is the uri's authority: see `own_host`.
            headers.remove(HOST);
        }
        if let (Hop::Trusted, Some(auth)) = (hop, &http.auth)
            && let Some(value) = authorization(auth)?
        {
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Self { address, secure: url.scheme() == "https", method, uri, headers, with_body })
    }
}

/// The object's own Host, which HTTP/2 says as `:authority` (RFC 9113, section 8.3.1).
fn own_host(http: &Http, hop: Hop) -> Option<&str> {
    let host = http.headers.iter().find(|header| header.name == HOST && hop == Hop::Trusted)?;
    host.value.to_str().ok()
}

/// The headers of the object. Several of one name are all sent, in place of ours.
fn own_headers(http: &Http, hop: Hop, with_body: bool, headers: &mut HeaderMap) {
    let stays = |header: &&Header| match hop {
        Hop::Trusted => true,
        Hop::Foreign => !header.value.is_sensitive() && !is_bound_to_origin(&header.name),
    };
    let left_its_body = http.body.is_some() && !with_body;
    let goes = |header: &&Header| stays(header) && !(left_its_body && describes_body(&header.name));
    // hyper writes the coding of the transfer, and the length where there is a body.
    let ours = |header: &&Header| header.name == TRANSFER_ENCODING || (with_body && header.name == CONTENT_LENGTH);
    for header in http.headers.iter().filter(goes) {
        headers.remove(&header.name);
    }
    for header in http.headers.iter().filter(goes).filter(|header| !ours(header)) {
        headers.append(header.name.clone(), header.value.clone());
    }
}

/// Whether a header is meant for one origin alone, wherever its value came from.
fn is_bound_to_origin(name: &HeaderName) -> bool {
    [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, HOST].contains(name)
}

/// Whether a header speaks of a body that a redirect left behind.
fn describes_body(name: &HeaderName) -> bool {
    [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_LENGTH].contains(name)
}

/// None where the token comes later.
fn authorization(auth: &Auth) -> Result<Option<HeaderValue>, String> {
    let text = match auth {
        // RFC 7617.
        Auth::Basic { username, password } => {
            format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{}", username.expose(), password.expose())))
        }
        // RFC 6750. A line break at the end of a Secret is a slip of the editor that wrote it.
        Auth::Bearer { token } => format!("Bearer {}", token.expose().trim_end_matches(['\r', '\n'])),
        Auth::OAuth2 { .. } => return Ok(None),
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| "the credentials hold what no header can carry")?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// Host and port of an http or https URL.
fn address(url: &Url) -> Option<Address> {
    let host: Arc<str> = match url.host()? {
        url::Host::Domain(name) => name.into(),
        url::Host::Ipv4(ip) => ip.to_string().into(),
        url::Host::Ipv6(ip) => ip.to_string().into(),
    };
    Some(Address { host, port: url.port_or_known_default()? })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::model::{HttpExpect, IpFamily, Secret, StatusSet, Tls};

    fn http(url: &str) -> Http {
        Http {
            url: url.parse().unwrap(),
            method: Method::GET,
            headers: vec![],
            body: None,
            follow_redirects: true,
            max_body_bytes: 1024,
            ip_family: IpFamily::Any,
            version: HttpVersion::Http1,
            auth: None,
            tls: Arc::new(Tls::default()),
            expect: HttpExpect {
                status: StatusSet::default(),
                body_matches: vec![],
                body_not_matches: vec![],
                headers: vec![],
                when: None,
            },
        }
    }

    fn header(name: &'static str, value: &'static str, sensitive: bool) -> Header {
        let mut value = HeaderValue::from_static(value);
        value.set_sensitive(sensitive);
        Header { name: HeaderName::from_static(name), value }
    }

    fn value<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
        request.headers.get(name).map(|value| value.to_str().unwrap())
    }

    #[test]
    fn the_host_header_is_what_the_url_says() {
        let cases = [
            ("http://a.example/", "a.example", "a.example", 80),
            ("http://a.example:80/", "a.example", "a.example", 80),
            ("http://a.example:8080/", "a.example:8080", "a.example", 8080),
            ("https://a.example/", "a.example", "a.example", 443),
            ("https://a.example:80/", "a.example:80", "a.example", 80),
            ("http://[::1]:81/", "[::1]:81", "::1", 81),
            ("http://[::ffff:a9fe:a9fe]/", "[::ffff:a9fe:a9fe]", "::ffff:169.254.169.254", 80),
            ("http://2852039166/", "169.254.169.254", "169.254.169.254", 80),
        ];
        for (url, host, name, port) in cases {
            let http = http(url);
            let request = http.request().unwrap();
            assert_eq!(value(&request, "host"), Some(host), "{url}");
            assert_eq!((&*request.address.host, request.address.port), (name, port), "{url}");
            assert_eq!(request.secure, url.starts_with("https"));
        }
    }

    #[test]
    fn the_form_of_the_uri_follows_the_version() {
        let mut probe = http("http://a.example:81/p/q?x=1&y=%20z#part");
        assert_eq!(probe.request().unwrap().uri, "/p/q?x=1&y=%20z");
        assert_eq!(value(&probe.request().unwrap(), "connection"), Some("close"));
        probe.version = HttpVersion::Http2;
        let request = probe.request().unwrap();
        assert_eq!(request.uri, "http://a.example:81/p/q?x=1&y=%20z");
        assert_eq!((value(&request, "host"), value(&request, "connection")), (None, None));
        probe.headers = vec![header("host", "virtual.example", false)];
        let request = probe.request().unwrap();
        assert_eq!(request.uri, "http://virtual.example/p/q?x=1&y=%20z");
        assert_eq!((value(&request, "host"), &*request.address.host), (None, "a.example"));
        let other = "http://b.example/".parse().unwrap();
        let foreign = Request::new(&probe, &other, Method::GET, false, Hop::Foreign).unwrap();
        assert_eq!(foreign.uri, "http://b.example/");
        probe.headers = vec![header("host", "no host", false)];
        assert!(probe.request().unwrap_err().starts_with("the url, or the header Host, cannot be sent"));
    }

    #[test]
    fn headers_of_the_object_replace_ours() {
        let mut probe = http("http://a.example/");
        probe.headers = vec![
            header("user-agent", "mine", false),
            header("host", "other.example", false),
            header("x-a", "1", false),
            header("x-a", "2", false),
        ];
        let request = probe.request().unwrap();
        assert_eq!(value(&request, "user-agent"), Some("mine"));
        assert_eq!(value(&request, "host"), Some("other.example"));
        assert_eq!(request.headers.get_all("x-a").iter().count(), 2);
        let plain = http("http://a.example/");
        assert_eq!(
            value(&plain.request().unwrap(), "user-agent"),
            Some(concat!("probity/", env!("CARGO_PKG_VERSION")))
        );
    }

    #[test]
    fn credentials_stay_at_their_origin_and_out_of_sight() {
        let mut probe = http("http://a.example/");
        probe.auth =
            Some(Box::new(Auth::Basic { username: Secret::new("u".into()), password: Secret::new("pä".into()) }));
        probe.headers =
            vec![header("x-key", "s3cret", true), header("cookie", "c=1", false), header("x-b", "b", false)];
        let request = probe.request().unwrap();
        assert_eq!(value(&request, "authorization"), Some("Basic dTpww6Q="));
        assert!(!format!("{request:?}").contains("dTpww6Q=") && !format!("{request:?}").contains("s3cret"));
        let other = "http://b.example/".parse().unwrap();
        let foreign = Request::new(&probe, &other, Method::GET, false, Hop::Foreign).unwrap();
        for name in ["authorization", "x-key", "cookie"] {
            assert_eq!(value(&foreign, name), None, "{name}");
        }
        assert_eq!((value(&foreign, "x-b"), value(&foreign, "host")), (Some("b"), Some("b.example")));

        probe.auth = Some(Box::new(Auth::Bearer { token: Secret::new("tok\n".into()) }));
        assert_eq!(value(&probe.request().unwrap(), "authorization"), Some("Bearer tok"));
        probe.auth = Some(Box::new(Auth::Bearer { token: Secret::new("to\nken".into()) }));
        assert_eq!(probe.request().unwrap_err(), "the credentials hold what no header can carry");
    }

    #[test]
    fn what_speaks_of_the_body_goes_with_it() {
        let mut probe = http("http://a.example/");
        probe.method = Method::POST;
        assert_eq!(value(&probe.request().unwrap(), "content-length"), Some("0"));
        probe.body = Some(Bytes::from_static(b"{}"));
        probe.headers = vec![header("content-type", "application/json", false), header("content-length", "9", false)];
        let request = probe.request().unwrap();
        assert_eq!(value(&request, "content-type"), Some("application/json"));
        // hyper counts it.
        assert_eq!(value(&request, "content-length"), None);
        let url = probe.url.clone();
        let redirected = Request::new(&probe, &url, Method::GET, false, Hop::Trusted).unwrap();
        assert_eq!((value(&redirected, "content-type"), value(&redirected, "content-length")), (None, None));
    }
}
