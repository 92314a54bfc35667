//! Tables: what a channel looks like as a status, what differs, and what is told.

use serde_json::json;

use super::*;
use crate::{
    controller::status::samples::{LATER, NOW, entry, refused, short, told},
    model::Kind,
    notify::outbox::{Last, View},
};

fn view(outbox: View) -> ChannelView {
    ChannelView { entry: entry(Kind::NotificationChannel, &json!({"log": {}}), 1), outbox }
}

fn last(outcome: &'static str, answer: &str, at: WallMs) -> Option<Last> {
    Some(Last { at, outcome, answer: answer.into() })
}

fn delivered(at: WallMs) -> View {
    View { last: last("delivered", "200 OK", at), delivered: 1, ..View::default() }
}

fn retrying(at: WallMs) -> View {
    View { last: last("retry", "503", at), failures: 3, waiting: 2, ..View::default() }
}

fn dead(dead: u64, at: WallMs) -> View {
    View { last: last("dead", "404 no_service", at), dead, ..View::default() }
}

fn none() -> NotificationChannelStatus {
    NotificationChannelStatus::default()
}

fn status(outbox: View, before: &NotificationChannelStatus, now: WallMs) -> NotificationChannelStatus {
    channel(&view(outbox), None, before, now)
}

fn step(before: View, after: View) -> (Difference, Vec<String>) {
    let before = status(before, &none(), NOW);
    let after = status(after, &before, LATER);
    (difference(&before, &after), short(&announcements(&before, &after)))
}

#[test]
fn a_status_says_what_the_outbox_does() {
    let nothing = status(View::default(), &none(), NOW);
    assert_eq!((nothing.kind.as_deref(), nothing.waiting, nothing.dead), (Some("log"), Some(0), Some(0)));
    let told = |status: &NotificationChannelStatus| {
        let (answer, reason, message, since) = told(status.conditions.as_deref(), "Delivering");
        format!("{answer} {reason} {since} {message}")
    };
    assert_eq!(told(&nothing), "Unknown NothingSent 0 nothing was sent yet");
    let well = status(delivered(NOW - 2_000), &nothing, NOW);
    assert_eq!(told(&well), "True Delivered -2 what was sent last has arrived");
    assert_eq!(well.last_delivery, Some(time(NOW / 1000 - 2)));
    let not = status(retrying(LATER), &well, LATER);
    assert_eq!(told(&not), "False Retrying 60 503");
    assert_eq!((not.waiting, not.last_delivery.clone()), (Some(2), well.last_delivery));
    let lost = status(dead(1, LATER + 1_000), &not, LATER);
    assert_eq!(told(&lost), "False Undeliverable 60 404 no_service");
    let gone = View { gone: Some("410 gone".into()), ..dead(2, LATER) };
    assert_eq!(told(&status(gone, &lost, LATER)), "False Gone 60 410 gone");
}

#[test]
fn only_transitions_are_written_at_once() {
    let lost = |text: &str| {
        vec![format!("!Undeliverable {text} could not be delivered and will not be tried again: 404 no_service")]
    };
    for (what, before, after, difference, notes) in [
        ("nothing", View::default(), View::default(), Difference::None, vec![]),
        ("the first arrives", View::default(), delivered(NOW), Difference::Standing, vec![]),
        ("another arrives", delivered(NOW), delivered(LATER), Difference::Figures, vec![]),
        ("some wait", delivered(NOW), View { waiting: 3, ..delivered(NOW) }, Difference::Figures, vec![]),
        ("it fails", delivered(NOW), retrying(LATER), Difference::Standing, vec!["!Retrying 503".to_owned()]),
        (
            "it is back",
            retrying(NOW),
            delivered(LATER),
            Difference::Standing,
            vec![" Delivered what was sent last has arrived".to_owned()],
        ),
        ("one is lost", delivered(NOW), dead(1, LATER), Difference::Standing, lost("a notification")),
        ("more are lost", dead(1, NOW), dead(3, LATER), Difference::Words, lost("2 notifications")),
        (
            "one was lost, and the next has arrived",
            delivered(NOW),
            View { dead: 1, ..delivered(LATER) },
            Difference::Words,
            vec!["!Undeliverable a notification could not be delivered and will not be tried again".to_owned()],
        ),
        // The process is another one, which knows of nothing: what stood stands.
        ("a restart", dead(3, NOW), View::default(), Difference::Figures, vec![]),
        ("one is lost after it", dead(3, NOW), dead(1, LATER), Difference::Words, lost("a notification")),
    ] {
        assert_eq!(step(before, after), (difference, notes), "{what}");
    }
}

#[test]
fn a_channel_that_is_refused_or_cannot_know_who_may_use_it_says_so() {
    let well = status(delivered(NOW), &none(), NOW);
    let view =
        ChannelView { entry: refused(Kind::NotificationChannel, "spec.slack.url: no", 2), outbox: View::default() };
    let after = channel(&view, None, &well, LATER);
    assert_eq!(told(after.conditions.as_deref(), "Ready").2, "spec.slack.url: no");
    assert_eq!((after.kind.as_deref(), difference(&well, &after)), (Some("log"), Difference::Standing));
    assert_eq!(short(&announcements(&well, &after)), ["!InvalidSpec spec.slack.url: no"]);

    let selector =
        json!({"log": {}, "allowedNamespaces": {"from": "Selector", "selector": {"matchLabels": {"a": "b"}}}});
    for (spec, unread, expected) in [
        (json!({"log": {}}), Some("forbidden"), ("True", "Valid")),
        (selector.clone(), None, ("True", "Valid")),
        (selector, Some("namespaces is forbidden"), ("False", "NotPermitted")),
    ] {
        let view = ChannelView { entry: entry(Kind::NotificationChannel, &spec, 1), outbox: View::default() };
        let status = channel(&view, unread, &none(), NOW);
        let (answer, reason, message, _) = told(status.conditions.as_deref(), "Ready");
        assert_eq!((&*answer, &*reason), expected, "{spec}");
        assert!(answer == "True" || message.contains("namespaces is forbidden; grant it"), "{message}");
    }
}
