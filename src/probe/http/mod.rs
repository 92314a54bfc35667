//! The `http` probe: one request on a fresh connection, its redirects, and what is expected of the answer.
//!
//! Owns what is said over HTTP; addresses, sockets and TLS are `net`'s. [`exchange`] sends and receives,
//! [`body`] reads as far as something asks for it, [`redirect`] and [`expect`] decide, and are pure.

mod body;
mod decode;
mod exchange;
mod expect;
pub mod fuzz;
mod redirect;
mod wire;

use hyper::{
    StatusCode, Version,
    header::{CONTENT_LENGTH, HeaderMap, LAST_MODIFIED},
    http::response::Parts,
};

use self::{
    body::End,
    exchange::Exchange,
    expect::{Miss, Need},
    redirect::Trail,
    wire::Wire,
};
use super::{Details, HttpDetails, Kind, Passed, Phase, Run};
use crate::{
    health::Reason,
    model::{Auth, Http, HttpVersion, Request, Response},
    net::{
        Alpn, Failure,
        oauth2::{Grant, Token},
    },
};

impl Kind for Http {
    type Details = HttpDetails;

    fn wrap(details: Box<HttpDetails>) -> Details {
        Details::Http(details)
    }

    async fn attempt(&self, run: &Run<'_>, details: &mut HttpDetails) -> Result<Passed, Failure> {
        details.content_length = -1;
        details.failed_due_to_cel = self.expect.when.as_ref().map(|_| false);
        let mut request = self.request().map_err(|what| Failure::new(Reason::ProtocolError, what))?;
        let mut trail = Trail::start(self);
        let mut refetched = false;
        loop {
            let token = self.token(run, &trail).await?;
            let (head, exchange) = self.ask(run, details, &request, token.as_ref()).await?;
            if let Some(token) = token
                && self.is_stale(head.status, &token)
                && !std::mem::replace(&mut refetched, true)
            {
                run.context.tokens.forget(token);
                continue;
            }
            match trail.follow(self, &head)? {
                Some(next) => {
                    details.redirects = trail.redirects();
                    request = next;
                }
                None => return self.judge(run, details, &head, exchange).await,
            }
        }
    }
}

impl Http {
    /// The OAuth2 token that goes with the next request, if one does.
    async fn token(&self, run: &Run<'_>, trail: &Trail<'_>) -> Result<Option<Token>, Failure> {
        match self.auth.as_deref() {
            Some(Auth::OAuth2 { token_url, client_id, client_secret, scopes }) if trail.is_trusted() => {
                run.enter(Phase::Token);
                let ca = self.tls.ca.as_deref();
                let grant = Grant { token_url, client_id, client_secret, scopes, ca, proxy: false };
                run.context.tokens.get(&run.context.net, run.clock(), &grant).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Whether a refusal may be the fault of a token that was kept too long.
    fn is_stale(&self, status: StatusCode, token: &Token) -> bool {
        status == StatusCode::UNAUTHORIZED && token.was_kept && !self.expect.status.contains(status.as_u16())
    }

    /// One request on a connection of its own, up to the head of the answer.
    async fn ask(
        &self,
        run: &Run<'_>,
        details: &mut HttpDetails,
        request: &Request,
        token: Option<&Token>,
    ) -> Result<(Parts, Exchange), Failure> {
        let peer = &request.address;
        (details.ssl, details.tls) = (request.secure, None);
        let (resolved, phases) = (&mut details.resolved, &mut details.phases);
        let (stream, found, connect) = run
            .connect(peer, self.ip_family, |found| {
                *resolved = Some(found);
                phases.resolve += found.took;
            })
            .await?;
        details.resolved = Some(found);
        details.phases.connect += connect;
        let wire = if request.secure {
            run.enter(Phase::Handshake);
            let alpn = match self.version {
                HttpVersion::Http1 => Alpn::Http1,
                HttpVersion::Http2 => Alpn::Http2,
            };
            let secured = run.net().handshake(stream, &self.tls, &peer.host, alpn).await?;
            details.phases.tls += secured.took;
            details.tls = Some(secured.details);
            secured.verdict.map_err(|what| Failure::new(Reason::CertificateInvalid, what))?;
            let chosen = secured.stream.get_ref().1.alpn_protocol();
            if self.version == HttpVersion::Http2 && chosen != Some(b"h2") {
                return Err(Failure::new(Reason::ProtocolError, format!("{peer} does not offer HTTP/2")));
            }
            Wire::tls(secured.stream)
        } else {
            Wire::plain(stream)
        };
        run.enter(Phase::Answer);
        let asked = run.clock().mono();
        let message = exchange::message(self, request, token.map(|token| &token.header));
        let (head, exchange) = exchange::send(wire, self.version, message, peer).await?;
        details.phases.processing += run.clock().mono().saturating_sub(asked);
        note_head(details, &head);
        Ok((head, exchange))
    }

    /// Reads as much of the body as is asked for, and says whether all holds that is expected.
    async fn judge(
        &self,
        run: &Run<'_>,
        details: &mut HttpDetails,
        head: &Parts,
        mut exchange: Exchange,
    ) -> Result<Passed, Failure> {
        expect::head(&self.expect, head).map_err(|miss| note_miss(details, miss))?;
        let need = Need::of(&self.expect, run.degraded());
        let mut text = body::Text::new(&head.headers, self.max_body_bytes, &self.expect.body_matches);
        let mut end = End::Whole;
        if need != Need::Nothing {
            run.enter(Phase::Body);
            let began = run.clock().mono();
            let result = text.read(&mut exchange, need).await;
            details.phases.transfer += run.clock().mono().saturating_sub(began);
            details.body_length = text.bytes().len() as u64;
            end = result?;
        }
        // Dropped before anything is evaluated: the peer need not wait for that.
        drop(exchange);
        let response = Response {
            status: Some(head.status.as_u16()),
            headers: Some(&head.headers),
            body: (need == Need::All && end == End::Whole).then(|| text.bytes()),
            latency: run.elapsed(),
            certificate_not_after: details.tls.as_ref().map(|tls| tls.certificate.not_after.saturating_mul(1000)),
        };
        expect::body(&self.expect, &text, end, self.max_body_bytes, &response)
            .map_err(|miss| note_miss(details, miss))?;
        let condition = if end == End::Cut && run.degraded().when.as_ref().is_some_and(|when| when.needs_body()) {
            Some(Err(format!("the body is over {} bytes", self.max_body_bytes)))
        } else {
            run.condition(&response)
        };
        Ok(Passed { message: expect::status_text(head.status), condition })
    }
}

fn note_head(details: &mut HttpDetails, head: &Parts) {
    details.status = head.status.as_u16();
    details.version = match head.version {
        Version::HTTP_09 => 0.9,
        Version::HTTP_10 => 1.0,
        Version::HTTP_2 => 2.0,
        _ => 1.1,
    };
    let length = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    details.content_length = length.unwrap_or(-1);
    details.last_modified = last_modified(&head.headers);
}

/// In Unix seconds. Its form is that of RFC 9110, section 5.6.7, which an RFC 2822 parser reads.
fn last_modified(headers: &HeaderMap) -> Option<i64> {
    let text = headers.get(LAST_MODIFIED)?.to_str().ok()?;
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(at.as_second())
}

fn note_miss(details: &mut HttpDetails, miss: Miss) -> Failure {
    match miss.failure.reason {
        Reason::BodyMismatch | Reason::HeaderMismatch => details.failed_due_to_regex = true,
        _ if miss.by_expression => details.failed_due_to_cel = Some(true),
        _ => {}
    }
    miss.failure
}
