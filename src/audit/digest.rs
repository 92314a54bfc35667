//! Digests, and the places of rows.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize, de};
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest (FIPS 180-4). It prints as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Of a row: over the digest of the row before, the chain and the number in it (big endian, 8 bytes each), and the
    /// body as it is stored. All but the body have a fixed length, so no two rows give the same bytes.
    pub fn of(previous: &[u8], place: Place, body: &[u8]) -> Self {
        let hasher = Sha256::new()
            .chain_update(previous)
            .chain_update(place.chain.to_be_bytes())
            .chain_update(place.seq.to_be_bytes())
            .chain_update(body);
        Self(hasher.finalize().into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = HeadError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        // Digits only: the number's own parser would take a sign.
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(HeadError);
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| HeadError)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| HeadError)?;
        }
        Ok(Self(bytes))
    }
}

/// Where a row stands: chains in the order in which they were begun, numbers from 1 in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Place {
    pub chain: u64,
    pub seq: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.chain, self.seq)
    }
}

impl FromStr for Place {
    type Err = HeadError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => text.parse::<u64>().ok(),
            false => None,
        };
        let place =
            text.split_once(':').and_then(|(chain, seq)| Some(Self { chain: number(chain)?, seq: number(seq)? }));
        place.ok_or(HeadError)
    }
}

/// A row's place and digest: all that is needed to tell later whether it is still there as it was, and all before it.
///
/// It prints as `CHAIN:SEQ:DIGEST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Head {
    pub place: Place,
    pub digest: Digest,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.place, self.digest)
    }
}

/// Why a text is no head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a head is CHAIN:SEQ:DIGEST, two numbers and 64 hexadecimal digits")]
pub struct HeadError;

impl FromStr for Head {
    type Err = HeadError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (place, digest) = text.rsplit_once(':').ok_or(HeadError)?;
        Ok(Self { place: place.parse()?, digest: digest.parse()? })
    }
}

impl Serialize for Head {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Head {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_as_they_are_written() {
        let head = Head { place: Place { chain: 3, seq: 17 }, digest: Digest::of(&[1; 32], Place::default(), b"x") };
        assert_eq!(head.to_string().parse(), Ok(head));
        let digits = head.digest.to_string();
        assert_eq!(digits.len(), 64);
        for bad in [
            String::new(),
            "3:17".to_owned(),
            format!("3:{digits}"),
            format!("3:17:{}", &digits[1..]),
            format!("+3:17:{digits}"),
            format!("3:-1:{digits}"),
            format!("3:17:1:{digits}"),
            format!("3:17:+{}", &digits[1..]),
            format!("3:17:{}g", &digits[1..]),
        ] {
            assert_eq!(bad.parse::<Head>(), Err(HeadError), "{bad}");
        }
    }

    /// The same bytes by another program: `hashlib.sha256(b"\0" * 32 + b"\0" * 7 + b"\1" + b"\0" * 7 + b"\1" + b"{}")`.
    #[test]
    fn a_digest_is_over_these_bytes_in_this_order() {
        let digest = Digest::of(&[0; 32], Place { chain: 1, seq: 1 }, b"{}");
        assert_eq!(digest.to_string(), "d6e3dfe5dbc15fc03e14f4016521e22395d6193412d7ba12879f847bc821fe5d");
    }
}
