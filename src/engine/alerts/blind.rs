//! Which rules do not see what they are about, and when the audit trail says so: when it has lasted, so that neither a
//! start nor a source that stumbles once fills the trail. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    alert::{Moment, rule::Sight},
    clock::rfc3339,
    model::ObjectKey,
    why::{CANNOT_SEE, NO_DATA, SEES_AGAIN},
};

/// How long it lasts before it is written. At a start no check has been seen yet; three runs at 10 s are enough to
/// have one.
const LASTS: i64 = 30_000;

/// Rules that do not see.
#[derive(Debug, Default)]
pub(super) struct Blind {
    rules: BTreeMap<ObjectKey, Known>,
    /// When those that the trail does not have are to be in it.
    due: BTreeSet<(i64, ObjectKey)>,
}

#[derive(Debug)]
struct Known {
    change: &'static str,
    since: Moment,
    message: Arc<str>,
    /// What the trail says of it.
    written: Option<&'static str>,
}

/// What a row of kind rule says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub rule: ObjectKey,
    pub change: &'static str,
    pub message: String,
}

impl Blind {
    /// What a rule sees now; None: it is gone. Gives what the trail is to say of it at once.
    pub(super) fn see(&mut self, rule: &ObjectKey, sight: Option<&Sight>, now: Moment) -> Option<Said> {
        let (change, since, message) = match sight {
            Some(Sight::NoData { since, .. }) => (NO_DATA, *since, Arc::from("")),
            Some(Sight::Failing { since, message, .. }) => (CANNOT_SEE, *since, message.clone()),
            Some(Sight::Clear | Sight::Limited(_)) | None => {
                let known = self.rules.remove(rule)?;
                self.due.remove(&(known.due(), rule.clone()));
                let was_written = known.written.is_some() && sight.is_some();
                return was_written.then(|| Said { rule: rule.clone(), change: SEES_AGAIN, message: String::new() });
            }
        };
        match self.rules.get_mut(rule) {
            Some(known) => {
                known.message = message;
                if known.change == change {
                    return None;
                }
                known.change = change;
                known.written.is_some().then(|| known.said(rule))
            }
            None => {
                let known = Known { change, since, message, written: None };
                self.due.insert((known.due().max(now.at), rule.clone()));
                self.rules.insert(rule.clone(), known);
                None
            }
        }
    }

    /// What has lasted by now.
    pub(super) fn lasted(&mut self, now: Moment) -> Vec<Said> {
        let mut said = Vec::new();
        while let Some((at, rule)) = self.due.first().filter(|(at, _)| *at <= now.at).cloned() {
            self.due.remove(&(at, rule.clone()));
            if let Some(known) = self.rules.get_mut(&rule) {
                said.push(known.said(&rule));
            }
        }
        said
    }
}

impl Known {
    fn due(&self) -> i64 {
        self.since.at.saturating_add(LASTS)
    }

    fn said(&mut self, rule: &ObjectKey) -> Said {
        self.written = Some(self.change);
        let since = rfc3339(self.since.wall);
        let message = match &*self.message {
            "" => format!("since {since}"),
            message => format!("since {since}: {message}"),
        };
        Said { rule: rule.clone(), change: self.change, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Milliseconds in 2027.
    const T0: i64 = 1_800_000_000_000;

    fn at(seconds: i64) -> Moment {
        Moment { at: seconds * 1000, wall: T0 + seconds * 1000 }
    }

    fn no_data(since: i64) -> Sight {
        Sight::NoData { subjects: 1, since: at(since) }
    }

    fn failing(since: i64) -> Sight {
        Sight::Failing { subjects: 1, since: at(since), message: "refused".into() }
    }

    #[test]
    fn what_lasts_is_said_once_and_its_end_too() {
        let (mut blind, rule) = (Blind::default(), ObjectKey::new("a", "b"));
        assert_eq!(blind.see(&rule, Some(&no_data(0)), at(0)), None);
        assert!(blind.lasted(at(29)).is_empty());
        let said = blind.lasted(at(30));
        assert_eq!((said.len(), said[0].change, &*said[0].message), (1, NO_DATA, "since 2027-01-15T08:00:00.000Z"));
        assert!(blind.lasted(at(99)).is_empty());
        assert_eq!(blind.see(&rule, Some(&no_data(0)), at(40)), None);
        // Another trouble is said at once.
        let said = blind.see(&rule, Some(&failing(0)), at(50)).unwrap();
        assert_eq!((said.change, &*said.message), (CANNOT_SEE, "since 2027-01-15T08:00:00.000Z: refused"));
        assert_eq!(blind.see(&rule, Some(&Sight::Clear), at(60)).map(|said| said.change), Some(SEES_AGAIN));
        assert_eq!(blind.see(&rule, Some(&Sight::Clear), at(61)), None);
    }

    #[test]
    fn what_is_short_or_of_a_rule_that_goes_is_not_said() {
        let (mut blind, rule) = (Blind::default(), ObjectKey::new("a", "b"));
        blind.see(&rule, Some(&failing(0)), at(0));
        assert_eq!(blind.see(&rule, Some(&Sight::Limited(3)), at(20)), None);
        assert!(blind.lasted(at(100)).is_empty());
        blind.see(&rule, Some(&failing(100)), at(100));
        assert_eq!(blind.lasted(at(130)).len(), 1);
        assert_eq!(blind.see(&rule, None, at(140)), None, "that it is gone is said by another row");
        assert!(blind.rules.is_empty() && blind.due.is_empty());
    }
}
