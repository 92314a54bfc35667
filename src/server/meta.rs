//! What tells of the API itself: the page at `/`, and the OpenAPI document.

use std::sync::LazyLock;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use sha2::{Digest, Sha256};
use warp::{Filter, filters::BoxedFilter, reply::Response};

use super::{answer, openapi, routes::ROUTES};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;\
color:#1b1f24;background:#fff}h1{font-size:1.4rem}li{margin:.35rem 0}code{font-size:.95em}\
@media(prefers-color-scheme:dark){body{color:#e6e8eb;background:#14171a}a{color:#8ab4f8}}";

/// Nothing but the page's own style: no scripts, no frames, no forms, nothing from elsewhere.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let digest = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
});

static PAGE: LazyLock<Bytes> = LazyLock::new(|| page().into());
static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| openapi::document().to_string().into());

pub(super) fn filter() -> BoxedFilter<(Response,)> {
    let index = warp::path::end().map(|| {
        let mut response = answer::with_type(PAGE.clone(), "text/html; charset=utf-8");
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, POLICY.clone());
        response
    });
    let openapi =
        warp::path!("api" / "v1" / "openapi.json").map(|| answer::with_type(DOCUMENT.clone(), "application/json"));
    warp::get().and(index.or(openapi).unify()).boxed()
}

fn page() -> String {
    let mut items = String::new();
    for route in ROUTES {
        let path = route.template;
        // A template with parameters leads nowhere as it stands.
        let shown = if !route.is_read() {
            format!("<code>{} {path}</code>", route.verb.as_str().to_uppercase())
        } else if path.contains('{') {
            format!("<code>{path}</code>")
        } else {
            format!("<a href=\"{path}\"><code>{path}</code></a>")
        };
        let query: String = route
            .query
            .iter()
            .map(|(name, what, example)| format!("<br><small><code>?{name}={example}</code> {what}</small>"))
            .collect();
        items.push_str(&format!("<li>{shown}: {}{query}</li>\n", route.summary));
    }
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Probity</title>\n\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head>\n\
         <body><h1>Probity {version}</h1>\n<p>What is served here:</p>\n<ul>\n{items}</ul></body></html>\n"
    )
}
