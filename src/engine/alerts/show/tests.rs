//! What stands on the board after turns of the loop, and who is told of it.

use std::time::Duration;

use parking_lot::Mutex;

use super::{super::board::Watcher, *};
use crate::{
    alert::{
        Matchers, Moment, Severity, Turn,
        book::{self, Seen, Target, World},
        desk::{self, Mute, Muted, Routing},
    },
    engine::alerts::board::SilenceIs,
    health::State,
    metrics::Metrics,
    model::{AlertRule, Checks, Condition, Labels, OnError, OnNoData, ProbeMetric, Selector, Silence},
    source::Refused,
};

const START: WallMs = 1_800_000_000_000;

struct Nothing;

impl World for Nothing {
    fn check(&self, _: &ObjectKey) -> Option<Seen> {
        None
    }

    fn checks(&self, _: &str) -> Vec<Seen> {
        Vec::new()
    }

    fn figures(&self, _: &ObjectKey, _: ProbeMetric, _: u32) -> Vec<Target> {
        Vec::new()
    }
}

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Watcher for Told {
    fn changed(&self, id: &ObjectId) {
        self.0.lock().push(id.to_string());
    }
}

/// Book, desk and board, as the loop holds them.
struct Scene {
    book: Book,
    desk: Desk,
    show: Show,
    board: Board,
    told: Arc<Told>,
    metrics: Metrics,
    now: WallMs,
}

impl Scene {
    fn new() -> Self {
        let (board, told, metrics) = (Board::default(), Arc::<Told>::default(), Metrics::new().unwrap());
        board.watch(told.clone());
        let show = Show::new(board.clone(), Tally::new(&metrics).unwrap());
        let (book, desk) = (Book::default(), Desk::new("ops"));
        Self { book, desk, show, board, told, metrics, now: START }
    }

    fn book(&mut self, event: book::Event) {
        let (now, mut out) = (Moment { at: self.now, wall: self.now }, Vec::new());
        let mut render = |_: &crate::alert::template::Template, _: &crate::alert::rule::Found| Ok(String::new());
        self.book.step(event, now, &Nothing, &mut render, &mut out);
        for effect in out {
            match effect {
                book::Effect::Transitions(transitions) => {
                    for ended in transitions.iter().filter(|transition| transition.turn.is_end()) {
                        assert_ne!(ended.turn, Turn::Firing);
                        self.show.alerts(ended.episode.rule.clone(), [ended.episode.incident]);
                    }
                    self.desk(desk::Event::Transitions(transitions));
                }
                book::Effect::Rule(key) => self.show.rule(key),
                book::Effect::Alerts(rule, incidents) => self.show.alerts(rule, incidents),
                book::Effect::Evaluated(rule, result, _) => {
                    self.show.evaluated(&rule, Evaluated { at: self.now, took: Duration::ZERO, result });
                }
                book::Effect::Ask(_) | book::Effect::Skipped(..) => {}
            }
        }
    }

    fn desk(&mut self, event: desk::Event) {
        let mut out = Vec::new();
        self.desk.step(event, Moment { at: self.now, wall: self.now }, &mut out);
        for effect in out {
            if let desk::Effect::Show(incident) = effect
                && let Some(alert) = self.desk.alert(incident)
            {
                self.show.alerts(alert.episode().rule.clone(), [incident]);
            }
        }
    }

    fn object(&mut self, kind: Kind, name: &str, verdict: Option<Verdict>) {
        let id = ObjectId::new(kind, key(name));
        let entry = verdict.map(|verdict| {
            let (id, uid, labels) = (id.clone(), Arc::from(""), Labels::default());
            Arc::new(Entry { id, uid, generation: 1, labels, verdict, stale: None, note: None })
        });
        self.show.object(id, entry);
    }

    fn rule(&mut self, rule: AlertRule) {
        let rule = Arc::new(rule);
        self.object(Kind::AlertRule, "r", Some(Verdict::Accepted(Object::AlertRule(rule.clone()))));
        self.desk(desk::Event::Rule(key("r"), Some(Arc::new(Routing::from(&*rule)))));
        self.book(book::Event::Rule { key: key("r"), uid: "".into(), rule: Some(rule) });
    }

    fn see(&mut self, name: &str, state: State) {
        let labels = Arc::new([("tier".to_owned(), "web".to_owned())].into());
        let seen = Seen { key: key(name), labels, state, is_verdict: true, message: "why".into(), dependency: None };
        self.book(book::Event::Check { key: key(name), seen: Some(seen) });
    }

    /// The end of a turn: what was told, each once, and in order.
    fn publish(&mut self) -> Vec<String> {
        self.desk(desk::Event::Time);
        self.show.publish(&Now { book: &self.book, desk: &self.desk, wall: self.now });
        std::mem::take(&mut *self.told.0.lock())
    }

    fn is(&self) -> (&'static str, usize, usize) {
        let view = self.board.rule(&key("r")).unwrap().view();
        (view.is.as_str(), view.counts.active(), self.board.alerts().len())
    }

    fn metric(&self, state: &str) -> f64 {
        let mut exposition = crate::metrics::Exposition::new(
            &self.metrics,
            &crate::engine::Snapshot::default(),
            &self.board,
            &crate::engine::slos::Board::default(),
            &[],
        )
        .unwrap();
        let mut text = Vec::new();
        while exposition.fill(&mut text, usize::MAX) {}
        let name = format!("probity_alerts{{severity=\"high\",state=\"{state}\"}} ");
        let text = String::from_utf8(text).unwrap();
        text.lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse().unwrap()
    }
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::new("shop", name)
}

fn rule() -> AlertRule {
    let checks = Checks::Selected(Selector::parse("tier=web").unwrap());
    AlertRule {
        key: key("r"),
        generation: 1,
        labels: Labels::default(),
        alert_name: "Down".into(),
        severity: Severity::High,
        interval: Duration::from_secs(15),
        hold: Duration::ZERO,
        keep_firing_for: Duration::ZERO,
        condition: Condition::HealthCheck { checks, states: Arc::new([State::Unhealthy]) },
        on_no_data: OnNoData::Keep,
        on_error: OnError::Keep,
        alert_labels: Arc::new([]),
        labels_from_object: Arc::new([]),
        message: None,
        annotations: Arc::new([]),
        notify: Arc::new([]),
        escalate: Arc::new([]),
        inhibited_by: Arc::new([]),
    }
}

fn scene() -> Scene {
    let mut scene = Scene::new();
    scene.rule(rule());
    scene.book(book::Event::Loaded);
    scene.desk(desk::Event::Loaded);
    assert_eq!(scene.publish(), ["AlertRule shop/r"]);
    assert_eq!(scene.is(), ("Inactive", 0, 0));
    scene
}

#[test]
fn alerts_come_and_go_and_the_watcher_hears_of_each_turn_once() {
    let mut scene = scene();
    scene.see("a", State::Unhealthy);
    scene.see("b", State::Unhealthy);
    assert_eq!(scene.publish(), ["AlertRule shop/r"]);
    assert_eq!(scene.is(), ("Firing", 2, 2));
    assert_eq!(scene.metric("firing"), 2.0);
    assert_eq!(scene.board.alerts()[0].channels[0].0, desk::log_channel().key, "nobody else is there to be told");
    scene.see("a", State::Unhealthy);
    assert_eq!(scene.publish(), [""; 0], "nothing is new");
    scene.see("a", State::Healthy);
    assert_eq!(scene.publish(), ["AlertRule shop/r"]);
    assert_eq!((scene.is(), scene.metric("firing")), (("Firing", 1, 1), 1.0));

    let (reason, message) = (crate::health::Reason::InvalidSpec, "wrong".into());
    scene.object(
        Kind::AlertRule,
        "r",
        Some(Verdict::Refused(Refused { ready_reason: "InvalidSpec", reason, message })),
    );
    scene.book(book::Event::Rule { key: key("r"), uid: "".into(), rule: None });
    scene.publish();
    assert_eq!((scene.is(), scene.metric("firing")), (("Error", 0, 0), 0.0));
    scene.object(Kind::AlertRule, "r", None);
    assert_eq!(scene.publish(), ["AlertRule shop/r"]);
    assert!(scene.board.rule(&key("r")).is_none());
}

#[test]
fn a_silence_is_shown_when_it_begins_what_it_mutes_and_when_it_ends() {
    let mut scene = scene();
    scene.see("a", State::Unhealthy);
    scene.publish();
    // It is told by now, which is shown too.
    scene.now = START + 6_000;
    assert_eq!(scene.publish(), ["AlertRule shop/r"]);
    let silence = Silence {
        key: key("s"),
        generation: 1,
        labels: Labels::default(),
        matchers: Matchers::parse("alertname=Down").unwrap(),
        starts_at: START + 10_000,
        ends_at: START + 20_000,
        comment: "".into(),
        created_by: "".into(),
        is_kept: false,
    };
    let muted = Muted::Alerts(silence.matchers.clone());
    let mute = Mute { scope: None, muted, starts_at: silence.starts_at, ends_at: silence.ends_at };
    scene.object(Kind::Silence, "s", Some(Verdict::Accepted(Object::Silence(Arc::new(silence)))));
    scene.desk(desk::Event::Mute(MuteKey { kind: MuteKind::Silence, object: key("s") }, Some(mute)));
    assert_eq!(scene.publish(), ["Silence shop/s"]);
    for (seconds, told, is, silence, mutes) in [
        (9, &[][..], "Firing", SilenceIs::Pending, 0),
        (10, &["AlertRule shop/r", "Silence shop/s"], "Silenced", SilenceIs::Active, 1),
        (11, &[], "Silenced", SilenceIs::Active, 1),
        (20, &["AlertRule shop/r", "Silence shop/s"], "Firing", SilenceIs::Expired, 0),
    ] {
        scene.now = START + seconds * 1000;
        let heard = scene.publish();
        assert_eq!(heard, told, "after {seconds} s");
        let view = scene.board.silence(&key("s")).unwrap();
        assert_eq!((view.is(scene.now), view.mutes), (Some(silence), mutes), "after {seconds} s");
        assert_eq!(scene.is().0, is, "after {seconds} s");
        assert_eq!(scene.metric("silenced"), mutes as f64);
    }
}

#[test]
fn a_rule_that_is_looked_at_in_the_turn_in_which_it_comes_says_when() {
    let mut scene = Scene::new();
    scene.book(book::Event::Loaded);
    scene.desk(desk::Event::Loaded);
    scene.rule(rule());
    scene.see("web", State::Unhealthy);
    scene.publish();
    let evaluated = scene.board.rule(&key("r")).unwrap().evaluated();
    assert_eq!(evaluated.map(|evaluated| evaluated.at), Some(START));
}
