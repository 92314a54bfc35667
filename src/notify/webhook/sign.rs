//! The signature of a webhook's body: HMAC-SHA256 (RFC 2104, FIPS 198-1). Pure.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::{clock::WallMs, model::Hmac};

/// Bytes of a block of SHA-256.
const BLOCK: usize = 64;

/// The timestamp in unix seconds, and the signature of `<timestamp>:<body>` in hexadecimal; while a secret is
/// rotated, two of them with a comma between.
pub(super) fn sign(hmac: &Hmac, now: WallMs, body: &[u8]) -> (String, String) {
    let timestamp = now.div_euclid(1000).to_string();
    let secrets = std::iter::once(&hmac.secret).chain(&hmac.previous);
    let signatures: Vec<String> =
        secrets.map(|secret| hex(&mac(secret.expose().as_bytes(), &[timestamp.as_bytes(), b":", body]))).collect();
    (timestamp, signatures.join(","))
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut block = [0; BLOCK];
    if key.len() > BLOCK {
        for (to, from) in block.iter_mut().zip(Sha256::digest(key)) {
            *to = from;
        }
    } else {
        for (to, from) in block.iter_mut().zip(key) {
            *to = *from;
        }
    }
    let mut inner = Sha256::new();
    inner.update(block.map(|byte| byte ^ 0x36));
    for part in parts {
        inner.update(part);
    }
    let mut outer = Sha256::new();
    outer.update(block.map(|byte| byte ^ 0x5c));
    outer.update(inner.finalize());
    outer.finalize().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        // Writing to a String does not fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderName;

    use super::*;
    use crate::model::Secret;

    #[test]
    fn vectors_of_rfc_4231() {
        for (key, data, expected) in [
            (
                vec![0x0b; 20],
                b"Hi There".as_slice(),
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe".to_vec(),
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                vec![0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            assert_eq!(hex(&mac(&key, &[data])), expected);
        }
    }

    #[test]
    fn both_secrets_sign_while_they_are_rotated() {
        let hmac = |previous: Option<&str>| Hmac {
            secret: Secret::new("new".to_owned()),
            previous: previous.map(|text| Secret::new(text.to_owned())),
            signature_header: HeaderName::from_static(Hmac::SIGNATURE),
            timestamp_header: HeaderName::from_static(Hmac::TIMESTAMP),
        };
        let (timestamp, one) = sign(&hmac(None), 1_700_000_000_999, b"{}");
        assert_eq!(timestamp, "1700000000");
        assert_eq!(one, hex(&mac(b"new", &[b"1700000000:{}"])));
        let (_, two) = sign(&hmac(Some("old")), 1_700_000_000_999, b"{}");
        assert_eq!(two, format!("{one},{}", hex(&mac(b"old", &[b"1700000000:{}"]))));
    }
}
