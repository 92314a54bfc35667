//! Credentials of an `http` probe.

use super::{checker::Checker, field::FieldPath};
use crate::{
    api::{AuthSpec, BasicAuthSpec, BearerAuthSpec, OAuth2Spec},
    model::{Auth, Secret},
};

pub fn auth(checker: &mut Checker<'_>, path: &FieldPath, spec: &AuthSpec) -> Option<Auth> {
    checker.exactly_one(path, &["basic", "bearer", "oauth2"]);
    // All that is there is judged, so that every mistake is told at once.
    let basic = spec.basic.as_ref().map(|spec| basic(checker, &path.field("basic"), spec));
    let bearer = spec.bearer.as_ref().map(|spec| bearer(checker, &path.field("bearer"), spec));
    let oauth2 = spec.oauth2.as_ref().map(|spec| oauth2(checker, &path.field("oauth2"), spec));
    basic.or(bearer).or(oauth2)?
}

fn basic(checker: &mut Checker<'_>, path: &FieldPath, spec: &BasicAuthSpec) -> Option<Auth> {
    let username = checker.text(&path.field("username"), &spec.username);
    let password = checker.credential(&path.field("password"), &spec.password);
    let username = username?.value;
    if username.expose().contains(':') {
        // RFC 7617, section 2: the first colon ends the name.
        checker.refuse(&path.field("username"), "must not hold a colon");
        return None;
    }
    Some(Auth::Basic { username, password: password? })
}

fn bearer(checker: &mut Checker<'_>, path: &FieldPath, spec: &BearerAuthSpec) -> Option<Auth> {
    let at = path.field("token");
    let token = checker.credential(&at, &spec.token)?;
    if !is_token(&token) {
        let message = "holds characters that a bearer token cannot hold";
        checker.refuse_with(&at, message, "one line, without the word Bearer; make the Secret with printf, not echo");
        return None;
    }
    Some(Auth::Bearer { token })
}

/// Looser than RFC 6750, section 2.1, as issuers are, but nothing that would end or split the header.
fn is_token(token: &Secret<String>) -> bool {
    !token.expose().is_empty() && token.expose().bytes().all(|byte| byte.is_ascii_graphic())
}

fn oauth2(checker: &mut Checker<'_>, path: &FieldPath, spec: &OAuth2Spec) -> Option<Auth> {
    let token_url = checker.url(&path.field("tokenURL"), &spec.token_url, "clientID and clientSecret");
    let client_id = checker.text(&path.field("clientID"), &spec.client_id);
    let client_secret = checker.credential(&path.field("clientSecret"), &spec.client_secret);
    Some(Auth::OAuth2 {
        token_url: token_url?,
        client_id: client_id?.value,
        client_secret: client_secret?,
        scopes: spec.scopes.clone().unwrap_or_default(),
    })
}
