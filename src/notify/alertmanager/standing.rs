//! What an Alertmanager was told and must be told again: what fires, and for 15 minutes what is resolved. Pure.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use super::limits::{RESOLVED, STANDING};
use crate::{
    alert::{Alert, Fingerprint, Incident, Status},
    clock::Now,
};

/// All that stands at one Alertmanager. At most [`STANDING`] alerts.
#[derive(Debug, Default)]
pub(in crate::notify) struct Standing {
    alerts: BTreeMap<Fingerprint, Entry>,
    /// Under which labels each incident fires: with others it is another alert there, and the one before has ended.
    firing: HashMap<Incident, Fingerprint>,
}

#[derive(Debug)]
struct Entry {
    alert: Alert,
    /// On the monotonic clock: until when it is told. None while it fires.
    until: Option<Duration>,
}

impl Standing {
    /// It was told these. Gives how many there is no room for, which will end there by themselves.
    pub(in crate::notify) fn told(&mut self, alerts: &[Alert], now: Now) -> usize {
        let mut no_room = 0;
        for alert in alerts {
            let fires = alert.status != Status::Resolved;
            let before = if fires {
                self.firing.insert(alert.incident, alert.fingerprint)
            } else {
                self.firing.remove(&alert.incident)
            };
            // Also at its end: that its labels changed while it fired may have been no news.
            if let Some(before) = before.filter(|before| *before != alert.fingerprint)
                && let Some(entry) = self.alerts.get_mut(&before)
            {
                entry.alert.status = Status::Resolved;
                entry.alert.ends_at = Some(alert.ends_at.unwrap_or(now.wall));
                entry.until = Some(now.mono + RESOLVED);
            }
            if self.alerts.len() >= STANDING && !self.alerts.contains_key(&alert.fingerprint) {
                no_room += 1;
                continue;
            }
            let until = (!fires).then(|| now.mono + RESOLVED);
            self.alerts.insert(alert.fingerprint, Entry { alert: alert.clone(), until });
        }
        no_room
    }

    /// What is to be told again now.
    pub(in crate::notify) fn due(&mut self, now: Now) -> Vec<Alert> {
        self.alerts.retain(|_, entry| entry.until.is_none_or(|until| now.mono < until));
        self.alerts.values().map(|entry| entry.alert.clone()).collect()
    }

    pub(in crate::notify) fn is_empty(&self) -> bool {
        self.alerts.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        alert::Severity,
        notify::wording::samples::{START, alert},
    };

    fn at(minutes: u64) -> Now {
        Now { mono: Duration::from_secs(60 * minutes), wall: START + 60_000 * minutes as i64 }
    }

    #[test]
    fn what_fires_stands_and_what_resolved_stands_for_a_quarter_of_an_hour() {
        let mut standing = Standing::default();
        let fires = alert("A", Severity::High, Status::Firing);
        let ended = alert("A", Severity::High, Status::Resolved);
        assert_eq!(standing.told(std::slice::from_ref(&fires), at(0)), 0);
        assert_eq!(standing.due(at(600)), std::slice::from_ref(&fires));
        standing.told(std::slice::from_ref(&ended), at(601));
        assert_eq!(standing.due(at(615)), std::slice::from_ref(&ended));
        assert!(standing.due(at(616)).is_empty() && standing.is_empty());
        // It fires again while it was told that it is resolved.
        standing.told(&[ended], at(700));
        standing.told(std::slice::from_ref(&fires), at(701));
        assert_eq!(standing.due(at(800)), [fires]);
    }

    #[test]
    fn with_another_severity_it_is_another_alert_there() {
        let mut standing = Standing::default();
        let (high, critical) =
            (alert("A", Severity::High, Status::Firing), alert("A", Severity::Critical, Status::Firing));
        assert_eq!(high.incident, critical.incident);
        standing.told(std::slice::from_ref(&high), at(0));
        standing.told(std::slice::from_ref(&critical), at(1));
        let due = standing.due(at(2));
        assert_eq!(due.len(), 2);
        assert!(due.contains(&critical));
        let before = due.iter().find(|alert| alert.fingerprint == high.fingerprint).unwrap();
        assert_eq!((before.status, before.ends_at), (Status::Resolved, Some(at(1).wall)));
        assert_eq!(standing.due(at(16)), [critical]);
    }

    #[test]
    fn what_ends_under_other_labels_than_it_was_told_with_ends() {
        let mut standing = Standing::default();
        let critical = alert("A", Severity::Critical, Status::Firing);
        let ended = alert("A", Severity::High, Status::Resolved);
        standing.told(std::slice::from_ref(&critical), at(0));
        standing.told(std::slice::from_ref(&ended), at(10));
        let due = standing.due(at(11));
        let before = due.iter().find(|alert| alert.fingerprint == critical.fingerprint).unwrap();
        assert_eq!((due.len(), before.status, before.ends_at), (2, Status::Resolved, ended.ends_at));
        assert!(standing.due(at(25)).is_empty() && standing.firing.is_empty());
    }
}
