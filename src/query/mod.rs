//! Asks servers that speak Prometheus' HTTP API: Prometheus, Thanos, Mimir, VictoriaMetrics and others.
//!
//! Owns requests, their deadlines and what their answers may weigh; what an answer says is `promql`'s to read. Called
//! for rules and templates. Knows nothing of either: a source that hangs takes its own callers' time and nobody else's.
//!
//! Every address passes the egress policy, but for names that an HTTP proxy looks up. Proxy variables are honoured,
//! redirects are not followed: they would take credentials along, and a POST comes out as a GET.

mod budget;
mod clients;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use hyper::{
    Method, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT},
};
use reqwest::{RequestBuilder, Response};
use url::form_urlencoded::Serializer;

use self::{
    budget::{Budget, Share},
    clients::Clients,
};
use crate::{
    clock::{Clock, WallMs},
    health::Reason,
    model::{Auth, Source},
    net::{
        Failure, Net,
        client::{from_request, peer_of},
        oauth2::{Grant, Token, Tokens},
    },
    promql::{Answer, AnswerError, SERIES_MAX},
};

/// An answer may take this much: 10,000 series of 1.6 KB each, with their labels.
const BODY_MAX: usize = 16 << 20;

/// Asks sources. One for the process.
pub struct Sources {
    net: Arc<Net>,
    clock: Clock,
    tokens: Arc<Tokens>,
    clients: Clients,
    budget: Budget,
}

impl Sources {
    /// `tokens` are those that probes use too, so that a grant is asked for once.
    pub fn new(net: Arc<Net>, clock: Clock, tokens: Arc<Tokens>) -> Self {
        Self { clients: Clients::new(Arc::clone(&net)), net, clock, tokens, budget: Budget::default() }
    }

    /// What `expr` gives at `at`.
    ///
    /// # Errors
    /// Why there is no answer, as a sentence that names the source: Timeout, ConnectionRefused, AuthenticationFailed;
    /// QueryFailed when the source refuses the query, or has over 10,000 series for it; BodyTooLarge; Blocked and
    /// LocalResources when the trouble is ours.
    pub async fn instant(&self, source: &Source, expr: &str, at: WallMs) -> Result<Answer, Failure> {
        self.ask(source, "query", expr, &[("time", seconds(at))]).await
    }

    /// What `expr` gives from `from` to `to`, every `step` (at least 1 ms).
    ///
    /// # Errors
    /// As [`Sources::instant`].
    pub async fn range(
        &self,
        source: &Source,
        expr: &str,
        (from, to): (WallMs, WallMs),
        step: Duration,
    ) -> Result<Answer, Failure> {
        let step = format!("{:.3}", step.max(Duration::from_millis(1)).as_secs_f64());
        self.ask(source, "query_range", expr, &[("start", seconds(from)), ("end", seconds(to)), ("step", step)]).await
    }

    async fn ask(
        &self,
        source: &Source,
        endpoint: &str,
        expr: &str,
        times: &[(&str, String)],
    ) -> Result<Answer, Failure> {
        let peer = peer_of(&source.url);
        let form = form(source, expr, times);
        let exchange = async {
            let (mut response, token) = self.send(source, endpoint, &form).await?;
            if response.status() == StatusCode::UNAUTHORIZED
                && let Some(token) = token.filter(|token| token.was_kept)
            {
                // It may have been withdrawn before its time.
                self.tokens.forget(token);
                (response, _) = self.send(source, endpoint, &form).await?;
            }
            let status = response.status();
            let mut share = self.budget.share();
            let body = read(response, &mut share, &peer).await?;
            judge(status, &body, &peer)
        };
        let late = || Failure::new(Reason::Timeout, format!("{peer} did not answer within {:?}", source.timeout));
        tokio::time::timeout(source.timeout, exchange).await.unwrap_or_else(|_| Err(late()))
    }

    /// One request, up to the head of the answer, with the token that went along.
    async fn send(&self, source: &Source, endpoint: &str, form: &str) -> Result<(Response, Option<Token>), Failure> {
        let peer = peer_of(&source.url);
        let client = self
            .clients
            .get(&source.tls)
            .map_err(|what| Failure::new(Reason::TLSError, format!("TLS for {peer} cannot be set up: {what}")))?;
        let mut request = client
            .request(Method::POST, source.endpoint(endpoint))?
            .header(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            .header(USER_AGENT, HeaderValue::from_static(concat!("probity/", env!("CARGO_PKG_VERSION"))))
            .body(form.to_owned());
        for header in &source.headers {
            request = request.header(header.name.clone(), header.value.clone());
        }
        let (request, token) = self.authorize(source, request).await?;
        let response = request.send().await.map_err(|error| from_request(&error, &peer))?;
        Ok((response, token))
    }

    async fn authorize(
        &self,
        source: &Source,
        request: RequestBuilder,
    ) -> Result<(RequestBuilder, Option<Token>), Failure> {
        match source.auth.as_deref() {
            None => Ok((request, None)),
            Some(Auth::Basic { username, password }) => {
                Ok((request.basic_auth(username.expose(), Some(password.expose())), None))
            }
            Some(Auth::Bearer { token }) => Ok((request.bearer_auth(token.expose()), None)),
            Some(Auth::OAuth2 { token_url, client_id, client_secret, scopes }) => {
                let ca = source.tls.ca.as_deref();
                let grant = Grant { token_url, client_id, client_secret, scopes, ca, proxy: true };
                let token = self.tokens.get(&self.net, &self.clock, &grant).await?;
                Ok((request.header(AUTHORIZATION, token.header.clone()), Some(token)))
            }
        }
    }
}

/// The query as a form. A part of an answer is worse than none: what is missing from it would seem resolved.
fn form(source: &Source, expr: &str, times: &[(&str, String)]) -> String {
    let mut form = Serializer::new(String::new());
    form.append_pair("query", expr);
    for (name, value) in times {
        form.append_pair(name, value);
    }
    // So that the server does not go on for somebody who has left.
    form.append_pair("timeout", &format!("{}ms", source.timeout.as_millis().max(1)));
    // Servers that know it give no more; one over the limit shows that there are more.
    form.append_pair("limit", &(SERIES_MAX + 1).to_string());
    // Of Thanos and of VictoriaMetrics; others pass over what they do not know.
    form.append_pair("partial_response", "false").append_pair("deny_partial_response", "1");
    form.finish()
}

fn seconds(at: WallMs) -> String {
    format!("{}.{:03}", at.div_euclid(1000), at.rem_euclid(1000))
}

/// Reads a body of at most [`BODY_MAX`] bytes, as far as the memory for answers goes.
async fn read(mut response: Response, share: &mut Share<'_>, peer: &str) -> Result<Bytes, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| from_request(&error, &peer))? {
        if chunk.len() > BODY_MAX - body.len() {
            let message = format!("{peer} sent an answer of more than {BODY_MAX} bytes: aggregate, as with sum by (…)");
            return Err(Failure::new(Reason::BodyTooLarge, message));
        }
        if !share.grow(body.len() + chunk.len()) {
            let message = format!("no memory for the answer of {peer}: too many large answers at once");
            return Err(Failure::new(Reason::LocalResources, message));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.into())
}

/// What an answer comes to. An error of the API says more than its status.
fn judge(status: StatusCode, body: &[u8], peer: &str) -> Result<Answer, Failure> {
    let read = Answer::read(body);
    if status.is_success() {
        return read.map_err(|error| {
            let reason = match error {
                AnswerError::NotTheApi(_) => Reason::ProtocolError,
                _ => Reason::QueryFailed,
            };
            Failure::new(reason, format!("{peer} {error}"))
        });
    }
    let said = match read {
        Err(error @ AnswerError::Refused { .. }) => format!("{peer} {error}"),
        _ => format!("{peer} answered {status}"),
    };
    let reason = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Reason::AuthenticationFailed,
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Reason::QueryFailed,
        _ => Reason::UnexpectedStatus,
    };
    Err(Failure::new(reason, said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_holds_what_is_asked() {
        let source = Source::plain("http://prometheus:9090".parse().unwrap());
        assert_eq!(
            form(&source, "up{job=\"a b\"} + 1", &[("time", seconds(1_435_781_451_078)), ("x", seconds(-1))]),
            "query=up%7Bjob%3D%22a+b%22%7D+%2B+1&time=1435781451.078&x=-1.999&timeout=10000ms&limit=10001\
             &partial_response=false&deny_partial_response=1"
        );
    }

    #[test]
    fn answers_become_reasons() {
        let judge = |status: u16, body: &str| {
            let failure = judge(StatusCode::from_u16(status).unwrap(), body.as_bytes(), "prom:9090").unwrap_err();
            (failure.reason, failure.message)
        };
        let refused = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
        let said = "prom:9090 refused the query (bad_data): parse error".to_owned();
        assert_eq!(judge(400, refused), (Reason::QueryFailed, said.clone()));
        assert_eq!(judge(200, refused), (Reason::QueryFailed, said.clone()));
        assert_eq!(judge(503, refused), (Reason::UnexpectedStatus, said));
        assert_eq!(judge(502, "<html>"), (Reason::UnexpectedStatus, "prom:9090 answered 502 Bad Gateway".to_owned()));
        assert_eq!(judge(401, "").0, Reason::AuthenticationFailed);
        assert_eq!(judge(302, ""), (Reason::UnexpectedStatus, "prom:9090 answered 302 Found".to_owned()));
        assert_eq!(judge(200, "<html>").0, Reason::ProtocolError);
    }
}
