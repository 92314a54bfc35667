//! Text functions: title case, hosts and ports, and the escapes of Go.

/// The first letter of each word in capitals; the others stay as they are. Words end where Unicode has them end:
/// not at an underscore, nor at an apostrophe, a point or a colon between two letters.
pub(super) fn title(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let is_word = |at: usize| chars.get(at).is_some_and(|c: &char| c.is_alphanumeric() || *c == '_');
    let is_letter = |at: usize| chars.get(at).is_some_and(|c: &char| c.is_alphabetic());
    let mut out = String::with_capacity(text.len());
    let mut pending = true;
    for (at, c) in chars.iter().enumerate() {
        let joins = matches!(c, '\'' | '’' | '.' | ':' | '·') && at > 0 && is_letter(at - 1) && is_letter(at + 1);
        if !is_word(at) && !joins {
            pending = true;
            out.push(*c);
        } else if std::mem::take(&mut pending) {
            out.extend(c.to_uppercase());
        } else {
            out.push(*c);
        }
    }
    out
}

/// Host and port, as Go's `net.SplitHostPort`: a host with colons stands in brackets.
fn split_port(text: &str) -> Option<(&str, &str)> {
    let (host, port) = text.rsplit_once(':')?;
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']')?;
        return (!inner.contains(['[', ']'])).then_some((inner, port));
    }
    (!host.contains([':', '[', ']']) && !port.contains(['[', ']'])).then_some((host, port))
}

pub(super) fn strip_port(text: &str) -> &str {
    split_port(text).map_or(text, |(host, _)| host)
}

/// `db.example.com:80` is `db:80`; addresses stay as they are.
pub(super) fn strip_domain(text: &str) -> String {
    let (host, port) = split_port(text).unwrap_or((text, ""));
    if host.parse::<std::net::IpAddr>().is_ok() {
        return text.to_owned();
    }
    let host = host.split('.').next().unwrap_or_default();
    if port.is_empty() { host.to_owned() } else { format!("{host}:{port}") }
}

/// As a value in a URL's query; a space is a plus.
pub(super) fn url_query(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

pub(super) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\0' => out.push('\u{fffd}'),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
    out
}

pub(super) fn js(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '\'' | '"' => {
                out.push('\\');
                out.push(c);
            }
            '<' | '>' | '&' | '=' => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c if u32::from(c) < 0x20 || c == '\u{7f}' => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles() {
        for (text, expected) in [
            ("aa bB CC", "Aa BB CC"),
            ("disk-full, now", "Disk-Full, Now"),
            ("don't stop", "Don't Stop"),
            ("foo_bar foo.bar", "Foo_bar Foo.bar"),
            ("éa 3d", "Éa 3d"),
            ("", ""),
        ] {
            assert_eq!(title(text), expected);
        }
    }

    #[test]
    fn hosts_and_ports() {
        for (text, without_port, without_domain) in [
            ("db.example.com:9100", "db.example.com", "db:9100"),
            ("db.example.com", "db.example.com", "db"),
            ("10.0.0.1:80", "10.0.0.1", "10.0.0.1:80"),
            ("[fd00::1]:80", "fd00::1", "[fd00::1]:80"),
            ("fd00::1", "fd00::1", "fd00::1"),
            ("[fd00::1]", "[fd00::1]", "[fd00::1]"),
            ("", "", ""),
        ] {
            assert_eq!(strip_port(text), without_port);
            assert_eq!(strip_domain(text), without_domain, "{text}");
        }
    }

    #[test]
    fn escapes() {
        assert_eq!(url_query("a b&c=d~é*"), "a+b%26c%3Dd~%C3%A9%2A");
        assert_eq!(html("<a href=\"x\">'&'"), "&lt;a href=&#34;x&#34;&gt;&#39;&amp;&#39;");
        assert_eq!(js("it's <b>\n"), "it\\'s \\u003Cb\\u003E\\u000A");
    }
}
