//! OAuth2 tokens by client credentials (RFC 6749, section 4.4), kept until shortly before they expire.
//!
//! Whoever has the same grant shares one token and one request for it. No secret reaches a message. Called by what
//! speaks HTTP with an `auth` of its own: probes and queries.

use std::{collections::HashMap, sync::Arc, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hyper::{
    Method, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use parking_lot::Mutex;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use url::{Url, form_urlencoded};

use super::{
    Failure, Net,
    client::{Client, Limits, from_request, peer_of, read_bounded},
};
use crate::{clock::Clock, health::Reason, model::Secret};

/// More grants than one cluster's checks have. With all in use, further ones fetch a token per run.
const GRANTS_MAX: usize = 1024;
/// Clients that trust a `tls.ca` beside the machine's roots, each with a copy of these (some 100 KB): together a
/// few MB. Fleets have one authority of their own, or a handful.
const CLIENTS_MAX: usize = 64;
/// An answer is a token of a few KB and little else.
const ANSWER_MAX: usize = 64 << 10;
/// The run's own timeout is what usually ends a request: this only bounds one whose run went away.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long a token serves whose server does not say (RFC 6749 only recommends it).
const UNSAID: Duration = Duration::from_secs(300);
/// A token is not used in the last tenth of its life, nor in the last half minute of a longer one, so that it
/// does not expire on its way.
const MARGIN: Duration = Duration::from_secs(30);

type Key = [u8; 32];

/// What a token is asked for with.
#[derive(Clone, Copy)]
pub struct Grant<'a> {
    pub token_url: &'a Url,
    pub client_id: &'a Secret,
    pub client_secret: &'a Secret,
    pub scopes: &'a [String],
    /// PEM of the authorities that the token's server may have beside those of this machine.
    pub ca: Option<&'a str>,
    /// Whether the HTTP proxy variables are honoured: not for probes.
    pub proxy: bool,
}

/// A token as it is sent.
#[derive(Debug, Clone)]
pub struct Token {
    /// "Bearer …", marked sensitive.
    pub header: HeaderValue,
    /// It was not fetched for this run: a 401 may mean that it was withdrawn.
    pub was_kept: bool,
    key: Key,
}

/// The tokens of all grants.
#[derive(Default)]
pub struct Tokens {
    /// By what they trust, and whether they go through proxies.
    clients: Mutex<HashMap<(Option<Key>, bool), Client>>,
    slots: Mutex<HashMap<Key, Arc<Slot>>>,
}

/// One grant's token. Who holds the lock fetches; the others wait for what comes of it.
#[derive(Default)]
struct Slot(tokio::sync::Mutex<State>);

#[derive(Default)]
struct State {
    token: Option<Kept>,
    /// What the last request came to, and when it ended.
    failed: Option<(Duration, Failure)>,
}

struct Kept {
    header: HeaderValue,
    /// On the monotonic clock.
    until: Duration,
}

impl Tokens {
    /// The token for `grant`: a kept one, or a new one.
    ///
    /// # Errors
    /// AuthenticationFailed; Blocked or LocalResources when the trouble is ours.
    pub async fn get(&self, net: &Arc<Net>, clock: &Clock, grant: &Grant<'_>) -> Result<Token, Failure> {
        let key = grant.key();
        let slot = self.slot(key);
        let asked = clock.mono();
        let mut state = slot.0.lock().await;
        if let Some(kept) = state.token.as_ref().filter(|kept| clock.mono() < kept.until) {
            return Ok(Token { header: kept.header.clone(), was_kept: true, key });
        }
        // It was tried while we waited: what came of that holds for us too.
        if let Some((_, failure)) = state.failed.as_ref().filter(|(at, _)| *at >= asked) {
            return Err(failure.clone());
        }
        let client = self.client(net, grant.ca, grant.proxy)?;
        match fetch(&client, grant).await {
            Ok((header, lifetime)) => {
                let until = clock.mono() + usable(lifetime);
                *state = State { token: Some(Kept { header: header.clone(), until }), failed: None };
                Ok(Token { header, was_kept: false, key })
            }
            Err(failure) => {
                *state = State { token: None, failed: Some((clock.mono(), failure.clone())) };
                Err(failure)
            }
        }
    }

    /// Drops a token that was refused, unless it was replaced already.
    pub fn forget(&self, token: Token) {
        let slot = self.slots.lock().get(&token.key).cloned();
        if let Some(slot) = slot
            && let Ok(mut state) = slot.0.try_lock()
            && state.token.as_ref().is_some_and(|kept| kept.header == token.header)
        {
            // Where the lock is held, somebody is fetching a new one.
            state.token = None;
        }
    }

    fn slot(&self, key: Key) -> Arc<Slot> {
        let mut slots = self.slots.lock();
        if slots.len() >= GRANTS_MAX && !slots.contains_key(&key) {
            // Those of deleted checks go with those that are merely idle: these fetch anew.
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        if slots.len() >= GRANTS_MAX && !slots.contains_key(&key) {
            return Arc::default();
        }
        Arc::clone(slots.entry(key).or_default())
    }

    fn client(&self, net: &Arc<Net>, ca: Option<&str>, proxy: bool) -> Result<Client, Failure> {
        let key = (ca.map(|ca| Sha256::digest(ca).into()), proxy);
        if let Some(client) = self.clients.lock().get(&key) {
            return Ok(client.clone());
        }
        let limits = Limits { timeout: TIMEOUT, redirects: 0, proxy };
        let made = Client::trusting(net, &limits, ca).map_err(|what| Failure::new(Reason::LocalResources, what))?;
        let mut clients = self.clients.lock();
        if clients.len() >= CLIENTS_MAX {
            // Those that are in use are made again when their tokens expire.
            clients.clear();
        }
        Ok(clients.entry(key).or_insert(made).clone())
    }
}

impl Grant<'_> {
    /// Tells grants apart without keeping their secrets.
    fn key(&self) -> Key {
        let mut hash = Sha256::new();
        let ca = self.ca.unwrap_or_default();
        let texts = [self.token_url.as_str(), self.client_id.expose(), self.client_secret.expose(), ca];
        for text in texts.into_iter().chain(self.scopes.iter().map(String::as_str)) {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        }
        hash.update([u8::from(self.proxy)]);
        hash.finalize().into()
    }

    /// RFC 6749, section 2.3.1: both are form-encoded before they are joined.
    fn basic(&self) -> Result<HeaderValue, Failure> {
        let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", encode(self.client_id.expose()), encode(self.client_secret.expose()));
        let mut value = HeaderValue::from_str(&format!("Basic {}", BASE64_STANDARD.encode(pair)))
            .map_err(|_| refused(self.token_url, "the credentials cannot be sent"))?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn form(&self, with_credentials: bool) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        if !self.scopes.is_empty() {
            form.append_pair("scope", &self.scopes.join(" "));
        }
        if with_credentials {
            form.append_pair("client_id", self.client_id.expose());
            form.append_pair("client_secret", self.client_secret.expose());
        }
        form.finish()
    }
}

/// How long a token is used.
fn usable(lifetime: Duration) -> Duration {
    lifetime.saturating_sub(MARGIN.min(lifetime / 10))
}

/// Asks for a token, with its lifetime.
///
/// The credentials go in a header first, which every server must take (RFC 6749, section 2.3.1); some only know
/// them in the form, so that is tried when the first is refused.
async fn fetch(client: &Client, grant: &Grant<'_>) -> Result<(HeaderValue, Duration), Failure> {
    let (status, body) = ask(client, grant, false).await?;
    let (status, body) = match status {
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED => ask(client, grant, true).await?,
        _ => (status, body),
    };
    read_answer(grant.token_url, status, &body)
}

async fn ask(client: &Client, grant: &Grant<'_>, in_form: bool) -> Result<(StatusCode, bytes::Bytes), Failure> {
    let url = grant.token_url;
    let mut request = client
        .request(Method::POST, url.clone())?
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(grant.form(in_form));
    if !in_form {
        request = request.header(AUTHORIZATION, grant.basic()?);
    }
    let response = request.send().await.map_err(|error| unreached(url, from_request(&error, &peer_of(url))))?;
    let status = response.status();
    let body = read_bounded(response, ANSWER_MAX).await.map_err(|failure| unreached(url, failure))?;
    Ok((status, body))
}

/// Not reaching the token's server is a failure to authenticate, but for what is our own trouble.
fn unreached(url: &Url, failure: Failure) -> Failure {
    if failure.reason.is_ours() { failure } else { refused(url, failure.message) }
}

fn refused(url: &Url, what: impl std::fmt::Display) -> Failure {
    Failure::new(Reason::AuthenticationFailed, format!("no token from {}: {what}", peer_of(url)))
}

/// RFC 6749, sections 5.1 and 5.2.
#[derive(Deserialize)]
struct Answer {
    access_token: Option<String>,
    token_type: Option<String>,
    /// Some servers write it as text.
    expires_in: Option<serde_json::Value>,
    error: Option<String>,
}

fn read_answer(url: &Url, status: StatusCode, body: &[u8]) -> Result<(HeaderValue, Duration), Failure> {
    let answer: Option<Answer> = serde_json::from_slice(body).ok();
    if !status.is_success() {
        let code = answer.and_then(|answer| answer.error).filter(|code| is_code(code));
        let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
        return Err(refused(url, format!("it answered {status}{code}")));
    }
    let answer = answer.ok_or_else(|| refused(url, "its answer is no JSON object"))?;
    let token = answer.access_token.ok_or_else(|| refused(url, "its answer has no access_token"))?;
    if answer.token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err(refused(url, "its token is no bearer token"));
    }
    let mut header = HeaderValue::from_str(&format!("Bearer {token}"))
        .map_err(|_| refused(url, "its token holds what no header can carry"))?;
    header.set_sensitive(true);
    let seconds = match answer.expires_in {
        Some(serde_json::Value::Number(seconds)) => seconds.as_f64(),
        Some(serde_json::Value::String(seconds)) => seconds.parse().ok(),
        _ => None,
    };
    let lifetime = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or(UNSAID);
    // A year is as good as for ever, and adds to no clock that overflows.
    Ok((header, lifetime.min(Duration::from_secs(365 * 86_400))))
}

/// An error code as RFC 6749 has them; anything else might repeat what was sent.
fn is_code(text: &str) -> bool {
    text.len() <= 40 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> Result<(String, Duration), String> {
        let url = "https://id.example:8443/token?x=secret".parse().unwrap();
        read_answer(&url, StatusCode::from_u16(status).unwrap(), body.as_bytes())
            .map(|(header, lifetime)| (header.to_str().unwrap().to_owned(), lifetime))
            .map_err(|failure| failure.message)
    }

    #[test]
    fn answers_of_token_servers() {
        let token = |seconds| Ok(("Bearer t0k".to_owned(), Duration::from_secs(seconds)));
        assert_eq!(read(200, r#"{"access_token":"t0k","token_type":"Bearer","expires_in":3600}"#), token(3600));
        assert_eq!(read(200, r#"{"access_token":"t0k","token_type":"bearer","expires_in":"60"}"#), token(60));
        assert_eq!(read(200, r#"{"access_token":"t0k"}"#), token(300));
        assert_eq!(read(200, r#"{"access_token":"t0k","expires_in":-1}"#), token(300));
        assert_eq!(read(200, r#"{"access_token":"t0k","expires_in":1e300}"#), token(300));
        let no = |what: &str| Err(format!("no token from id.example:8443: {what}"));
        assert_eq!(read(401, r#"{"error":"invalid_client"}"#), no("it answered 401 Unauthorized (invalid_client)"));
        assert_eq!(read(400, r#"{"error":"client s3cret is bad"}"#), no("it answered 400 Bad Request"));
        assert_eq!(read(500, "<html>"), no("it answered 500 Internal Server Error"));
        assert_eq!(read(302, ""), no("it answered 302 Found"));
        assert_eq!(read(200, "<html>"), no("its answer is no JSON object"));
        assert_eq!(read(200, "{}"), no("its answer has no access_token"));
        assert_eq!(read(200, r#"{"access_token":"t","token_type":"mac"}"#), no("its token is no bearer token"));
        assert_eq!(read(200, r#"{"access_token":"t\nx"}"#), no("its token holds what no header can carry"));
    }

    #[test]
    fn a_token_is_left_alone_before_it_expires() {
        assert_eq!(usable(Duration::from_secs(3600)), Duration::from_secs(3570));
        assert_eq!(usable(Duration::from_secs(100)), Duration::from_secs(90));
        assert_eq!(usable(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn grants_are_told_apart_by_all_they_hold() {
        let (one, two) = (Secret::new("a".to_owned()), Secret::new("ab".to_owned()));
        let url: Url = "https://id.example/".parse().unwrap();
        let grant = |client_id, client_secret, scopes| Grant {
            token_url: &url,
            client_id,
            client_secret,
            scopes,
            ca: None,
            proxy: false,
        };
        let scopes = vec!["b".to_owned()];
        let other = Grant { ca: Some("b"), ..grant(&one, &one, &[]) };
        let through = Grant { proxy: true, ..grant(&one, &one, &[]) };
        let grants =
            [grant(&one, &two, &[]), grant(&two, &one, &[]), grant(&one, &one, &scopes), grant(&one, &one, &[])];
        let keys: Vec<Key> = grants.iter().chain([&other, &through]).map(Grant::key).collect();
        for (index, key) in keys.iter().enumerate() {
            assert!(!keys[index + 1..].contains(key));
        }
        assert_eq!(grant(&one, &two, &scopes).form(false), "grant_type=client_credentials&scope=b");
        // RFC 6749 has the secret form-encoded first, so that a colon in it does not split the pair.
        let odd = Secret::new("a:b c".to_owned());
        let basic = grant(&odd, &one, &[]).basic().unwrap();
        assert_eq!(basic.to_str().unwrap(), format!("Basic {}", BASE64_STANDARD.encode("a%3Ab+c:a")));
    }
}
