//! Sixty days of three checks in virtual time: outages, gaps, streaks that are told late, restarts, planned work before and
//! after the fact, changes of the clock. At random times every window is held against a plain sum over all minutes.

use jiff::{Timestamp, civil::Date};

use super::*;
use crate::{history::Minute, schedule};

const LENGTH: u32 = 60 * 24 * 60;
/// Minutes that may still change.
const LIVE: u32 = 60;

/// What is true, by the minute.
struct World {
    /// The first minute.
    from: u32,
    now: i64,
    dice: Dice,
    /// Of each check: what its minutes were, as far as that is known now.
    checks: [Vec<Minute>; 3],
    state: [Check; 3],
    /// What these come to, for each indicator.
    cells: Vec<(Indicator, Vec<Cell>)>,
    /// The process is down until then.
    down_until: u32,
    planned: Vec<schedule::Span>,
    excluded: Excluded,
    /// Of each minute, once it is over.
    shares: Vec<f64>,
}

#[derive(Default, Clone, Copy)]
struct Check {
    is_failing: bool,
    until: u32,
    /// Minutes of a streak that is not told yet.
    held: u32,
}

/// One objective: what the engine would keep, and by what it is checked.
struct Kept {
    objective: Objective,
    ledger: Ledger,
    /// The day, and the minute with which its period of the calendar began.
    day: Option<Date>,
    begun: u32,
    estimates: u32,
}

impl World {
    fn new(from: &str, seed: u64) -> Self {
        let now = from.parse::<Timestamp>().unwrap().as_millisecond();
        let (checks, state) = Default::default();
        let from = (now / 60_000) as u32;
        let cells = objectives().into_iter().map(|objective| (objective.indicator, Vec::new())).collect();
        let shares = vec![0.0; LENGTH as usize + 100];
        let (dice, planned, excluded) = (Dice(seed), Vec::new(), Excluded::default());
        Self { from, now, dice, checks, state, cells, down_until: 0, planned, excluded, shares }
    }

    fn minute(&self) -> u32 {
        (self.now / 60_000) as u32
    }

    /// What happens in the minute that runs, up to its end.
    fn pass(&mut self) {
        let minute = self.minute();
        if minute >= self.down_until && self.dice.one_in(10_000) {
            self.down_until = minute + 1 + self.dice.roll(600) as u32;
        }
        let is_down = minute < self.down_until;
        // From here on minutes are others than they were.
        let mut changed = self.checks[0].len();
        for (check, state) in self.checks.iter_mut().zip(&mut self.state) {
            if minute >= state.until {
                state.is_failing = !state.is_failing && self.dice.one_in(2);
                state.until = minute + 1 + self.dice.roll(if state.is_failing { 40 } else { 2_000 }) as u32;
            }
            let ms = if is_down { 0 } else { 50_000 + self.dice.roll(10_001) as u16 };
            let mut seen = Minute { observed_ms: ms, good_ms: ms, good: u16::from(!is_down), ..Minute::default() };
            seen.latency_sum_us = if is_down { 0 } else { self.dice.roll(400_000) as u32 };
            if state.is_failing && !is_down {
                (seen.good_ms, seen.good, seen.failed) = (0, 0, 1);
            }
            // The time of a streak comes only when it is told: so it is held back for some minutes.
            if state.is_failing && !is_down && state.held < 20 && !self.dice.one_in(5) {
                state.held += 1;
                check.push(Minute { observed_ms: 0, ..seen });
                continue;
            }
            let first = check.len() - state.held as usize;
            changed = changed.min(first);
            for held in &mut check[first..] {
                held.observed_ms = if held.failed > 0 { 55_000 } else { held.observed_ms };
            }
            state.held = 0;
            check.push(seen);
        }
        for (indicator, cells) in &mut self.cells {
            cells.truncate(changed);
            for place in changed..self.checks[0].len() {
                let mut combiner = Combiner::new(*indicator);
                self.checks.iter().for_each(|check| combiner.check([check[place]]));
                cells.push(combiner.cell());
            }
        }
        self.now += 60_000;
    }

    /// Planned work is made known.
    fn plan(&mut self, span: schedule::Span) {
        self.planned.push(span);
        self.excluded = Excluded::new(self.planned.clone());
        for (minute, share) in (self.from..).zip(&mut self.shares) {
            *share = self.excluded.share(minute, i64::MAX);
        }
    }

    /// A minute, as it is known now. Before the first nothing was seen, nor of the running one.
    fn observed(&self, indicator: Indicator, minute: u32) -> Observed {
        let place = minute.checked_sub(self.from).map(|place| place as usize);
        let cells = &self.cells.iter().find(|(other, _)| *other == indicator).unwrap().1;
        let cell = place.and_then(|place| cells.get(place)).copied().unwrap_or_default();
        let over = place.filter(|_| minute < self.minute()).map(|place| self.shares[place]);
        Observed { cell, excluded: over.unwrap_or_else(|| self.excluded.share(minute, self.now)) }
    }

    fn hour(&self, indicator: Indicator, hour: u32) -> [Observed; 60] {
        std::array::from_fn(|place| self.observed(indicator, hour * 60 + place as u32))
    }
}

impl Kept {
    fn new(world: &World, objective: Objective) -> Self {
        let ledger = Self::built(world, &objective);
        let begun = objective.window.at(world.now).start;
        Self { objective, ledger, day: None, begun, estimates: 0 }
    }

    fn built(world: &World, objective: &Objective) -> Ledger {
        let (from, to) = (needs_from(objective, world.now), world.minute().saturating_sub(LIVE));
        let minutes = (from / 60 * 60..to).map(|minute| (minute, world.observed(objective.indicator, minute)));
        Ledger::build(from, to, &starts(objective, world.now), minutes)
    }

    /// After a minute has passed: what the engine would do.
    fn go_on(&mut self, world: &mut World) {
        let (indicator, minute) = (self.objective.indicator, world.minute());
        let old = minute - LIVE - 1;
        let is_down = minute < world.down_until;
        if !is_down {
            match self.ledger.fold(old, &world.observed(indicator, old)) {
                Folded::Taken => {}
                // The process was down.
                Folded::Gap => self.ledger = Self::built(world, &self.objective),
                Folded::Known => panic!("a minute twice"),
            }
        }
        if world.dice.one_in(10_000) {
            self.ledger = Self::built(world, &self.objective);
        }
        // All zones are so many quarters of an hour off, and keep it so.
        if let Window::Calendar { period, zone } = &self.objective.window
            && minute.is_multiple_of(15)
        {
            let today = Timestamp::from_millisecond(world.now).unwrap().to_zoned(zone.clone()).date();
            if self.day.is_some_and(|day| day != today && is_first(*period, today)) {
                self.begun = minute;
            }
            self.day = Some(today);
        }
    }

    /// Planned work was made known, perhaps for the past.
    fn replan(&mut self, world: &World, span: schedule::Span) {
        let folded = self.ledger.folded();
        let hours = (span.start / 3_600_000) as u32..=(span.end / 3_600_000) as u32;
        for hour in hours.take_while(|hour| hour * 60 < folded) {
            self.ledger.replace(hour, &world.hour(self.objective.indicator, hour));
        }
    }

    fn compare(&mut self, world: &World) {
        let indicator = self.objective.indicator;
        let live: Vec<_> =
            (self.ledger.folded()..=world.minute()).map(|minute| world.observed(indicator, minute)).collect();
        let live = Live { first: self.ledger.folded(), minutes: &live };
        let wanted = self.ledger.settle(&starts(&self.objective, world.now));
        let at = |ledger: &Ledger| evaluate(&self.objective, ledger, live, Percentile::default(), world.now).standing;
        // The store has not answered: an estimate, that says so.
        self.estimates += u32::from(!wanted.is_empty());
        assert_eq!(at(&self.ledger).is_exact, wanted.is_empty());
        wanted.iter().for_each(|hour| self.ledger.set_edge(*hour, &world.hour(indicator, *hour)));
        let standing = at(&self.ledger);
        assert!(standing.is_exact);
        self.ledger.forget_before(needs_from(&self.objective, world.now));
        let start = match self.objective.window {
            Window::Rolling(length) => world.minute() - (length.as_secs() / 60) as u32,
            Window::Calendar { .. } => self.begun,
        };
        let (raw, seen, gone) = plain(world, indicator, start);
        let context = format!("{:?} at {} of {}", self.objective.window, world.now, world.from);
        let is_within = |off: f64, name: &str, got: Option<f64>, want: Option<f64>| {
            let near = got.is_some() == want.is_some() && (got.unwrap_or(0.0) - want.unwrap_or(0.0)).abs() < off;
            assert!(near, "{name} {got:?}, not {want:?}: {context}");
        };
        let is_near = |name: &str, got, want| is_within(2e-5, name, got, want);
        let percent = |cell: Cell| (cell.whole > 0.0).then(|| 100.0 * (1.0 - cell.part / cell.whole));
        let figure = |cell: Cell| match indicator {
            Indicator::ResponseTime { .. } => (cell.whole > 0.0).then(|| cell.part / cell.whole / 1000.0),
            Indicator::ErrorRate => percent(cell).map(|good| 100.0 - good),
            Indicator::Availability { .. } => percent(cell),
        };
        is_near("current", standing.current, figure(seen));
        is_near("raw", standing.raw, figure(raw));
        // What was seen of an hour is kept to half of 55 ms.
        is_within(8e-4, "coverage", standing.coverage, (gone > 0.0).then(|| 100.0 * seen.seen_ms / gone));
        let Some(allowance) = self.objective.allowance() else { return };
        let total = match standing.budget.unwrap().counts {
            Counts::Time => allowance * self.objective.window.at(world.now).length_ms as f64,
            Counts::Events => allowance * seen.whole,
        };
        // In thousandths of the budget, which may be overspent many times.
        let left = standing.budget.unwrap().remaining_percent;
        let want = if total > 0.0 { 100.0 - 100.0 * seen.part / total } else { 100.0 };
        is_near("remaining", Some(left / (1.0 + want.abs())), Some(want / (1.0 + want.abs())));
        for burn in standing.burn_rates {
            let (_, seen, _) = plain(world, indicator, world.minute() - (burn.window.as_secs() / 60) as u32);
            let want = (seen.whole > 0.0).then(|| seen.part / seen.whole / allowance);
            is_near("burn", burn.rate.map(|rate| rate * allowance), want.map(|rate| rate * allowance));
        }
    }
}

/// Raw, corrected, and how long: minute by minute.
fn plain(world: &World, indicator: Indicator, from: u32) -> (Cell, Cell, f64) {
    let (mut raw, mut seen, mut gone) = (Cell::default(), Cell::default(), 0.0);
    for minute in from..=world.minute() {
        let passed = (world.now - i64::from(minute) * 60_000).min(60_000) as f64;
        let observed = world.observed(indicator, minute);
        let kept = 1.0 - world.excluded.share(minute, world.now);
        raw += observed.cell;
        seen += observed.cell.scaled(kept);
        gone += passed * kept;
    }
    (raw, seen, gone)
}

fn is_first(period: Period, day: Date) -> bool {
    match period {
        Period::Day => true,
        Period::Week => day.weekday() == jiff::civil::Weekday::Monday,
        Period::Month => day.day() == 1,
        Period::Quarter => day.day() == 1 && [1, 4, 7, 10].contains(&day.month()),
    }
}

fn objectives() -> Vec<Objective> {
    let calendar = |period, name| Window::Calendar { period, zone: schedule::zone(name).unwrap() };
    let time = |combine| Indicator::Availability { method: Method::Time, combine };
    let events = |combine| Indicator::Availability { method: Method::Events, combine };
    let average = Indicator::ResponseTime { statistic: Statistic::Average };
    [
        (99.0, Window::Rolling(MINUTE * 5), time(Combine::All)),
        (99.0, Window::Rolling(MINUTE * 60), time(Combine::Any)),
        (99.5, Window::Rolling(DAY), time(Combine::Average)),
        (99.5, Window::Rolling(MINUTE * 10_007), events(Combine::All)),
        (99.9, Window::Rolling(30 * DAY), time(Combine::All)),
        (0.5, Window::Rolling(7 * DAY), Indicator::ErrorRate),
        (200.0, Window::Rolling(28 * DAY), average),
        (99.9, calendar(Period::Day, "Europe/Vienna"), time(Combine::All)),
        (99.9, calendar(Period::Week, "America/Havana"), events(Combine::Average)),
        (99.9, calendar(Period::Month, "Australia/Lord_Howe"), time(Combine::All)),
        (1.0, calendar(Period::Quarter, "Asia/Kathmandu"), Indicator::ErrorRate),
    ]
    .map(|(target, window, indicator)| with(target, window, indicator))
    .into()
}

/// From before a change of the clock in most of the zones to after it.
fn simulate(from: &str, seed: u64) {
    let mut world = World::new(from, seed);
    // The first hour, so that there is something to fold.
    (0..=LIVE).for_each(|_| world.pass());
    let mut kept: Vec<_> = objectives().into_iter().map(|objective| Kept::new(&world, objective)).collect();
    let mut compared = 0;
    for _ in 0..LENGTH {
        world.pass();
        for kept in &mut kept {
            kept.go_on(&mut world);
        }
        if world.dice.one_in(3_000) {
            // Up to twenty days ago, or ahead.
            let start =
                world.now + (world.dice.roll(30 * 1_440) as i64 - 20 * 1_440) * 60_000 + world.dice.roll(60_000) as i64;
            let span = schedule::Span { start, end: start + world.dice.roll(20_000_000) as i64 };
            world.plan(span);
            kept.iter_mut().for_each(|kept| kept.replan(&world, span));
        }
        if world.dice.one_in(1_500) && world.minute() >= world.down_until {
            // Somewhere in the running minute, of which the checks know nothing yet.
            world.now += world.dice.roll(60_000) as i64;
            kept.iter_mut().for_each(|kept| kept.compare(&world));
            world.now -= world.now % 60_000;
            compared += 1;
        }
    }
    assert!(compared > 40, "{compared}");
    for kept in kept {
        println!(
            "{:?}: {compared} times right, {} of them an estimate at first",
            kept.objective.window, kept.estimates
        );
    }
}

#[test]
fn sixty_days_in_spring() {
    simulate("2026-02-20T00:00:00Z", 1);
}

#[test]
fn sixty_days_in_autumn() {
    simulate("2026-09-20T00:00:00Z", 2);
}
