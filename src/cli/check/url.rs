//! A URL on the command line → the HealthCheck that someone would have written for it. Pure.
//!
//! What comes out is judged by `validate` like every other object; only the form of the URL is judged here.

use serde_json::{Value, json};
use url::Url;

/// The schemes that name a probe, for messages.
const SCHEMES: &str = "http://, https://, tcp://host:port, tls://host:port, dns://server/name?type=A";

/// Whether an argument is meant as a URL and not as a path.
pub fn is_url(argument: &str) -> bool {
    argument.contains("://")
}

/// The spec of the probe that `argument` names.
///
/// # Errors
/// What is wrong with the URL and what would be right, in one line.
pub fn spec(argument: &str) -> Result<Value, String> {
    let url = Url::parse(argument).map_err(|error| format!("not a URL ({error}); one of {SCHEMES}"))?;
    match url.scheme() {
        "http" | "https" => Ok(json!({"http": {"url": argument}})),
        "tcp" => Ok(json!({"tcp": {"address": address(&url)?}})),
        "tls" => Ok(json!({"tls": {"address": address(&url)?}})),
        "dns" => dns(&url),
        other => Err(format!("no probe is named by {other}://; one of {SCHEMES}")),
    }
}

/// Host and port, and nothing else, of a URL that stands for an address.
fn address(url: &Url) -> Result<String, String> {
    let scheme = url.scheme();
    if !matches!(url.path(), "" | "/") || url.query().is_some() || !url.username().is_empty() {
        return Err(format!("{scheme}:// takes a host and a port only: {scheme}://host:port"));
    }
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) if !host.is_empty() => Ok(format!("{host}:{port}")),
        _ => Err(format!("{scheme}:// needs a host and a port: {scheme}://host:port")),
    }
}

/// `dns://server[:port]/name?type=A&transport=tcp`; without a server this machine's own are asked.
fn dns(url: &Url) -> Result<Value, String> {
    let name = url.path().trim_start_matches('/');
    if name.is_empty() || name.contains('/') {
        return Err("dns:// needs the name to look up: dns://server/name?type=A".to_owned());
    }
    let mut dns = json!({"name": name});
    if let Some(host) = url.host_str().filter(|host| !host.is_empty()) {
        dns["server"] = json!(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")));
    }
    for (key, value) in url.query_pairs() {
        match &*key {
            "type" | "transport" => dns[&*key] = json!(value),
            other => return Err(format!("dns:// takes type and transport after the ?, not {other}")),
        }
    }
    Ok(json!({"dns": dns}))
}

/// The argument as messages may show it: without credentials.
pub fn shown(argument: &str) -> String {
    let Some((scheme, rest)) = argument.split_once("://") else { return argument.to_owned() };
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    match authority.rfind('@') {
        Some(at) => format!("{scheme}://***{}", &rest[at..]),
        None => argument.to_owned(),
    }
}

/// A name for the object of a URL: host, port and path, as the names of objects are written.
pub fn name(argument: &str) -> String {
    let after = argument.split_once("://").map_or(argument, |(_, after)| after);
    let mut name = String::new();
    for c in after.chars().map(|c| c.to_ascii_lowercase()) {
        if c.is_ascii_alphanumeric() {
            name.push(c);
        } else if !name.ends_with('-') && !name.is_empty() {
            name.push('-');
        }
        // 63 is the most that a name of one label may have; room is left for a number that tells two apart.
        if name.len() == 56 {
            break;
        }
    }
    let name = name.trim_end_matches('-');
    if name.is_empty() { "url".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scheme_becomes_its_probe() {
        let cases = [
            ("https://host/a?b=c", json!({"http": {"url": "https://host/a?b=c"}})),
            ("tcp://127.0.0.1:1", json!({"tcp": {"address": "127.0.0.1:1"}})),
            ("tcp://[::1]:22", json!({"tcp": {"address": "[::1]:22"}})),
            ("tls://host:443", json!({"tls": {"address": "host:443"}})),
            ("dns://9.9.9.9/example.com", json!({"dns": {"server": "9.9.9.9", "name": "example.com"}})),
            (
                "dns://127.0.0.1:5353/example.com?type=MX&transport=tcp",
                json!({"dns": {"server": "127.0.0.1:5353", "name": "example.com", "type": "MX", "transport": "tcp"}}),
            ),
            ("dns:///example.com?type=TXT", json!({"dns": {"name": "example.com", "type": "TXT"}})),
        ];
        for (url, expected) in cases {
            assert_eq!(spec(url), Ok(expected), "{url}");
        }
    }

    #[test]
    fn what_names_no_probe_says_what_would() {
        let cases = [
            ("gopher://host/", "tcp://host:port"),
            ("tcp://host", "needs a host and a port"),
            ("tls://host:443/path", "host and a port only"),
            ("tcp://user@host:1", "host and a port only"),
            ("dns://9.9.9.9", "name to look up"),
            ("dns://9.9.9.9/a/b", "name to look up"),
            ("dns://9.9.9.9/a?class=CH", "not class"),
            ("http://", "not a URL"),
            ("://x", "not a URL"),
        ];
        for (url, expected) in cases {
            let message = spec(url).unwrap_err();
            assert!(message.contains(expected), "{url}: {message}");
        }
    }

    #[test]
    fn credentials_are_not_shown() {
        assert_eq!(shown("https://user:pass@host/a@b"), "https://***@host/a@b");
        assert_eq!(shown("https://user:p@ss@host"), "https://***@host");
        assert_eq!(shown("https://host/a@b?c@d"), "https://host/a@b?c@d");
    }

    #[test]
    fn a_name_is_one_of_an_object() {
        assert_eq!(name("https://Example.com:8443/a/b?c=d"), "example-com-8443-a-b-c-d");
        assert_eq!(name("tcp://[::1]:22"), "1-22");
        assert_eq!(name("x://"), "url");
        assert!(name(&format!("https://{}", "a".repeat(300))).len() <= 56);
    }
}
