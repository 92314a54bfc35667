//! Silences, windows, inhibition, dependencies.

use super::*;

#[test]
fn silences() {
    // When the alert fires and is resolved, when it is silenced, and what is heard.
    type Script = (&'static str, (i64, i64), (i64, i64), &'static [&'static str]);
    let cases: [Script; 6] = [
        ("all the time: nobody is told", (10, 100), (0, 200), &[]),
        (
            "it ends while the alert fires: told at once",
            (10, 100),
            (0, 50),
            &["50s slack MuteEnded +a", "115s slack AllResolved -a"],
        ),
        (
            "it begins after the alert was told, and ends: told again",
            (10, 100),
            (30, 50),
            &["15s slack First +a", "50s slack MuteEnded +a", "115s slack AllResolved -a"],
        ),
        (
            "resolved while silenced: who was told hears the end",
            (10, 60),
            (30, 200),
            &["15s slack First +a", "75s slack AllResolved -a"],
        ),
        ("it begins while the alert waits: nobody is told", (10, 60), (12, 200), &[]),
        ("it ended before", (10, 60), (0, 5), &["15s slack First +a", "75s slack AllResolved -a"]),
    ];
    for (name, (fires, resolved), (from, to), expected) in cases {
        let mut bench = Bench::new(vec![channel("slack")]);
        let a = episode("r", "a", &[]);
        bench.silence("s", "i=a", from, to);
        bench.until(fires);
        bench.fire([&a]);
        bench.until(resolved);
        bench.resolve([&a]);
        bench.until(300);
        assert_eq!(bench.heard(), expected, "{name}");
        let never = bench.facts(|what| matches!(what, What::NeverTold));
        assert_eq!(never.len(), usize::from(expected.is_empty()), "{name}");
    }
}

#[test]
fn a_silence_that_is_edited_or_deleted_frees_what_it_no_longer_reaches() {
    let mut bench = Bench::new(vec![channel("slack")]);
    bench.silence("s", "i=~a|b", 0, 1000);
    bench.fire(&["a", "b", "c"].map(|i| episode("r", i, &[])));
    bench.until(10);
    assert_eq!(bench.desk.muted_by(&silence_key("s")).unwrap().len(), 2);
    bench.silence("s", "i=~a|c", 0, 1000);
    bench.until(20);
    assert_eq!(bench.heard(), ["5s slack First +c", "10s slack MuteEnded +b"]);
    let statuses: Vec<_> =
        bench.desk.of_rule(&key("r")).map(|view| (view.alert().labels.value("i").to_owned(), view.status())).collect();
    assert_eq!(statuses.iter().filter(|(_, status)| *status == Status::Silenced).count(), 2);
    bench.step(Event::Mute(silence_key("s"), None));
    bench.until(30);
    assert_eq!(bench.heard(), ["20s slack MuteEnded +a +c (b)"]);
    assert!(bench.desk.muted_by(&silence_key("s")).is_none());
}

#[test]
fn a_silence_goes_by_the_wall_clock() {
    let mut bench = Bench::new(vec![channel("slack")]);
    bench.silence("s", "i=a", 100, 200);
    bench.fire(&[episode("r", "a", &[])]);
    bench.until(10);
    let stepped = |at: i64, wall: i64| Moment { at: moment(at).at, wall: moment(wall).wall };
    // The wall clock is set forward into the silence, beyond its end, and back into it.
    bench.step_at(Event::Time, stepped(20, 150));
    assert_eq!(bench.desk.alerts().next().unwrap().status(), Status::Silenced);
    bench.step_at(Event::Time, stepped(30, 250));
    assert_eq!(bench.desk.alerts().next().unwrap().status(), Status::Firing);
    bench.step_at(Event::Time, stepped(40, 160));
    assert_eq!(bench.desk.alerts().next().unwrap().status(), Status::Silenced);
    assert_eq!(bench.desk.next_due(stepped(40, 160)).unwrap(), moment(80).at);
    assert_eq!(bench.heard(), ["5s slack First +a", "30s slack MuteEnded +a"]);
}

#[test]
fn a_window_mutes_by_labels_of_the_rule_or_of_the_object_in_its_namespace() {
    let window = |scope: Option<&str>| Mute {
        scope: scope.map(Arc::from),
        muted: Muted::Objects(crate::model::Selector::parse("tier=backend").unwrap()),
        starts_at: moment(0).wall,
        ends_at: moment(60).wall,
    };
    let backend: crate::model::Labels = Arc::new([("tier".to_owned(), "backend".to_owned())].into());
    let none = crate::model::Labels::default();
    let cases = [
        ("its rule", Some("shop"), &backend, &none, true),
        ("its object", Some("shop"), &none, &backend, true),
        ("neither", Some("shop"), &none, &none, false),
        ("another namespace", Some("other"), &backend, &backend, false),
        ("the operator's", None, &none, &backend, true),
    ];
    for (name, scope, rule, object, muted) in cases {
        let mut bench = Bench::new(vec![channel("slack")]);
        bench.rule("r", Routing { labels: rule.clone(), ..notify(&["slack"]) });
        let key = MuteKey { kind: MuteKind::MaintenanceWindow, object: key("window") };
        bench.step(Event::Mute(key, Some(window(scope))));
        let mut a = episode("r", "a", &[]);
        Arc::make_mut(&mut a).object = object.clone();
        bench.fire([&a]);
        bench.until(100);
        let expected = if muted { "60s slack MuteEnded +a" } else { "5s slack First +a" };
        assert_eq!(bench.heard(), [expected], "{name}");
    }
}

fn inhibited(by: &str, equal: &[&str]) -> Routing {
    let inhibition = Inhibition { rule: key(by), equal: equal.iter().map(|name| Arc::from(*name)).collect() };
    Routing { inhibited_by: [inhibition].into(), ..notify(&["slack"]) }
}

#[test]
fn inhibition() {
    // Labels of the source and of the target, the labels that have to be equal, and whether the target is held back.
    type Labels<'a> = &'a [(&'a str, &'a str)];
    let cases: [(Labels<'_>, Labels<'_>, &[&str], bool); 6] = [
        (&[("dc", "1")], &[("dc", "1")], &["dc"], true),
        (&[("dc", "1")], &[("dc", "2")], &["dc"], false),
        (&[], &[], &["dc"], true),
        (&[("dc", "1")], &[], &["dc"], false),
        (&[("dc", "1")], &[("dc", "2")], &[], true),
        (&[("dc", "1"), ("rack", "1")], &[("dc", "1"), ("rack", "2")], &["dc", "rack"], false),
    ];
    for (source, target, equal, held) in cases {
        let mut bench = Bench::new(vec![channel("slack")]);
        bench.rule("down", notify(&[]));
        bench.rule("r", inhibited("down", equal));
        let (source, target) = (episode("down", "s", source), episode("r", "t", target));
        bench.fire([&target]);
        bench.until(2);
        bench.fire([&source]);
        bench.until(20);
        let told = bench.heard().iter().any(|line| line.contains("+t"));
        assert_eq!(told, !held, "{:?} {:?} {equal:?}", source.labels, target.labels);
        // When the source ends the target is told, unless it was.
        bench.resolve([&source]);
        bench.until(40);
        let unsuppressed = bench.heard().iter().any(|line| line.ends_with("slack Unsuppressed +t"));
        assert_eq!(unsuppressed, held);
    }
}

#[test]
fn the_end_of_what_is_inhibited_is_told_to_who_knew() {
    let mut bench = Bench::new(vec![channel("slack")]);
    bench.rule("r", inhibited("down", &[]));
    let (source, target) = (episode("down", "s", &[]), episode("r", "t", &[]));
    bench.fire([&target]);
    bench.until(10);
    bench.fire([&source]);
    bench.until(20);
    bench.resolve([&target]);
    bench.until(40);
    let told: Vec<_> = bench.heard().into_iter().filter(|line| line.contains("slack")).collect();
    assert_eq!(told, ["5s slack First +t", "35s slack AllResolved -t"]);
    assert_eq!(bench.desk.alert(target.incident).unwrap().suppressed(), &Suppressed::default());
    // Inhibition that ends does not tell again what was told.
    bench.fire([&target]);
    bench.until(50);
    bench.resolve([&source]);
    bench.until(70);
    let told: Vec<_> = bench.heard().into_iter().filter(|line| line.contains("slack")).collect();
    assert_eq!(told, ["55s slack Unsuppressed +t"]);
}

#[test]
fn rules_that_inhibit_each_other_do_not() {
    let mut bench = Bench::new(vec![channel("slack")]);
    bench.rule("a", inhibited("b", &[]));
    bench.rule("b", inhibited("a", &[]));
    bench.rule("r", inhibited("r", &[]));
    bench.fire(&[episode("a", "a", &[]), episode("b", "b", &[]), episode("r", "r", &[])]);
    bench.until(10);
    assert_eq!(bench.heard().len(), 3);
    // The circle is broken by an edit, and holds back at once.
    bench.rule("b", notify(&["slack"]));
    bench.until(11);
    let inhibited: Vec<_> = bench
        .desk
        .alerts()
        .filter(|view| view.suppressed().inhibited.is_some())
        .map(|view| view.alert().name)
        .collect();
    assert_eq!(inhibited, [Arc::from("a")]);
}

#[test]
fn what_depends_on_what_is_down_is_not_told() {
    let mut bench = Bench::new(vec![channel("slack")]);
    let mut a = episode("r", "a", &[]);
    Arc::make_mut(&mut a).dependency = Some("postgres".into());
    bench.fire([&a]);
    bench.until(20);
    assert_eq!(bench.heard(), [""; 0]);
    bench.change(&a, Turn::Updated, |episode| episode.dependency = None);
    bench.until(30);
    assert_eq!(bench.heard(), ["25s slack Unsuppressed +a"]);
}

#[test]
fn a_mute_that_ends_behind_something_else_is_told_when_that_ends() {
    let mut bench = Bench::new(vec![channel("slack")]);
    bench.rule("r", inhibited("down", &[]));
    let (source, target) = (episode("down", "s", &[]), episode("r", "t", &[]));
    bench.fire([&target]);
    bench.until(10);
    bench.silence("s", "i=t", 10, 50);
    bench.fire([&source]);
    bench.until(100);
    bench.resolve([&source]);
    bench.until(110);
    let told: Vec<_> = bench.heard().into_iter().filter(|line| line.contains("slack")).collect();
    assert_eq!(told, ["5s slack First +t", "100s slack MuteEnded +t"]);
}
