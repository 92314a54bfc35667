//! Worked cases, expected and got, as one table: `cargo test --lib slo::tests::worked -- --nocapture` prints it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::*;
use crate::{history::Minute, model::Severity, schedule};

const TIME: Indicator = Indicator::Availability { method: Method::Time, combine: Combine::All };
const EVENTS: Indicator = Indicator::Availability { method: Method::Events, combine: Combine::All };

fn at(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

/// 30 days end here, and this is the first minute that was not seen yet.
fn now() -> i64 {
    at("2026-03-31T12:30:00Z")
}

fn minute(at: i64) -> u32 {
    (at / 60_000) as u32
}

/// The last so many minutes before `now`, each as `cell` has it by its age: 1 is the newest that is whole.
fn past(now: i64, minutes: u32, cell: impl Fn(u32) -> Cell) -> BTreeMap<u32, Observed> {
    let of = |age| (minute(now) - age, Observed { cell: cell(age), excluded: 0.0 });
    (1..=minutes).map(of).collect()
}

fn evaluated(objective: &Objective, minutes: &BTreeMap<u32, Observed>, now: i64) -> Evaluation {
    let folded = minute(now) - 60;
    let ledger = Ledger::build(needs_from(objective, now), folded, &starts(objective, now), minutes.clone());
    let live: Vec<_> = (folded..=minute(now)).map(|minute| minutes.get(&minute).copied().unwrap_or_default()).collect();
    let evaluation = evaluate(objective, &ledger, Live { first: folded, minutes: &live }, Percentile::default(), now);
    assert!(evaluation.standing.is_exact);
    evaluation
}

/// As a status would show it.
fn shown(objective: &Objective, minutes: &BTreeMap<u32, Observed>, now: i64) -> String {
    let standing = evaluated(objective, minutes, now).standing;
    let figure = |value| figure(value, objective.target);
    let or_none = |value: Option<f64>| value.map_or("none".to_owned(), |value| figure(value).to_string());
    let budget = standing.budget.unwrap();
    let bounds = standing.bounds.unwrap();
    format!(
        "{} {}, {} of {} left ({} %), seen {} % ({} to {})",
        standing.state.as_str(),
        or_none(standing.current),
        budget.remaining_text(),
        budget.total_text(),
        figure(budget.remaining_percent),
        or_none(standing.coverage),
        figure(bounds.lowest),
        figure(bounds.highest),
    )
}

/// Seen as a whole, so much of it bad.
fn cell(bad_ms: f64) -> Cell {
    bad(bad_ms).cell
}

fn runs(failed: f64, runs: f64) -> Cell {
    Cell { part: failed, whole: runs, seen_ms: 60_000.0 }
}

#[derive(Default)]
struct Table(Vec<(&'static str, String, String)>);

impl Table {
    fn case(&mut self, name: &'static str, expected: &str, got: impl Into<String>) {
        self.0.push((name, expected.to_owned(), got.into()));
    }
}

#[test]
fn worked_cases() {
    let mut table = Table::default();
    budgets(&mut table);
    tiers(&mut table);
    planned_work(&mut table);
    days_of_other_lengths(&mut table);
    three_checks(&mut table);
    alerts(&mut table);
    let mut wrong = 0;
    for (name, expected, got) in &table.0 {
        let is_wrong = expected != got;
        wrong += u32::from(is_wrong);
        println!("{} {name}\n    expected {expected}\n    got      {got}", if is_wrong { "WRONG" } else { "right" });
    }
    assert_eq!(wrong, 0, "of {} cases", table.0.len());
}

fn budgets(table: &mut Table) {
    let month = objective(99.9, 30 * DAY);
    let all = |cell: &dyn Fn(u32) -> Cell| past(now(), 43_200, cell);
    table.case(
        "99.9 % over 30 days",
        "Compliant 100, 43m12s of 43m12s left (100 %), seen 100 % (100 to 100)",
        shown(&month, &all(&|_| cell(0.0)), now()),
    );
    table.case(
        "99 % over 28 days",
        "Compliant 100, 6h43m12s of 6h43m12s left (100 %), seen 100 % (100 to 100)",
        shown(&objective(99.0, 28 * DAY), &all(&|_| cell(0.0)), now()),
    );
    // 43 minutes and 12 seconds, half a month ago.
    let outage = |age: u32| match age {
        20_001..=20_043 => cell(60_000.0),
        20_044 => cell(12_000.0),
        _ => cell(0.0),
    };
    table.case(
        "exactly on target",
        "Compliant 99.9, 0s of 43m12s left (0 %), seen 100 % (99.9 to 99.9)",
        shown(&month, &all(&outage), now()),
    );
    table.case(
        "a millisecond more",
        "Warning 99.89999996, -1ms of 43m12s left (-0.00004 %), seen 100 % (99.89999996 to 99.89999996)",
        shown(&month, &all(&|age| if age == 7 { cell(1.0) } else { outage(age) }), now()),
    );
    table.case(
        "an hour: a negative budget",
        "Violated 99.8611, -16m48s of 43m12s left (-38.8889 %), seen 100 % (99.8611 to 99.8611)",
        shown(&month, &all(&|age| cell(if age <= 60 { 60_000.0 } else { 0.0 })), now()),
    );
    table.case(
        "one failed run of a thousand",
        "Compliant 99.9, 0 of 1 left (0 %), seen 2.3148 % (2.3125 to 99.9977)",
        shown(
            &with(99.9, Window::Rolling(30 * DAY), EVENTS),
            &past(now(), 1000, |age| runs(f64::from(age == 1), 1.0)),
            now(),
        ),
    );
    table.case(
        "a window that is one hour old, of it five minutes bad",
        "Violated 91.6667, 38m12s of 43m12s left (88.4259 %), seen 0.1389 % (0.1273 to 99.9884)",
        shown(&month, &past(now(), 60, |age| cell(if age <= 5 { 60_000.0 } else { 0.0 })), now()),
    );
    table.case(
        "nothing seen",
        "Unknown none, 43m12s of 43m12s left (100 %), seen 0 % (0 to 100)",
        shown(&month, &BTreeMap::new(), now()),
    );
    table.case(
        "seen, but no traffic",
        "Unknown none, 0 of 0 left (100 %), seen 100 % (0 to 100)",
        shown(&with(99.9, Window::Rolling(30 * DAY), EVENTS), &all(&|_| runs(0.0, 0.0)), now()),
    );
    // All goes wrong for twelve minutes of the last hour: 20 % of the time, at 200 times the speed.
    let burns = all(&|age| cell(if age <= 12 { 60_000.0 } else { 0.0 }));
    let budget = evaluated(&month, &burns, now()).standing.budget.unwrap();
    let wait = (budget.exhausted_at.unwrap() - now()) as f64;
    table.case("exhausted at 20 % bad with 31m12s left", "2h36m", show_span(wait));
}

fn tiers(table: &mut Table) {
    let seconds = |duration: Option<std::time::Duration>| {
        duration.map_or("never".to_owned(), |duration| format!("{} s", figure(duration.as_secs_f64(), 0.0)))
    };
    let list = |days: u32, show: &dyn Fn(&Tier) -> String| {
        auto_tiers(DAY * days, 0.001).tiers.iter().map(show).collect::<Vec<_>>().join(", ")
    };
    let factors = |days| list(days, &|tier| figure(tier.factor, 0.0).to_string());
    let shares = |days| list(days, &|tier| format!("{} %", figure(100.0 * tier.share(DAY * days), 0.0)));
    table.case("factors over 30 days", "14.4, 6, 3, 1", factors(30));
    table.case("detected when all fails, 99.9 %", "51.84 s, 129.6 s, 259.2 s, 259.2 s", {
        list(30, &|tier| seconds(tier.detection_time(0.001, 1.0)))
    });
    table.case("detected when 1 % fails, 99.9 %", "never, 12960 s, 25920 s, 25920 s", {
        list(30, &|tier| seconds(tier.detection_time(0.001, 0.01)))
    });
    table.case("shares over 30 days", "2 %, 5 %, 10 %, 10 %", shares(30));
    table.case("factors over 28 days", "13.44, 5.6, 2.8, 0.9333", factors(28));
    table.case("shares over 28 days", "2 %, 5 %, 10 %, 10 %", shares(28));
    table.case("factors over 7 days", "13.44, 3.5, 1.4, 0.98", factors(7));
    table.case("shares over 7 days", "8 %, 12.5 %, 20 %, 42 %", shares(7));
    let fastest = auto_tiers(30 * DAY, 0.001).tiers[0];
    let target = fastest.stops_at(TIME);
    table.case("the fastest tier is not reached from here down", "93.0556", figure(target, 0.0).to_string());
    let left_out = auto_tiers(30 * DAY, 0.1).left_out.iter().map(|tier| tier.factor.to_string()).collect::<Vec<_>>();
    table.case("left out at 90 %", "14.4", left_out.join(", "));
}

fn planned_work(table: &mut Table) {
    let month = objective(99.9, 30 * DAY);
    // An hour of the day before was bad, from half past to half past, and is left out: as 99.9 % of 30 days less an hour.
    let hour = 1_441..=1_500;
    let minutes = past(now(), 43_200, |age| cell(if hour.contains(&age) { 60_000.0 } else { 0.0 }));
    let span = schedule::Span { start: now() - 1_500 * 60_000, end: now() - 1_440 * 60_000 };
    let excluded = Excluded::new([span]);
    let mut planned = minutes.clone();
    planned.iter_mut().for_each(|(minute, observed)| observed.excluded = excluded.share(*minute, now()));
    let folded = minute(now()) - 60;
    let all_starts = starts(&month, now());
    let show = |ledger: &Ledger| {
        let live: Vec<_> = (folded..minute(now())).map(|minute| planned[&minute]).collect();
        let standing =
            evaluate(&month, ledger, Live { first: folded, minutes: &live }, Percentile::default(), now()).standing;
        let raw = figure(standing.raw.unwrap(), 99.9);
        let left = standing.budget.unwrap().remaining_text();
        format!("{} and {raw} as it was, {left} left, exact {}", standing.current.unwrap(), standing.is_exact)
    };
    let before = Ledger::build(needs_from(&month, now()), folded, &all_starts, planned.clone());
    let mut after = Ledger::build(needs_from(&month, now()), folded, &all_starts, minutes);
    table.case(
        "an hour that is not left out",
        "99.86111111111111 and 99.8611 as it was, -16m48s left, exact true",
        show(&after),
    );
    for hour in minute(span.start) / 60..=minute(span.end) / 60 {
        after.replace(hour, &std::array::from_fn(|place| planned[&(hour * 60 + place as u32)]));
    }
    let expected = "100 and 99.8611 as it was, 43m12s left, exact true";
    table.case("an hour left out before the fact", expected, show(&before));
    table.case("an hour left out after the fact", expected, show(&after));
}

fn days_of_other_lengths(table: &mut Table) {
    let zone = schedule::zone("Europe/Vienna").unwrap();
    let day = with(99.9, Window::Calendar { period: Period::Day, zone }, TIME);
    let mut show = |name, expected, now: &str| {
        let now = at(now);
        // A minute was bad, twelve hours ago.
        let minutes = past(now, 3_000, |age| cell(if age == 720 { 60_000.0 } else { 0.0 }));
        let extent = day.window.at(now);
        let hours = extent.length_ms as f64 / 3_600_000.0;
        table.case(name, expected, format!("{hours} h: {}", shown(&day, &minutes, now)));
    };
    show(
        "the day on which the clock goes forward, but for its last minute",
        "23 h: Compliant 99.9275, 23s of 1m23s left (27.5362 %), seen 99.9275 % (99.8551 to 99.9275)",
        "2026-03-29T21:59:59.999Z",
    );
    show(
        "the day on which the clock goes back, but for its last minute",
        "25 h: Compliant 99.9333, 30s of 1m30s left (33.3333 %), seen 99.9333 % (99.8667 to 99.9333)",
        "2026-10-25T22:59:59.999Z",
    );
}

fn three_checks(table: &mut Table) {
    // Of a hundred minutes one check is bad for ten, another for twenty others, and the third never.
    let minute_of = |is_bad: bool| Minute {
        observed_ms: 60_000,
        good_ms: if is_bad { 0 } else { 60_000 },
        good: u16::from(!is_bad),
        failed: u16::from(is_bad),
        ..Minute::default()
    };
    let mut current = |name, expected, method, combine| {
        let indicator = Indicator::Availability { method, combine };
        let minutes = past(now(), 100, |age| {
            let mut combiner = Combiner::new(indicator);
            for is_bad in [(1..=10).contains(&age), (11..=30).contains(&age), false] {
                combiner.check([minute_of(is_bad)]);
            }
            combiner.cell()
        });
        let objective = with(99.0, Window::Rolling(MINUTE * 100), indicator);
        let current = evaluated(&objective, &minutes, now()).standing.current.unwrap();
        table.case(name, expected, figure(current, 99.0).to_string());
    };
    current("all of three checks, by time", "70", Method::Time, Combine::All);
    current("any of three checks, by time", "100", Method::Time, Combine::Any);
    current("the average of three checks, by time", "90", Method::Time, Combine::Average);
    current("all of three checks, by runs", "70", Method::Events, Combine::All);
    current("any of three checks, by runs", "100", Method::Events, Combine::Any);
    current("the average of three checks, by runs", "90", Method::Events, Combine::Average);
}

fn alerts(table: &mut Table) {
    let month = objective(99.9, 30 * DAY);
    // All is bad from 12:30:00 on, for three minutes; an evaluation every five seconds.
    let mut told: Vec<(i64, Option<Severity>)> = Vec::new();
    for step in 0..3_000_i64 {
        let now = now() + 5_000 * step;
        let bad_ms = |start: i64| (now.min(start + 60_000) - start).clamp(0, 60_000) as f64;
        let mut minutes = past(now, 43_200 / 10, |_| cell(0.0));
        for start in [0, 1, 2].map(|minute| self::now() + minute * 60_000) {
            minutes.insert(minute(start), Observed { cell: cell(0.0), excluded: 0.0 });
            minutes.get_mut(&minute(start)).unwrap().cell =
                Cell { part: bad_ms(start), whole: bad_ms(start), seen_ms: bad_ms(start) };
        }
        let severity = evaluated(&month, &minutes, now).alarms.severity();
        if told.last().is_none_or(|(_, last)| *last != severity) {
            told.push((5 * step, severity));
        }
        if step > 60 && severity.is_none() {
            break;
        }
    }
    let said: Vec<_> = told
        .iter()
        .map(|(seconds, severity)| format!("{} {seconds} s", severity.map_or("nobody", Severity::as_str)))
        .collect();
    table.case(
        "an outage of three minutes, told from 51.84 s on",
        "nobody 0 s, critical 55 s, high 480 s, nobody 1980 s",
        said.join(", "),
    );
    let events = with(99.9, Window::Rolling(30 * DAY), EVENTS);
    // Five runs an hour, every twelve minutes.
    let mut hourly = |name, expected, is_failed: &dyn Fn(u32) -> bool| {
        let minutes =
            past(now(), 43_200, |age| runs(f64::from(age % 12 == 1 && is_failed(age)), f64::from(age % 12 == 1)));
        let severity = evaluated(&events, &minutes, now()).alarms.severity();
        table.case(name, expected, severity.map_or("nobody", Severity::as_str));
    };
    hourly("one failure among five runs in an hour", "nobody", &|age| age == 13);
    hourly("two failures among five runs in an hour", "critical", &|age| age == 13 || age == 37);
    hourly("40 % fail for a day", "critical", &|age| age < 1_440 && age / 12 % 5 < 2);
}
