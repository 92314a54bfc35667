//! The `http` probe.

use bytes::Bytes;
use hyper::{
    Method,
    header::{HeaderName, HeaderValue},
};
use url::Url;

use super::{auth, checker::Checker, field::Fault, field::FieldError, field::FieldPath, tls};
use crate::{
    api::{HeaderSpec, HttpExpectSpec, HttpMethod, HttpScheme, HttpSpec, HttpVersionSpec, ServiceSpec},
    model::{Header, HeaderExpect, Http, HttpExpect, HttpVersion, StatusSet},
};

pub fn probe(checker: &mut Checker<'_>, path: &FieldPath, spec: &HttpSpec) -> Option<(Http, String)> {
    combinations(checker, path, spec);
    let target = target(checker, path, spec);
    let headers = headers(checker, &path.field("headers"), spec.headers.as_deref().unwrap_or_default());
    let auth = match &spec.auth {
        Some(spec) => auth::auth(checker, &path.field("auth"), spec).map(Some),
        None => Some(None),
    };
    let tls = tls::settings(checker, &path.field("tls"), spec.tls.as_ref());
    let expect = expect(checker, &path.field("expect"), spec.expect.as_ref());
    let (url, instance) = target?;
    let probe = Http {
        url,
        method: method(spec.method),
        headers: headers?,
        body: spec.body.clone().map(Bytes::from),
        follow_redirects: spec.follow_redirects,
        // The schema keeps it between 1 and 16 MiB.
        max_body_bytes: spec.max_body_bytes.unsigned_abs(),
        ip_family: tls::family(spec.ip_family),
        version: match spec.http_version {
            HttpVersionSpec::Http1 => HttpVersion::Http1,
            HttpVersionSpec::Http2 => HttpVersion::Http2,
        },
        auth: auth?.map(Box::new),
        tls: tls?.shared(),
        expect: expect?,
    };
    if let Err(problem) = probe.request() {
        checker.refuse(path, format!("cannot be sent: {problem}"));
        return None;
    }
    Some((probe, instance))
}

/// Fields that do not go together.
fn combinations(checker: &mut Checker<'_>, path: &FieldPath, spec: &HttpSpec) {
    checker.exactly_one(path, &["url", "service"]);
    if spec.path.is_some() && checker.is_set(&path.field("url")) {
        checker.refuse(&path.field("path"), "path goes with service; a url has its own");
    }
    let matches_body =
        spec.expect.as_ref().and_then(|expect| expect.body_matches.as_ref()).is_some_and(|all| !all.is_empty());
    if spec.method == HttpMethod::Head && matches_body {
        checker.refuse(&path.field("expect").field("bodyMatches"), "the answer to HEAD has no body to match");
    }
    let is_plain = spec.url.as_ref().is_some_and(|url| url.to_ascii_lowercase().starts_with("http:"));
    if is_plain && !spec.follow_redirects && spec.tls.is_some() {
        let message = "tls has no effect: the url is plain http and redirects are not followed";
        checker.refuse(&path.field("tls"), message);
    }
    let authorizes = |header: &HeaderSpec| header.name.eq_ignore_ascii_case("authorization");
    if checker.is_set(&path.field("auth")) && spec.headers.iter().flatten().any(authorizes) {
        checker.refuse(&path.field("auth"), "at most one of auth and a header Authorization may be set");
    }
}

/// The URL to ask, and how a person would write it.
fn target(checker: &mut Checker<'_>, path: &FieldPath, spec: &HttpSpec) -> Option<(Url, String)> {
    match (&spec.url, &spec.service) {
        (Some(text), _) => Some((checker.url(&path.field("url"), text, "auth")?, text.clone())),
        (None, Some(service)) => {
            let url = service_url(checker, path, service, spec.path.as_deref().unwrap_or("/"))?;
            let text = url.to_string();
            Some((url, text))
        }
        (None, None) => None,
    }
}

fn service_url(checker: &mut Checker<'_>, path: &FieldPath, service: &ServiceSpec, suffix: &str) -> Option<Url> {
    if !checker.references.in_cluster() {
        let message = "needs a cluster, which knows where the Service is";
        let mistake = FieldError::new(path.field("service"), Fault::NotSupported, message);
        checker.mistakes.push(mistake.hint("stand-alone, give a url"));
        return None;
    }
    let scheme = match service.scheme {
        HttpScheme::Http => "http",
        HttpScheme::Https => "https",
    };
    let text = format!("{scheme}://{}.{}.svc:{}{suffix}", service.name, checker.namespace, service.port);
    checker.url(&path.field("path"), &text, "auth")
}

fn method(spec: HttpMethod) -> Method {
    match spec {
        HttpMethod::Get => Method::GET,
        HttpMethod::Head => Method::HEAD,
        HttpMethod::Post => Method::POST,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Patch => Method::PATCH,
        HttpMethod::Delete => Method::DELETE,
        HttpMethod::Options => Method::OPTIONS,
    }
}

/// These belong to the connection, which is Probity's: RFC 9110, sections 7.6.1, 8.6 and 10.1.
const OF_THE_CONNECTION: [&str; 9] = [
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// These are credentials even when they are written in place, and do not follow a redirect either.
const OF_CREDENTIALS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

fn headers(checker: &mut Checker<'_>, path: &FieldPath, specs: &[HeaderSpec]) -> Option<Vec<Header>> {
    let repeats =
        |at: usize, spec: &HeaderSpec| specs[..at].iter().any(|other| other.name.eq_ignore_ascii_case(&spec.name));
    if let Some((_, spec)) = specs.iter().enumerate().find(|(at, spec)| repeats(*at, spec)) {
        checker.refuse_with(path, "a header may be set only once", format!("{} is there twice", spec.name));
    }
    let headers: Vec<_> = specs.iter().enumerate().map(|(at, spec)| header(checker, &path.index(at), spec)).collect();
    headers.into_iter().collect()
}

fn header(checker: &mut Checker<'_>, path: &FieldPath, spec: &HeaderSpec) -> Option<Header> {
    let name = header_name(checker, &path.field("name"), &spec.name);
    if OF_THE_CONNECTION.iter().any(|own| spec.name.eq_ignore_ascii_case(own)) {
        checker.refuse(&path.field("name"), "belongs to the connection and cannot be set");
    }
    checker.exactly_one(path, &["value", "valueFrom"]);
    let (at, text, is_secret) = match (&spec.value, &spec.value_from) {
        (Some(value), None) => (path.field("value"), value.clone(), false),
        (None, Some(from)) => {
            let at = path.field("valueFrom");
            let text = checker.value_from(&at, from)?;
            (at, text.value.expose().clone(), text.is_secret)
        }
        _ => return None,
    };
    let name = name?;
    let Ok(mut value) = HeaderValue::from_bytes(text.as_bytes()) else {
        let ends = text.ends_with(['\n', '\r']);
        let message = if ends {
            "ends with a line break, which a header cannot hold"
        } else {
            "holds characters that a header cannot hold"
        };
        let hint =
            if ends { "make the Secret without one: printf, not echo" } else { "one line without control characters" };
        checker.refuse_with(&at, message, hint);
        return None;
    };
    value.set_sensitive(is_secret || OF_CREDENTIALS.contains(&name.as_str()));
    Some(Header { name, value })
}

fn header_name(checker: &mut Checker<'_>, path: &FieldPath, name: &str) -> Option<HeaderName> {
    let parsed = HeaderName::from_bytes(name.as_bytes()).ok();
    if parsed.is_none() {
        checker.refuse(path, "is not a header's name");
    }
    parsed
}

fn expect(checker: &mut Checker<'_>, path: &FieldPath, spec: Option<&HttpExpectSpec>) -> Option<HttpExpect> {
    let Some(spec) = spec else {
        let none = HttpExpect {
            status: StatusSet::default(),
            body_matches: vec![],
            body_not_matches: vec![],
            headers: vec![],
            when: None,
        };
        return (!checker.is_set(path)).then_some(none);
    };
    let unanchored = |checker: &mut Checker<'_>, at: &FieldPath, source: &str| checker.unanchored(at, source);
    let status = statuses(checker, &path.field("status"), &spec.status);
    let body_matches = checker.patterns(&path.field("bodyMatches"), spec.body_matches.as_ref(), unanchored);
    let body_not_matches = checker.patterns(&path.field("bodyNotMatches"), spec.body_not_matches.as_ref(), unanchored);
    let mut headers = Vec::with_capacity(spec.headers.as_ref().map_or(0, Vec::len));
    for (at, header) in spec.headers.iter().flatten().enumerate() {
        let at = path.field("headers").index(at);
        let name = header_name(checker, &at.field("name"), &header.name);
        let matches = checker.anchored(&at.field("matches"), &header.matches);
        headers.push(name.zip(matches).map(|(name, matches)| HeaderExpect { name, matches }));
    }
    let when = spec.when.as_ref().map(|source| checker.expression(&path.field("when"), source));
    Some(HttpExpect {
        status: status?,
        body_matches: body_matches?,
        body_not_matches: body_not_matches?,
        headers: headers.into_iter().collect::<Option<_>>()?,
        when: match when {
            None => None,
            Some(when) => Some(when?),
        },
    })
}

fn statuses(checker: &mut Checker<'_>, path: &FieldPath, specs: &[String]) -> Option<StatusSet> {
    let ranges: Option<Vec<_>> = specs.iter().map(|spec| range(spec)).collect();
    match ranges {
        Some(ranges) if ranges.iter().all(|(low, high)| low <= high) => Some(StatusSet(ranges)),
        _ => {
            checker.refuse_with(path, "the first code of a range must not be over the last", "such as \"200-299\"");
            None
        }
    }
}

fn range(spec: &str) -> Option<(u16, u16)> {
    let (low, high) = spec.split_once('-').unwrap_or((spec, spec));
    Some((low.parse().ok()?, high.parse().ok()?))
}
