//! Several notifications that wait for one group, as one. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::Arc,
};

use sha2::{Digest as _, Sha256};

use crate::{
    alert::{Alert, Incident, Notification, NotificationId, Status, Why},
    clock::WallMs,
};

/// Alerts that the one message holds beside its news; those beyond are counted in it. Ten times what any receiver shows.
const ALERTS_MAX: usize = 1_000;

/// One notification that says what all of them say, each episode as it stands last. What fired in an earlier one, as news
/// to a channel that did not know it, and is resolved in a later was never told to fire: the message says both. `waiting`
/// is in order.
pub(super) fn merge(waiting: &[Arc<Notification>]) -> Option<Notification> {
    let last = waiting.last()?;
    // Two episodes of an incident have other beginnings, and each gets its end; its labels may change on the way.
    type Episode = (Incident, WallMs);
    let mut order: Vec<Episode> = Vec::new();
    let mut alerts: BTreeMap<Episode, Alert> = BTreeMap::new();
    // Those of which nobody was told before that they fire.
    let mut fresh: BTreeSet<Episode> = BTreeSet::new();
    for (why, alert) in waiting.iter().flat_map(|one| one.alerts.iter().map(|alert| (one.why, alert))) {
        let key = (alert.incident, alert.starts_at);
        let mut alert = alert.clone();
        if alert.status != Status::Resolved {
            if alert.news && !alert.known && why != Why::Repeat {
                fresh.insert(key);
            }
        } else {
            alert.untold |= fresh.contains(&key);
        }
        if let Some(before) = alerts.get(&key) {
            alert.news |= before.news;
            alert.untold |= alert.status == Status::Resolved && before.untold;
            alert.known &= before.known;
        } else {
            order.push(key);
        }
        alerts.insert(key, alert);
    }
    let mut alerts: Vec<Alert> = order.iter().filter_map(|key| alerts.remove(key)).collect();
    // What is news is never left out: `pick` bounds how much of it there can be.
    let (all, mut room) = (alerts.len(), ALERTS_MAX.saturating_sub(alerts.iter().filter(|alert| alert.news).count()));
    alerts.retain(|alert| {
        let stays = alert.news || room > 0;
        room = room.saturating_sub(usize::from(stays && !alert.news));
        stays
    });
    let cut = all - alerts.len();
    let truncated = waiting.iter().map(|notification| notification.truncated).max().unwrap_or_default();
    Some(Notification {
        id: id(waiting),
        alerts,
        truncated: truncated.saturating_add(u32::try_from(cut).unwrap_or(u32::MAX)),
        // What is told for the first time is not told again.
        why: waiting.iter().rev().map(|one| one.why).find(|why| *why != Why::Repeat).unwrap_or(Why::Repeat),
        // The delay counts from when the first of them was to be told.
        created_at: waiting.iter().map(|notification| notification.created_at).min().unwrap_or(last.created_at),
        ..Notification::clone(last)
    })
}

/// The same for the same ones.
fn id(waiting: &[Arc<Notification>]) -> NotificationId {
    let mut digest = Sha256::new();
    for notification in waiting {
        digest.update(&*notification.id.0);
        digest.update([0xFF]);
    }
    let hex = digest.finalize().iter().take(16).fold(String::with_capacity(32), |mut hex, byte| {
        // Writing to a String does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    NotificationId(hex.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        alert::Severity,
        notify::wording::samples::{alert, notification},
    };

    fn of(alerts: Vec<Alert>, id: &str) -> Arc<Notification> {
        let mut one = notification(alerts);
        one.id = NotificationId(id.into());
        Arc::new(one)
    }

    #[test]
    fn what_fired_and_is_resolved_says_both() {
        let (high, low) = (Severity::High, Severity::Low);
        let first = of(vec![alert("A", high, Status::Firing), alert("B", low, Status::Firing)], "1");
        let second = of(vec![alert("B", low, Status::Firing), alert("A", high, Status::Resolved)], "2");
        let mut second = Notification::clone(&second);
        second.why = Why::SomeResolved;
        second.created_at += 1;
        let merged = merge(&[Arc::clone(&first), Arc::new(second)]).unwrap();
        assert_eq!((merged.why, merged.created_at, merged.id.0.len()), (Why::SomeResolved, first.created_at, 32));
        assert_ne!(merged.id, first.id);
        let told: Vec<_> = merged.alerts.iter().map(|alert| (&*alert.name, alert.status, alert.untold)).collect();
        assert_eq!(told, [("A", Status::Resolved, true), ("B", Status::Firing, false)]);
        // And once more, with one of a later episode.
        let mut again = alert("A", high, Status::Resolved);
        again.starts_at += 500_000;
        let merged = merge(&[Arc::new(merged), of(vec![again], "3")]).unwrap();
        let untold: Vec<_> =
            merged.alerts.iter().filter(|alert| &*alert.name == "A").map(|alert| alert.untold).collect();
        assert_eq!(untold, [true, false]);
        assert_eq!(merge(&[]), None);
    }

    #[test]
    fn what_is_resolved_under_other_labels_is_one_alert() {
        let first = of(vec![alert("A", Severity::Critical, Status::Firing)], "1");
        let merged = merge(&[first, of(vec![alert("A", Severity::High, Status::Resolved)], "2")]).unwrap();
        let told: Vec<_> = merged.alerts.iter().map(|alert| (alert.severity, alert.status, alert.untold)).collect();
        assert_eq!(told, [(Some(Severity::High), Status::Resolved, true)]);
    }

    #[test]
    fn what_got_worse_and_is_resolved_was_known_to_fire() {
        let first = of(vec![alert("A", Severity::High, Status::Firing)], "1");
        let worse = Alert { known: true, ..alert("A", Severity::Critical, Status::Firing) };
        let worse = of(vec![worse], "2");
        let ended = of(vec![alert("A", Severity::Critical, Status::Resolved)], "3");
        let untold = |waiting: &[&Arc<Notification>]| {
            let waiting: Vec<_> = waiting.iter().map(|one| Arc::clone(one)).collect();
            merge(&waiting).unwrap().alerts[0].untold
        };
        // The first message has arrived, and what waits tells no news of a beginning.
        assert!(!untold(&[&worse, &ended]));
        // It waits too, folded with what is worse or not.
        assert!(untold(&[&first, &worse, &ended]));
        let both = Arc::new(merge(&[first, worse]).unwrap());
        assert!(untold(&[&both, &ended]));
    }

    #[test]
    fn what_was_told_before_is_only_resolved() {
        let fires = alert("A", Severity::High, Status::Firing);
        let ended = alert("A", Severity::High, Status::Resolved);
        let beside = Alert { news: false, ..fires.clone() };
        let with = |why, alerts: Vec<Alert>, id: &str| {
            let mut one = notification(alerts);
            (one.why, one.id) = (why, NotificationId(id.into()));
            Arc::new(one)
        };
        let last = with(Why::AllResolved, vec![ended], "9");
        for (before, why, untold) in [
            (vec![with(Why::First, vec![fires.clone()], "1")], Why::First, true),
            (vec![with(Why::New, vec![beside], "1")], Why::New, false),
            (vec![with(Why::Repeat, vec![fires.clone()], "1")], Why::Repeat, false),
            (vec![with(Why::First, vec![fires.clone()], "1"), with(Why::Repeat, vec![fires], "2")], Why::First, true),
        ] {
            let merged = merge(&before).unwrap();
            assert_eq!(merged.why, why, "{before:?}");
            let merged = merge(&[before, vec![Arc::clone(&last)]].concat()).unwrap();
            assert_eq!((merged.why, merged.alerts[0].untold), (Why::AllResolved, untold), "{why}");
            let again = merge(&[Arc::new(merge(&[Arc::new(merged)]).unwrap())]).unwrap();
            assert_eq!(again.alerts[0].untold, untold);
        }
    }
}
