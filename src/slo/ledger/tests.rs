//! Ledgers against a plain sum over all minutes.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::slo::{
    Live, Sum, needs_from, starts,
    tests::{DAY, bad, objective},
};

type Minutes = BTreeMap<u32, Observed>;

/// The whole of `from` to `to`, minute by minute.
fn plain(minutes: &Minutes, from: u32, to: u32) -> Sum {
    let mut sum = Sum { is_exact: true, elapsed_ms: f64::from(to.saturating_sub(from)) * 60_000.0, ..Sum::default() };
    for observed in minutes.range(from..to.max(from)).map(|(_, observed)| observed) {
        sum.raw += observed.cell;
        sum.corrected += observed.corrected();
        sum.excluded_ms += 60_000.0 * observed.excluded;
    }
    sum.elapsed_ms -= sum.excluded_ms;
    sum
}

fn near(a: &Sum, b: &Sum) -> bool {
    let is_near = |a: f64, b: f64| (a - b).abs() <= 1e-6 * a.abs().max(b.abs()) + 1e-6;
    let cells = |a: &Cell, b: &Cell| {
        // What was seen of each of ten hours is kept to half of 55 ms.
        let seen = (a.seen_ms - b.seen_ms).abs() <= 300.0;
        is_near(a.part, b.part) && is_near(a.whole, b.whole) && seen
    };
    cells(&a.raw, &b.raw)
        && cells(&a.corrected, &b.corrected)
        && is_near(a.elapsed_ms, b.elapsed_ms)
        && is_near(a.excluded_ms, b.excluded_ms)
        && a.is_exact == b.is_exact
}

fn at(minute: u32) -> i64 {
    i64::from(minute) * 60_000
}

fn array(minutes: &Minutes, hour: u32) -> [Observed; 60] {
    std::array::from_fn(|place| minutes.get(&(hour * 60 + place as u32)).copied().unwrap_or_default())
}

fn live(minutes: &Minutes, ledger: &Ledger, to: u32) -> Vec<Observed> {
    (ledger.folded()..to).map(|minute| minutes.get(&minute).copied().unwrap_or_default()).collect()
}

fn minutes(range: std::ops::Range<u32>) -> impl Strategy<Value = Minutes> {
    let observed =
        (0u32..=60_000, 0u32..=60_000, prop::option::weighted(0.1, 1u32..=4)).prop_map(|(a, b, excluded)| {
            let (part, whole) = (f64::from(a.min(b)), f64::from(a.max(b)));
            let excluded = excluded.map_or(0.0, |quarters| f64::from(quarters) / 4.0);
            Observed { cell: Cell { part, whole, seen_ms: whole }, excluded }
        });
    prop::collection::btree_map(range, observed, 0..200)
}

proptest! {
    #[test]
    fn any_window_is_the_sum_of_its_minutes(
        minutes in minutes(600..1_200), from in 600u32..1_200, length in 0u32..700, folded in 600u32..1_200,
    ) {
        let to = (from + length).min(1_200);
        let ledger = Ledger::build(600, folded, &[from, to], minutes.clone());
        let live = live(&minutes, &ledger, 1_200);
        let sum = ledger.sum(from, at(to), Live { first: folded, minutes: &live });
        prop_assert!(near(&sum, &plain(&minutes, from, to)), "{sum:?}");
    }

    #[test]
    fn splitting_a_window_adds_up(
        minutes in minutes(600..1_200), mut cuts in prop::array::uniform3(600u32..1_200), folded in 600u32..1_200,
    ) {
        cuts.sort_unstable();
        let [from, middle, to] = cuts;
        let ledger = Ledger::build(600, folded, &cuts, minutes.clone());
        let live = live(&minutes, &ledger, 1_200);
        let sum = |from, to| ledger.sum(from, at(to), Live { first: folded, minutes: &live });
        let (whole, left, right) = (sum(from, to), sum(from, middle), sum(middle, to));
        let both = Sum {
            raw: left.raw + right.raw,
            corrected: left.corrected + right.corrected,
            elapsed_ms: left.elapsed_ms + right.elapsed_ms,
            excluded_ms: left.excluded_ms + right.excluded_ms,
            is_exact: true,
        };
        prop_assert!(near(&whole, &both), "{whole:?} {both:?}");
    }

    #[test]
    fn folded_one_by_one_built_anew_and_replaced_it_is_the_same(
        before in minutes(600..1_200), minutes in minutes(600..1_200), from in 600u32..1_200, folded in 661u32..1_200,
    ) {
        let starts = [from];
        let built = Ledger::build(600, folded, &starts, minutes.clone());
        let mut one_by_one = Ledger::new(600);
        let mut replaced = Ledger::build(600, folded, &starts, before);
        for minute in 600..folded {
            let observed = minutes.get(&minute).copied().unwrap_or_default();
            prop_assert_eq!(one_by_one.fold(minute, &observed), Folded::Taken);
        }
        for hour in 10..=folded / 60 {
            replaced.replace(hour, &array(&minutes, hour));
        }
        for ledger in [&mut one_by_one, &mut replaced] {
            for hour in ledger.settle(&starts) {
                ledger.set_edge(hour, &array(&minutes, hour));
            }
            let live = live(&minutes, ledger, 1_200);
            let live = Live { first: folded, minutes: &live };
            prop_assert_eq!(ledger.sum(from, at(1_200), live), built.sum(from, at(1_200), live));
        }
    }

    #[test]
    fn what_is_forgotten_changes_no_later_window(
        minutes in minutes(600..1_200), from in 600u32..1_200, folded in 600u32..1_200,
    ) {
        let mut ledger = Ledger::build(600, folded, &[from], minutes.clone());
        let live = live(&minutes, &ledger, 1_200);
        let live = Live { first: folded, minutes: &live };
        let before = ledger.sum(from, at(1_200), live);
        ledger.forget_before(from);
        prop_assert_eq!(ledger.sum(from, at(1_200), live), before);
        prop_assert!(ledger.begins() <= from && ledger.begins() >= from.min(folded) / 60 * 60);
    }
}

#[test]
fn a_gap_is_told_and_what_was_folded_stays() {
    let mut ledger = Ledger::new(605);
    assert_eq!(ledger.fold(605, &bad(1.0)), Folded::Taken);
    assert_eq!(ledger.fold(605, &bad(9.0)), Folded::Known);
    assert_eq!(ledger.fold(607, &bad(1.0)), Folded::Gap);
    assert_eq!((ledger.folded(), ledger.sum(605, at(606), Live::default()).raw.part), (606, 1.0));
}

#[test]
fn an_edge_whose_minutes_are_not_known_is_an_estimate_and_says_so() {
    // One bad minute at the beginning of an hour, which a window of this hour's second half does not hold.
    let minutes: Minutes = (600..900).map(|minute| (minute, bad(if minute == 660 { 60_000.0 } else { 0.0 }))).collect();
    let mut ledger = Ledger::build(600, 900, &[], minutes.clone());
    let sum = |ledger: &Ledger| ledger.sum(690, at(900), Live::default());
    assert_eq!((sum(&ledger).raw.part, sum(&ledger).is_exact), (30_000.0, false));
    assert_eq!(ledger.settle(&[690, 720, 899, 700, 100]), [11]);
    ledger.set_edge(11, &array(&minutes, 11));
    assert_eq!((sum(&ledger).raw.part, sum(&ledger).is_exact), (0.0, true));
    assert_eq!(ledger.settle(&[690]), [] as [u32; 0]);
    // The window has moved on.
    assert_eq!(ledger.settle(&[750]), [12]);
    assert!(!sum(&ledger).is_exact);
    // An hour that is not in it has no minutes in it either.
    ledger.set_edge(9, &array(&minutes, 9));
    ledger.set_edge(15, &array(&minutes, 15));
    assert!(ledger.edge(9).is_none() && ledger.edge(15).is_none());
}

#[test]
fn windows_that_reach_out_of_it_say_so() {
    let ledger = Ledger::build(600, 900, &[], []);
    assert!(ledger.sum(600, at(900), Live::default()).is_exact);
    assert!(!ledger.sum(599, at(900), Live::default()).is_exact);
    // Live minutes that begin later than they should.
    assert!(!ledger.sum(600, at(910), Live { first: 901, minutes: &[bad(0.0); 9] }).is_exact);
    let sum = ledger.sum(600, at(910), Live { first: 895, minutes: &[bad(0.0); 15] });
    assert_eq!((sum.is_exact, sum.raw.whole), (true, 600_000.0));
    assert_eq!(ledger.sum(905, at(900), Live::default()).elapsed_ms, 0.0);
}

#[test]
fn of_the_running_minute_what_is_known_counts() {
    let ledger = Ledger::build(600, 660, &[], []);
    let minutes = [bad(0.0), Observed { cell: bad(0.0).cell.scaled(0.25), excluded: 0.5 }];
    let sum = ledger.sum(660, at(661) + 20_000, Live { first: 660, minutes: &minutes });
    assert_eq!((sum.raw.whole, sum.corrected.whole), (75_000.0, 67_500.0));
    assert_eq!((sum.elapsed_ms, sum.excluded_ms), (70_000.0, 10_000.0));
}

#[test]
fn thirty_days_are_at_most_twelve_kilobytes() {
    // Of one check, and of the mean of three; and what an hour of planned work each day adds.
    for (name, bad_ms) in [("one check", 1.0), ("the mean of three", 1.0 / 3.0)] {
        let largest = largest_in_a_hundred_days(bad_ms, false);
        let planned = largest_in_a_hundred_days(bad_ms, true);
        println!("{name}: {largest} bytes at most, {planned} with planned work");
        assert!((9_000..=12 * 1024).contains(&largest), "{name}: {largest}");
        assert!(planned - largest <= 32 * 20 + 6 * 120, "{name}: {planned}");
    }
}

fn largest_in_a_hundred_days(bad_ms: f64, is_planned: bool) -> usize {
    let objective = objective(99.9, 30 * DAY);
    let mut ledger = Ledger::new(0);
    let mut largest = 0;
    for minute in 60..100 * 1_440_u32 {
        // It is an hour behind.
        let old = minute - 60;
        let excluded = if is_planned && old % 1_440 < 60 { 1.0 } else { 0.0 };
        let observed = Observed { excluded, ..bad(bad_ms) };
        assert_eq!(ledger.fold(old, &observed), Folded::Taken);
        // Half past, so that every window cuts an hour.
        if minute % 60 == 30 {
            let now = at(minute);
            for hour in ledger.settle(&starts(&objective, now)) {
                ledger.set_edge(hour, &[observed; 60]);
            }
            ledger.forget_before(needs_from(&objective, now));
            largest = largest.max(ledger.bytes());
        }
    }
    largest
}
