//! An address of email, as it stands in an envelope and in a header.

use std::{fmt, str::FromStr, sync::Arc};

/// `Name <local@domain>`, or the address alone. Plain ASCII in the address, as every server takes it (RFC 5321,
/// section 4.1.2, without quoted local parts, which nobody uses).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mailbox {
    name: Option<Arc<str>>,
    address: Arc<str>,
}

/// Why a text is no mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MailboxError {
    #[error("an email address is local@domain, or Name <local@domain>")]
    Address,
    #[error("an email address is plain ASCII here: write an international domain in its xn-- form")]
    NotAscii,
    #[error("the name of a mailbox holds no control characters, and at most 200 characters")]
    Name,
}

impl Mailbox {
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// `local@domain`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What follows the last `@`.
    pub fn domain(&self) -> &str {
        self.address.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl FromStr for Mailbox {
    type Err = MailboxError;

    fn from_str(text: &str) -> Result<Self, MailboxError> {
        let text = text.trim();
        let (name, address) = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
            Some((name, address)) => (name.trim(), address.trim()),
            None => ("", text),
        };
        let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
        if name.chars().any(char::is_control) || name.chars().count() > 200 {
            return Err(MailboxError::Name);
        }
        if !address.is_ascii() {
            return Err(MailboxError::NotAscii);
        }
        let (local, domain) = address.rsplit_once('@').ok_or(MailboxError::Address)?;
        if !is_local(local) || !is_domain(domain) {
            return Err(MailboxError::Address);
        }
        Ok(Self { name: (!name.is_empty()).then(|| name.into()), address: address.into() })
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.address),
            None => f.write_str(&self.address),
        }
    }
}

/// A dot-atom (RFC 5322, section 3.2.3) of at most 64 octets.
fn is_local(text: &str) -> bool {
    let atom = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
    };
    text.len() <= 64 && text.split('.').all(atom)
}

/// Letters, digits and hyphens between dots; at most 253 octets.
fn is_domain(text: &str) -> bool {
    let label = |part: &str| {
        (1..=63).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn mailboxes() {
        for (text, name, address) in [
            ("ops@example.org", None, "ops@example.org"),
            (" <ops@example.org> ", None, "ops@example.org"),
            ("Ops <ops+a@mail.example.org>", Some("Ops"), "ops+a@mail.example.org"),
            ("\"Ops, on call\" <o.p.s@localhost>", Some("Ops, on call"), "o.p.s@localhost"),
            ("Öps <ops@xn--bcher-kva.example>", Some("Öps"), "ops@xn--bcher-kva.example"),
        ] {
            let mailbox: Mailbox = text.parse().unwrap();
            assert_eq!((mailbox.name(), mailbox.address()), (name, address), "{text}");
        }
        for bad in
            ["", "ops", "@example.org", "ops@", "a b@c.d", "a@b@c", "a@b..c", ".a@b", "a@-b", "x <a@b", "\"a\"@b"]
        {
            assert_eq!(bad.parse::<Mailbox>(), Err(MailboxError::Address), "{bad}");
        }
        assert_eq!("a@bücher.example".parse::<Mailbox>(), Err(MailboxError::NotAscii));
        assert_eq!("a\r\nBcc: x <a@b>".parse::<Mailbox>(), Err(MailboxError::Name));
    }

    proptest! {
        /// Nothing that is taken could end a line of the envelope or of a header, or leave the angle brackets.
        #[test]
        fn an_address_stays_inside_its_brackets(text in any::<String>(), local in "[ -~]{0,12}", domain in "[ -~]{0,12}") {
            for text in [text, format!("{local}@{domain}")] {
                if let Ok(mailbox) = text.parse::<Mailbox>() {
                    prop_assert!(!mailbox.address().contains(['<', '>', ' ', '\r', '\n']));
                    prop_assert!(!mailbox.name().unwrap_or_default().contains(['\r', '\n']));
                }
            }
        }
    }
}
