//! The schedule against an API server that comes and goes, in simulated time.

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;

use super::*;
use crate::model::ObjectKey;

fn subject(number: u32) -> ObjectId {
    ObjectId::check(ObjectKey::new("a", number.to_string()))
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Starts everything that is due, each of which ends at once, and gives what was started.
fn turn(schedule: &mut Schedule, now: Duration, ended: Ended) -> Vec<ObjectId> {
    let mut started = Vec::new();
    while let Some((subject, _)) = schedule.next(now) {
        schedule.start(&subject, now);
        schedule.ended(&subject, ended, now);
        started.push(subject);
    }
    started
}

/// Goes from one wake to the next until `end`, and gives what was started when.
fn run(schedule: &mut Schedule, from: Duration, end: Duration, ended: Ended) -> Vec<(Duration, ObjectId)> {
    let (mut now, mut all) = (from, Vec::new());
    while now <= end {
        all.extend(turn(schedule, now, ended).into_iter().map(|subject| (now, subject)));
        let Some(wake) = schedule.wake() else { break };
        now = wake.max(now + ms(1));
    }
    all
}

#[test]
fn an_object_is_in_it_once_and_the_more_urgent_and_earlier_counts() {
    let mut schedule = Schedule::new(200, 10);
    schedule.want(&subject(1), Class::Refresh, ms(0));
    schedule.want(&subject(1), Class::Urgent, ms(500));
    schedule.want(&subject(1), Class::Urgent, ms(900));
    schedule.want(&subject(1), Class::Refresh, ms(0));
    assert_eq!((schedule.len(), schedule.next(ms(499))), (1, None));
    assert_eq!(schedule.wake(), Some(ms(500)));
    assert_eq!(schedule.next(ms(500)), Some((subject(1), Class::Urgent)));
    schedule.settle(&subject(1));
    assert_eq!((schedule.len(), schedule.next(ms(500)), schedule.wake()), (0, None, None));
}

#[test]
fn one_under_way_is_not_started_again_and_nothing_is_lost_of_it() {
    let mut schedule = Schedule::new(200, 10);
    schedule.want(&subject(1), Class::Urgent, ms(0));
    schedule.start(&subject(1), ms(0));
    schedule.want(&subject(1), Class::Urgent, ms(0));
    schedule.settle(&subject(1));
    assert!(schedule.is_flying(&subject(1)) && schedule.next(ms(10)).is_none());
    schedule.ended(&subject(1), Ended::Written, ms(20));
    assert_eq!(schedule.len(), 0);
    schedule.want(&subject(1), Class::Urgent, ms(20));
    assert_eq!(schedule.next(ms(20)).map(|(subject, _)| subject), Some(subject(1)));
}

#[test]
fn urgent_goes_before_refresh_and_each_keeps_its_budget() {
    let mut schedule = Schedule::new(200, 10);
    for number in 0..1_000 {
        let class = if number < 500 { Class::Refresh } else { Class::Urgent };
        schedule.want(&subject(number), class, ms(0));
    }
    let started = run(&mut schedule, ms(0), ms(2_000), Ended::Written);
    let (urgent, refresh): (Vec<_>, Vec<_>) =
        started.iter().partition(|(_, subject)| subject.key.name.parse::<u32>().unwrap() >= 500);
    assert!((415..=421).contains(&urgent.len()), "{}", urgent.len());
    assert!((20..=22).contains(&refresh.len()), "{}", refresh.len());
    assert_eq!(&*started[0].1.key.name, "500");
}

#[test]
fn a_refresh_that_is_off_never_goes_out() {
    let mut schedule = Schedule::new(200, 0);
    schedule.want(&subject(1), Class::Refresh, ms(0));
    assert!(!schedule.refreshes() && schedule.next(ms(100_000)).is_none() && schedule.wake().is_none());
}

#[test]
fn no_more_than_so_many_are_under_way() {
    let mut schedule = Schedule::new(1_000, 10);
    for number in 0..100 {
        schedule.want(&subject(number), Class::Urgent, ms(0));
    }
    let mut started = 0;
    while let Some((subject, _)) = schedule.next(ms(0)) {
        schedule.start(&subject, ms(0));
        started += 1;
    }
    assert_eq!((started, schedule.wake()), (MAX_IN_FLIGHT, None));
}

#[test]
fn while_the_api_server_is_away_one_at_a_time_asks_and_each_is_written_once_when_it_is_back() {
    let mut schedule = Schedule::new(200, 10);
    for number in 0..50 {
        schedule.want(&subject(number), Class::Urgent, ms(0));
    }
    let away = run(&mut schedule, ms(0), ms(180_000), Ended::Away);
    let gaps: Vec<_> = away.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    assert!(gaps.iter().all(|gap| *gap <= ms(2_001)), "{:?}", gaps.iter().max());
    assert!((90..200).contains(&away.len()), "{}", away.len());
    // Every object gets its turn to ask: none is stuck behind another.
    assert_eq!(away.iter().map(|(_, subject)| subject).collect::<HashSet<_>>().len(), 50);
    let back = run(&mut schedule, ms(180_000), ms(183_000), Ended::Written);
    let times: BTreeMap<_, usize> = back.iter().fold(BTreeMap::new(), |mut times, (_, subject)| {
        *times.entry(subject.key.clone()).or_default() += 1;
        times
    });
    assert_eq!((times.len(), times.values().max()), (50, Some(&1)));
    assert!(back.iter().all(|(at, _)| *at <= ms(182_500)), "{:?}", back.last());
    assert!(!schedule.is_away() && schedule.len() == 0 && schedule.backlog(Kind::HealthCheck) == 0);
}

/// Tries that hang for 5 s each: how many are under way at once, and the longest time between two.
#[test]
fn one_that_hangs_holds_up_no_try_to_find_out_whether_the_api_server_is_back() {
    let mut schedule = Schedule::new(200, 10);
    for number in 0..50 {
        schedule.want(&subject(number), Class::Urgent, ms(0));
    }
    turn(&mut schedule, ms(0), Ended::Away);
    let (mut flying, mut started): (Vec<(Duration, ObjectId)>, Vec<Duration>) = (Vec::new(), Vec::new());
    for now in (1..60_000).map(ms) {
        while let Some((next, _)) = schedule.next(now) {
            schedule.start(&next, now);
            flying.push((now, next));
            started.push(now);
        }
        assert!(flying.len() <= AWAY_IN_FLIGHT, "{now:?}");
        while flying.first().is_some_and(|(began, _)| now >= *began + ms(5_000)) {
            let (_, subject) = flying.remove(0);
            schedule.ended(&subject, Ended::Away, now);
        }
    }
    let longest = started.windows(2).map(|pair| pair[1] - pair[0]).max();
    assert!(started.len() > 25 && longest <= Some(AWAY_CAP), "{longest:?}: {started:?}");
    // One that began before it was back, and found nobody, says nothing.
    let now = ms(60_000);
    let (_, first) = flying.pop().unwrap();
    schedule.ended(&first, Ended::Written, now);
    for (_, subject) in flying {
        schedule.ended(&subject, Ended::Away, now + ms(1));
    }
    assert!(!schedule.is_away());
    assert_eq!(turn(&mut schedule, now + ms(2), Ended::Written).len(), 20);
}

#[test]
fn an_api_server_that_starts_refuses_what_it_takes_a_moment_later() {
    let mut schedule = Schedule::new(200, 10);
    for number in 0..20 {
        schedule.want(&subject(number), Class::Urgent, ms(0));
    }
    run(&mut schedule, ms(0), ms(30_000), Ended::Away);
    let refused = run(&mut schedule, ms(32_000), ms(38_000), Ended::Denied);
    assert!(schedule.is_away() && (3..=7).contains(&refused.len()), "{refused:?}");
    let back = run(&mut schedule, ms(38_000), ms(40_500), Ended::Written);
    assert_eq!(back.len(), 20);
    // What is refused for good is refused, and each object is asked for by itself.
    schedule.want(&subject(1), Class::Urgent, ms(41_000));
    run(&mut schedule, ms(41_000), ms(60_000), Ended::Away);
    run(&mut schedule, ms(60_000), ms(120_000), Ended::Denied);
    assert!(!schedule.is_away() && schedule.len() == 1);
}

#[test]
fn an_object_that_alone_cannot_be_served_asks_ever_less_often_and_holds_up_no_other() {
    let mut schedule = Schedule::new(200, 10);
    let (mut now, mut tries, mut others) = (ms(0), 0, 0);
    for number in 1..2_000 {
        schedule.want(&subject(0), Class::Urgent, now);
        schedule.want(&subject(number), Class::Urgent, now);
        while let Some((next, _)) = schedule.next(now) {
            schedule.start(&next, now);
            let poisoned = next == subject(0);
            schedule.ended(&next, if poisoned { Ended::Away } else { Ended::Written }, now);
            tries += u32::from(poisoned);
            others += u32::from(!poisoned);
        }
        now += ms(100);
    }
    assert!(tries < 30 && others > 1_990, "{tries} tries, {others} others");
}

#[test]
fn one_that_is_refused_backs_off_alone_and_busy_stops_all() {
    let mut schedule = Schedule::new(200, 10);
    schedule.want(&subject(1), Class::Urgent, ms(0));
    let refused = run(&mut schedule, ms(0), ms(120_000), Ended::Refused);
    assert!((10..14).contains(&refused.len()), "{refused:?}");
    // A change does not shorten its wait.
    schedule.want(&subject(1), Class::Urgent, ms(0));
    assert!(schedule.wake().is_some_and(|at| at > refused.last().unwrap().0 + ms(5_000)));
    schedule.want(&subject(2), Class::Urgent, ms(0));
    assert_eq!(turn(&mut schedule, ms(120_001), Ended::Busy(ms(3_000))), [subject(2)]);
    schedule.want(&subject(3), Class::Urgent, ms(0));
    assert_eq!(schedule.next(ms(123_000)), None);
    assert_eq!(schedule.next(ms(123_001)).map(|(subject, _)| subject), Some(subject(3)));
}

proptest! {
    /// Whatever happens in whatever order: no budget is exceeded, none is under way twice, all that is wanted is
    /// written in the end.
    #[test]
    fn everything_wanted_is_written_in_the_end(
        steps in prop::collection::vec((0u32..20, 0u8..8, 0u64..400), 1..200),
    ) {
        let mut schedule = Schedule::new(20, 5);
        let (mut now, mut flying, mut wanted) = (ms(0), Vec::new(), HashSet::new());
        for (number, what, pass) in steps {
            now += ms(pass);
            match what {
                0..=2 => {
                    let class = if what == 0 { Class::Refresh } else { Class::Urgent };
                    schedule.want(&subject(number), class, now);
                    if !flying.contains(&subject(number)) {
                        wanted.insert(subject(number));
                    }
                }
                3 | 4 => while let Some((next, _)) = schedule.next(now) {
                    prop_assert!(!flying.contains(&next));
                    schedule.start(&next, now);
                    flying.push(next);
                },
                _ if flying.is_empty() => {}
                _ => {
                    let subject = flying.swap_remove(number as usize % flying.len());
                    let ended = [Ended::Written, Ended::Refused, Ended::Away][usize::from(what) - 5];
                    schedule.ended(&subject, ended, now);
                    if ended == Ended::Written {
                        wanted.remove(&subject);
                    }
                }
            }
            prop_assert!(flying.len() <= MAX_IN_FLIGHT && schedule.len() <= 20);
        }
        for subject in flying {
            schedule.ended(&subject, Ended::Written, now);
            wanted.remove(&subject);
        }
        let written = run(&mut schedule, now, now + ms(120_000), Ended::Written);
        prop_assert_eq!(written.into_iter().map(|(_, subject)| subject).collect::<HashSet<_>>(), wanted);
        prop_assert_eq!(schedule.len(), 0);
    }
}
