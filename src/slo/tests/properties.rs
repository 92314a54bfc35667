//! What holds whatever was seen.

use proptest::prelude::*;

use super::*;
use crate::history::{Class, Minute};

const INDICATORS: [Indicator; 4] = [
    Indicator::Availability { method: Method::Time, combine: Combine::All },
    Indicator::Availability { method: Method::Events, combine: Combine::Average },
    Indicator::ErrorRate,
    Indicator::ResponseTime { statistic: Statistic::Average },
];

/// With a target that suits.
fn objectives() -> impl Strategy<Value = Objective> {
    (prop::sample::select(INDICATORS.to_vec()), 0.001..5.0f64, 5u32..60_000).prop_map(|(indicator, bad, minutes)| {
        let target = if indicator.is_more_better() { 100.0 - bad } else { bad };
        with(target, Window::Rolling(MINUTE * minutes), indicator)
    })
}

fn minutes() -> impl Strategy<Value = Vec<Observed>> {
    let observed =
        (0u32..=60_000, 0u32..=60_000, prop::option::weighted(0.2, 1u32..=4)).prop_map(|(a, b, excluded)| {
            let (part, whole) = (f64::from(a.min(b)), f64::from(a.max(b)));
            let excluded = excluded.map_or(0.0, |quarters| f64::from(quarters) / 4.0);
            Observed { cell: Cell { part, whole, seen_ms: whole }, excluded }
        });
    prop::collection::vec(observed, 1..200)
}

/// Minute 6,000,000, a whole hour.
const START: u32 = 6_000_000;

fn evaluated(objective: &Objective, minutes: &[Observed]) -> Evaluation {
    let end = START + minutes.len() as u32;
    let now = i64::from(end) * 60_000;
    let folded = end.saturating_sub(60).max(START);
    let ledger =
        Ledger::build(needs_from(objective, now), folded, &starts(objective, now), (START..).zip(minutes.to_vec()));
    let live = Live { first: folded, minutes: &minutes[(folded - START) as usize..] };
    evaluate(objective, &ledger, live, Percentile::default(), now)
}

fn rank(state: State) -> u8 {
    match state {
        State::Compliant => 0,
        State::Warning => 1,
        State::Violated => 2,
        State::Unknown => 3,
    }
}

proptest! {
    #[test]
    fn budget_and_consumed_are_one(objective in objectives(), minutes in minutes()) {
        let standing = evaluated(&objective, &minutes).standing;
        let Some(budget) = standing.budget else {
            prop_assert_eq!(objective.allowance(), None);
            return Ok(());
        };
        let share = |amount: f64| if budget.total > 0.0 { amount / budget.total } else { 0.0 };
        prop_assert!((share(budget.remaining) + share(budget.total - budget.remaining) - share(budget.total)).abs() < 1e-9);
        prop_assert!((budget.consumed() + budget.remaining_percent / 100.0 - 1.0).abs() < 1e-9);
        // Of what counts events the budget is spent just when the target is missed.
        if budget.counts == Counts::Events && standing.state != State::Unknown {
            prop_assert_eq!(budget.remaining_percent >= -1e-4, standing.state == State::Compliant, "{:?}", standing);
        }
    }

    #[test]
    fn more_that_is_bad_is_never_better(objective in objectives(), minutes in minutes(), at in any::<prop::sample::Index>()) {
        let mut worse = minutes.clone();
        let worst = &mut worse[at.index(minutes.len())];
        worst.cell.part = if objective.unit_is_percent() { worst.cell.whole } else { worst.cell.part * 3.0 };
        let (before, after) = (evaluated(&objective, &minutes), evaluated(&objective, &worse));
        let (before_alarm, after_alarm) = (before.alarms.severity(), after.alarms.severity());
        let (before, after) = (before.standing, after.standing);
        prop_assert!(rank(after.state) >= rank(before.state));
        let sign = if objective.indicator.is_more_better() { -1.0 } else { 1.0 };
        let by = after.current.unwrap_or(0.0) - before.current.unwrap_or(0.0);
        prop_assert!(sign * by >= -1e-6, "{by}");
        if let (Some(before), Some(after)) = (before.budget, after.budget) {
            prop_assert!(after.remaining <= before.remaining + 1e-6);
        }
        for (before, after) in before.burn_rates.iter().zip(&after.burn_rates) {
            prop_assert!(after.rate >= before.rate.map(|rate| rate * (1.0 - 1e-6)), "{before:?} {after:?}");
        }
        prop_assert!(after_alarm >= before_alarm);
        prop_assert_eq!(after.coverage, before.coverage);
    }

    #[test]
    fn what_is_left_out_changes_neither_side(objective in objectives(), minutes in minutes(), seed in any::<u64>()) {
        let mut dice = Dice(seed);
        let (mut planned, mut gone, mut other) = (minutes.clone(), minutes.clone(), minutes);
        for place in 0..planned.len() {
            if dice.one_in(3) {
                planned[place].excluded = 1.0;
                // Of the same length, as if it had never been.
                gone[place] = Observed { cell: Cell::default(), excluded: 1.0 };
                other[place] = Observed { cell: bad(dice.roll(60_000) as f64).cell, excluded: 1.0 };
            }
        }
        let of = |minutes: &[Observed]| {
            let mut evaluation = evaluated(&objective, minutes);
            evaluation.standing.raw = None;
            evaluation
        };
        let planned = of(&planned);
        prop_assert_eq!(&planned, &of(&gone));
        prop_assert_eq!(&planned, &of(&other));
    }

    #[test]
    fn the_order_of_observations_does_not_matter(
        seen in prop::collection::vec((0usize..3, 0usize..4, 0u16..20_000, 0u32..1_000_000), 0..40),
        indicator in prop::sample::select(INDICATORS.to_vec()), seed in any::<u64>(),
    ) {
        let of = |seen: &[(usize, usize, u16, u32)]| {
            let mut minutes = [Minute::default(); 3];
            for (check, class, ms, us) in seen {
                let class = [Class::Good, Class::Degraded, Class::Failed, Class::Excluded][*class];
                minutes[*check].add_run(class, *us);
                minutes[*check].add_time(class, ms / 20);
            }
            let mut combiner = Combiner::new(indicator);
            minutes.iter().for_each(|minute| combiner.check([*minute]));
            combiner.cell()
        };
        let mut shuffled = seen.clone();
        let mut dice = Dice(seed);
        for place in (1..shuffled.len()).rev() {
            shuffled.swap(place, dice.roll(place as u64 + 1) as usize);
        }
        prop_assert_eq!(of(&seen), of(&shuffled));
    }

    #[test]
    fn every_figure_is_a_number(
        objective in objectives(), part in 0.0..1e300f64, whole in 0.0..1e300f64, seen_ms in 0.0..1e12f64,
        elapsed_ms in 0.0..1e12f64, now in any::<i64>(), rate in prop::option::of(0.0..1e300f64),
    ) {
        let cell = Cell { part, whole, seen_ms };
        let sum = Sum { raw: cell, corrected: cell, elapsed_ms, excluded_ms: 0.0, is_exact: true };
        let burns = vec![Burn { window: MINUTE * 60, rate }];
        let standing = judge(&objective, &objective.window.at(now), &sum, Percentile::default(), burns);
        let bounds = standing.bounds.map(|bounds| [bounds.lowest, bounds.highest]);
        let budget = standing.budget.map(|budget| [budget.total, budget.remaining, budget.remaining_percent]);
        let figures = [standing.current, standing.raw, standing.coverage].into_iter().flatten();
        for figure in figures.chain(bounds.into_iter().flatten()).chain(budget.into_iter().flatten()) {
            prop_assert!(figure.is_finite(), "{standing:?}");
        }
        if let Some([lowest, highest]) = bounds {
            prop_assert!(lowest <= highest, "{standing:?}");
        }
    }
}

impl Objective {
    fn unit_is_percent(&self) -> bool {
        self.indicator.unit() == Unit::Percent
    }
}
