//! The `http` probe.

use bytes::Bytes;
use hyper::{
    Method,
    header::{HeaderName, HeaderValue},
};
use url::Url;

use super::{auth, checker::Checker, discover, field::FieldPath, tls};
use crate::{
    api::{HeaderSpec, HttpExpectSpec, HttpMethod, HttpScheme, HttpSpec, HttpVersionSpec},
    model::{Header, HeaderExpect, Http, HttpExpect, HttpVersion, Port, Probe, Seek, StatusSet},
};

/// The probe, how a person would write its target, and what it looks for. `discovers` is whether the object has
/// `discover`, which gives the host.
pub fn probe(
    checker: &mut Checker<'_>,
    path: &FieldPath,
    spec: &HttpSpec,
    discovers: bool,
) -> Option<(Probe, String, Option<Seek>)> {
    combinations(checker, path, spec, discovers);
    let target = target(checker, path, spec, discovers);
    let headers = headers(checker, &path.field("headers"), spec.headers.as_deref().unwrap_or_default());
    let auth = match &spec.auth {
        Some(spec) => auth::auth(checker, &path.field("auth"), spec).map(Some),
        None => Some(None),
    };
    let tls = tls::settings(checker, &path.field("tls"), spec.tls.as_ref());
    let expect = expect(checker, &path.field("expect"), spec.expect.as_ref());
    let Target { url, instance, seek } = target?;
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
    Some((Probe::Http(Box::new(probe)), instance, seek))
}

/// Fields that do not go together.
fn combinations(checker: &mut Checker<'_>, path: &FieldPath, spec: &HttpSpec, discovers: bool) {
    if !discovers {
        checker.exactly_one(path, &["url", "service"]);
        if spec.scheme.is_some() {
            checker.refuse(path, "scheme goes with discover; a url and a service have their own");
        }
    }
    if spec.path.is_some() && checker.is_set(&path.field("url")) {
        checker.refuse(&path.field("path"), "path goes with service or discover; a url has its own");
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

/// What to ask.
struct Target {
    /// With a host and a port that stand for those that the cluster tells, where it is asked for them.
    url: Url,
    instance: String,
    seek: Option<Seek>,
}

/// Stands where the host is known only when targets are found (RFC 2606).
const NO_HOST: &str = "discover.invalid";
/// Stands where the port is known only by its name.
const NO_PORT: u16 = 1;

fn target(checker: &mut Checker<'_>, path: &FieldPath, spec: &HttpSpec, discovers: bool) -> Option<Target> {
    let suffix = spec.path.as_deref().unwrap_or("/");
    match (&spec.url, &spec.service) {
        _ if discovers => {
            let scheme = scheme(spec.scheme.unwrap_or_default());
            let url = checker.url(&path.field("path"), &format!("{scheme}://{NO_HOST}:{NO_PORT}{suffix}"), "auth")?;
            Some(Target { url, instance: String::new(), seek: None })
        }
        (Some(text), _) => {
            let url = checker.url(&path.field("url"), text, "auth")?;
            Some(Target { url, instance: text.clone(), seek: None })
        }
        (None, Some(service)) => {
            let at = path.field("service");
            let message = "needs a cluster, which knows where the Service is";
            let supported = discover::needs_cluster(checker, &at, message, "give a url");
            let port = discover::port(&service.port)?;
            let host = format!("{}://{}.{}.svc", scheme(service.scheme), service.name, checker.namespace);
            let number = if let Port::Number(number) = port { number } else { NO_PORT };
            let url = checker.url(&path.field("path"), &format!("{host}:{number}{suffix}"), "auth")?;
            let instance = match &port {
                // As the parser writes it: the usual port of a scheme is left out.
                Port::Number(_) => url.to_string(),
                Port::Name(name) => format!("{host}:{name}{suffix}"),
            };
            let seek = Some(Seek::Service { name: service.name.as_str().into(), port });
            supported.then_some(Target { url, instance, seek })
        }
        (None, None) => None,
    }
}

fn scheme(spec: HttpScheme) -> &'static str {
    match spec {
        HttpScheme::Http => "http",
        HttpScheme::Https => "https",
    }
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

pub fn headers(checker: &mut Checker<'_>, path: &FieldPath, specs: &[HeaderSpec]) -> Option<Vec<Header>> {
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
