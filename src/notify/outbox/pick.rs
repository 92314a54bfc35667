//! Which of those that wait go out next, and when. Pure.

use std::{collections::HashSet, time::Duration};

use super::state::{Entry, State};
use crate::alert::Incident;

/// How many are looked at: those behind them wait for their turn. With [`ALERTS`] it bounds what one look costs.
const LOOK: usize = 1_000;
/// Alerts that are looked at in all, and that one notification is folded of.
const ALERTS: usize = 20_000;
/// As many go out as one; what is left is the next.
const FOLD: usize = 100;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pick {
    /// These, as one; in order.
    Now(Vec<u64>),
    At(Duration),
    /// Not before something else happens.
    Never,
}

/// In order per incident: what has an incident in common with one that is before it and has not ended waits for that.
pub(super) fn pick(state: &State, now: Duration) -> Pick {
    let Some(rules) = state.rules else { return Pick::Never };
    if state.in_flight >= state.slots() {
        return Pick::Never;
    }
    let ready = state.paused.max(state.sent.ready(rules.paces));
    let mut earlier: HashSet<Incident> = HashSet::new();
    let mut soonest: Option<Duration> = None;
    let mut alerts = 0;
    for (seen, (&order, entry)) in state.queue.iter().take(LOOK).enumerate() {
        alerts += entry.notification.alerts.len();
        // The first is looked at however large it is: nothing could go out before it.
        if alerts > ALERTS && seen > 0 {
            break;
        }
        if !entry.sending && is_free(entry, &earlier) {
            let at = entry.not_before.max(ready);
            if at <= now {
                return Pick::Now(if rules.folds { with_group(state, order, entry, earlier) } else { vec![order] });
            }
            soonest = Some(soonest.map_or(at, |soonest| soonest.min(at)));
        }
        earlier.extend(entry.notification.alerts.iter().map(|alert| alert.incident));
    }
    soonest.map_or(Pick::Never, Pick::At)
}

fn is_free(entry: &Entry, earlier: &HashSet<Incident>) -> bool {
    entry.notification.alerts.iter().all(|alert| !earlier.contains(&alert.incident))
}

/// The first with those behind it that are of the same group. One that may have been delivered goes alone, under its id.
fn with_group(state: &State, first: u64, head: &Entry, mut earlier: HashSet<Incident>) -> Vec<u64> {
    let mut orders = vec![first];
    if !head.untouched || head.notification.alerts.is_empty() {
        return orders;
    }
    let mut alerts = head.notification.alerts.len();
    for (&order, entry) in state.queue.range(first.saturating_add(1)..).take(LOOK) {
        alerts += entry.notification.alerts.len();
        if orders.len() >= FOLD || alerts > ALERTS {
            break;
        }
        let same = entry.notification.group.key == head.notification.group.key
            && entry.notification.instead_of == head.notification.instead_of
            && !entry.notification.alerts.is_empty();
        if same && entry.untouched && !entry.sending && is_free(entry, &earlier) {
            orders.push(order);
        } else {
            earlier.extend(entry.notification.alerts.iter().map(|alert| alert.incident));
        }
    }
    orders
}
