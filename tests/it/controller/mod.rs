//! The status writer against an API server that answers as it is told: what refuses, is busy, hangs or is gone.

mod server;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use probity::{
    clock::Clock,
    controller::{Budgets, Present, StatusWriter, Statuses, Tally, recorder},
    engine::{CheckCell, CheckView, Listener, Ready, Snapshot},
    health::{Reason, State},
    metrics::Metrics,
    model::{Kind, Labels, ObjectKey, ProbeKind},
    source::kubernetes::Onlooker,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::server::{Answer, Server};

/// A writer of the statuses of some checks that are healthy.
struct World {
    server: Server,
    statuses: Statuses,
    snapshot: Snapshot,
    _tasks: JoinSet<()>,
}

impl World {
    /// `script` gives the answer to the n-th write (from 0) of a check's status.
    async fn new(names: &[&str], script: impl Fn(&str, usize) -> Answer + Send + Sync + 'static) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let server = Server::start(script);
        let mut config = kube::Config::new(server.uri());
        config.default_retry = false;
        let client = kube::Client::try_from(config).unwrap();
        let (clock, snapshot, statuses) = (Clock::system(), Snapshot::default(), Statuses::default());
        let tally = Tally::new(&Metrics::new().unwrap()).unwrap();
        let (recorder, _) = recorder(client.clone(), "it", clock.clone(), tally.clone());
        let budgets = Budgets { transitions: 200, refreshes: 0 };
        let present = Present { snapshot: snapshot.clone(), ..Present::default() };
        let writer = StatusWriter::new(client, statuses.clone(), present, recorder, tally, budgets, clock.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let _ = writer.run(CancellationToken::new()).await;
        });
        let world = Self { server, statuses, snapshot, _tasks: tasks };
        world.show(names, State::Healthy, clock.wall());
        for name in names {
            world.statuses.seen(Kind::HealthCheck, &key(name), &Arc::from("uid"), None);
        }
        world
    }

    fn show(&self, names: &[&str], state: State, since: i64) {
        let cell = |name: &&str| {
            let view = ArcSwap::from_pointee(view(name, state, since));
            (key(name), Arc::new(CheckCell { view }))
        };
        self.snapshot.replace(names.iter().map(cell).collect::<BTreeMap<_, _>>());
        for name in names {
            Listener::changed(&self.statuses, &key(name));
        }
    }

    /// When each write of this check arrived, once there are so many.
    async fn writes(&self, name: &str, count: usize, within: Duration) -> Vec<Duration> {
        let all = async {
            loop {
                let writes = self.server.writes(name);
                if writes.len() >= count {
                    return writes;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let late = || format!("{name}: {:?} of {count} writes", self.server.writes(name));
        tokio::time::timeout(within, all).await.unwrap_or_else(|_| panic!("{}", late()))
    }
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::new("shop", name)
}

fn view(name: &str, state: State, since: i64) -> CheckView {
    CheckView {
        key: key(name),
        generation: 1,
        labels: Labels::default(),
        report_as: name.into(),
        uid: "uid".into(),
        kind: Some(ProbeKind::Http),
        interval: Duration::from_secs(10),
        timeout: Duration::from_secs(5),
        ready: Ready { ok: true, reason: "Valid", message: "in force".into() },
        state,
        reason: Reason::Ok,
        message: "200 OK".into(),
        blamed: None,
        since,
        targets: Arc::new([]),
    }
}

const LONG: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_tried_again_after_what_its_answer_calls_for_and_no_more() {
    let ms = Duration::from_millis;
    for (script, writes, pause) in [
        (&[Answer::code(200)][..], 1, ms(0)),
        (&[Answer::code(409)], 2, ms(180)),
        (&[Answer::code(422), Answer::code(422)], 3, ms(180)),
        (&[Answer::code(403)], 2, ms(180)),
        (&[Answer::busy("2")], 2, ms(2_000)),
        (&[Answer::code(500), Answer::code(503)], 3, ms(180)),
        (&[Answer::Reset, Answer::Reset], 3, ms(180)),
        (&[Answer::code(404), Answer::code(200)], 1, ms(0)),
    ] {
        let told = script.to_vec();
        let world = World::new(&["cart"], move |_, n| told.get(n).copied().unwrap_or(Answer::code(200))).await;
        let arrived = world.writes("cart", writes, LONG).await;
        for pair in arrived.windows(2) {
            assert!(pair[1] - pair[0] >= pause, "{script:?}: {arrived:?}");
        }
        // That no further write comes can only be seen by waiting.
        tokio::time::sleep(ms(1_200)).await;
        assert_eq!(world.server.writes("cart").len(), writes, "{script:?}: written on and on");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_hangs_holds_up_no_other_and_is_given_up() {
    let hangs = |name: &str, n| if name == "slow" && n == 0 { Answer::Hang } else { Answer::code(200) };
    let world = World::new(&["slow", "a", "b", "c"], hangs).await;
    let begin = world.writes("slow", 1, LONG).await[0];
    for name in ["a", "b", "c"] {
        let arrived = world.writes(name, 1, LONG).await;
        assert!(arrived[0] < begin + Duration::from_secs(3), "{name}: {arrived:?}, slow at {begin:?}");
    }
    let again = world.writes("slow", 2, LONG).await;
    let gap = again[1] - again[0];
    assert!((Duration::from_secs(4)..Duration::from_secs(9)).contains(&gap), "{gap:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_a_forced_apply_of_the_status_of_that_very_object() {
    let world = World::new(&["cart"], |_, _| Answer::code(200)).await;
    world.writes("cart", 1, LONG).await;
    let (head, body) = world.server.last();
    let head = head.to_ascii_lowercase();
    let path = "patch /apis/probity.dev/v1alpha1/namespaces/shop/healthchecks/cart/status?";
    assert!(head.starts_with(path) && head.contains("force=true") && head.contains("fieldmanager=probity"), "{head}");
    assert!(head.contains("content-type: application/apply-patch+yaml"), "{head}");
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&body["metadata"]["uid"], &body["status"]["state"]), (&"uid".into(), &"Healthy".into()), "{body}");
    assert_eq!((&body["kind"], body.get("spec")), (&"HealthCheck".into(), None), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_and_went_while_a_write_was_refused_is_written_as_it_is_then() {
    let world = World::new(&["cart"], |_, n| if n < 3 { Answer::Reset } else { Answer::code(200) }).await;
    world.writes("cart", 1, LONG).await;
    for state in [State::Unhealthy, State::Degraded, State::Unhealthy] {
        world.show(&["cart"], state, 0);
    }
    world.writes("cart", 4, LONG).await;
    // A write of what has passed would come meanwhile.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (_, body) = world.server.last();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((world.server.writes("cart").len(), &body["status"]["state"]), (4, &"Unhealthy".into()), "{body}");
}
