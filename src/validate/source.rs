//! Who is asked for PromQL.

use std::{sync::Arc, time::Duration};

use super::{auth, checker::Checker, field::FieldPath, http, tls};
use crate::{api::SourceSpec, model::Source};

/// What one answer may take.
const TIMEOUT_MAX: Duration = Duration::from_secs(120);

pub fn source(checker: &mut Checker<'_>, path: &FieldPath, spec: &SourceSpec) -> Option<Source> {
    let url = checker.url(&path.field("url"), &spec.url, "auth");
    let at = path.field("timeout");
    let timeout = checker.duration(&at, &spec.timeout);
    if timeout.is_some_and(|timeout| timeout.is_zero() || timeout > TIMEOUT_MAX) {
        checker.refuse(&at, "must be over 0 and at most 2m");
    }
    let named = |name: &str| spec.headers.iter().flatten().any(|header| header.name.eq_ignore_ascii_case(name));
    if spec.auth.is_some() && named("authorization") {
        checker.refuse(&path.field("auth"), "at most one of auth and a header Authorization may be set");
    }
    let headers = http::headers(checker, &path.field("headers"), spec.headers.as_deref().unwrap_or_default());
    let auth = spec.auth.as_ref().map(|spec| auth::auth(checker, &path.field("auth"), spec));
    let tls = tls::settings(checker, &path.field("tls"), spec.tls.as_ref());
    Some(Source {
        url: url?,
        auth: auth.map_or(Some(None), |auth| auth.map(|auth| Some(Box::new(auth))))?,
        tls: tls?.shared(),
        headers: headers?,
        timeout: timeout?,
    })
}

/// The same, where there may be none.
pub fn optional(checker: &mut Checker<'_>, path: &FieldPath, spec: Option<&SourceSpec>) -> Option<Option<Arc<Source>>> {
    match spec {
        None => (!checker.is_set(path)).then_some(None),
        Some(spec) => source(checker, path, spec).map(|source| Some(Arc::new(source))),
    }
}
