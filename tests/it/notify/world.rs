//! What the tests of this folder share: notifications, channels, a sender, a ledger that remembers.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use parking_lot::Mutex;
use probity::{
    alert::{Alert, Group, Incident, Labels, Notification, NotificationId, Status, Why},
    clock::Clock,
    metrics::Metrics,
    model::{
        AllowedNamespaces, Channel, Grouping, HttpEndpoint, ObjectKey, Receiver, Severities, Severity, Tls, Webhook,
    },
    net::{Egress, Net},
    notify::{
        Answer, Marks, Out, Parts, Sender, Tally,
        outbox::{Change, Fate, Item, Ledger, Outboxes},
    },
    telemetry::LogFormat,
};
use tokio_util::sync::CancellationToken;

/// Waits until `condition` gives something, and fails loudly when it does not in 30 s.
pub async fn wait<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not in 30 s");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// An alert with a label that tells it from others.
pub fn alert(name: &str, status: Status) -> Alert {
    let labels = Labels::new([("alertname", name), ("severity", "high"), ("namespace", "aitbc")]);
    let now = Clock::system().wall();
    Alert {
        name: name.into(),
        severity: Some(Severity::High),
        status,
        message: "Error rate is 7.5% <now> & \u{1f600}".into(),
        annotations: Labels::annotations([("description", "over 5%")]),
        starts_at: now - 60_000,
        ends_at: (status == Status::Resolved).then_some(now),
        fingerprint: labels.fingerprint(),
        incident: Incident::of("uid", &labels),
        labels,
        value: None,
        reason: None,
        rule: ObjectKey::new("aitbc", "high-error-rate"),
        untold: false,
        known: false,
        news: true,
    }
}

pub fn notification(id: &str, alerts: Vec<Alert>) -> Notification {
    Notification {
        id: NotificationId(format!("{id:0>32}").into()),
        channel: key(),
        group: Group { key: alerts.first().map_or("".into(), |alert| alert.name.clone()), labels: Labels::default() },
        why: if alerts.is_empty() { Why::Test } else { Why::First },
        alerts,
        truncated: 0,
        created_at: Clock::system().wall(),
        correlation_id: "corr-7".into(),
        instead_of: None,
    }
}

pub fn firing(id: &str) -> Notification {
    notification(id, vec![alert("HighErrorRate", Status::Firing)])
}

pub fn key() -> ObjectKey {
    ObjectKey::new("monitoring", "ops")
}

pub fn channel(receiver: Receiver) -> Channel {
    Channel {
        labels: probity::model::Labels::default(),
        key: key(),
        generation: 1,
        receiver,
        is_default: false,
        severities: Severities::ALL,
        send_resolved: true,
        grouping: Grouping::default(),
        rate_limit: None,
        fallback: None,
        allowed_namespaces: AllowedNamespaces::Same,
    }
}

pub fn endpoint(url: &str) -> HttpEndpoint {
    HttpEndpoint::plain(url.parse().unwrap()).unwrap()
}

pub fn trusting(url: &str, ca: &str) -> HttpEndpoint {
    let tls = Arc::new(Tls { asked: true, ca: Some(ca.into()), ..Tls::default() });
    HttpEndpoint::new(url.parse().unwrap(), vec![], tls).unwrap()
}

pub fn webhook(endpoint: HttpEndpoint) -> Receiver {
    Receiver::Webhook(Webhook { endpoint, hmac: None })
}

/// What went to stdout.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn out(&self) -> Out {
        let held = Arc::clone(&self.0);
        Arc::new(move |line| {
            held.lock().extend_from_slice(line);
            Ok(())
        })
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().clone()).unwrap()
    }
}

pub fn sender_with(egress: Egress, lines: &Lines) -> Sender {
    let clock = Clock::system();
    let net = Arc::new(Net::new(egress, clock.clone()));
    Sender::new(net, clock, lines.out(), LogFormat::Json, None)
}

/// One that may dial loopback.
pub fn sender() -> Sender {
    sender_with(Egress { allow_loopback: true, ..Egress::default() }, &Lines::default())
}

/// One attempt of a firing alert.
pub async fn attempt(receiver: Receiver) -> Answer {
    send(&receiver, &firing("1"), &Parts::default()).await
}

pub async fn send(receiver: &Receiver, notification: &Notification, done: &Parts) -> Answer {
    sender().send(&channel(receiver.clone()), notification, Marks::default(), done).await
}

/// Remembers what became of each notification; `on_disk` is what it says of each write.
pub struct Book {
    changes: Mutex<Vec<Change>>,
    pub on_disk: bool,
}

impl Ledger for Book {
    fn write(&self, changes: Vec<Change>) -> BoxFuture<'static, bool> {
        self.changes.lock().extend(changes);
        let on_disk = self.on_disk;
        Box::pin(async move { on_disk })
    }
}

impl Book {
    pub fn new(on_disk: bool) -> Arc<Self> {
        Arc::new(Self { changes: Mutex::default(), on_disk })
    }

    /// Ids without their zeros, and fates.
    pub fn fates(&self) -> Vec<(String, &'static str)> {
        let short = |change: &Change| change.notification.id.0.trim_start_matches('0').to_owned();
        self.changes.lock().iter().map(|change| (short(change), change.fate.as_str())).collect()
    }

    pub fn count(&self, fate: &str) -> usize {
        self.changes.lock().iter().filter(|change| change.fate.as_str() == fate).count()
    }

    /// What was said when it ended or was put off.
    pub fn answers(&self, wanted: &str) -> Vec<String> {
        let changes = self.changes.lock();
        let wanted = changes.iter().filter(|change| change.fate.as_str() == wanted);
        wanted
            .filter_map(|change| match &change.fate {
                Fate::Delivered { answer, .. } | Fate::Later { answer, .. } | Fate::Dead { answer } => {
                    Some(answer.to_string())
                }
                _ => None,
            })
            .collect()
    }
}

/// A running outbox. It ends with the value.
pub struct Running {
    pub outboxes: Outboxes,
    pub book: Arc<Book>,
    pub metrics: Metrics,
    shutdown: CancellationToken,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

pub fn run(book: Arc<Book>) -> Running {
    run_with(Arc::clone(&book), book)
}

/// With another ledger before the book.
pub fn run_with(book: Arc<Book>, ledger: Arc<dyn Ledger>) -> Running {
    let metrics = Metrics::new().unwrap();
    let tally = Tally::new(&metrics).unwrap();
    let (outboxes, pool) = Outboxes::new(Arc::new(sender()), ledger, Clock::system(), tally, 7);
    let shutdown = CancellationToken::new();
    tokio::spawn(pool.run(shutdown.clone()));
    Running { outboxes, book, metrics, shutdown }
}

pub fn item(order: u64, notification: Notification) -> Item {
    Item::new(Arc::new(notification), order)
}
