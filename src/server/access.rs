//! Who may read and write. Stand-alone, on loopback everyone on this machine, but no web page through a name of its own (DNS
//! rebinding), and on any other address whoever has a token. In a cluster whoever the cluster permits it.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use hyper::{
    StatusCode,
    header::{AUTHORIZATION, HOST, HeaderMap, HeaderValue, WWW_AUTHENTICATE},
    http::{request::Parts as Head, uri::Authority},
};
use sha2::{Digest, Sha256};

use super::{
    ServerError, State,
    answer::ApiError,
    caller::Caller,
    door,
    files::Watched,
    reviews::Reviews,
    routes::{Asks, Route},
    visible::Visible,
};

/// The tokens of `--api-token-file`, by digest: comparing digests takes the same time whatever the guess.
pub(super) struct Tokens(Vec<[u8; 32]>);

impl Tokens {
    /// One token per line, so that one can be replaced without a gap; blank lines and lines that start with `#` are
    /// left out.
    pub(super) fn parse(files: &[Vec<u8>]) -> Result<Self, String> {
        let mut digests = Vec::new();
        for file in files {
            let text = std::str::from_utf8(file).map_err(|_| "it is not UTF-8".to_owned())?;
            for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
                if line.len() < 16 {
                    return Err("a token in it is shorter than 16 characters".to_owned());
                }
                digests.push(digest(line.as_bytes()));
            }
        }
        if digests.is_empty() { Err("it holds no token".to_owned()) } else { Ok(Self(digests)) }
    }

    fn accept(&self, given: &[u8]) -> bool {
        let given = digest(given);
        // No early end: neither the place of a match nor its absence shows in the time.
        let found = self.0.iter().map(|known| differs(known, &given)).fold(1, |found, differs| found & differs);
        found == 0
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// 0 when equal, 1 when not.
fn differs(a: &[u8; 32], b: &[u8; 32]) -> u8 {
    let bits = a.iter().zip(b).fold(0, |bits, (a, b)| bits | (a ^ b));
    u8::from(std::hint::black_box(bits) != 0)
}

/// The rule for one listening address.
pub(super) struct Access {
    loopback: bool,
    tokens: Option<Watched<Tokens>>,
    cluster: Option<Cluster>,
}

/// In a cluster the cluster says who may.
pub(super) struct Cluster {
    pub(super) reviews: Arc<Reviews>,
    /// Whoever reaches this address may read.
    pub(super) open_reads: bool,
}

impl Access {
    pub(super) fn new(listen: SocketAddr, tokens: Option<Watched<Tokens>>, cluster: Option<Cluster>) -> Self {
        Self { loopback: listen.ip().to_canonical().is_loopback(), tokens, cluster }
    }

    /// What must be polled for new content.
    pub(super) fn tokens(&self) -> Option<&Watched<Tokens>> {
        self.tokens.as_ref()
    }

    /// Whether anything but the open endpoints can be read at all.
    pub(super) fn is_closed(&self) -> bool {
        !self.loopback && self.tokens.is_none() && self.cluster.is_none()
    }

    /// What the one who sent a request may see, and who it is, when it may be answered at all.
    ///
    /// # Errors
    /// 401, 403 or 421, with what to do; 503 when the cluster cannot be asked.
    pub(super) async fn admit(
        &self,
        route: Option<&Route>,
        request: &Head,
        state: &State,
    ) -> Result<(Visible, Caller), ApiError> {
        let (authority, headers) = (request.uri.authority(), &request.headers);
        let Some(cluster) = &self.cluster else {
            self.check(route.is_some_and(|route| route.open), authority, headers)?;
            return Ok((Visible::All, Caller::Trusted));
        };
        if self.loopback {
            self.check_host(authority, headers)?;
        }
        let open = cluster.open_reads && route.is_none_or(Route::is_read);
        if open || route.is_some_and(|route| route.asks == Asks::Nothing) {
            return Ok((Visible::All, Caller::Trusted));
        }
        let token = token(headers)?;
        // Whoever gave the file to Probity vouches for those who hold what is in it.
        if self.tokens.as_ref().is_some_and(|tokens| tokens.value().accept(token)) {
            return Ok((Visible::All, Caller::Trusted));
        }
        let user = cluster.reviews.user(token).await?;
        let (path, query) = (request.uri.path(), request.uri.query());
        let visible = door::admit(&cluster.reviews, &user, route, path, query, state).await?;
        Ok((visible, Caller::User { user, reviews: Arc::clone(&cluster.reviews) }))
    }

    /// Whether a request may be answered; `open` endpoints are answered without a token on any address.
    ///
    /// # Errors
    /// 401 or 421, with what to do.
    pub(super) fn check(&self, open: bool, authority: Option<&Authority>, headers: &HeaderMap) -> Result<(), ApiError> {
        if self.loopback {
            return self.check_host(authority, headers);
        }
        if open {
            return Ok(());
        }
        let Some(tokens) = &self.tokens else {
            return Err(unauthorized(
                "this address is not loopback, so that a token is needed: start with --api-token-file",
            ));
        };
        if tokens.value().accept(token(headers)?) { Ok(()) } else { Err(unauthorized("this token is not known here")) }
    }

    fn check_host(&self, authority: Option<&Authority>, headers: &HeaderMap) -> Result<(), ApiError> {
        // HTTP/1.0 has no Host, and no browser speaks it.
        let given = match (authority, headers.get(HOST)) {
            (Some(authority), _) => Some(authority.clone()),
            (None, Some(host)) => Some(
                Authority::try_from(host.as_bytes())
                    .map_err(|_| ApiError::bad_request("the header Host is not of the form NAME:PORT"))?,
            ),
            (None, None) => None,
        };
        if given.as_ref().is_none_or(|authority| is_local(authority.host())) {
            return Ok(());
        }
        Err(ApiError::new(
            StatusCode::MISDIRECTED_REQUEST,
            "misdirected_request",
            "this server listens on loopback and answers only to localhost, 127.0.0.1 and [::1], so that no web page can read it",
        ))
    }
}

/// The token that a request brings.
fn token(headers: &HeaderMap) -> Result<&[u8], ApiError> {
    match headers.get(AUTHORIZATION).map(HeaderValue::as_bytes).map(bearer) {
        None => Err(unauthorized("send the header Authorization: Bearer TOKEN")),
        Some(None) => Err(unauthorized("the header Authorization is not of the form Bearer TOKEN")),
        Some(Some(token)) => Ok(token),
    }
}

pub(super) fn unauthorized(message: &str) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
}

/// What a 401 must carry (RFC 9110, 11.6.1).
pub(super) fn challenge() -> (hyper::header::HeaderName, HeaderValue) {
    (WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"probity\""))
}

/// The token of `Bearer TOKEN` (RFC 6750); the scheme in any case.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

fn is_local(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let name = bare.strip_suffix('.').unwrap_or(bare);
    name.eq_ignore_ascii_case("localhost") || bare.parse().is_ok_and(|ip: IpAddr| ip.to_canonical().is_loopback())
}

/// Reads the token file for the first time.
pub(super) fn load(path: Option<&std::path::Path>) -> Result<Option<Watched<Tokens>>, ServerError> {
    path.map(|path| Watched::load("the API token file", vec![path.to_owned()], Tokens::parse)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_local() {
        for (host, want) in [
            ("localhost", true),
            ("LOCALHOST", true),
            ("localhost.", true),
            ("127.0.0.1", true),
            ("127.1.2.3", true),
            ("[::1]", true),
            ("[::ffff:127.0.0.1]", true),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("10.0.0.1", false),
            ("0.0.0.0", false),
            ("[::]", false),
            ("", false),
        ] {
            assert_eq!(is_local(host), want, "{host}");
        }
    }

    #[test]
    fn tokens_are_lines_and_only_whole_ones_pass() {
        let tokens = Tokens::parse(&[b"# ops\n0123456789abcdef\n\n fedcba9876543210 \n".to_vec()]).unwrap();
        for (given, want) in [
            ("0123456789abcdef", true),
            ("fedcba9876543210", true),
            ("0123456789abcde", false),
            ("0123456789abcdef0", false),
            ("", false),
            ("# ops", false),
        ] {
            assert_eq!(tokens.accept(given.as_bytes()), want, "{given}");
        }
        assert!(Tokens::parse(&[b"\n# none\n".to_vec()]).is_err());
        assert!(Tokens::parse(&[b"short".to_vec()]).is_err());
    }

    #[test]
    fn a_bearer_header_is_read_in_any_case() {
        assert_eq!(bearer(b"Bearer abc"), Some(&b"abc"[..]));
        assert_eq!(bearer(b"bEARER  abc "), Some(&b"abc"[..]));
        assert_eq!(bearer(b"Basic abc"), None);
        assert_eq!(bearer(b"Bearer"), None);
    }
}
