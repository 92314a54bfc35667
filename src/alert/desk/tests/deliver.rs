//! Ends that are told, flapping, escalation, acknowledgement, dead channels.

use super::*;

#[test]
fn what_is_over_before_it_is_told_is_told_all_the_same() {
    let mut bench = Bench::new(vec![channel("slack"), Channel { send_resolved: false, ..channel("quiet") }]);
    let a = episode("r", "a", &[]);
    bench.fire([&a]);
    bench.until(2);
    bench.resolve([&a]);
    bench.until(10);
    assert_eq!(bench.heard(), ["5s quiet AllResolved ±a", "5s slack AllResolved ±a"]);
    bench.fire([&a]);
    bench.until(20);
    bench.resolve([&a]);
    bench.until(50);
    assert_eq!(bench.heard(), ["15s quiet First +a", "15s slack First +a", "35s slack AllResolved -a"]);
}

#[test]
fn a_webhook_hears_of_both_one_after_the_other() {
    let mut bench = Bench::new(vec![Channel { receiver: webhook(), ..channel("hook") }]);
    let (a, b) = (episode("r", "a", &[]), episode("r", "b", &[]));
    bench.fire(&[a.clone(), b]);
    bench.until(1);
    bench.resolve([&a]);
    bench.until(2);
    bench.fire([&a]);
    bench.until(10);
    assert_eq!(bench.heard(), ["5s hook First +a +b", "5s hook First -a", "5s hook First +a"]);
    let ids: std::collections::BTreeSet<_> = bench.notifications.iter().map(|n| n.id.clone()).collect();
    assert_eq!(ids.len(), 3);
}

#[test]
fn what_flaps_is_told_in_order() {
    let mut bench = Bench::new(vec![channel("slack")]);
    let a = episode("r", "a", &[]);
    bench.fire([&a]);
    bench.until(10);
    for _ in 0..3 {
        bench.resolve([&a]);
        bench.until(bench.now + 1);
        bench.fire([&a]);
        bench.until(bench.now + 1);
    }
    bench.until(100);
    assert_eq!(bench.heard(), ["5s slack First +a", "16s slack New -a ±a ±a +a"]);
    let starts: Vec<_> = bench.notifications[1].alerts.iter().map(|alert| alert.starts_at).collect();
    assert!(starts.is_sorted());
}

#[test]
fn flapping_behind_a_refused_channel_is_bounded() {
    let mut bench = Bench::new(vec![channel("slack")]);
    let a = episode("r", "a", &[]);
    bench.fire([&a]);
    bench.until(10);
    bench.step(Event::Channel(key("slack"), ChannelIs::Refused));
    for _ in 0..100 {
        bench.resolve([&a]);
        bench.until(bench.now + 1);
        bench.fire([&a]);
        bench.until(bench.now + 1);
    }
    let left_out = bench.facts(|what| matches!(what, What::NotTold { because: Because::Flapping, .. }));
    assert!(left_out.len() <= 36);
    let place = bench.desk.cases.values().next().unwrap().places.get(&key("slack")).unwrap();
    assert!(place.ended.len() <= 64);
}

#[test]
fn escalation_while_nobody_acts() {
    let routing = |bench: &mut Bench| {
        let escalate = [escalate(60, "pager"), escalate(120, "boss"), escalate(180, "slack")].into();
        bench.rule("r", Routing { escalate, ..notify(&["slack"]) });
    };
    let new = || {
        let mut bench = Bench::new(vec![channel("slack"), channel("pager"), channel("boss")]);
        routing(&mut bench);
        bench
    };
    let a = episode("r", "a", &[]);
    let mut bench = new();
    bench.fire([&a]);
    bench.until(1000);
    assert_eq!(bench.heard(), ["5s slack First +a", "60s pager Escalation +a", "120s boss Escalation +a"]);
    assert_eq!(bench.facts(|what| matches!(what, What::NotTold { because: Because::AlreadyTold, .. })).len(), 1);
    bench.resolve([&a]);
    bench.until(1100);
    assert_eq!(bench.heard().len(), 3, "all three hear the end");

    // Somebody acts, and later does not any more.
    let mut bench = new();
    bench.fire([&a]);
    bench.until(70);
    bench.step(Event::Acknowledge { incident: a.incident, by: "ann".into(), comment: "on it".into() });
    bench.until(500);
    assert_eq!(bench.heard(), ["5s slack First +a", "60s pager Escalation +a"]);
    assert_eq!(bench.desk.alert(a.incident).unwrap().ack().unwrap().at, moment(70).wall);
    bench.step(Event::Unacknowledge { incident: a.incident, by: "ann".into() });
    assert_eq!(bench.heard(), ["500s boss Escalation +a"]);

    // Nothing escalates while it is silenced, and at once when that ends.
    let mut bench = new();
    bench.silence("s", "i=a", 0, 100);
    bench.fire([&a]);
    bench.until(110);
    assert_eq!(bench.heard(), ["100s pager Escalation +a", "100s slack MuteEnded +a"]);

    // A new episode begins anew, and only with those whom the rule names.
    bench.resolve([&a]);
    bench.until(200);
    bench.heard();
    bench.fire([&a]);
    bench.until(250);
    assert_eq!(bench.heard(), ["205s slack First +a"]);
}

#[test]
fn a_fallback_is_told_in_place_of_a_dead_channel() {
    let pager = Channel { fallback: Some(key("mail")), ..channel("pager") };
    let mut bench = Bench::new(vec![pager, channel("mail")]);
    bench.rule("r", notify(&["pager"]));
    let a = episode("r", "a", &[]);
    bench.fire([&a]);
    bench.until(10);
    bench.dead(0);
    bench.until(20);
    assert_eq!(bench.heard(), ["5s pager First +a", "10s mail First +a"]);
    assert_eq!(bench.notifications[1].instead_of, Some(key("pager")));
    let view = bench.desk.alert(a.incident).unwrap();
    assert!(view.channels().any(|(channel, told)| *channel == key("pager") && told == Told::Dead));
    // Only who was told hears the end, and the next episode tries the channel again.
    bench.resolve([&a]);
    bench.until(50);
    bench.fire([&a]);
    bench.until(60);
    assert_eq!(bench.heard(), ["35s mail AllResolved -a", "55s pager First +a"]);
}

#[test]
fn a_dead_firing_whose_end_waits_behind_it_is_told_whole_to_the_fallback() {
    let pager = Channel { fallback: Some(key("mail")), ..channel("pager") };
    let mut bench = Bench::new(vec![pager, channel("mail")]);
    bench.rule("r", notify(&["pager"]));
    let a = episode("r", "a", &[]);
    bench.fire([&a]);
    bench.until(10);
    bench.resolve([&a]);
    bench.until(30);
    assert_eq!(bench.heard(), ["5s pager First +a", "25s pager AllResolved -a"]);
    bench.dead(0);
    bench.dead(1);
    bench.until(40);
    assert_eq!(bench.heard(), ["30s mail AllResolved ±a"]);
    // Also when the desk has forgotten the alert.
    bench.until(5000);
    bench.dead(0);
    assert_eq!(bench.heard(), ["5000s mail First ±a"]);
}

#[test]
fn fallbacks_do_not_go_in_circles() {
    let to = |name: &str, fallback: &str| Channel { fallback: Some(key(fallback)), ..channel(name) };
    let mut bench = Bench::new(vec![to("one", "two"), to("two", "one")]);
    bench.rule("r", notify(&["one"]));
    bench.fire(&[episode("r", "a", &[])]);
    bench.until(10);
    bench.dead(0);
    bench.until(20);
    bench.dead(1);
    bench.until(100);
    assert_eq!(bench.heard(), ["5s one First +a", "10s two First +a"]);
    // An edit of the channel is a new try, under a new id.
    let edited = Channel { generation: 2, ..to("one", "two") };
    bench.step(Event::Channel(key("one"), ChannelIs::Valid(Arc::new(edited))));
    bench.until(200);
    assert_eq!(bench.heard(), ["106s one First +a"]);
    assert_ne!(bench.notifications[0].id, bench.notifications[2].id);
}

#[test]
fn what_the_desk_has_forgotten_does_not_go_in_circles_either() {
    let to = |name: &str, fallback: &str| Channel { fallback: Some(key(fallback)), ..channel(name) };
    let mut bench = Bench::new(vec![to("one", "two"), to("two", "one")]);
    bench.rule("r", notify(&["one"]));
    let a = episode("r", "a", &[]);
    bench.fire([&a]);
    bench.until(10);
    bench.resolve([&a]);
    bench.until(5000);
    bench.heard();
    bench.dead(0);
    assert_eq!(bench.heard(), ["5000s two First ±a"]);
    bench.dead(bench.notifications.len() - 1);
    assert_eq!(bench.heard(), [""; 0]);
}

#[test]
fn a_rotated_secret_is_a_new_try_under_a_new_id() {
    let to = |url: &str| {
        let endpoint = HttpEndpoint::plain(url.parse().unwrap()).unwrap();
        Channel { receiver: Receiver::Webhook(Webhook { endpoint, hmac: None }), ..channel("hook") }
    };
    let mut bench = Bench::new(vec![to("http://127.0.0.1/old")]);
    bench.fire([&episode("r", "a", &[])]);
    bench.until(10);
    bench.dead(0);
    // Told again as it is, nothing is tried.
    for (url, heard) in [("http://127.0.0.1/old", &[][..]), ("http://127.0.0.1/new", &["36s hook First +a"][..])] {
        bench.heard();
        bench.step(Event::Channel(key("hook"), ChannelIs::Valid(Arc::new(to(url)))));
        bench.until(bench.now + 20);
        assert_eq!(bench.heard(), heard, "{url}");
    }
    assert_ne!(bench.notifications[0].id, bench.notifications[1].id);
}

#[test]
fn what_was_dead_and_is_delivered_after_all_hears_its_end() {
    let mut bench = Bench::new(vec![channel("slack")]);
    let a = episode("r", "a", &[]);
    for resolved_before in [false, true] {
        bench.fire([&a]);
        bench.until(bench.now + 10);
        let at = bench.notifications.len() - 1;
        bench.dead(at);
        if resolved_before {
            bench.resolve([&a]);
        }
        bench.until(bench.now + 30);
        bench.step(Event::Revived(bench.notifications[at].clone()));
        bench.resolve([&a]);
        bench.until(bench.now + 30);
        let heard = bench.heard();
        assert_eq!(heard.len(), 2, "{heard:?}");
        assert!(heard[1].ends_with("AllResolved -a"), "{heard:?}");
    }
}

#[test]
fn an_alertmanager_is_sent_again_what_it_was_told() {
    let mut bench = Bench::new(vec![channel("am")]);
    let (a, b) = (episode("r", "a", &[]), episode("r", "b", &[]));
    bench.silence("s", "i=b", 0, 5000);
    bench.fire(&[a.clone(), b]);
    let told = |bench: &Bench| -> Vec<String> {
        let show = |alert: Alert| format!("{}{}", alert.status, alert.labels.value("i"));
        bench.desk.told_to(&key("am")).map(show).collect()
    };
    assert_eq!(told(&bench), [""; 0]);
    bench.until(10);
    assert_eq!(told(&bench), ["firinga"]);
    bench.resolve([&a]);
    bench.until(30);
    assert_eq!(told(&bench), ["resolveda"]);
    bench.until(30 + 15 * 60);
    assert_eq!(told(&bench), [""; 0]);
}

#[test]
fn ends_say_why() {
    let mut bench = Bench::new(vec![channel("slack")]);
    let a = episode("r", "a", &[]);
    bench.fire([&a]);
    bench.until(10);
    let ended = bench.firing.get_mut(&a.incident).unwrap();
    Arc::make_mut(ended).reason = Some(Reason::ObjectGone);
    bench.resolve([&a]);
    bench.until(30);
    let last = &bench.notifications.last().unwrap().alerts[0];
    assert_eq!((last.reason, last.ends_at), (Some(Reason::ObjectGone), Some(moment(10).wall)));
}
