//! What makes two notifications the same incident.

use std::{fmt, str::FromStr};

use sha2::Digest as _;

use super::Labels;

/// The first half of the SHA-256 over the rule's UID and the labels without `severity`: a rule that says critical
/// where it said high goes on with the same incident, and a rule of the same name made anew begins another.
///
/// It prints as 32 hexadecimal digits: short enough for every receiver's deduplication key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incident([u8; 16]);

impl Incident {
    pub fn of(rule_uid: &str, labels: &Labels) -> Self {
        // 0xFF is in no UTF-8 text, so no two different lists give the same bytes.
        let mut hasher = sha2::Sha256::new().chain_update(rule_uid).chain_update([0xFF]);
        for (name, value) in labels.iter().filter(|(name, _)| *name != "severity") {
            hasher.update(name);
            hasher.update([0xFF]);
            hasher.update(value);
            hasher.update([0xFF]);
        }
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(hasher.finalize()) {
            *to = from;
        }
        Self(bytes)
    }
}

impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is no incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an incident is 32 hexadecimal digits")]
pub struct IncidentError;

impl FromStr for Incident {
    type Err = IncidentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !digits {
            return Err(IncidentError);
        }
        u128::from_str_radix(text, 16).map(|number| Self(number.to_be_bytes())).map_err(|_| IncidentError)
    }
}

impl serde::Serialize for Incident {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Incident {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_and_the_labels_without_severity() {
        let labels = |severity| Labels::new([("alertname", "A"), ("severity", severity), ("instance", "1")]);
        let incident = Incident::of("uid", &labels("high"));
        assert_eq!(incident, Incident::of("uid", &labels("critical")));
        assert_eq!(incident, Incident::of("uid", &labels("")));
        assert_ne!(incident, Incident::of("other", &labels("high")));
        assert_ne!(incident, Incident::of("uid", &labels("high").with([("instance", "2")])));
        assert_eq!(incident.to_string().parse(), Ok(incident));
        assert_eq!("x".parse::<Incident>(), Err(IncidentError));
    }
}
