//! The outbox with a receiver behind it: what arrives, when, how often, and what is written down.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures::future::BoxFuture;
use probity::{
    alert::{Notification, NotificationId, Status},
    engine::{Board, Snapshot},
    metrics::Exposition,
    model::{Alertmanager, Channel, Receiver, Slack},
    notify::outbox::{Change, Fate, Item, Ledger},
};
use serde_json::Value;

use super::world::{Book, alert, channel, endpoint, firing, item, key, notification, run, run_with, wait, webhook};
use crate::probes::peers::{
    http::{Site, answer},
    real::free_port,
};

/// Answers so, one after the other, and the last one from then on.
async fn site(answers: Vec<Vec<u8>>) -> Site {
    let count = AtomicUsize::new(0);
    Site::new(move |_| answers[count.fetch_add(1, Ordering::Relaxed).min(answers.len() - 1)].clone()).await
}

fn ok() -> Vec<u8> {
    answer("200 OK", &[], "ok")
}

fn fate(id: &str, fate: &'static str) -> (String, &'static str) {
    (id.to_owned(), fate)
}

#[tokio::test]
async fn it_goes_out_at_once_and_what_failed_is_tried_again_under_its_key() {
    let site =
        site(vec![answer("503 Unavailable", &[], ""), answer("429 Too Many", &[("retry-after", "1")], ""), ok()]).await;
    let running = run(Book::new(true));
    running.outboxes.set(Arc::new(channel(webhook(endpoint(&site.url("/"))))));
    running.outboxes.put(item(1, firing("a")));
    wait("delivered", || (running.book.count("delivered") == 1).then_some(())).await;
    let fates = running.book.fates();
    let steps = ["begun", "retry", "begun", "retry", "begun", "delivered"];
    assert_eq!(fates, steps.map(|step| fate("a", step)));
    let keys: Vec<_> = site.heard().iter().map(|heard| heard.header("idempotency-key").unwrap().to_owned()).collect();
    assert_eq!(keys.len(), 3);
    assert!(keys.iter().all(|key| *key == keys[0]));
    let view = wait("a view that says so", || running.outboxes.view(&key()).filter(|view| view.waiting == 0)).await;
    assert_eq!((view.failures, view.is_delivering()), (0, Some(true)));
    let mut text = Vec::new();
    let mut exposition =
        Exposition::new(&running.metrics, &Snapshot::default(), &Board::default(), &Default::default(), &[]).unwrap();
    while exposition.fill(&mut text, 1 << 16) {}
    let text = String::from_utf8(text).unwrap();
    for line in [
        r#"probity_notifications_total{channel="monitoring/ops",outcome="delivered"} 1"#,
        r#"probity_notifications_total{channel="monitoring/ops",outcome="retry"} 2"#,
        r#"probity_notifications_total{channel="monitoring/ops",outcome="dead"} 0"#,
        "probity_notification_delay_seconds_count 1",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[tokio::test]
async fn a_receiver_that_refuses_is_told_of_and_the_next_goes_out() {
    let site = site(vec![answer("400 Bad Request", &[], "no such thing"), ok()]).await;
    let running = run(Book::new(true));
    running.outboxes.set(Arc::new(channel(webhook(endpoint(&site.url("/"))))));
    running.outboxes.put(item(1, firing("a")));
    running.outboxes.put(item(2, notification("b", vec![alert("HighErrorRate", Status::Resolved)])));
    wait("both ended", || (running.book.count("delivered") == 1).then_some(())).await;
    assert_eq!(
        running.book.fates(),
        [fate("a", "begun"), fate("a", "dead"), fate("b", "begun"), fate("b", "delivered")]
    );
    assert_eq!(running.book.answers("dead"), [format!("{} answered 400: no such thing", site.address)]);
}

#[tokio::test]
async fn a_firing_that_was_not_delivered_is_told_with_its_resolve() {
    let site = site(vec![answer("429 Too Many", &[("retry-after", "2")], ""), ok()]).await;
    let running = run(Book::new(true));
    running.outboxes.set(Arc::new(channel(Receiver::Slack(Slack { endpoint: endpoint(&site.url("/")) }))));
    let fires = alert("HighErrorRate", Status::Firing);
    let mut ended = alert("HighErrorRate", Status::Resolved);
    ended.starts_at = fires.starts_at;
    running.outboxes.put(item(1, notification("a", vec![fires])));
    wait("the first attempt", || (running.book.count("retry") == 1).then_some(())).await;
    running.outboxes.put(item(2, notification("b", vec![ended])));
    wait("delivered", || (running.book.count("delivered") == 1).then_some(())).await;
    let heard = site.heard();
    assert_eq!(heard.len(), 2);
    let message: Value = serde_json::from_slice(&heard[1].body).unwrap();
    let status = message["attachments"][0]["fields"][2]["value"].as_str().unwrap().to_owned();
    assert!(status.starts_with("fired and resolved within "), "{message}");
    assert_eq!(running.book.count("folded"), 2);
}

#[tokio::test]
async fn what_may_have_been_delivered_is_marked_and_what_is_not_recorded_too() {
    let site = site(vec![ok()]).await;
    let running = run(Book::new(false));
    running.outboxes.set(Arc::new(channel(Receiver::Slack(Slack { endpoint: endpoint(&site.url("/")) }))));
    running.outboxes.put(Item { ambiguous: true, attempts: 1, ..item(1, firing("a")) });
    wait("delivered", || (running.book.count("delivered") == 1).then_some(())).await;
    let text = String::from_utf8(site.heard()[0].body.clone()).unwrap();
    assert!(text.contains("Possible repeat") && text.contains("Not recorded"), "{text}");
}

#[tokio::test]
async fn a_receiver_that_hangs_delays_no_other_and_what_waits_goes_out_when_the_channel_is_mended() {
    let good = site(vec![ok()]).await;
    let running = run(Book::new(true));
    let away = format!("http://127.0.0.1:{}/", free_port());
    running.outboxes.set(Arc::new(channel(webhook(endpoint(&away)))));
    let hangs = crate::probes::peers::script::script(vec![crate::probes::peers::script::Act::Hold]).await;
    let mut other: Channel = channel(webhook(endpoint(&format!("http://127.0.0.1:{}/", hangs.port()))));
    other.key.name = "hangs".into();
    let hanging = Notification { channel: other.key.clone(), ..firing("c") };
    running.outboxes.set(Arc::new(other));
    running.outboxes.put(item(1, hanging));
    running.outboxes.put(item(1, firing("a")));
    wait("an attempt that failed", || (running.book.count("retry") >= 1).then_some(())).await;
    wait("a view that says so", || running.outboxes.view(&key()).filter(|view| view.is_delivering() == Some(false)))
        .await;
    running.outboxes.set(Arc::new(Channel { generation: 2, ..channel(webhook(endpoint(&good.url("/")))) }));
    wait("delivered", || (running.book.count("delivered") == 1).then_some(())).await;
    assert_eq!(good.heard().len(), 1);
}

#[tokio::test]
async fn before_its_channel_is_there_it_waits_and_put_twice_it_goes_out_once() {
    let site = site(vec![ok()]).await;
    let running = run(Book::new(true));
    running.outboxes.put(item(1, firing("a")));
    running.outboxes.put(item(1, firing("a")));
    wait("it waits", || running.outboxes.view(&key()).filter(|view| view.waiting == 1)).await;
    running.outboxes.set(Arc::new(channel(webhook(endpoint(&site.url("/"))))));
    wait("delivered", || (running.book.count("delivered") == 1).then_some(())).await;
    assert_eq!(site.heard().len(), 1);
    // Without a channel and with nothing that waits, there is nothing left of it.
    running.outboxes.unset(&key());
    wait("the worker's end", || running.outboxes.view(&key()).is_none().then_some(())).await;
}

/// Breaks at the first attempt.
struct Breaks(Arc<Book>, AtomicUsize);

impl Ledger for Breaks {
    fn write(&self, changes: Vec<Change>) -> BoxFuture<'static, bool> {
        let breaks =
            changes.iter().any(|change| change.fate == Fate::Begun) && self.1.fetch_add(1, Ordering::Relaxed) == 0;
        let written = self.0.write(changes);
        Box::pin(async move {
            assert!(!breaks, "this is what the test is about");
            written.await
        })
    }
}

#[tokio::test]
async fn an_attempt_that_panics_is_dead_and_the_next_goes_out() {
    let site = site(vec![ok()]).await;
    let book = Book::new(true);
    let running = run_with(Arc::clone(&book), Arc::new(Breaks(book, AtomicUsize::new(0))));
    running.outboxes.set(Arc::new(channel(webhook(endpoint(&site.url("/"))))));
    running.outboxes.put(item(1, firing("a")));
    running.outboxes.put(item(2, notification("b", vec![alert("HighErrorRate", Status::Resolved)])));
    wait("the second", || (running.book.count("delivered") == 1).then_some(())).await;
    assert_eq!(running.book.answers("dead"), ["the attempt itself broke: see the log"]);
    assert_eq!(site.heard().len(), 1);
}

#[tokio::test]
async fn of_an_alertmanager_that_is_deleted_nothing_stands() {
    let site = site(vec![ok()]).await;
    let running = run(Book::new(true));
    let receiver = Receiver::Alertmanager(Alertmanager::new(vec![endpoint(&site.url("/"))]).unwrap());
    running.outboxes.set(Arc::new(channel(receiver)));
    running.outboxes.put(item(1, firing("a")));
    wait("delivered", || (running.book.count("delivered") == 1).then_some(())).await;
    running.outboxes.remove(&key(), 1);
    wait("the worker's end", || running.outboxes.view(&key()).is_none().then_some(())).await;
}

#[tokio::test]
async fn hundreds_of_notifications_of_many_incidents_arrive_in_order_each_once() {
    let site = site(vec![ok()]).await;
    let running = run(Book::new(true));
    running.outboxes.set(Arc::new(channel(webhook(endpoint(&site.url("/"))))));
    for order in 0..300_u64 {
        let status = if order < 150 { Status::Firing } else { Status::Resolved };
        let mut one = notification("", vec![alert(&format!("A{}", order % 150), status)]);
        one.id = NotificationId(format!("{order:032x}").into());
        running.outboxes.put(item(order, one));
    }
    wait("all delivered", || (running.book.count("delivered") == 300).then_some(())).await;
    let mut seen = std::collections::HashMap::new();
    for heard in site.heard() {
        let body: Value = serde_json::from_slice(&heard.body).unwrap();
        let name = body["alerts"][0]["labels"]["alertname"].as_str().unwrap().to_owned();
        let status = body["status"].as_str().unwrap().to_owned();
        seen.entry(name).or_insert_with(Vec::new).push(status);
    }
    assert_eq!(seen.len(), 150);
    assert!(seen.values().all(|statuses| *statuses == ["firing", "resolved"]));
}
