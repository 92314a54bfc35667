//! What the outbox decides, step by step and at random. Called by nobody but the test runner.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::{
    alert::{NotificationId, Severity, Status, Why},
    notify::wording::samples::{START, alert, notification},
};

const PEOPLE: Rules = Rules { folds: true, idempotent: false, paces: &[], edition: 1 };
const MACHINES: Rules = Rules { folds: false, idempotent: true, paces: &[], edition: 1 };

fn at(ms: u64) -> Now {
    Now { mono: Duration::from_millis(ms), wall: START + ms as i64 }
}

fn item(order: u64, name: &str, status: Status) -> Item {
    let mut one = notification(vec![alert(name, Severity::High, status)]);
    one.id = NotificationId(format!("{order:032}").into());
    one.group.key = name.into();
    one.created_at = START;
    one.why = if status == Status::Resolved { Why::AllResolved } else { Why::First };
    Item::new(Arc::new(one), order)
}

/// A channel with these rules.
fn state(rules: Rules) -> State {
    let mut state = State::new(7);
    assert!(state.next(Event::Channel(Some(rules)), at(0)).is_empty());
    state
}

fn orders(effects: &[Effect]) -> Vec<u64> {
    effects
        .iter()
        .filter_map(|effect| if let Effect::Send(_, sending) = effect { Some(sending.order) } else { None })
        .collect()
}

/// The millisecond at which the state wants to be asked again.
fn wake(state: &State, ms: u64) -> u64 {
    let wake = state.wake(at(ms).mono).unwrap();
    u64::try_from(wake.as_nanos().div_ceil(1_000_000)).unwrap()
}

fn fates(effects: &[Effect]) -> Vec<&'static str> {
    let changes = effects.iter().flat_map(|effect| match effect {
        Effect::Write(changes) | Effect::Send(changes, _) => changes,
    });
    changes.map(|change| change.fate.as_str()).collect()
}

fn answered(state: &mut State, order: u64, answer: Answer, ms: u64) -> Vec<Effect> {
    state.next(Event::Answered { order, answer, took: Duration::from_millis(5) }, at(ms))
}

#[test]
fn what_comes_goes_out_at_once_and_is_written_before_and_after() {
    let mut state = state(PEOPLE);
    let effects = state.next(Event::Put(item(1, "A", Status::Firing)), at(10));
    assert_eq!((orders(&effects), fates(&effects)), (vec![1], vec!["begun"]));
    // Put twice, it goes out once.
    assert!(state.next(Event::Put(item(1, "A", Status::Firing)), at(11)).is_empty());
    assert_eq!(fates(&answered(&mut state, 1, Answer::ok("ok"), 20)), ["delivered"]);
    assert!(state.is_empty() && state.wake(at(30).mono).is_none());
    assert_eq!(state.view(at(30).mono).is_delivering(), Some(true));
}

#[test]
fn of_one_incident_the_order_is_kept_and_others_do_not_wait() {
    let mut state = state(MACHINES);
    let first = state.next(Event::Put(item(1, "A", Status::Firing)), at(0));
    let second = state.next(Event::Put(item(2, "A", Status::Resolved)), at(0));
    let other = state.next(Event::Put(item(3, "B", Status::Firing)), at(0));
    assert_eq!([orders(&first), orders(&second), orders(&other)], [vec![1], vec![], vec![3]]);
    assert!(orders(&answered(&mut state, 3, Answer::ok(""), 5)).is_empty());
    let effects = answered(&mut state, 1, Answer::retry(None, "503"), 10);
    assert_eq!((orders(&effects), fates(&effects)), (vec![], vec!["retry"]));
    // The one before is tried again first.
    let again = wake(&state, 10);
    assert!((10 + 187..=10 + 250).contains(&again), "{again}");
    assert_eq!(orders(&state.next(Event::Time, at(again))), [1]);
    assert_eq!(orders(&answered(&mut state, 1, Answer::ok(""), again + 1)), [2]);
}

#[test]
fn a_firing_that_was_not_delivered_is_told_with_its_resolve() {
    let mut state = state(PEOPLE);
    assert_eq!(orders(&state.next(Event::Put(item(1, "A", Status::Firing)), at(0))), [1]);
    answered(&mut state, 1, Answer::retry(Some(Duration::from_secs(60)), "429"), 10);
    assert!(orders(&state.next(Event::Put(item(2, "A", Status::Resolved)), at(1_000))).is_empty());
    let effects = state.next(Event::Time, at(60_010));
    assert_eq!((orders(&effects), fates(&effects)), (vec![2], vec!["folded", "folded", "queued", "begun"]));
    let Effect::Send(_, sending) = &effects[0] else { panic!() };
    assert!(sending.notification.alerts.len() == 1 && sending.notification.alerts[0].untold);
    assert!(sending.notification.id.0.len() == 32 && !sending.notification.id.0.starts_with("00000"));
    assert_eq!(fates(&answered(&mut state, 2, Answer::ok(""), 60_020)), ["delivered"]);
    assert!(state.is_empty());
}

#[test]
fn what_may_have_been_delivered_is_resent_alone_under_its_id_and_marked() {
    for (rules, marked) in [(PEOPLE, true), (MACHINES, false)] {
        let mut state = state(rules);
        let ambiguous = Item { ambiguous: true, attempts: 1, ..item(1, "A", Status::Firing) };
        let effects = state.next(Event::Put(ambiguous), at(0));
        let Effect::Send(changes, sending) = &effects[0] else { panic!() };
        assert!(changes[0].ambiguous && changes[0].attempts == 2);
        assert_eq!(
            (sending.marks.possible_repeat, &*sending.notification.id.0),
            (marked, format!("{:032}", 1).as_str())
        );
        answered(&mut state, 1, Answer::retry(None, "reset").maybe_taken(), 10);
        assert!(orders(&state.next(Event::Put(item(2, "A", Status::Resolved)), at(20))).is_empty());
        let at_wake = wake(&state, 20);
        let effects = state.next(Event::Time, at(at_wake));
        assert_eq!((orders(&effects), fates(&effects)), (vec![1], vec!["begun"]));
    }
}

/// With so many alerts, all of one group.
fn large(order: u64, alerts: usize) -> Item {
    let mut one = item(order, "A", Status::Firing);
    let notification = Arc::make_mut(&mut one.notification);
    let first = notification.alerts[0].clone();
    let other = |index: usize| {
        let labels = crate::alert::Labels::new([("order", order.to_string()), ("index", index.to_string())]);
        Alert { incident: crate::alert::Incident::of("uid", &labels), ..first.clone() }
    };
    notification.alerts = (0..alerts).map(other).collect();
    one
}

#[test]
fn large_notifications_are_not_folded_beyond_what_can_be_looked_at() {
    let mut state = State::new(7);
    for order in 1..=3 {
        assert!(state.next(Event::Put(large(order, 10_000)), at(0)).is_empty());
    }
    // Two are as many as go out as one; the third is not looked at before they are through.
    let effects = state.next(Event::Channel(Some(PEOPLE)), at(0));
    let [Effect::Send(changes, sending)] = effects.as_slice() else { panic!("{}", effects.len()) };
    assert_eq!((changes.len(), sending.order, sending.notification.alerts.len()), (4, 2, 20_000));
    answered(&mut state, 2, Answer::retry(None, "away"), 10);
    let again = wake(&state, 10);
    assert_eq!(orders(&state.next(Event::Time, at(again))), [2]);
    assert_eq!(orders(&answered(&mut state, 2, Answer::ok(""), again + 1)), [3]);
}

#[test]
fn one_that_is_larger_than_a_look_goes_out_and_is_tried_again() {
    let mut state = state(PEOPLE);
    assert_eq!(orders(&state.next(Event::Put(large(1, 20_001)), at(0))), [1]);
    answered(&mut state, 1, Answer::retry(None, "away"), 10);
    let again = wake(&state, 10);
    assert_eq!(orders(&state.next(Event::Time, at(again))), [1]);
}

#[test]
fn what_was_taken_in_part_is_written_down_as_ambiguous_and_goes_on_unmarked() {
    let mut state = state(PEOPLE);
    state.next(Event::Put(item(1, "A", Status::Firing)), at(0));
    let mut parts = Parts::default();
    parts.add(0);
    let effects = answered(&mut state, 1, Answer::retry(None, "450").with_done(&parts), 10);
    let Effect::Write(changes) = &effects[0] else { panic!() };
    assert!(changes[0].ambiguous && changes[0].fate.as_str() == "retry");
    // This process knows which parts.
    let effects = state.next(Event::Time, at(wake(&state, 10)));
    let Effect::Send(changes, sending) = &effects[0] else { panic!() };
    assert!(!changes[0].ambiguous && !sending.marks.possible_repeat && sending.done == parts);
}

#[test]
fn a_hint_pauses_the_whole_channel() {
    let mut state = state(MACHINES);
    state.next(Event::Put(item(1, "A", Status::Firing)), at(0));
    answered(&mut state, 1, Answer::retry(Some(Duration::from_secs(3_600)), "429"), 0);
    assert!(orders(&state.next(Event::Put(item(2, "B", Status::Firing)), at(1_000))).is_empty());
    assert_eq!(state.wake(at(1_000).mono), Some(Duration::from_secs(3_600)));
    assert_eq!(state.view(at(1_000).mono).paused, Some(Duration::from_secs(3_599)));
    // One at a time until it is back, and then the rest.
    assert_eq!(orders(&state.next(Event::Time, at(3_600_000))), [1]);
    assert_eq!(orders(&answered(&mut state, 1, Answer::ok(""), 3_600_001)), [2]);
    // What the receiver says with a success pauses too.
    let pause = Answer::Ok { detail: String::new(), pause: Some(Duration::from_secs(9)) };
    answered(&mut state, 2, pause, 3_601_000);
    assert!(orders(&state.next(Event::Put(item(3, "C", Status::Firing)), at(3_602_000))).is_empty());
    assert_eq!(state.wake(at(3_602_000).mono), Some(Duration::from_secs(3_610)));
}

#[test]
fn a_receiver_that_is_back_is_noticed_soon_and_all_that_waits_goes_out() {
    let mut state = state(MACHINES);
    for order in 1..=20 {
        state.next(Event::Put(item(order, &format!("A{order}"), Status::Firing)), at(0));
    }
    // An hour of refused connections: one attempt at a time, some 15 s apart.
    let (mut now, mut attempts) = (0, 0);
    let mut under_way: Vec<u64> = vec![1, 2, 3, 4];
    while now < 3_600_000 {
        for order in std::mem::take(&mut under_way) {
            attempts += 1;
            under_way.extend(orders(&answered(&mut state, order, Answer::retry(None, "refused"), now)));
        }
        assert!(under_way.len() <= 1);
        if under_way.is_empty() {
            let wake = wake(&state, now);
            assert!(wake - now <= 15_000, "{now} {wake}");
            now = wake;
            under_way = orders(&state.next(Event::Time, at(now)));
        }
    }
    assert!((200..400).contains(&attempts), "{attempts}");
    let mut delivered = 0;
    while let Some(order) = under_way.pop() {
        under_way.extend(orders(&answered(&mut state, order, Answer::ok(""), now)));
        delivered += 1;
    }
    assert_eq!(delivered, 20);
}

#[test]
fn what_is_refused_for_good_is_dead_and_the_next_goes_out() {
    let mut state = state(MACHINES);
    state.next(Event::Put(item(1, "A", Status::Firing)), at(0));
    state.next(Event::Put(item(2, "A", Status::Resolved)), at(0));
    let effects = answered(&mut state, 1, Answer::permanent("400"), 10);
    assert_eq!((fates(&effects), orders(&effects)), (vec!["dead", "begun"], vec![2]));
    assert_eq!(state.view(at(10).mono).is_delivering(), Some(false));
    answered(&mut state, 2, Answer::ok(""), 20);
    assert_eq!(state.view(at(20).mono).is_delivering(), Some(true));
}

#[test]
fn of_what_is_dead_the_part_that_was_taken_is_no_news() {
    let told = |alert: usize| {
        let mut parts = Parts::default();
        parts.tell(alert);
        parts
    };
    let mut one = item(1, "A", Status::Firing);
    let notification = Arc::make_mut(&mut one.notification);
    notification.alerts.extend(["B", "C"].map(|name| alert(name, Severity::High, Status::Firing)));
    let mut state = state(MACHINES);
    state.next(Event::Put(one), at(0));
    // One is taken at the first attempt, one at the second, and the third never.
    answered(&mut state, 1, Answer::retry(None, "away").with_done(&told(0)), 10);
    let again = wake(&state, 10);
    assert_eq!(orders(&state.next(Event::Time, at(again))), [1]);
    let effects = answered(&mut state, 1, Answer::permanent("400").with_done(&told(1)), again + 1);
    let [Effect::Write(changes)] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(changes[0].fate, Fate::Dead { answer: "400".into() });
    let news: Vec<bool> = changes[0].notification.alerts.iter().map(|alert| alert.news).collect();
    assert_eq!(news, [false, false, true]);
}

#[test]
fn a_receiver_that_is_gone_is_asked_once_an_hour_until_the_channel_changes() {
    let mut state = state(MACHINES);
    state.next(Event::Put(item(1, "A", Status::Firing)), at(0));
    assert_eq!(fates(&answered(&mut state, 1, Answer::gone("410"), 10)), ["dead"]);
    assert_eq!(fates(&state.next(Event::Put(item(2, "B", Status::Firing)), at(1_000))), ["dead"]);
    assert_eq!(orders(&state.next(Event::Put(item(3, "C", Status::Firing)), at(3_600_010))), [3]);
    assert_eq!(fates(&answered(&mut state, 3, Answer::gone("410"), 3_600_020)), ["dead"]);
    let effects = state.next(Event::Channel(Some(Rules { edition: 2, ..MACHINES })), at(3_600_030));
    assert!(effects.is_empty());
    assert_eq!(orders(&state.next(Event::Put(item(4, "D", Status::Firing)), at(3_600_040))), [4]);
}

#[test]
fn after_a_day_of_trying_it_is_dead_but_never_for_a_clock_that_jumped() {
    let day = 86_400_000;
    let mut young = state(MACHINES);
    let mut effects = young.next(Event::Put(item(1, "A", Status::Firing)), at(0));
    let mut now = 0;
    let died = loop {
        if orders(&effects).is_empty() {
            now = wake(&young, now);
            assert_eq!(orders(&young.next(Event::Time, at(now))), [1]);
        }
        effects = answered(&mut young, 1, Answer::retry(None, "away"), now);
        if fates(&effects) == ["dead"] {
            break now;
        }
    };
    assert!((day..day + 60_000).contains(&died), "{died}");
    // The same at a start after a wall clock that is two days ahead: it is tried all the same.
    let mut state = state(MACHINES);
    let now = Now { mono: Duration::ZERO, wall: START + 2 * day as i64 };
    assert_eq!(orders(&state.next(Event::Put(item(1, "A", Status::Firing)), now)), [1]);
    let effects =
        state.next(Event::Answered { order: 1, answer: Answer::retry(None, "away"), took: Duration::ZERO }, now);
    assert_eq!(fates(&effects), ["retry"]);
}

#[test]
fn after_days_of_downtime_what_waits_is_tried_all_the_same() {
    let now = |mono| Now { mono, wall: START + 3 * 86_400_000 };
    let mut state = State::new(1);
    let before = Item { attempts: 7, ambiguous: true, ..item(1, "A", Status::Firing) };
    for item in [before, item(2, "B", Status::Firing)] {
        assert!(state.next(Event::Put(item), now(Duration::ZERO)).is_empty());
    }
    assert_eq!(state.wake(Duration::ZERO), Some(GIVE_UP));
    assert!(state.next(Event::Time, now(GIVE_UP / 2)).is_empty());
    assert_eq!(orders(&state.next(Event::Channel(Some(MACHINES)), now(GIVE_UP / 2))), [1, 2]);
    // Nor is it given up at the first try after it, as when the network comes up later.
    let effects = state.next(
        Event::Answered { order: 1, answer: Answer::retry(None, "away"), took: Duration::ZERO },
        now(GIVE_UP / 2),
    );
    assert_eq!(fates(&effects), ["retry"]);
}

#[test]
fn without_a_channel_it_waits_for_a_day() {
    let mut state = State::new(1);
    assert!(state.next(Event::Put(item(1, "A", Status::Firing)), at(0)).is_empty());
    assert_eq!(state.wake(at(0).mono), Some(GIVE_UP));
    assert_eq!(orders(&state.next(Event::Channel(Some(MACHINES)), at(1_000))), [1]);
    answered(&mut state, 1, Answer::ok(""), 1_001);
    state.next(Event::Channel(None), at(2_000));
    assert!(state.next(Event::Put(item(2, "A", Status::Firing)), at(3_000)).is_empty());
    let late = Now { mono: GIVE_UP + Duration::from_secs(4), wall: START };
    assert_eq!(fates(&state.next(Event::Time, late)), ["dead"]);
}

#[test]
fn a_full_outbox_says_so() {
    let mut state = State::new(1);
    for order in 0..QUEUE_MAX as u64 {
        assert!(state.next(Event::Put(item(order, "A", Status::Firing)), at(0)).is_empty());
    }
    let effects = state.next(Event::Put(item(1 << 40, "B", Status::Firing)), at(0));
    assert_eq!(fates(&effects), ["dead"]);
}

#[test]
fn the_receivers_own_pace_is_kept() {
    const PACES: &[Pace] = &[Pace::new(1, 1)];
    let slow = Rules { paces: PACES, ..PEOPLE };
    let mut state = state(slow);
    let mut sent = Vec::new();
    for order in 1..=3 {
        let effects = state.next(Event::Put(item(order, &format!("A{order}"), Status::Firing)), at(0));
        sent.extend(orders(&effects));
    }
    assert_eq!(sent, [1]);
    answered(&mut state, 1, Answer::ok(""), 100);
    assert_eq!(state.wake(at(100).mono), Some(Duration::from_secs(1)));
    assert_eq!(orders(&state.next(Event::Time, at(1_000))), [2]);
    assert!(orders(&state.next(Event::Time, at(1_999))).is_empty());
    assert_eq!(orders(&state.next(Event::Time, at(2_000))), [3]);
}

#[test]
fn told_to_stop_nothing_begins_and_what_ends_is_written() {
    let mut state = state(MACHINES);
    state.next(Event::Put(item(1, "A", Status::Firing)), at(0));
    state.next(Event::Put(item(2, "A", Status::Resolved)), at(0));
    assert!(state.next(Event::Stop, at(1)).is_empty());
    assert_eq!(fates(&answered(&mut state, 1, Answer::ok(""), 2)), ["delivered"]);
}

/// What a receiver might do.
fn answers() -> impl Strategy<Value = Answer> {
    prop_oneof![
        6 => Just(Answer::ok("ok")),
        3 => Just(Answer::retry(None, "away")),
        1 => Just(Answer::retry(Some(Duration::from_secs(30)), "429")),
        1 => Just(Answer::retry(None, "reset").maybe_taken()),
        1 => Just(Answer::permanent("400")),
    ]
}

proptest! {
    /// Whatever a receiver does: each notification ends exactly once, of each incident what is begun is in order, at
    /// most as many as are allowed are under way, and nothing waits for ever.
    #[test]
    fn every_notification_ends_once_and_in_order(
        folds: bool,
        incidents in proptest::collection::vec(0_u8..4, 1..40),
        script in proptest::collection::vec(answers(), 1..200),
    ) {
        let mut state = state(Rules { folds, ..MACHINES });
        let mut queue: Vec<Effect> = Vec::new();
        let mut now = 0_u64;
        let mut script = script.into_iter();
        let mut ended: BTreeSet<String> = BTreeSet::new();
        let mut made: BTreeSet<String> = BTreeSet::new();
        let mut under_way: Vec<(u64, Arc<Notification>)> = Vec::new();
        let mut begun: std::collections::BTreeMap<String, u64> = std::collections::BTreeMap::new();
        for (index, incident) in incidents.iter().enumerate() {
            let status = if index % 2 == 0 { Status::Firing } else { Status::Resolved };
            let item = item(index as u64 + 1, &format!("I{incident}"), status);
            made.insert(item.notification.id.to_string());
            queue.extend(state.next(Event::Put(item), at(now)));
        }
        for _ in 0..10_000 {
            for effect in std::mem::take(&mut queue) {
                let (changes, sending) = match effect {
                    Effect::Write(changes) => (changes, None),
                    Effect::Send(changes, sending) => (changes, Some(sending)),
                };
                for change in changes {
                    let id = change.notification.id.to_string();
                    match change.fate {
                        Fate::Queued => prop_assert!(made.insert(id)),
                        Fate::Delivered { .. } | Fate::Dead { .. } | Fate::Folded { .. } => prop_assert!(ended.insert(id)),
                        Fate::Begun | Fate::Later { .. } => {}
                    }
                }
                if let Some(sending) = sending {
                    for alert in &sending.notification.alerts {
                        let incident = alert.incident.to_string();
                        prop_assert!(!under_way.iter().any(|(_, other)| other.alerts.iter().any(|a| a.incident == alert.incident)));
                        let before = begun.insert(incident, sending.order);
                        prop_assert!(before.is_none_or(|before| before <= sending.order));
                    }
                    under_way.push((sending.order, sending.notification));
                    prop_assert!(under_way.len() <= IN_FLIGHT);
                }
            }
            now += 1;
            if let Some((order, _)) = under_way.pop() {
                let answer = script.next().unwrap_or_else(|| Answer::ok("ok"));
                queue = answered(&mut state, order, answer, now);
            } else if let Some(wake) = state.wake(at(now).mono) {
                now = now.max(wake.as_millis() as u64 + 1);
                queue = state.next(Event::Time, at(now));
            } else {
                break;
            }
        }
        prop_assert!(state.is_empty());
        prop_assert_eq!(made, ended);
    }
}
