//! Grouping, routing, rate limits.

use super::*;

#[test]
fn a_new_alert_waits_for_others_and_other_changes_are_gathered() {
    let mut bench = Bench::new(vec![channel("slack")]);
    let [a, b, c] = ["a", "b", "c"].map(|i| episode("r", i, &[]));
    bench.fire([&a]);
    bench.until(3);
    bench.fire([&b]);
    bench.until(10);
    assert_eq!(bench.heard(), ["5s slack First +a +b"]);
    // A new one in a known group waits as long, and what else has changed goes with it.
    bench.resolve([&a]);
    bench.until(12);
    bench.fire([&c]);
    bench.until(20);
    assert_eq!(bench.heard(), ["17s slack New -a +c (b)"]);
    bench.resolve([&b]);
    bench.until(34);
    bench.resolve([&c]);
    bench.until(40);
    assert_eq!(bench.heard(), ["35s slack AllResolved -b -c"]);
    assert!(bench.desk.groups.is_empty());
    let waits = bench.facts(|what| matches!(what, What::Waits { because: Wait::Interval, .. }));
    assert_eq!(waits.len(), 3, "{waits:?}");
}

#[test]
fn critical_ones_never_wait_and_take_the_others_along() {
    let mut bench = Bench::new(vec![channel("slack")]);
    let critical = episode("r", "c", &[("severity", "critical")]);
    bench.fire(&[episode("r", "a", &[("severity", "low")])]);
    bench.until(1);
    bench.fire([&critical]);
    bench.until(30);
    assert_eq!(bench.heard(), ["1s slack First +a +c"]);
    bench.resolve([&critical]);
    bench.until(60);
    assert_eq!(bench.heard(), ["45s slack SomeResolved -c (a)"]);
}

#[test]
fn what_one_evaluation_gives_is_told_as_one() {
    let mut bench = Bench::new(vec![channel("slack")]);
    bench.fire(&["a", "b", "c"].map(|i| episode("r", i, &[("severity", "critical")])));
    assert_eq!(bench.heard(), ["0s slack First +a +b +c"]);
}

#[test]
fn what_still_fires_is_repeated() {
    let mut bench = Bench::new(vec![channel("slack")]);
    let [a, b] = ["a", "b"].map(|i| episode("r", i, &[]));
    bench.fire(&[a.clone(), b.clone()]);
    bench.until(5 + 4 * 3600);
    assert_eq!(bench.heard(), ["5s slack First +a +b", "14405s slack Repeat +a +b"]);
    bench.resolve([&a]);
    bench.until(15_000);
    bench.heard();
    // Any message shows what fires, so the time begins anew.
    bench.until(14_420 + 4 * 3600);
    assert_eq!(bench.heard(), ["28820s slack Repeat +b"]);
    bench.step(Event::Acknowledge { incident: b.incident, by: "ann".into(), comment: "".into() });
    bench.until(100_000);
    assert_eq!(bench.heard(), [""; 0]);
    bench.resolve([&b]);
    bench.until(200_000);
    assert_eq!(bench.heard(), ["100015s slack AllResolved -b"]);
    assert_eq!(bench.desk.next_due(moment(bench.now)), None);
    assert!(bench.desk.cases.is_empty() && bench.rows.keys().all(|key| key == "clock" || key.starts_with("line/")));
}

#[test]
fn a_channel_that_a_rule_does_not_name_any_more_hears_no_repetition() {
    let grouping = Grouping { repeat: Duration::from_secs(60), ..Grouping::default() };
    let mut bench = Bench::new(vec![Channel { grouping, ..channel("old") }, channel("new")]);
    bench.rule("r", notify(&["old"]));
    let [a, b] = ["a", "b"].map(|i| episode("r", i, &[]));
    bench.fire([&a]);
    bench.until(10);
    bench.rule("r", notify(&["new"]));
    bench.until(1000);
    assert_eq!(bench.heard(), ["5s old First +a", "15s new First +a"]);
    // Nor is it shown what fires beside a news that it hears.
    bench.rule("r", notify(&["old", "new"]));
    bench.until(1010);
    bench.heard();
    bench.resolve([&a]);
    bench.fire([&b]);
    bench.until(2000);
    let heard = bench.heard();
    assert!(heard.iter().any(|heard| heard.contains("old") && heard.contains("-a")), "{heard:?}");
}

#[test]
fn one_namespace_does_not_take_all_the_room() {
    let namespace = |name: &str| -> Vec<_> {
        (0..SHARED_FROM).map(|i| in_namespace(&episode("r", &i.to_string(), &[]), name)).collect()
    };
    let mut bench = Bench::new(vec![]);
    bench.fire(&namespace("greedy"));
    assert_eq!(bench.desk.cases.len(), SHARED_FROM, "while there is room enough");
    bench.fire(&namespace("other"));
    assert_eq!(bench.desk.cases.len(), SHARED_FROM + SHARE);
    assert!(!bench.desk.has_room_for(&"greedy".into()) && !bench.desk.has_room_for(&"other".into()));
    assert!(bench.desk.has_room_for(&"third".into()));
}

/// The same alert of a rule of that name in another namespace.
fn in_namespace(episode: &Arc<Episode>, namespace: &str) -> Arc<Episode> {
    let labels = episode.labels.with([("namespace", namespace)]);
    let rule = ObjectKey::new(namespace, episode.rule.name.clone());
    Arc::new(Episode { incident: Incident::of("u", &labels), rule, labels, ..Episode::clone(episode) })
}

#[test]
fn groups_are_by_labels() {
    let by_i = Grouping { by: ["i".into()].into(), ..Grouping::default() };
    let mut bench = Bench::new(vec![
        Channel { grouping: by_i, ..channel("each") },
        Channel { grouping: Grouping { by: [].into(), ..Grouping::default() }, ..channel("all") },
    ]);
    bench.rule("other", notify(&["each", "all"]));
    bench.fire(&[episode("r", "a", &[]), episode("other", "a", &[]), episode("r", "b", &[])]);
    bench.until(10);
    assert_eq!(bench.heard(), ["5s all First +a +a +b", "5s each First +a +a", "5s each First +b"]);
    let keys: std::collections::BTreeSet<_> = bench.notifications.iter().map(|n| n.group.key.clone()).collect();
    assert_eq!(keys.len(), 3);
}

#[test]
fn severities_and_who_may_use_whose_channel() {
    let default = |namespace: &str, name: &str| Channel {
        key: ObjectKey::new(namespace, name),
        is_default: true,
        allowed_namespaces: AllowedNamespaces::All,
        ..log_channel()
    };
    let high = Severities::new([Severity::High, Severity::Critical]).unwrap();
    let selected = |text: &str| AllowedNamespaces::Selector(crate::model::Selector::parse(text).unwrap());
    let other =
        |allowed| Channel { key: ObjectKey::new("other", "theirs"), allowed_namespaces: allowed, ..log_channel() };
    let theirs = || Routing { notify: [ObjectKey::new("other", "theirs")].into(), ..Routing::default() };
    let own = Channel { is_default: true, ..channel("own") };
    let pager = Channel { severities: high, ..channel("pager") };
    // What it shows, the channels, the rule, the severity, and who is told.
    type Case<'a> = (&'a str, Vec<Channel>, Routing, &'a str, &'a [&'a str]);
    let cases: Vec<Case<'_>> = vec![
        ("named", vec![own.clone(), pager.clone()], notify(&["pager"]), "high", &["pager"]),
        ("a severity that it does not want", vec![own.clone(), pager.clone()], notify(&["pager"]), "low", &[]),
        ("a severity that is none", vec![pager.clone()], notify(&["pager"]), "sev1", &["pager"]),
        ("own defaults", vec![own, default("ops", "theirs")], notify(&[]), "low", &["own"]),
        ("the operator's defaults", vec![default("ops", "theirs"), default("x", "x")], notify(&[]), "low", &["theirs"]),
        (
            "the operator's default is for itself",
            vec![Channel { allowed_namespaces: AllowedNamespaces::Same, ..default("ops", "theirs") }],
            notify(&[]),
            "low",
            &["log"],
        ),
        ("no channel at all", vec![], notify(&[]), "low", &["log"]),
        ("one that is not there", vec![], notify(&["gone"]), "low", &["log"]),
        ("one of two is not there", vec![pager], notify(&["gone", "pager"]), "high", &["pager"]),
        ("not permitted", vec![other(AllowedNamespaces::Same)], theirs(), "low", &["log"]),
        ("all are", vec![other(AllowedNamespaces::All)], theirs(), "low", &["theirs"]),
        ("by a label of the namespace", vec![other(selected("team=shop"))], theirs(), "low", &["theirs"]),
        ("by its name", vec![other(selected("kubernetes.io/metadata.name=shop"))], theirs(), "low", &["log"]),
    ];
    for (name, channels, routing, severity, expected) in cases {
        let mut bench = Bench::new(channels);
        let labels = [("team".to_owned(), "shop".to_owned())].into();
        bench.step(Event::Namespace("shop".into(), Some(Arc::new(labels))));
        bench.rule("r", routing);
        bench.fire(&[episode("r", "a", &[("severity", severity)])]);
        bench.until(10);
        let told: Vec<_> = bench.notifications.iter().map(|n| n.channel.name.to_string()).collect();
        assert_eq!(told, expected, "{name}");
        let denied = bench.facts(|what| matches!(what, What::NotTold { .. } | What::NoChannel));
        assert_eq!(
            expected.contains(&"log") || expected.is_empty() || name == "one of two is not there",
            !denied.is_empty(),
            "{name}: {denied:?}"
        );
    }
}

#[test]
fn by_labels_that_are_not_known_nobody_is_let_in_where_there_are_any() {
    for (in_cluster, labels, expected) in [
        (false, None, "theirs"),
        (true, None, "log"),
        (true, Some(("team", "shop")), "theirs"),
        (true, Some(("team", "web")), "log"),
    ] {
        let selector = AllowedNamespaces::Selector(crate::model::Selector::parse("team!=web").unwrap());
        let mut bench = Bench::new(vec![Channel {
            key: ObjectKey::new("other", "theirs"),
            allowed_namespaces: selector,
            ..log_channel()
        }]);
        bench.desk.config.in_cluster = in_cluster;
        if let Some((name, value)) = labels {
            let labels = Arc::new([(name.to_owned(), value.to_owned())].into());
            bench.step(Event::Namespace("shop".into(), Some(labels)));
        }
        let notify = [ObjectKey::new("other", "theirs")].into();
        bench.rule("r", Routing { notify, ..Routing::default() });
        bench.fire(&[episode("r", "a", &[])]);
        bench.until(10);
        let told: Vec<_> = bench.notifications.iter().map(|n| &*n.channel.name).collect();
        assert_eq!(told, [expected], "{in_cluster} {labels:?}");
    }
}

#[test]
fn an_edit_tells_those_who_come_and_ends_with_those_who_knew() {
    let mut bench = Bench::new(vec![channel("one"), channel("two")]);
    bench.rule("r", notify(&["one"]));
    let a = episode("r", "a", &[]);
    bench.fire([&a]);
    bench.until(10);
    bench.rule("r", notify(&["two"]));
    bench.until(20);
    assert_eq!(bench.heard(), ["5s one First +a", "15s two First +a"]);
    // The rule is deleted: both hear of the end.
    bench.step(Event::Rule(key("r"), None));
    bench.resolve([&a]);
    bench.until(60);
    assert_eq!(bench.heard(), ["35s one AllResolved -a", "35s two AllResolved -a"]);
}

#[test]
fn a_channel_that_comes_is_told_and_one_that_is_refused_hears_later() {
    let mut bench = Bench::new(vec![]);
    bench.rule("r", notify(&["slack"]));
    let a = episode("r", "a", &[]);
    bench.fire([&a]);
    bench.until(10);
    bench.step(Event::Channel(key("slack"), ChannelIs::Valid(Arc::new(channel("slack")))));
    bench.until(20);
    assert_eq!(bench.heard(), ["5s log First +a", "16s slack First +a"]);
    bench.step(Event::Channel(key("slack"), ChannelIs::Refused));
    bench.resolve([&a]);
    bench.until(100);
    assert_eq!(bench.heard(), ["35s log AllResolved -a"]);
    bench.step(Event::Channel(key("slack"), ChannelIs::Valid(Arc::new(channel("slack")))));
    bench.until(110);
    assert_eq!(bench.heard(), ["100s slack AllResolved -a"]);
    // Deleted and made anew it is another channel, and the same alert is another notification.
    bench.fire([&a]);
    bench.until(120);
    bench.step(Event::Channel(key("slack"), ChannelIs::Gone));
    bench.until(130);
    bench.step(Event::Channel(key("slack"), ChannelIs::Valid(Arc::new(channel("slack")))));
    bench.until(140);
    let heard = bench.heard();
    assert_eq!(heard, ["115s slack First +a", "126s log First +a", "136s slack First +a"]);
    let ids: std::collections::BTreeSet<_> = bench.notifications.iter().map(|n| n.id.clone()).collect();
    assert_eq!(ids.len(), bench.notifications.len());
}

#[test]
fn over_the_limit_is_one_digest_at_once() {
    let limited = Channel {
        rate_limit: rate(2, 60),
        grouping: Grouping { by: ["i".into()].into(), ..Grouping::default() },
        ..channel("slack")
    };
    let mut bench = Bench::new(vec![limited]);
    let all: Vec<_> = ["a", "b", "c", "d", "e"].map(|i| episode("r", i, &[])).into();
    bench.fire(&all);
    bench.until(10);
    assert_eq!(
        bench.heard(),
        ["5s slack First +a", "5s slack First +b", "5s slack Digest +c +d +e"].map(String::from).to_vec()
    );
    // While the limit lasts: another digest after the interval, of whatever there is by then.
    bench.fire(&[episode("r", "f", &[])]);
    bench.resolve(&all);
    bench.until(64);
    assert_eq!(bench.heard(), ["20s slack Digest -a -b -c -d -e +f"]);
    let held = bench.facts(|what| matches!(what, What::Waits { because: Wait::RateLimit, .. }));
    assert!(!held.is_empty());
    bench.until(200);
    bench.fire(&[episode("r", "g", &[])]);
    bench.until(300);
    assert_eq!(bench.heard(), ["205s slack First +g"]);
    assert!(bench.desk.groups.values().all(|group| group.changed.is_empty()));
}

#[test]
fn a_storm_of_groups_is_a_few_notifications() {
    let by = Grouping { by: ["i".into()].into(), ..Grouping::default() };
    let mut bench = Bench::new(vec![Channel { rate_limit: rate(30, 60), grouping: by, ..channel("slack") }]);
    let all: Vec<_> = (0..10_000).map(|i| episode("r", &i.to_string(), &[])).collect();
    bench.fire(&all);
    bench.until(30);
    let told: usize = bench.notifications.iter().map(|n| n.alerts.len()).sum();
    assert_eq!((bench.notifications.len(), told), (31, 10_000));
    assert!(bench.notifications.iter().all(|n| n.created_at == moment(5).wall));
}

#[test]
fn what_stands_in_a_large_group_is_counted() {
    let mut bench = Bench::new(vec![channel("slack")]);
    let all: Vec<_> = (0..300).map(|i| episode("r", &i.to_string(), &[])).collect();
    bench.fire(&all);
    bench.until(10);
    bench.fire(&[episode("r", "new", &[])]);
    bench.until(20);
    let last = bench.notifications.last().unwrap();
    assert_eq!((last.alerts.len(), last.truncated), (100, 201));
    assert_eq!(last.alerts.iter().filter(|alert| alert.news).count(), 1);
}

#[test]
fn a_graver_severity_reaches_those_who_want_it_and_tells_the_others_again() {
    let critical = Severities::new([Severity::Critical]).unwrap();
    let mut bench = Bench::new(vec![channel("slack"), Channel { severities: critical, ..channel("pager") }]);
    let a = episode("r", "a", &[("severity", "high")]);
    bench.fire([&a]);
    bench.until(10);
    let set = |severity: &'static str| {
        move |episode: &mut Episode| {
            episode.labels = episode.labels.with([("severity", severity)]);
            episode.severity = severity.parse().ok();
            episode.fingerprint = Fingerprint::of(episode.labels.iter());
        }
    };
    bench.change(&a, Turn::Changed, set("critical"));
    bench.until(20);
    assert_eq!(bench.heard(), ["5s slack First +a", "10s pager First +a", "10s slack New +a"]);
    let known: Vec<bool> = bench.notifications.iter().map(|one| one.alerts[0].known).collect();
    assert_eq!(known, [false, false, true]);
    // A lesser one is no news, and whoever knew hears the end.
    bench.change(&a, Turn::Changed, set("low"));
    bench.until(100);
    bench.resolve([&a]);
    bench.until(200);
    assert_eq!(bench.heard(), ["115s pager AllResolved -a", "115s slack AllResolved -a"]);
}
