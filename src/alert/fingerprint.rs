//! A label set as one number, as Prometheus and Alertmanager compute and print it.

use std::{fmt, str::FromStr};

/// FNV-1a 64 over the sorted labels, each name and each value followed by the byte 0xFF, which is in no UTF-8 text
/// (`Fingerprint` of prometheus/common, `model/signature.go`). It prints as 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub u64);

impl Fingerprint {
    const OFFSET: u64 = 14_695_981_039_346_656_037;
    const PRIME: u64 = 1_099_511_628_211;

    /// Of names and values that are sorted by name.
    pub fn of<'a>(sorted: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let add = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(Self::PRIME);
        let text = |hash: u64, text: &str| add(text.bytes().fold(hash, add), 0xFF);
        Self(sorted.into_iter().fold(Self::OFFSET, |hash, (name, value)| text(text(hash, name), value)))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is no fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is 16 hexadecimal digits")]
pub struct FingerprintError;

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !digits {
            return Err(FingerprintError);
        }
        u64::from_str_radix(text, 16).map(Self).map_err(|_| FingerprintError)
    }
}

impl serde::Serialize for Fingerprint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Fingerprint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_upstream() {
        let cases: [(&[(&str, &str)], &str); 4] = [
            (&[], "cbf29ce484222325"),
            (&[("fear", "love is not enough"), ("name", "garland, briggs")], "507a62d79ee76c9a"),
            (&[("alertname", "test")], "1f56cb8f931d1bd4"),
            (&[("alertname", "HighErrorRate"), ("namespace", "prod"), ("severity", "critical")], "9c552ae26ff71dfa"),
        ];
        for (labels, expected) in cases {
            let fingerprint = Fingerprint::of(labels.iter().copied());
            assert_eq!(fingerprint.to_string(), expected, "{labels:?}");
            assert_eq!(expected.parse(), Ok(fingerprint));
        }
    }

    #[test]
    fn only_sixteen_digits_are_one() {
        for text in ["", "+bf29ce484222325", "cbf29ce48422232", "cbf29ce4842223255", "cbf29ce48422232g"] {
            assert_eq!(text.parse::<Fingerprint>(), Err(FingerprintError), "{text}");
        }
    }
}
