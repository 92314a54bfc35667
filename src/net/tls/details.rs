//! What a certificate says of itself. Pure.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate, X509Name};

use crate::probe::CertificateDetails;

/// What the verdict needs of a certificate.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) subject: String,
    pub(super) issuer: String,
    pub(super) self_issued: bool,
    /// Unix seconds.
    pub(super) not_before: i64,
    pub(super) not_after: i64,
}

/// None when it is no certificate.
pub(super) fn facts(der: &[u8]) -> Option<Facts> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Some(Facts {
        subject: name(certificate.subject()),
        issuer: name(certificate.issuer()),
        self_issued: certificate.subject().as_raw() == certificate.issuer().as_raw(),
        not_before: certificate.validity().not_before.timestamp(),
        not_after: certificate.validity().not_after.timestamp(),
    })
}

/// What metrics and expressions show of a leaf. None when it is no certificate.
pub(super) fn details(der: &[u8]) -> Option<CertificateDetails> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Some(CertificateDetails {
        fingerprint_sha256: hex(&Sha256::digest(der)),
        subject: bounded(name(certificate.subject())),
        issuer: bounded(name(certificate.issuer())),
        subject_alternative: bounded(alternative_names(&certificate).join(",")),
        serial: bounded(hex(without_zeros(certificate.raw_serial()))),
        not_after: certificate.validity().not_after.timestamp(),
    })
}

/// The most that is told of one field: it becomes the value of a label. A certificate for a hundred names has
/// 3 KB of them; what a stranger's certificate may hold is 64 KB.
const FIELD_MAX: usize = 4096;

/// Cut at [`FIELD_MAX`] bytes, which then shows.
fn bounded(mut text: String) -> String {
    if text.len() > FIELD_MAX {
        let end = text.floor_char_boundary(FIELD_MAX - '…'.len_utf8());
        text.truncate(end);
        text.push('…');
        text.shrink_to_fit();
    }
    text
}

/// DNS names and addresses of a certificate.
fn alternative_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let mut names = Vec::new();
    for extension in certificate.extensions() {
        let ParsedExtension::SubjectAlternativeName(alternative) = extension.parsed_extension() else { continue };
        for general in &alternative.general_names {
            match general {
                GeneralName::DNSName(name) => names.push(clean(name)),
                GeneralName::IPAddress(bytes) => names.extend(ip(bytes)),
                _ => {}
            }
        }
    }
    names
}

fn ip(bytes: &[u8]) -> Option<String> {
    let four = <[u8; 4]>::try_from(bytes).map(|four| std::net::Ipv4Addr::from(four).to_string());
    let sixteen = <[u8; 16]>::try_from(bytes).map(|sixteen| std::net::Ipv6Addr::from(sixteen).to_string());
    four.or(sixteen).ok()
}

/// A distinguished name, most specific part first (RFC 4514): `CN=a.example,O=Example`.
fn name(name: &X509Name<'_>) -> String {
    let mut parts = Vec::new();
    for rdn in name.iter_rdn() {
        let mut part = String::new();
        for attribute in rdn.iter() {
            if !part.is_empty() {
                part.push('+');
            }
            let oid = attribute.attr_type();
            match x509_parser::objects::oid2abbrev(oid, x509_parser::objects::oid_registry()) {
                Ok(short) => part.push_str(short),
                Err(_) => part.push_str(&oid.to_id_string()),
            }
            part.push('=');
            let value = attribute
                .as_str()
                .map_or_else(|_| String::from_utf8_lossy(attribute.attr_value().data).into_owned(), str::to_owned);
            for letter in clean(&value).chars() {
                if matches!(letter, ',' | '+' | '"' | '\\' | '<' | '>' | ';') {
                    part.push('\\');
                }
                part.push(letter);
            }
        }
        parts.push(part);
    }
    parts.reverse();
    parts.join(",")
}

/// Without control characters: these strings come from strangers and go into logs and terminals.
fn clean(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

/// A number without the zero that DER puts before a high bit.
fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    &number[zeros.min(number.len().saturating_sub(1))..]
}

/// Lower-case hex.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A day in UTC, as messages write it.
pub(super) fn day(unix: i64) -> String {
    jiff::Timestamp::from_second(unix).map_or_else(|_| unix.to_string(), |time| time.strftime("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, KeyPair, SerialNumber};

    use super::*;

    fn certificate() -> Vec<u8> {
        let names = ["a.example", "*.b.example", "10.0.0.1", "fd00::1"].map(str::to_owned);
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::OrganizationName, "A, B + C");
        params.distinguished_name.push(DnType::CommonName, "a\u{1b}[31m.example");
        params.serial_number = Some(SerialNumber::from_slice(&[0xab, 0x01]));
        params.not_after = rcgen::date_time_ymd(2031, 2, 3);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn a_certificate_is_described() {
        let der = certificate();
        let details = details(&der).unwrap();
        // The last part that was encoded comes first.
        assert_eq!(details.subject, "O=A\\, B \\+ C,CN=a\u{fffd}[31m.example");
        assert_eq!(details.subject, details.issuer);
        assert_eq!(details.subject_alternative, "a.example,*.b.example,10.0.0.1,fd00::1");
        assert_eq!((&*details.serial, details.fingerprint_sha256.len()), ("ab01", 64));
        assert_eq!(day(details.not_after), "2031-02-03");
        let facts = facts(&der).unwrap();
        assert!(facts.self_issued);
        assert_eq!((facts.not_after, day(facts.not_before)), (details.not_after, "1975-01-01".into()));
    }

    #[test]
    fn what_a_certificate_says_is_bounded() {
        let names: Vec<String> = (0..500).map(|i| format!("name-{i}.example")).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, "ä".repeat(5000));
        let der = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let details = details(der.der()).unwrap();
        assert!(details.subject_alternative.starts_with("name-0.example,name-1.example"));
        for text in [&details.subject, &details.issuer, &details.subject_alternative] {
            assert!((FIELD_MAX - 4..=FIELD_MAX).contains(&text.len()) && text.ends_with('…'), "{}", text.len());
        }
    }

    proptest! {
        #[test]
        fn no_damage_to_a_certificate_can_panic(at: usize, with: u8, length: usize) {
            let mut der = certificate();
            let at = at % der.len();
            der[at] = with;
            let _ = (details(&der), facts(&der));
            let cut = &der[..length % der.len()];
            prop_assert!(details(cut).is_none() && facts(cut).is_none());
        }

        #[test]
        fn nothing_that_a_peer_sends_can_panic(bytes: Vec<u8>) {
            let _ = (details(&bytes), facts(&bytes));
        }
    }
}
