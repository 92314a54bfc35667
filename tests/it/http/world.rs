//! A server to ask, what it is to tell, and a client that asks.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    ops::RangeInclusive,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::{BodyExt, Empty};
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use probity::{
    audit::{Head, Place},
    clock::{Clock, WallMs},
    engine::{
        Bell, CheckCell, CheckView, LastRun, Ready, Snapshot, TargetCell, TargetView,
        alerts::{Board, Trials},
    },
    health::{Reason, State as Health},
    history::{
        AuditPage, AuditQuery, Bucket, Commit, Due, History, Hour, Keeper, Latency, Loaded, OutboxQuery, OutboxRow,
        ReadError, Recent, Record, Recording, Stats, Store, StoreHealth, Ticket, Volatile,
    },
    metrics::Metrics,
    model::{ObjectKey, ProbeKind, TargetKey},
    net::{Egress, Net},
    notify::Sender,
    probe::{
        CertificateDetails, Details, DnsDetails, HttpDetails, HttpPhases, Outcome, Resolved, TcpDetails, TlsDetails,
        Verdict,
    },
    server::{self, Limits, Options, State},
    source::{Silences, made::Tell},
    telemetry::{self, LogFormat, Sink},
    vitals::{Progress, Readiness},
};
use serde_json::Value;
use tokio::{net::TcpStream, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::layer::SubscriberExt;

/// How long anything here is waited for. Far beyond what it takes, so that a slow machine fails nothing.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running server. Dropping it ends it.
pub struct World {
    pub state: Arc<State>,
    pub address: SocketAddr,
    pub shutdown: CancellationToken,
    pub running: JoinSet<Result<(), server::ServerError>>,
    /// Whether the store's disk stands still.
    pub stuck: Arc<AtomicBool>,
    /// What tries channels, which ends with `shutdown` too.
    _trials: JoinSet<Result<(), std::convert::Infallible>>,
}

pub fn options() -> Options {
    Options {
        listen: ([127, 0, 0, 1], 0).into(),
        tls: None,
        api_token_file: None,
        cluster: None,
        limits: Limits::default(),
    }
}

impl World {
    /// Serves a few checks of every kind and state on loopback.
    pub async fn start() -> Self {
        Self::with(options(), checks()).await
    }

    pub async fn with(options: Options, checks: Vec<CheckView>) -> Self {
        let clock = Clock::system();
        let snapshot = Snapshot::default();
        fill(&snapshot, checks);
        let readiness = Readiness::waiting_for(&["source", "store"]);
        readiness.ready("source");
        readiness.ready("store");
        let stuck = Arc::<AtomicBool>::default();
        let store: Arc<dyn Store> = Arc::new(Kept(Volatile::default(), stuck.clone()));
        let (tell, nothing): (Tell, _) = (Arc::new(|_| ()), Loaded::default());
        let silences =
            Silences::in_store(Arc::default(), store.clone(), clock.clone(), "default".into(), tell, &nothing);
        let egress = Egress { allow_loopback: true, ..Egress::default() };
        let net = Arc::new(Net::new(egress, clock.clone()));
        let sender = Sender::new(net, clock.clone(), Arc::new(|_: &[u8]| Ok(())), LogFormat::Json, None);
        let (trials, pool) = Trials::new(Arc::new(sender), store.clone(), clock.clone());
        let state = Arc::new(State {
            snapshot,
            board: Board::default(),
            slos: Default::default(),
            progress: Progress::new(clock.clone()),
            clock: clock.clone(),
            metrics: Metrics::new().unwrap(),
            readiness,
            store,
            bell: Bell::default(),
            silences: Arc::new(silences),
            trials,
        });
        let server = server::bind(options).await.unwrap();
        let address = server.address();
        let shutdown = CancellationToken::new();
        let mut running = JoinSet::new();
        running.spawn(server.run(Arc::clone(&state), shutdown.clone()));
        let mut trials = JoinSet::new();
        trials.spawn(pool.run(shutdown.clone()));
        Self { state, address, shutdown, running, stuck, _trials: trials }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[]).await
    }

    pub async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let stream = TcpStream::connect(self.address).await.unwrap();
        ask(stream, self.address, method, path, headers).await
    }

    /// What `/metrics` says now.
    pub async fn metrics(&self) -> String {
        let answer = self.get("/metrics").await;
        assert_eq!(answer.status, 200);
        String::from_utf8(answer.body.to_vec()).unwrap()
    }
}

pub fn fill(snapshot: &Snapshot, checks: Vec<CheckView>) {
    let cells =
        checks.into_iter().map(|view| (view.key.clone(), Arc::new(CheckCell { view: ArcSwap::from_pointee(view) })));
    snapshot.replace(cells.collect::<BTreeMap<_, _>>());
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {}", String::from_utf8_lossy(&self.body)))
    }
}

/// One request on a connection of its own. A `host` among the headers takes the place of the address.
pub async fn ask<Io>(stream: Io, address: SocketAddr, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer
where
    Io: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let asking = async {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        let mut connections = JoinSet::new();
        connections.spawn(connection);
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            request = request.header("host", address.to_string());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = sender.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: head.status, headers: head.headers, body }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("an answer in time")
}

/// Waits until `condition` holds.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("it never came: {what}"));
}

/// The log lines of this test's thread, as JSON.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Sink for Log {
    fn write(&self, line: &[u8]) {
        self.0.lock().extend_from_slice(line);
    }
}

impl Log {
    /// Captures what is logged on this thread until the guard goes.
    pub fn capture(level: &str) -> (Self, tracing::subscriber::DefaultGuard) {
        // While there is but one subscriber, tracing asks the thread that happens to come first whether a line is
        // wanted, and remembers its answer for all. With a second one it asks every subscriber.
        static SECOND: LazyLock<tracing::Dispatch> =
            LazyLock::new(|| tracing::Dispatch::new(tracing_subscriber::registry()));
        LazyLock::force(&SECOND);
        let log = Self::default();
        let layer = telemetry::layer(LogFormat::Json, false, level, log.clone()).unwrap();
        let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
        (log, guard)
    }

    pub fn lines(&self) -> Vec<Value> {
        let bytes = self.0.lock().clone();
        String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The lines of finished requests.
    pub fn requests(&self) -> Vec<Value> {
        self.lines().into_iter().filter(|line| line["message"].as_str().unwrap().starts_with("request")).collect()
    }
}

/// A store with one bucket of history for everyone, and a disk that stands still while it is told to.
struct Kept(Volatile, Arc<AtomicBool>);

impl Store for Kept {
    fn register(&self, key: &TargetKey) -> u32 {
        self.0.register(key)
    }

    fn attach(&self, keeper: Arc<dyn Keeper>) {
        self.0.attach(keeper);
    }

    fn detach(&self, target: u32) {
        self.0.detach(target);
    }

    fn due(&self, target: u32, at: WallMs, every: Option<Duration>) {
        self.0.due(target, at, every);
    }

    fn record(&self, recent: &Mutex<Recent>, record: Record) {
        self.0.record(recent, record);
    }

    fn commit(&self, commit: Commit) -> Ticket {
        let ticket = self.0.commit(commit);
        if self.1.load(Ordering::SeqCst) { Ticket::new(std::future::pending()) } else { ticket }
    }

    fn recording(&self) -> Recording {
        self.0.recording()
    }

    fn load(&self) -> Result<Loaded, ReadError> {
        self.0.load()
    }

    fn audit_head(&self) -> Option<Head> {
        self.0.audit_head()
    }

    fn audit(&self, query: AuditQuery) -> BoxFuture<'static, Result<AuditPage, ReadError>> {
        self.0.audit(query)
    }

    fn audit_chain(&self, after: Place, limit: usize) -> BoxFuture<'static, Result<AuditPage, ReadError>> {
        self.0.audit_chain(after, limit)
    }

    fn outbox(&self, query: OutboxQuery) -> BoxFuture<'static, Result<Vec<OutboxRow>, ReadError>> {
        self.0.outbox(query)
    }

    fn history(&self, _target: u32, window: Duration, now: WallMs) -> BoxFuture<'static, Result<History, ReadError>> {
        let bucket = Bucket {
            start: probity::clock::rfc3339(now - now % 60_000),
            expected: 6,
            runs: 5,
            good: 3,
            degraded: 1,
            failed: 1,
            latency: Latency { avg: Some(0.25), max: Some(1.0), ..Latency::default() },
        };
        let history = History { window: window.as_secs(), step: 60, buckets: vec![bucket] };
        Box::pin(std::future::ready(Ok(history)))
    }

    fn targets(&self, check: &ObjectKey) -> Vec<(u32, Due)> {
        self.0.targets(check)
    }

    fn hours(
        &self,
        target: u32,
        hours: RangeInclusive<u32>,
    ) -> BoxFuture<'static, Result<Vec<(u32, Hour)>, ReadError>> {
        self.0.hours(target, hours)
    }

    fn stats(&self) -> Stats {
        Stats { records: 7, ..self.0.stats() }
    }

    fn health(&self) -> StoreHealth {
        self.0.health()
    }

    fn close(&self) {
        self.0.close();
    }
}

/// One check that is to be told.
pub fn check(
    namespace: &str,
    name: &str,
    kind: ProbeKind,
    state: Health,
    reason: Reason,
    outcome: Option<Outcome>,
) -> CheckView {
    let key = ObjectKey::new(namespace, name);
    let instance: Arc<str> = format!("{}://{name}.example/\"x\"", kind.as_str()).into();
    let escaped = instance.replace('"', "\\\"");
    let message =
        outcome.as_ref().map_or_else(|| Arc::from("no run has ended yet"), |outcome| Arc::clone(&outcome.message));
    let runs = outcome.as_ref().map(|outcome| ((outcome.verdict, outcome.reason), 3)).into_iter().collect();
    let target = TargetCell {
        key: TargetKey::fixed(key.clone()),
        id: 1,
        series_labels: format!("namespace=\"{namespace}\",healthcheck=\"{name}\",instance=\"{escaped}\"").into(),
        instance,
        view: ArcSwap::from_pointee(TargetView {
            state,
            reason,
            message: Arc::clone(&message),
            since: 1_700_000_000_000,
            last: outcome.map(|outcome| Arc::new(LastRun { at: 1_700_000_060_120, outcome })),
        }),
        history: Arc::new(Mutex::new(Recent::default())),
        runs: Mutex::new(runs),
    };
    let labels = [("tier".to_owned(), namespace.to_owned()), ("name".to_owned(), name.to_owned())];
    CheckView {
        key,
        uid: Arc::default(),
        generation: 3,
        labels: Arc::new(labels.into()),
        report_as: name.replace('-', "_").into(),
        kind: Some(kind),
        interval: Duration::from_secs(10),
        timeout: Duration::from_secs(5),
        ready: Ready { ok: true, reason: "Valid", message: Arc::from("") },
        state,
        reason,
        message,
        blamed: None,
        since: 1_700_000_000_000,
        targets: Arc::from([Arc::new(target)]),
    }
}

pub fn http_details(tls: bool) -> Details {
    let ms = Duration::from_millis;
    Details::Http(Box::new(HttpDetails {
        resolved: Some(Resolved { ip: [192, 0, 2, 1].into(), took: ms(2), cached: false }),
        phases: HttpPhases { resolve: ms(2), connect: ms(3), tls: ms(0), processing: ms(4), transfer: ms(1) },
        status: 200,
        content_length: -1,
        body_length: 512,
        redirects: 1,
        ssl: tls,
        version: 1.1,
        failed_due_to_regex: false,
        failed_due_to_cel: Some(false),
        last_modified: Some(1_600_000_000),
        tls: tls.then(tls_details),
    }))
}

pub fn tls_details() -> TlsDetails {
    TlsDetails {
        version: "TLS 1.3",
        cipher: "TLS_AES_128_GCM_SHA256",
        earliest_expiry: 1_800_000_000,
        chain_expiry: None,
        certificate: Arc::new(CertificateDetails {
            fingerprint_sha256: "ab".repeat(32),
            subject: "CN=a \"quoted\" \\ name".to_owned(),
            issuer: "CN=issuer".to_owned(),
            subject_alternative: "a.example,b.example".to_owned(),
            serial: "01ff".to_owned(),
            not_after: 1_800_000_000,
        }),
    }
}

pub fn run(verdict: Verdict, reason: Reason, message: &str, details: Details) -> Option<Outcome> {
    let mut outcome = Outcome::new(verdict, reason, message, details);
    outcome.latency = Duration::from_micros(12_340);
    Some(outcome)
}

/// One check of every kind and every state, and one that is refused.
pub fn checks() -> Vec<CheckView> {
    let tcp = TcpDetails { tls: Some(tls_details()), ..TcpDetails::default() };
    let dns = DnsDetails { answer_rrs: 2, query_succeeded: true, serial: Some(7), ..DnsDetails::default() };
    let mut refused = check("shop", "refused", ProbeKind::Http, Health::Unknown, Reason::InvalidSpec, None);
    refused.kind = None;
    refused.targets = Arc::from([]);
    refused.ready = Ready { ok: false, reason: "InvalidSpec", message: Arc::from("spec.http.url: is missing") };
    vec![
        check(
            "web",
            "api",
            ProbeKind::Http,
            Health::Healthy,
            Reason::Ok,
            run(Verdict::Good, Reason::Ok, "200 OK", http_details(true)),
        ),
        check(
            "web",
            "slow-page",
            ProbeKind::Http,
            Health::Degraded,
            Reason::Slow,
            run(Verdict::Degraded, Reason::Slow, "slow", http_details(false)),
        ),
        check(
            "web",
            "down",
            ProbeKind::Tcp,
            Health::Unhealthy,
            Reason::ConnectionRefused,
            run(Verdict::Failed, Reason::ConnectionRefused, "refused", Details::None),
        ),
        check(
            "web",
            "broken",
            ProbeKind::Http,
            Health::Unhealthy,
            Reason::DNSError,
            run(Verdict::Failed, Reason::DNSError, "no such name", Details::None),
        ),
        check(
            "shop",
            "cert",
            ProbeKind::Tls,
            Health::Healthy,
            Reason::Ok,
            run(Verdict::Good, Reason::Ok, "verified", Details::Tls(Box::new(tcp))),
        ),
        check(
            "shop",
            "zone",
            ProbeKind::Dns,
            Health::Healthy,
            Reason::Ok,
            run(Verdict::Good, Reason::Ok, "NOERROR", Details::Dns(Box::new(dns))),
        ),
        check("shop", "new", ProbeKind::Http, Health::Unknown, Reason::Pending, None),
        check(
            "shop",
            "stale",
            ProbeKind::Http,
            Health::Unknown,
            Reason::Stale,
            run(Verdict::Good, Reason::Ok, "200 OK", http_details(false)),
        ),
        check(
            "shop",
            "off",
            ProbeKind::Http,
            Health::Suspended,
            Reason::Suspended,
            run(Verdict::Good, Reason::Ok, "200 OK", http_details(false)),
        ),
        refused,
    ]
}
