//! A restart goes on exactly.

use super::*;

#[test]
fn what_is_kept_is_enough() {
    let channels = || {
        vec![
            Channel { rate_limit: rate(3, 60), fallback: Some(key("mail")), ..channel("slack") },
            Channel { grouping: Grouping { by: [].into(), ..Grouping::default() }, ..channel("mail") },
        ]
    };
    let routing = || Routing { escalate: [escalate(40, "mail")].into(), ..notify(&["slack"]) };
    let script = |restart_at: i64| {
        let mut bench = Bench::new(channels());
        bench.rule("r", routing());
        let all = ["a", "b", "c"].map(|i| episode("r", i, &[]));
        for second in 0..120 {
            bench.until(second);
            match second {
                1 => bench.fire(&all[..1]),
                3 => bench.silence("s", "i=b", 0, 50),
                4 => bench.fire(&all[1..]),
                20 => bench.resolve(&all[..1]),
                22 => bench.fire(&all[..1]),
                30 => {
                    bench.step(Event::Acknowledge { incident: all[2].incident, by: "ann".into(), comment: "".into() })
                }
                70 => bench.resolve(&all),
                _ => {}
            }
            if second == restart_at {
                let rows = bench.rows.clone();
                let (desk, unread) =
                    Desk::restore("ops", rows.iter().map(|(key, value)| (key.as_str(), value.as_str())));
                assert_eq!(unread, [""; 0]);
                bench.desk = desk;
                for channel in channels() {
                    bench.step(Event::Channel(channel.key.clone(), ChannelIs::Valid(Arc::new(channel))));
                }
                bench.rule("r", routing());
                if second >= 3 {
                    bench.silence("s", "i=b", 0, 50);
                }
                bench.step(Event::Loaded);
                // Rules say again what fires.
                let again =
                    bench.firing.values().map(|episode| Transition { turn: Turn::Firing, episode: episode.clone() });
                let again = again.collect();
                bench.step(Event::Transitions(again));
            }
        }
        let ids: Vec<_> = bench.notifications.iter().map(|notification| notification.id.clone()).collect();
        (bench.heard(), ids)
    };
    let (expected, ids) = script(-1);
    assert!(expected.len() > 5, "{expected:?}");
    for restart_at in 0..120 {
        let (heard, other_ids) = script(restart_at);
        assert_eq!(heard, expected, "restarted at {restart_at}");
        assert_eq!(other_ids, ids);
    }
}

#[test]
fn what_changed_while_it_was_down_is_made_good() {
    let mut bench = Bench::new(vec![channel("slack"), channel("gone")]);
    bench.silence("s", "i=a", 0, 1000);
    bench.silence("deleted", "i=b", 0, 1000);
    bench.fire(&["a", "b"].map(|i| episode("r", i, &[])));
    bench.until(10);
    let rows = bench.rows.clone();
    let (desk, _) = Desk::restore("ops", rows.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    bench.desk = desk;
    bench.now = 2000;
    // Nobody is told anything before all objects have come.
    bench.step(Event::Channel(key("slack"), ChannelIs::Valid(Arc::new(channel("slack")))));
    bench.rule("r", notify(&["slack"]));
    bench.silence("s", "i=a", 0, 1000);
    assert_eq!(bench.heard(), [""; 0]);
    bench.step(Event::Loaded);
    bench.until(2010);
    assert_eq!(bench.heard(), ["2000s slack MuteEnded +a +b"]);
    assert!(bench.desk.alerts().all(|view| view.channels().all(|(channel, _)| *channel == key("slack"))));
}

#[test]
fn a_row_that_cannot_be_read_is_left_out() {
    let rows = [("case/x", "{}"), ("odd", ""), ("clock", "{\"at\":1,\"wall\":2}")];
    let (desk, unread) = Desk::restore("ops", rows);
    assert_eq!((desk.alerts().len(), unread), (0, vec!["case/x".to_owned(), "odd".to_owned()]));
    assert_eq!(Desk::last_kept(rows[2].1), Some(Moment { at: 1, wall: 2 }));
}
