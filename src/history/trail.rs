//! Asking for rows of the audit trail: which ones, and a page of them.

use std::{collections::BTreeSet, fmt, str::FromStr, sync::Arc};

use crate::{
    audit::{Head, Index, Kind, Place, Row},
    clock::WallMs,
    settings::long_duration,
};

/// Rows of one page: some 600 bytes each.
pub const PAGE_MAX: usize = 1_000;

/// Rows that one page looks at to find those, so that an answer takes milliseconds: a page may hold fewer rows than it
/// could, or none, and still name the next one.
pub const LOOKED_AT_MAX: usize = 20_000;

/// Which rows are asked for. They come oldest first: by their time, then by their place.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    pub since: Option<WallMs>,
    pub until: Option<WallMs>,
    pub about: Option<About>,
    pub kind: Option<Kind>,
    /// None: rows of all namespaces, and those that are about the process as a whole.
    pub namespaces: Option<Arc<BTreeSet<Arc<str>>>>,
    /// Rows behind this one.
    pub after: Option<Cursor>,
    /// At most so many, and never over [`PAGE_MAX`].
    pub limit: usize,
}

/// What rows are about. Of a notification that an alert is told by, the attempts are about the alert, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// 16 hexadecimal digits.
    Fingerprint(Arc<str>),
    /// The first of them.
    FingerprintPrefix(Arc<str>),
    /// An alert's name.
    Alert(Arc<str>),
    Rule {
        /// None: of any.
        namespace: Option<Arc<str>>,
        name: Arc<str>,
    },
    /// A notification's id.
    Notification(Arc<str>),
}

impl About {
    /// An alert as people name it: by its fingerprint, or its name.
    pub fn alert(text: &str) -> Self {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        match text.len() == 16 && text.bytes().all(is_digit) {
            true => Self::Fingerprint(text.into()),
            false => Self::Alert(text.into()),
        }
    }

    /// A rule as people name it: NAME or NAMESPACE/NAME.
    pub fn rule(text: &str) -> Self {
        match text.split_once('/') {
            Some((namespace, name)) => Self::Rule { namespace: Some(namespace.into()), name: name.into() },
            None => Self::Rule { namespace: None, name: text.into() },
        }
    }

    /// Whether a row says that it is about this; the attempts at a notification do not say so themselves.
    pub fn takes(&self, index: &Index) -> bool {
        match self {
            Self::Fingerprint(fingerprint) => index.fingerprint.as_ref() == Some(fingerprint),
            Self::FingerprintPrefix(first) => {
                index.fingerprint.as_ref().is_some_and(|fingerprint| fingerprint.starts_with(&**first))
            }
            Self::Alert(alert) => index.alert.as_ref() == Some(alert),
            Self::Rule { namespace, name } => {
                index.rule.as_ref() == Some(name) && namespace.as_ref().is_none_or(|wanted| *wanted == index.namespace)
            }
            Self::Notification(id) => index.notification.as_ref() == Some(id),
        }
    }
}

impl AuditQuery {
    /// Whether a row is asked for, but for what it is about.
    pub fn takes(&self, index: &Index) -> bool {
        self.since.is_none_or(|since| index.at >= since)
            && self.until.is_none_or(|until| index.at < until)
            && self.kind.is_none_or(|kind| *index.kind == *kind.as_str())
            && self.namespaces.as_ref().is_none_or(|namespaces| namespaces.contains(&index.namespace))
    }

    /// How many rows a page holds.
    pub fn page(&self) -> usize {
        self.limit.clamp(1, PAGE_MAX)
    }
}

/// A moment as people write it: RFC 3339, or how long ago it was, as in `90m` and `7d`.
///
/// # Errors
/// What would be right, in one line.
pub fn moment(text: &str, now: WallMs) -> Result<WallMs, String> {
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Ok(moment.as_millisecond());
    }
    let ago = long_duration(text).and_then(|ago| i64::try_from(ago.as_millis()).ok());
    ago.map(|ago| now.saturating_sub(ago)).ok_or_else(|| {
        "it is no moment; give one such as 2027-01-15T08:00:00Z, or how long ago it was, such as 90m or 7d".to_owned()
    })
}

/// Where a page ended. It prints as `AT:CHAIN:SEQ`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Cursor {
    pub at: WallMs,
    pub place: Place,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.at, self.place)
    }
}

impl FromStr for Cursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (at, place) = text.split_once(':')?;
            Some(Self { at: at.parse().ok()?, place: place.parse().ok()? })
        };
        parse().ok_or("it is not the `next` of an answer")
    }
}

/// Rows of the audit trail.
#[derive(Debug, Clone, Default)]
pub struct AuditPage {
    pub rows: Vec<Row>,
    /// Where the next page begins; None when there is no more.
    pub next: Option<Cursor>,
    /// The trail's last row.
    pub head: Option<Head>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rows_are_about_is_read_as_people_write_it() {
        assert_eq!(About::alert("00ff00ff00ff00ff"), About::Fingerprint("00ff00ff00ff00ff".into()));
        assert_eq!(About::alert("HighErrorRate"), About::Alert("HighErrorRate".into()));
        assert_eq!(About::alert("00FF00ff00ff00ff"), About::Alert("00FF00ff00ff00ff".into()));
        assert_eq!(About::rule("a"), About::Rule { namespace: None, name: "a".into() });
        assert_eq!(About::rule("web/a"), About::Rule { namespace: Some("web".into()), name: "a".into() });
    }

    #[test]
    fn a_moment_is_one_or_an_age() {
        let now = 1_800_000_000_000;
        for (text, want) in [
            ("2027-01-15T08:00:00Z", Some(now)),
            ("2027-01-15T09:00:00.5+01:00", Some(now + 500)),
            ("90m", Some(now - 5_400_000)),
            ("7d", Some(now - 604_800_000)),
            ("yesterday", None),
            ("2027-01-15", None),
            ("-1h", None),
            ("", None),
        ] {
            assert_eq!(moment(text, now).ok(), want, "{text}");
        }
    }

    #[test]
    fn cursors_are_read_as_they_are_written() {
        let cursor = Cursor { at: 17, place: Place { chain: 2, seq: 9 } };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for bad in ["", "17", "17:2", "17:2:x", "x:2:9"] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
        }
    }
}
