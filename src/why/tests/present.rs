//! What stands now beside the rows: why a rule has no alert, and silences that are others by now.

use super::*;

fn rule(looks: Looks, sight: SightNow) -> Standing {
    let rule = RuleNow {
        namespace: "web".into(),
        name: "down".into(),
        alert: "ShopDown".into(),
        refused: None,
        sight,
        looks,
        hold: 120_000,
        pending: 0,
        firing: 0,
        tells: Vec::new(),
        denied: Vec::new(),
        to_log: false,
    };
    Standing { rules: vec![rule], ends: Vec::new() }
}

fn check(state: &str, reason: &str, message: &str, figure: Option<&str>) -> Looks {
    let check = CheckNow {
        namespace: "web".into(),
        name: "shop".into(),
        state: state.into(),
        reason: reason.into(),
        message: message.into(),
        since: at(5),
        figure: figure.map(Into::into),
        met: false,
    };
    Looks::Checks { wanted: "is Unhealthy".into(), checks: vec![check], more: 0 }
}

#[test]
fn why_a_rule_has_no_alert_is_told_from_what_stands_now() {
    let clear = || SightNow::Clear;
    let table: Vec<(&str, Standing, &[&str])> = vec![
        (
            "not met",
            rule(check("Healthy", "Ok", "200 OK", None), clear()),
            &[
                "Rule web/down does not fire: its condition is not met.",
                "It fires for a check that is Unhealthy.",
                "Check web/shop is Healthy since 08:00:05 (200 OK).",
            ],
        ),
        (
            "a figure within its bound",
            rule(check("Healthy", "Ok", "", Some("0.01")), clear()),
            &[
                "Rule web/down does not fire: its condition is not met.",
                "It fires for a check that is Unhealthy.",
                "Check web/shop is Healthy since 08:00:05; its figure is 0.01.",
            ],
        ),
        (
            "no data",
            rule(check("Unknown", "Blocked", "", None), SightNow::NoData { since: at(10) }),
            &[
                "Rule web/down does not fire: it finds no data since 08:00:10, for 50 s.",
                "It fires for a check that is Unhealthy.",
                "Check web/shop is Unknown since 08:00:05 (Blocked).",
            ],
        ),
        (
            "suspended",
            rule(check("Suspended", "Suspended", "", None), clear()),
            &["Rule web/down cannot fire: check web/shop is suspended."],
        ),
        (
            "no such check",
            rule(Looks::Nothing("there is no check web/shop".into()), clear()),
            &["Rule web/down cannot fire: there is no check web/shop."],
        ),
        (
            "a source that is down",
            rule(
                Looks::Source { wanted: "up == 0".into(), asked: Some(at(50)) },
                SightNow::Failing { since: at(10), message: "connection refused".into() },
            ),
            &[
                "Rule web/down does not fire: it cannot see since 08:00:10, for 50 s: connection refused.",
                "It asks for up == 0, and did so last at 08:00:50.",
            ],
        ),
        (
            "never asked",
            rule(Looks::Source { wanted: "up == 0".into(), asked: None }, clear()),
            &["Rule web/down does not fire: its source was not asked yet."],
        ),
        (
            "refused",
            Standing {
                rules: vec![RuleNow {
                    refused: Some("spec.condition: nonsense".into()),
                    ..rule(Looks::Unknown, clear()).rules.remove(0)
                }],
                ..Standing::default()
            },
            &["Rule web/down is not in force: spec.condition: nonsense."],
        ),
        (
            "whom it would tell",
            Standing {
                rules: vec![RuleNow {
                    tells: vec![SLACK.into()],
                    denied: vec![(MAIL.into(), "severities".into())],
                    ..rule(Looks::Nothing("there is no check web/shop".into()), clear()).rules.remove(0)
                }],
                ..Standing::default()
            },
            &[
                "Rule web/down cannot fire: there is no check web/shop.",
                "Its alerts are told to ops/slack.",
                "ops/mail is not told of its alerts: its severities leave this one out.",
            ],
        ),
    ];
    for (what, standing, want) in table {
        for asked in ["web/down", "ShopDown"] {
            let story = ask(&[], asked, Some(&standing), 60).unwrap();
            let mut lines = vec![story.headline.as_str()];
            lines.extend(story.who.iter().map(String::as_str));
            assert_eq!(lines, want, "{what}");
        }
        // It fired once: why it does not now comes first.
        let entries = [fires(-100), turn(-50, "firing", "resolved")];
        let story = ask(&entries, "web/down", Some(&standing), 60).unwrap();
        assert_eq!(story.headline, want[0], "{what}");
        assert!(story.who.iter().any(|line| line.starts_with("Its newest alert: ShopDown is resolved")), "{what}");
    }
}

#[test]
fn a_silence_that_was_made_longer_ends_when_it_does_now() {
    let entries = [fires(10), held(10, "silence", "web/deploy", None, Some(3600))];
    let mut standing = rule(check("Unhealthy", "Timeout", "", None), SightNow::Clear);
    standing.ends = vec![("web/deploy".into(), at(7200))];
    standing.rules[0].tells = vec![SLACK.into()];
    let story = ask(&entries, "ShopDown", Some(&standing), 60).unwrap();
    assert_eq!(
        story.who,
        ["Nobody was told since 08:00:10: silence web/deploy mutes it until 10:00:00, by ann: deploy."]
    );
    assert_eq!(story.now, "it fires; if it still does when silence web/deploy ends at 10:00:00, ops/slack is told.");
}
