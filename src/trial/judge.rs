//! What was expected, held against what is.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use super::{AlertState, Expect, WantedAlert, WantedTold, show};
use crate::{
    alert::{Episode, Notification, Phase, book::Book, desk::Desk},
    engine::Snapshot,
    validate::FieldPath,
};

/// An expectation that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Seen from the test: `expect[1].alerts`.
    pub path: FieldPath,
    /// Milliseconds since the start.
    pub at: i64,
    /// What it is about, in a word or a sentence.
    pub what: String,
    /// Expected, and not there.
    pub missing: Vec<String>,
    /// There, and not expected.
    pub unexpected: Vec<String>,
    /// How many were there as expected.
    pub matched: usize,
}

/// What there is to look at.
pub(super) struct Present<'s> {
    pub(super) book: &'s Book,
    pub(super) desk: &'s Desk,
    pub(super) snapshot: &'s Snapshot,
    /// Since the last time that somebody looked.
    pub(super) told: &'s [(i64, Arc<Notification>)],
}

/// What of an expectation does not hold. `number` is its place in the test.
pub(super) fn judge(expect: &Expect, number: usize, present: &Present<'_>) -> Vec<Failure> {
    let path = FieldPath::of("expect").index(number);
    let mut failures = Vec::new();
    let mut hold = |field: &str, what: &str, compared: Compared| {
        let Compared { missing, unexpected, matched } = compared;
        if !missing.is_empty() || !unexpected.is_empty() {
            let (path, what) = (path.field(field), what.to_owned());
            failures.push(Failure { path, at: expect.at, what, missing, unexpected, matched });
        }
    };
    if let Some(wanted) = &expect.checks {
        hold("checks", "checks", checks(wanted, present));
    }
    if let Some(wanted) = &expect.alerts {
        hold("alerts", "alerts", alerts(wanted, expect, present));
    }
    if let Some(wanted) = &expect.told {
        hold("told", "told", told(wanted, present));
    }
    failures
}

struct Compared {
    missing: Vec<String>,
    unexpected: Vec<String>,
    matched: usize,
}

fn checks(wanted: &[super::WantedCheck], present: &Present<'_>) -> Compared {
    let mut compared = Compared { missing: Vec::new(), unexpected: Vec::new(), matched: 0 };
    for wanted in wanted {
        let view = present.snapshot.get(&wanted.key).map(|cell| cell.view.load_full());
        let fits = view
            .as_ref()
            .is_some_and(|view| view.state == wanted.state && wanted.reason.is_none_or(|reason| reason == view.reason));
        if fits {
            compared.matched += 1;
            continue;
        }
        compared.missing.push(show::wanted_check(wanted));
        compared.unexpected.extend(view.map(|view| show::check(&view.key, view.state, view.reason, &view.message)));
    }
    compared
}

fn alerts(wanted: &[WantedAlert], expect: &Expect, present: &Present<'_>) -> Compared {
    let concerned = present.book.rules().filter(|(key, ..)| expect.rule.as_ref().is_none_or(|rule| rule == *key));
    let mut there: Vec<(&Arc<Episode>, AlertState)> = concerned
        .flat_map(|(_, _, state)| state.episodes())
        .map(|episode| (episode, state_of(episode, present.desk)))
        .collect();
    there.sort_by(|(a, _), (b, _)| a.labels.cmp(&b.labels));
    let fits = |wanted: &WantedAlert, (episode, state): &(&Arc<Episode>, AlertState)| {
        wanted.state.is_none_or(|wanted| wanted == *state)
            && wanted.fits(&episode.labels, &episode.annotations, &episode.message)
    };
    let annotated = wanted.iter().any(|wanted| !wanted.annotations.is_empty());
    compare(wanted, &there, fits, show::wanted_alert, |(episode, state)| show::episode(episode, *state, annotated))
}

/// How an alert is; what stands in the way of who is told is the desk's to know.
pub(super) fn state_of(episode: &Episode, desk: &Desk) -> AlertState {
    if episode.phase == Phase::Pending {
        return AlertState::Pending;
    }
    let Some(view) = desk.alert(episode.incident) else { return AlertState::Firing };
    let suppressed = view.suppressed();
    if !suppressed.mutes.is_empty() {
        AlertState::Silenced
    } else if suppressed.inhibited.is_some() {
        AlertState::Inhibited
    } else if suppressed.dependency.is_some() {
        AlertState::Dependent
    } else {
        AlertState::Firing
    }
}

fn told(wanted: &[WantedTold], present: &Present<'_>) -> Compared {
    let fits = |wanted: &WantedTold, (at, notification): &(i64, Arc<Notification>)| {
        wanted.channel == notification.channel
            && wanted.at.is_none_or(|wanted| wanted == *at)
            && wanted.status.is_none_or(|wanted| wanted.fits(notification.status()))
            && wanted.why.is_none_or(|why| why == notification.why)
            && wanted.alerts.as_ref().is_none_or(|alerts| {
                let fits = |wanted: &WantedAlert, alert: &crate::alert::Alert| {
                    wanted.status.is_none_or(|status| status.fits(alert.status))
                        && wanted.fits(&alert.labels, &alert.annotations, &alert.message)
                };
                let pairs = pair(alerts, &notification.alerts, fits);
                pairs.len() == alerts.len() && pairs.len() == notification.alerts.len()
            })
    };
    let annotated =
        wanted.iter().flat_map(|wanted| wanted.alerts.iter().flatten()).any(|alert| !alert.annotations.is_empty());
    compare(wanted, present.told, fits, show::wanted_told, |(at, notification)| {
        show::told(*at, notification, annotated)
    })
}

fn compare<W, T>(
    wanted: &[W],
    there: &[T],
    fits: impl Fn(&W, &T) -> bool,
    show_wanted: impl Fn(&W) -> String,
    show_there: impl Fn(&T) -> String,
) -> Compared {
    let pairs = pair(wanted, there, fits);
    let has_wanted: BTreeSet<usize> = pairs.iter().map(|(wanted, _)| *wanted).collect();
    let has_there: BTreeSet<usize> = pairs.iter().map(|(_, there)| *there).collect();
    let left = |has: &BTreeSet<usize>, count: usize| (0..count).filter(|at| !has.contains(at)).collect::<Vec<_>>();
    Compared {
        missing: left(&has_wanted, wanted.len()).into_iter().filter_map(|at| wanted.get(at)).map(show_wanted).collect(),
        unexpected: left(&has_there, there.len()).into_iter().filter_map(|at| there.get(at)).map(show_there).collect(),
        matched: pairs.len(),
    }
}

/// As many pairs as can be made, each of a wanted one and one that fits it, none of both twice (Kuhn's way to a maximum
/// matching): a loose expectation does not take what only a strict one could have.
fn pair<W, T>(wanted: &[W], there: &[T], fits: impl Fn(&W, &T) -> bool) -> Vec<(usize, usize)> {
    let mut taken: Vec<Option<usize>> = vec![None; there.len()];
    let mut held: Vec<Option<usize>> = vec![None; wanted.len()];
    for first in 0..wanted.len() {
        // Who asked for a place first: the way back when a free one is found.
        let mut came: Vec<Option<usize>> = vec![None; there.len()];
        let mut queue = VecDeque::from([first]);
        while let Some(asks) = queue.pop_front() {
            let free = (0..there.len()).filter(|place| came[*place].is_none() && fits(&wanted[asks], &there[*place]));
            let places: Vec<usize> = free.collect();
            places.iter().for_each(|place| came[*place] = Some(asks));
            if let Some(free) = places.iter().find(|place| taken[**place].is_none()) {
                let mut next = Some(*free);
                while let Some((place, asks)) = next.and_then(|place| Some((place, came[place]?))) {
                    taken[place] = Some(asks);
                    next = held[asks].replace(place);
                }
                break;
            }
            queue.extend(places.iter().filter_map(|place| taken[*place]));
        }
    }
    held.iter().enumerate().filter_map(|(wanted, place)| Some((wanted, (*place)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loose_expectation_leaves_room_for_a_strict_one() {
        let fits = |wanted: &&str, there: &char| wanted.contains(*there);
        for (wanted, there, pairs) in [
            (&["ab", "a"][..], "ab", 2),
            (&["ab", "a", "abc"], "abc", 3),
            (&["a", "a"], "ab", 1),
            (&[], "ab", 0),
            (&["abc", "ab", "a"], "cab", 3),
            (&["ab", "bc", "c", "a"], "abc", 3),
        ] {
            let there: Vec<char> = there.chars().collect();
            let found = pair(wanted, &there, fits);
            assert_eq!(found.len(), pairs, "{wanted:?} {there:?} {found:?}");
            assert!(found.iter().all(|(w, t)| fits(&wanted[*w], &there[*t])));
            let once: BTreeSet<_> = found.iter().map(|(w, _)| w).collect();
            assert_eq!(once.len(), pairs);
        }
    }
}
