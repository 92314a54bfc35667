//! Hosts, ports and URLs.

use url::{Host, Url};

use super::{checker::Checker, field::FieldPath};
use crate::model::Address;

impl Checker<'_> {
    /// `host:port`, or `[address]:port` for IPv6.
    pub fn address(&mut self, path: &FieldPath, text: &str) -> Option<Address> {
        self.parsed(path, parse_address(text, None), "such as db.example.com:5432")
    }

    /// The field `address` of the probe at `path`; with `discover` one that each target fills in.
    pub fn target_address(&mut self, path: &FieldPath, text: Option<&str>, discovers: bool) -> Option<Address> {
        let at = path.field("address");
        match text {
            Some(text) => self.address(&at, text),
            None if discovers => Some(Address { host: "".into(), port: 0 }),
            None => {
                // One that was wrong and left out was told already.
                if !self.is_set(&at) {
                    self.refuse(path, "an address is required, or discover beside the probe");
                }
                None
            }
        }
    }

    /// As [`Checker::address`], with a port that may be left out; a bare IPv6 address needs no brackets then.
    pub fn server(&mut self, path: &FieldPath, text: &str, port: u16) -> Option<Address> {
        self.parsed(path, parse_address(text, Some(port)), "such as 10.96.0.10 or ns1.example.com:5353")
    }

    fn parsed(&mut self, path: &FieldPath, parsed: Result<Address, &'static str>, hint: &str) -> Option<Address> {
        parsed.map_err(|problem| self.refuse_with(path, problem, hint)).ok()
    }

    /// An http or https URL without credentials. `instead` says where these belong.
    pub fn url(&mut self, path: &FieldPath, text: &str, instead: &str) -> Option<Url> {
        // The text is shown in none of these: it may hold a password.
        let problem = match parse_url(text) {
            Ok(url) => return Some(url),
            Err(UrlProblem::Credentials) => format!("must not hold credentials: use {instead}"),
            Err(UrlProblem::Scheme) => "must begin with http:// or https:// and name a host".to_owned(),
            Err(UrlProblem::Space) => "must not hold spaces or control characters".to_owned(),
            Err(UrlProblem::Port) => "the port must be 1 to 65535".to_owned(),
            Err(UrlProblem::Other(problem)) => format!("is not a URL: {problem}"),
        };
        self.refuse_with(path, problem, "such as https://example.com/health");
        None
    }
}

const SHAPE: &str = "must be host:port, or [address]:port for IPv6";
const HOST: &str = "the host is neither a name nor an address";
const PORT: &str = "the port must be 1 to 65535";

fn parse_address(text: &str, default_port: Option<u16>) -> Result<Address, &'static str> {
    let (host, port) = match (split_port(text), default_port) {
        (Some((host, port)), _) => (host, parse_port(port)?),
        // Without a port: a name, an IPv4 address, or an IPv6 address with or without brackets.
        (None, Some(port)) => (text, port),
        (None, None) => return Err(SHAPE),
    };
    if default_port.is_none() && !has_shape(host) {
        return Err(SHAPE);
    }
    let host = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host);
    let parsed = if host.contains(':') { Host::parse(&format!("[{host}]")) } else { Host::parse(host) };
    let host = match parsed {
        Ok(Host::Domain(name)) if is_name(&name) => name,
        // As it was written: an address in another spelling is still judged by what it means.
        Ok(Host::Ipv4(ip)) => ip.to_string(),
        Ok(Host::Ipv6(ip)) => ip.to_string(),
        _ => return Err(HOST),
    };
    Ok(Address { host: host.into(), port })
}

/// Whether the schema's rule takes the host.
fn has_shape(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(inner) => !inner.is_empty() && inner.bytes().all(|c| c.is_ascii_hexdigit() || c == b':' || c == b'.'),
        None => !host.contains(|c: char| c.is_ascii_whitespace() || "[]:/@?#".contains(c)),
    }
}

/// Host and port at the last colon, where there is one that separates them.
fn split_port(text: &str) -> Option<(&str, &str)> {
    let (host, port) = text.rsplit_once(':')?;
    let bare_v6 = host.contains(':') && !(host.starts_with('[') && host.ends_with(']'));
    (!bare_v6 && !host.is_empty()).then_some((host, port))
}

fn parse_port(port: &str) -> Result<u16, &'static str> {
    if port.is_empty() || port.len() > 5 || !port.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(SHAPE);
    }
    port.parse().ok().filter(|port| *port > 0).ok_or(PORT)
}

/// RFC 1035 in lengths; letters, digits, `-` and `_`, as names of hosts are found in the wild.
fn is_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let inner = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    !name.is_empty()
        && name.len() <= 253
        && name.split('.').all(|label| !label.is_empty() && label.len() <= 63 && label.bytes().all(inner))
}

enum UrlProblem {
    Credentials,
    Scheme,
    Space,
    Port,
    Other(String),
}

fn parse_url(text: &str) -> Result<Url, UrlProblem> {
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(UrlProblem::Space);
    }
    // The order and the test are those of the schema's rules.
    let authority = text.split_once("://").map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default());
    if authority.is_some_and(|authority| authority.contains('@')) {
        return Err(UrlProblem::Credentials);
    }
    let lower = text.to_ascii_lowercase();
    let named = ["http://", "https://"].iter().any(|scheme| lower.starts_with(scheme));
    if !named || authority.is_none_or(str::is_empty) {
        return Err(UrlProblem::Scheme);
    }
    let url = Url::parse(text).map_err(|error| match error {
        url::ParseError::InvalidPort => UrlProblem::Port,
        other => UrlProblem::Other(other.to_string()),
    })?;
    // A backslash is a slash to the parser, so that an `@` may have come through after all.
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlProblem::Credentials);
    }
    if url.port() == Some(0) {
        return Err(UrlProblem::Port);
    }
    match url.host() {
        Some(Host::Domain(name)) if !is_name(name) => Err(UrlProblem::Other("the host is not a name".to_owned())),
        None => Err(UrlProblem::Scheme),
        _ => Ok(url),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let cases = [
            ("db:5432", Ok("db:5432")),
            ("DB.Example.com:5432", Ok("db.example.com:5432")),
            ("a_b.c.:1", Ok("a_b.c.:1")),
            ("127.0.0.1:65535", Ok("127.0.0.1:65535")),
            ("[::1]:80", Ok("[::1]:80")),
            ("[2001:DB8::1]:80", Ok("[2001:db8::1]:80")),
            // Another spelling of an address is that address.
            ("0x7f.1:80", Ok("127.0.0.1:80")),
            ("db", Err(SHAPE)),
            ("db:", Err(SHAPE)),
            ("db:x", Err(SHAPE)),
            ("db:123456", Err(SHAPE)),
            (":80", Err(SHAPE)),
            ("::1:80", Err(SHAPE)),
            ("db:0", Err(PORT)),
            ("db:65536", Err(PORT)),
            ("1.2.3.256:80", Err(HOST)),
            ("[::g]:80", Err(SHAPE)),
            ("[12345::]:80", Err(HOST)),
            ("http://db:80", Err(SHAPE)),
            ("a b:80", Err(SHAPE)),
            ("a%b:80", Err(HOST)),
            ("a..b:80", Err(HOST)),
        ];
        for (text, expected) in cases {
            let parsed = parse_address(text, None).map(|address| address.to_string());
            assert_eq!(parsed.as_deref().map_err(|problem| *problem), expected, "{text}");
        }
    }

    #[test]
    fn servers_may_leave_the_port_out() {
        for (text, expected) in [
            ("1.1.1.1", "1.1.1.1:53"),
            ("ns1.example.com:5353", "ns1.example.com:5353"),
            ("2606:4700::1111", "[2606:4700::1111]:53"),
            ("[::1]:5353", "[::1]:5353"),
            ("[::1]", "[::1]:53"),
        ] {
            assert_eq!(parse_address(text, Some(53)).unwrap().to_string(), expected);
        }
        assert!(parse_address("http://1.1.1.1", Some(53)).is_err());
    }

    #[test]
    fn urls() {
        for good in ["http://a", "HTTPS://a:8443/x?y=@z#f", "http://[::1]:80/", "http://user.example/@me"] {
            assert!(parse_url(good).is_ok(), "{good}");
        }
        for (bad, what) in [
            ("http://u:p@a/", "credentials"),
            ("http://u@a", "credentials"),
            ("ftp://u@a", "credentials"),
            ("ftp://a", "scheme"),
            ("a/b", "scheme"),
            ("http:///x", "scheme"),
            ("http://", "scheme"),
            ("//a", "scheme"),
            ("http://a b", "space"),
            (" http://a", "space"),
            ("http://a:0", "port"),
            ("http://a:65536", "port"),
            ("http://a:x", "port"),
            ("http://[::1", "other"),
            ("http://a..b/", "other"),
            ("http://1.2.3.256/", "other"),
            (r"http:\\a", "scheme"),
            (r"http://a\@b", "credentials"),
        ] {
            let found = match parse_url(bad) {
                Ok(url) => panic!("{bad} was taken as {url}"),
                Err(UrlProblem::Credentials) => "credentials",
                Err(UrlProblem::Scheme) => "scheme",
                Err(UrlProblem::Space) => "space",
                Err(UrlProblem::Port) => "port",
                Err(UrlProblem::Other(_)) => "other",
            };
            assert_eq!(found, what, "{bad}");
        }
    }
}
