//! The `http` probe.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use hyper::{
    Method,
    header::{HeaderName, HeaderValue},
};
use url::Url;

use super::{Expression, IpFamily, Pattern, Secret, Tls};

#[derive(Debug, Clone)]
pub struct Http {
    /// `http` or `https`, with a host; credentials are never in it.
    pub url: Url,
    pub method: Method,
    pub headers: Vec<Header>,
    pub body: Option<Bytes>,
    /// At most 10 are followed.
    pub follow_redirects: bool,
    /// How much of a body, counted after decompression, is ever read.
    pub max_body_bytes: u64,
    pub ip_family: IpFamily,
    pub version: HttpVersion,
    /// Rare and large.
    pub auth: Option<Box<Auth>>,
    pub tls: Arc<Tls>,
    pub expect: HttpExpect,
}

#[derive(Debug, Clone, Hash)]
pub struct Header {
    pub name: HeaderName,
    /// Marked sensitive when it came from a Secret; such a header does not follow a redirect to another origin.
    pub value: HeaderValue,
}

/// Which version is spoken. `Http2` is negotiated by ALPN on TLS, and by prior knowledge without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum HttpVersion {
    #[default]
    Http1,
    Http2,
}

/// Credentials; they do not follow a redirect to another origin.
#[derive(Debug, Clone)]
pub enum Auth {
    Basic { username: Secret, password: Secret },
    Bearer { token: Secret },
    OAuth2 { token_url: Url, client_id: Secret, client_secret: Secret, scopes: Vec<String> },
}

#[derive(Debug, Clone)]
pub struct HttpExpect {
    pub status: StatusSet,
    /// Unanchored; each must match.
    pub body_matches: Vec<Pattern>,
    /// Unanchored; none may match.
    pub body_not_matches: Vec<Pattern>,
    pub headers: Vec<HeaderExpect>,
    pub when: Option<Expression>,
}

#[derive(Debug, Clone)]
pub struct HeaderExpect {
    pub name: HeaderName,
    /// Anchored; any of several values may match.
    pub matches: Pattern,
}

/// Status codes as inclusive ranges, each within 100 to 599.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusSet(pub Vec<(u16, u16)>);

impl StatusSet {
    pub fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|&(low, high)| (low..=high).contains(&status))
    }
}

/// As a spec writes it: `200-299, 301`.
impl fmt::Display for StatusSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (low, high)) in self.0.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{low}")?;
            if low != high {
                write!(f, "-{high}")?;
            }
        }
        Ok(())
    }
}

impl Default for StatusSet {
    fn default() -> Self {
        Self(vec![(200, 299)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_sets_hold_their_ends() {
        let set = StatusSet(vec![(200, 299), (404, 404)]);
        for (status, expected) in [(199, false), (200, true), (299, true), (300, false), (404, true), (405, false)] {
            assert_eq!(set.contains(status), expected, "{status}");
        }
        assert_eq!(set.to_string(), "200-299, 404");
    }
}
