//! Rows of a trail, and the story that they make: a table of what people ask at night.

mod present;

use std::sync::Arc;

use super::*;
use crate::{
    audit::{Body, Entry, Event, Head, Row, follow},
    clock::{WallMs, rfc3339},
    history::{About, AuditPage, AuditQuery},
};

/// 2027-01-15T08:00:00Z
const T0: WallMs = 1_800_000_000_000;
const FINGERPRINT: &str = "00ff00ff00ff00ff";

/// Seconds after eight.
fn at(seconds: i64) -> WallMs {
    T0 + seconds * 1000
}

fn entry(seconds: i64, notification: Option<&str>, event: Event) -> Entry {
    Entry {
        at: at(seconds),
        namespace: "web".into(),
        rule: Some("down".into()),
        alert: Some("ShopDown".into()),
        fingerprint: Some(FINGERPRINT.into()),
        notification: notification.map(Into::into),
        event,
    }
}

fn turn(seconds: i64, from: &str, to: &str) -> Entry {
    because(seconds, from, to, None)
}

fn because(seconds: i64, from: &str, to: &str, reason: Option<&str>) -> Entry {
    let (value, message) = (Some("1".into()), Arc::from(if to == "firing" { "shop is down" } else { "" }));
    let event = Event::Transition { from: from.into(), to: to.into(), reason: reason.map(Into::into), value, message };
    entry(seconds, None, event)
}

fn fires(seconds: i64) -> Entry {
    turn(seconds, "pending", "firing")
}

fn told(seconds: i64, id: &str, channel: &str, status: &str, why: &str) -> Entry {
    let event = Event::Told { channel: channel.into(), status: status.into(), why: why.into() };
    entry(seconds, Some(id), event)
}

fn attempt(seconds: i64, id: &str, channel: &str, outcome: &str, answer: &str) -> Entry {
    tried(seconds, id, channel, (1, 1), outcome, answer, None)
}

/// `(alerts, attempt)`
fn tried(
    seconds: i64,
    id: &str,
    channel: &str,
    (alerts, attempt): (u64, u32),
    outcome: &str,
    answer: &str,
    next: Option<WallMs>,
) -> Entry {
    let event = Event::Notification {
        channel: channel.into(),
        alerts,
        attempt,
        outcome: outcome.into(),
        answer: answer.into(),
        next,
        ambiguous: false,
        unrecorded: false,
    };
    Entry { alert: None, fingerprint: None, ..entry(seconds, Some(id), event) }
}

/// What stands in the way of telling anybody, or of telling one channel.
fn held(seconds: i64, by: &str, name: &str, channel: Option<&str>, until: Option<i64>) -> Entry {
    let event = Event::Suppression {
        by: by.into(),
        name: name.into(),
        channel: channel.map(Into::into),
        status: "firing".into(),
        ended: by == "suppression",
        until: until.map(at),
        said: if by == "silence" { "by ann: deploy".into() } else { "".into() },
        instead: (by == "dead channel").then(|| "ops/mail".into()),
    };
    entry(seconds, (by == "dead channel").then_some("n1"), event)
}

fn of_rule(seconds: i64, change: &str, message: &str) -> Entry {
    let event = Event::Rule { change: change.into(), generation: 1, message: message.into() };
    Entry { alert: None, fingerprint: None, ..entry(seconds, None, event) }
}

fn rows(entries: &[Entry]) -> Vec<Row> {
    let mut head = Head::default();
    let add = |entry: &Entry| {
        let row = follow(&head, Body::of(entry));
        head = row.head();
        row
    };
    entries.iter().map(add).collect()
}

/// As a store pages them.
fn page(rows: &[Row], query: &AuditQuery) -> AuditPage {
    let index = |row: &Row| row.index.clone().unwrap_or_default();
    let mine = |about: &About| {
        let of: Vec<_> = rows.iter().map(index).filter(|index| about.takes(index)).collect();
        of.into_iter().filter_map(|index| index.notification).collect::<Vec<_>>()
    };
    let told = query.about.as_ref().map(mine).unwrap_or_default();
    let wanted = rows.iter().filter(|row| {
        let index = index(row);
        let attempt = &*index.kind == "notification" && index.notification.as_ref().is_some_and(|id| told.contains(id));
        query.takes(&index) && query.about.as_ref().is_none_or(|about| about.takes(&index) || attempt)
    });
    AuditPage { rows: wanted.cloned().collect(), next: None, head: None }
}

fn ask(entries: &[Entry], asked: &str, standing: Option<&Standing>, now: i64) -> Option<Story> {
    let (rows, asked) = (rows(entries), Asked::new(asked, None));
    let window = Window { since: None, at: at(now), namespaces: None };
    let fetch = |query: AuditQuery| std::future::ready(Ok::<_, ()>(page(&rows, &query)));
    let gathered = futures::executor::block_on(gather(&asked, &window, fetch)).unwrap();
    tell(&asked, &gathered, standing, at(now))
}

const SLACK: &str = "ops/slack";
const MAIL: &str = "ops/mail";

#[test]
fn each_fate_of_an_alert_is_told_in_plain_words() {
    type Case = (&'static str, Vec<Entry>, &'static str, &'static [&'static str], &'static str);
    let fired = "ShopDown fires since 08:00:10, for 50 s: shop is down";
    let table: Vec<Case> = vec![
        (
            "fired and told",
            vec![
                fires(10),
                held(10, "grouping.wait", "", Some(SLACK), Some(15)),
                told(15, "n1", SLACK, "firing", "First"),
                attempt(16, "n1", SLACK, "delivered", "hooks.example answered 200: ok"),
            ],
            fired,
            &["Told: ops/slack at 08:00:16."],
            "it fires; ops/slack is told when it is over.",
        ),
        (
            "silenced",
            vec![fires(10), held(10, "silence", "web/deploy", None, Some(3600))],
            fired,
            &["Nobody was told since 08:00:10: silence web/deploy mutes it until 09:00:00, by ann: deploy."],
            "it fires; if it still does when silence web/deploy ends at 09:00:00, its channels are told.",
        ),
        (
            "told, and silenced since",
            vec![
                fires(10),
                told(10, "n1", SLACK, "firing", "First"),
                attempt(11, "n1", SLACK, "delivered", "ok"),
                held(20, "silence", "web/deploy", None, Some(3600)),
                held(20, "maintenance", "web/sunday", None, Some(7200)),
            ],
            fired,
            &[
                "Nobody is told any more since 08:00:20: silence web/deploy mutes it until 09:00:00, by ann: deploy; and \
                 maintenance window web/sunday is open until 10:00:00.",
                "Told: ops/slack at 08:00:11.",
            ],
            "it fires; if it still does when silence web/deploy ends at 09:00:00 and window web/sunday closes at 10:00:00, \
             ops/slack is told.",
        ),
        (
            "inhibited",
            vec![fires(10), held(10, "inhibition", "web/cluster-down", None, None)],
            fired,
            &["Nobody was told since 08:00:10: an alert of rule web/cluster-down fires, which inhibits it."],
            "it fires; if it still does when rule web/cluster-down has no such alert any more, its channels are told.",
        ),
        (
            "a dependency is down",
            vec![fires(10), held(10, "dependency", "postgres", None, None)],
            fired,
            &["Nobody was told since 08:00:10: it depends on postgres, which is down: only that one is told."],
            "it fires; if it still does when postgres is up again, its channels are told.",
        ),
        (
            "the dependency is up, and it still fires",
            vec![
                fires(10),
                held(10, "dependency", "postgres", None, None),
                held(30, "suppression", "", None, None),
                held(30, "grouping.wait", "", Some(SLACK), Some(65)),
            ],
            fired,
            &["Nobody was told yet.", "ops/slack is told at 08:01:05: others of its group may come (grouping.wait)."],
            "it fires; ops/slack is told at 08:01:05.",
        ),
        (
            "over the rate limit, in a digest",
            vec![
                fires(10),
                held(10, "rateLimit", "", Some(SLACK), Some(30)),
                told(30, "n1", SLACK, "firing", "Digest"),
                tried(31, "n1", SLACK, (41, 1), "delivered", "ok", None),
            ],
            fired,
            &["Told: ops/slack at 08:00:31 in a digest with others, as its rate limit was reached."],
            "it fires; ops/slack is told when it is over.",
        ),
        (
            "the channel is dead, its fallback is told",
            vec![
                fires(10),
                told(10, "n1", SLACK, "firing", "First"),
                attempt(11, "n1", SLACK, "dead", "hooks.example answered 410: gone"),
                held(11, "dead channel", "hooks.example answered 410: gone", Some(SLACK), None),
                told(11, "n2", MAIL, "firing", "First"),
                attempt(12, "n2", MAIL, "delivered", "250 queued"),
            ],
            fired,
            &[
                "Told: ops/mail at 08:00:12.",
                "ops/slack could not be told: hooks.example answered 410: gone; ops/mail is told instead.",
            ],
            "it fires; ops/mail is told when it is over.",
        ),
        (
            "it is tried again",
            vec![
                fires(10),
                told(10, "n1", SLACK, "firing", "First"),
                tried(11, "n1", SLACK, (1, 1), "retry", "503", Some(at(20))),
                tried(20, "n1", SLACK, (1, 2), "retry", "503", Some(at(80))),
            ],
            fired,
            &["Nobody was told yet.", "ops/slack could not be told yet, attempt 2: 503; again at 08:01:20."],
            "it fires; ops/slack is tried again at 08:01:20.",
        ),
        (
            "no channel takes it",
            vec![
                fires(10),
                held(10, "severities", "", Some(SLACK), None),
                held(10, "allowedNamespaces", "", Some(MAIL), None),
            ],
            fired,
            &[
                "Nobody was told yet.",
                "ops/mail is not told: its allowedNamespaces leaves this rule's namespace out.",
                "ops/slack is not told: its severities leave this one out.",
            ],
            "it fires; no channel is about to be told.",
        ),
        (
            "no data: it fires on that",
            vec![because(10, "pending", "firing", Some("NoData")), told(10, "n1", SLACK, "firing", "First")],
            "ShopDown fires since 08:00:10, for 50 s, as its rule finds no data (onNoData: Fire): shop is down",
            &["Nobody was told yet.", "ops/slack is being told since 08:00:10; no answer is recorded."],
            "it fires; ops/slack is about to be told.",
        ),
        (
            "no data: it is not resolved",
            vec![
                fires(10),
                told(10, "n1", SLACK, "firing", "First"),
                attempt(11, "n1", SLACK, "delivered", "ok"),
                of_rule(50, NO_DATA, "since 2027-01-15T08:00:20.000Z"),
            ],
            fired,
            &["Told: ops/slack at 08:00:11.", "Its rule finds no data since 08:00:50, for 10 s."],
            "it fires; ops/slack is told when it is over; its rule finds no data since 08:00:50, for 10 s; what it cannot \
             see it does not resolve.",
        ),
        (
            "somebody acts",
            vec![
                fires(10),
                told(10, "n1", SLACK, "firing", "First"),
                attempt(11, "n1", SLACK, "delivered", "ok"),
                entry(
                    20,
                    None,
                    Event::Ack { change: "acknowledged".into(), by: "ann".into(), comment: "on it".into() },
                ),
            ],
            fired,
            &["Told: ops/slack at 08:00:11.", "ann acts on it since 08:00:20 (on it)."],
            "it fires; ops/slack is told when it is over, and is not told again as somebody acts.",
        ),
        (
            "resolved, and both were told",
            vec![
                fires(10),
                told(10, "n1", SLACK, "firing", "First"),
                attempt(11, "n1", SLACK, "delivered", "ok"),
                turn(40, "firing", "resolved"),
                told(55, "n2", SLACK, "resolved", "AllResolved"),
                attempt(56, "n2", SLACK, "delivered", "ok"),
            ],
            "ShopDown is resolved since 08:00:40, after it fired from 08:00:10 on, for 30 s",
            &["Told: ops/slack at 08:00:11.", "Told that it is over: ops/slack at 08:00:56."],
            "it is over.",
        ),
        (
            "resolved while it was silenced",
            vec![
                fires(10),
                held(10, "silence", "web/deploy", None, Some(3600)),
                turn(40, "firing", "resolved"),
                held(40, "resolved", "no channel was told that it fired", None, None),
            ],
            "ShopDown is resolved since 08:00:40, after it fired from 08:00:10 on, for 30 s",
            &["Nobody was told: silence web/deploy mutes it until 09:00:00, by ann: deploy."],
            "it is over.",
        ),
        (
            "two that waited went out as one",
            vec![
                fires(10),
                told(10, "n1", SLACK, "firing", "First"),
                tried(12, "n1", SLACK, (1, 1), "retry", "503", Some(at(30))),
                turn(20, "firing", "resolved"),
                told(22, "n2", SLACK, "resolved", "AllResolved"),
                attempt(30, "n1", SLACK, "folded", "told as part of n3"),
                attempt(30, "n2", SLACK, "folded", "told as part of n3"),
                attempt(31, "n3", SLACK, "delivered", "ok"),
            ],
            "ShopDown is resolved since 08:00:20, after it fired from 08:00:10 on, for 10 s",
            &["Told: ops/slack at 08:00:31.", "Told that it is over: ops/slack at 08:00:31."],
            "it is over.",
        ),
        (
            "pending",
            vec![turn(10, "inactive", "pending")],
            "ShopDown is pending since 08:00:10, for 50 s, and nobody is told before it fires",
            &["Nobody was told: it has not fired."],
            "it fires when its condition has held for the rule's `for`.",
        ),
        (
            "never long enough",
            vec![turn(10, "inactive", "pending"), turn(30, "pending", "inactive")],
            "ShopDown does not fire: its condition held from 08:00:10 to 08:00:30, shorter than the rule's `for`",
            &["Nobody was told: it has not fired."],
            "it does not fire.",
        ),
        (
            "without a channel",
            vec![
                fires(10),
                held(10, "no channel", "it goes to the log", None, None),
                told(10, "n1", "/log", "firing", "First"),
                attempt(10, "n1", "/log", "delivered", "written"),
            ],
            fired,
            &[
                "Told: the log at 08:00:10.",
                "No channel could be used for it, so the log was told: give the rule a channel with `notify`.",
            ],
            "it fires; the log is told when it is over.",
        ),
    ];
    for (what, entries, headline, who, now) in table {
        for asked in ["ShopDown", FINGERPRINT, "00ff00", "web/down"] {
            let story = ask(&entries, asked, None, 60).unwrap_or_else(|| panic!("{what}: nothing is known"));
            let is_silent = asked == "web/down" && story.alert.as_ref().is_some_and(|alert| alert.state != "firing");
            if !is_silent {
                assert_eq!(story.headline, headline, "{what}: {asked}");
                assert_eq!(story.who, who, "{what}: {asked}");
            }
            assert_eq!(story.now, now, "{what}: {asked}");
            assert!(story.steps.windows(2).all(|two| two[0].at <= two[1].at), "{what}");
            assert!(story.text().starts_with(&story.headline), "{what}");
            assert!(story.text().trim_end().ends_with(&story.now), "{what}");
        }
    }
}

#[test]
fn what_was_decided_and_what_came_of_it_is_one_step() {
    let entries = [
        fires(10),
        held(10, "grouping.wait", "", Some(SLACK), Some(15)),
        told(15, "n1", SLACK, "firing", "First"),
        tried(16, "n1", SLACK, (1, 1), "retry", "503", Some(at(20))),
        tried(20, "n1", SLACK, (3, 2), "delivered", "200", None),
    ];
    let story = ask(&entries, "ShopDown", None, 60).unwrap();
    let steps: Vec<_> = story.steps.iter().map(|step| step.text.as_str()).collect();
    assert_eq!(
        steps,
        [
            "it fires (value 1): shop is down",
            "ops/slack is told at 08:00:15: others of its group may come (grouping.wait)",
            "ops/slack could not be told that it fires, attempt 1: 503; again at 08:00:20",
            "ops/slack was told that it fires, one of 3 alerts in one message: 200",
        ]
    );
    assert_eq!(story.steps[0].at, "2027-01-15T08:00:10.000Z");
}

#[test]
fn the_newest_episode_is_told_and_a_moment_before_it_as_it_was_then() {
    let day = 86_400;
    let entries = [
        fires(-30 * day),
        turn(-29 * day, "firing", "resolved"),
        turn(5, "inactive", "pending"),
        fires(10),
        told(10, "n1", SLACK, "firing", "First"),
        attempt(11, "n1", SLACK, "delivered", "ok"),
    ];
    let story = ask(&entries, "ShopDown", None, 60).unwrap();
    assert_eq!((story.steps.len(), story.notes.len()), (3, 0), "{story:?}");
    let then = ask(&entries, "ShopDown", None, -29 * day - 1).unwrap();
    assert_eq!(then.headline, "ShopDown fires since 2026-12-16 08:00:00, for 23 h 59 min: shop is down");
    assert_eq!(then.who, ["Nobody was told, and no row says why."]);
    let before = ask(&entries, "ShopDown", None, -day).unwrap();
    assert!(before.headline.starts_with("ShopDown is resolved since 2026-12-17 08:00:00"), "{}", before.headline);
    assert_eq!(ask(&entries, "ShopDown", None, -40 * day), None);
    assert_eq!(ask(&entries, "Other", None, 60), None);
}

#[test]
fn of_several_alerts_those_that_fire_come_first() {
    let other = |entry: Entry, digits: &str| Entry { fingerprint: Some(digits.into()), ..entry };
    let (one, two) = ("00ff00ff00ff0001", "00ff00ff00ff0002");
    let entries = [other(fires(1), one), other(turn(9, "firing", "resolved"), one), other(fires(10), two), fires(11)];
    let story = ask(&entries, "ShopDown", None, 60).unwrap();
    assert_eq!((story.headline.as_str(), story.alert.as_ref()), ("2 alerts fire; 1 do not, or not any more", None));
    let shown: Vec<_> = story.others.iter().map(|other| (other.fingerprint.as_str(), other.state.as_str())).collect();
    assert_eq!(shown, [(FINGERPRINT, "firing"), (two, "firing"), (one, "resolved")]);
    // One that fires is told, and the others are named.
    let story = ask(&entries[..3], "ShopDown", None, 60).unwrap();
    assert_eq!(story.alert.map(|alert| alert.fingerprint).as_deref(), Some(two));
    assert_eq!(story.others.len(), 1);
}

#[test]
fn a_trail_alone_says_what_a_rule_did_not_see() {
    let entries = [of_rule(0, "accepted", ""), of_rule(40, CANNOT_SEE, "since …: connection refused")];
    let story = ask(&entries, "web/down", None, 60).unwrap();
    assert!(
        story.headline.starts_with("Rule web/down does not fire: it cannot see since 08:00:40, for 20 s"),
        "{}",
        story.headline
    );
    assert_eq!(story.steps.len(), 2);
    let seen = [&entries[..], &[of_rule(50, SEES_AGAIN, "")]].concat();
    let story = ask(&seen, "web/down", None, 60).unwrap();
    assert!(story.headline.contains("the trail holds no alert of it"), "{}", story.headline);
}

#[test]
fn many_steps_are_cut_in_the_middle_and_control_characters_shown() {
    let mut entries = vec![fires(0)];
    for n in 0..60 {
        entries.push(told(n + 1, &format!("n{n}"), SLACK, "firing", "Repeat"));
    }
    entries.push(attempt(70, "n59", SLACK, "retry", "\u{1b}[2Jno"));
    let story = ask(&entries, "ShopDown", None, 80).unwrap();
    assert_eq!((story.steps.len(), story.left_out), (40, 21));
    let text = story.text();
    assert!(text.contains("21 steps are left out") && text.contains("\\u{1b}[2Jno"), "{text}");
    assert_eq!(story.at, rfc3339(at(80)));
}
