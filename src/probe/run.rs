//! What all kinds have in common: one deadline, retries, the phase that a timeout tells, and Degraded.
//!
//! A kind implements [`Kind`] for its model: it fills in its details as it goes, and says with
//! [`Run::enter`] what it is at.

use std::{
    borrow::Cow,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use tokio::net::TcpStream;

use super::{Context, Details, Job, Outcome, Resolved, Verdict};
use crate::{
    clock::{Clock, WallMs, rfc3339},
    health::Reason,
    model::{Address, Degraded, IpFamily, Response},
    net::{Addresses, Failure, Net},
};

/// A kind of probe, implemented for its model.
pub trait Kind: Sync {
    type Details: Default + Send;

    /// Whose fault it is when the time is up.
    const OUT_OF_TIME: Reason = Reason::Timeout;

    fn wrap(details: Box<Self::Details>) -> Details;

    /// Probes once. What goes into `details` is kept whatever happens then, a timeout included.
    fn attempt(
        &self,
        run: &Run<'_>,
        details: &mut Self::Details,
    ) -> impl Future<Output = Result<Passed, Failure>> + Send;
}

/// One run of a probe, while it goes on. Shared by the tries in it.
pub struct Run<'a> {
    pub context: &'a Context,
    job: &'a Job<'a>,
    /// On the monotonic clock.
    started: Duration,
    /// A [`Phase`], as its code.
    phase: AtomicU16,
}

/// What a run is at: told when its time is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Starting,
    Resolving,
    Connecting,
    /// Talking in the clear, so that TLS can begin.
    StartTls,
    Handshake,
    Token,
    Answer,
    Body,
    /// A step of the object, counted from 1.
    Step(u8),
}

/// A try that passed.
#[derive(Debug)]
pub struct Passed {
    /// Stable: says what, not how long.
    pub message: Cow<'static, str>,
    /// What `degraded.when` gives over what was seen: [`Run::condition`].
    pub condition: Option<Result<bool, String>>,
}

impl Passed {
    /// For a run without a condition.
    pub fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: message.into(), condition: None }
    }
}

impl<'a> Run<'a> {
    pub(super) fn start(context: &'a Context, job: &'a Job<'a>) -> Self {
        Self { context, job, started: context.clock.mono(), phase: AtomicU16::new(Phase::Starting.code()) }
    }

    pub fn net(&self) -> &Net {
        &self.context.net
    }

    pub fn clock(&self) -> &Clock {
        &self.context.clock
    }

    /// The longest that a cached address may be used.
    pub fn max_cache(&self) -> Duration {
        self.job.max_cache
    }

    /// Since the run began.
    pub fn elapsed(&self) -> Duration {
        self.context.clock.mono().saturating_sub(self.started)
    }

    /// Until its time is up.
    pub fn left(&self) -> Duration {
        self.job.timeout.saturating_sub(self.elapsed())
    }

    /// From here on the run does this.
    pub fn enter(&self, phase: Phase) {
        self.phase.store(phase.code(), Ordering::Relaxed);
    }

    /// The addresses of `host`: those that the cluster told, else as [`Net::resolve`] finds them.
    ///
    /// # Errors
    /// As [`Net::resolve`].
    pub async fn resolve(&self, host: &Arc<str>, family: IpFamily) -> Result<(Addresses, Resolved), Failure> {
        match self.job.place.of(host) {
            Some(ips) => self.net().known(host, ips, family),
            None => self.net().resolve(host, family, self.max_cache()).await,
        }
    }

    /// Resolves and connects, saying which it is at. The address is handed to `found` before the connecting
    /// begins, so that a target that accepts nothing still has one.
    ///
    /// # Errors
    /// As [`Net::connect`].
    pub async fn connect(
        &self,
        address: &Address,
        family: IpFamily,
        found: impl FnOnce(Resolved),
    ) -> Result<(TcpStream, Resolved, Duration), Failure> {
        self.enter(Phase::Resolving);
        let (addresses, resolved) = self.resolve(&address.host, family).await?;
        found(resolved);
        self.enter(Phase::Connecting);
        let connected = self.net().open(&addresses, resolved, address).await?;
        Ok((connected.stream, connected.resolved, connected.connect))
    }

    /// Whether the object has a `degraded.when`.
    pub fn has_condition(&self) -> bool {
        self.job.degraded.when.is_some()
    }

    /// The `degraded.when` of the object.
    pub fn degraded(&self) -> &'a Degraded {
        self.job.degraded
    }

    /// What `degraded.when` gives over a response; None when the object has none.
    pub fn condition(&self, response: &Response<'_>) -> Option<Result<bool, String>> {
        self.job.degraded.when.as_ref().map(|when| when.holds(response))
    }

    /// Tries until one passes, the retries are used up, or the time is.
    pub(super) async fn tries<K: Kind>(&self, kind: &K) -> Outcome {
        let deadline = self.clock().instant(self.started + self.job.timeout);
        let mut retries = self.job.retries;
        let mut outcome = loop {
            self.enter(Phase::Starting);
            let mut details = Box::<K::Details>::default();
            let result = tokio::time::timeout_at(deadline, kind.attempt(self, &mut details)).await;
            let details = K::wrap(details);
            match result {
                Ok(Ok(passed)) => break self.judge(passed, details),
                Ok(Err(failure)) => {
                    let again = retries > 0 && !failure.reason.is_ours() && self.elapsed() < self.job.timeout;
                    if !again {
                        break Outcome::failed(failure.reason, failure.message).with_details(details);
                    }
                    retries -= 1;
                }
                Err(_) => {
                    let phase = Phase::from_code(self.phase.load(Ordering::Relaxed));
                    let message = format!("no answer within {:?}: still {phase}", self.job.timeout);
                    break Outcome::failed(K::OUT_OF_TIME, message).with_details(details);
                }
            }
        };
        outcome.latency = self.elapsed();
        outcome
    }

    /// Good or Degraded.
    fn judge(&self, passed: Passed, details: Details) -> Outcome {
        let worse = worse(self.job.degraded, self.elapsed(), &details, self.clock().wall(), passed.condition.as_ref());
        let message = passed.message;
        match (worse, passed.condition) {
            (Some((reason, what)), _) => {
                Outcome::new(Verdict::Degraded, reason, format!("{message}, but {what}"), details)
            }
            // An error in the condition fails nothing, and is told all the same.
            (None, Some(Err(error))) => Outcome::good(format!("{message}; degraded.when: {error}"), details),
            (None, _) => Outcome::good(message, details),
        }
    }
}

/// Why a run that passed is Degraded. Several may hold: the first of Slow, CertificateExpiring and
/// DegradedCondition is told, as the fields stand in the object.
fn worse(
    degraded: &Degraded,
    latency: Duration,
    details: &Details,
    now: WallMs,
    condition: Option<&Result<bool, String>>,
) -> Option<(Reason, String)> {
    if let Some(bound) = degraded.exceeded(latency) {
        return Some((Reason::Slow, format!("slower than {}", Degraded::shown(bound))));
    }
    if let Some(bound) = degraded.certificate_valid_for
        && let Some(expiry) = earliest_expiry(details)
    {
        let left = expiry.saturating_mul(1000).saturating_sub(now);
        if left < i64::try_from(bound.as_millis()).unwrap_or(i64::MAX) {
            let at = rfc3339(expiry.saturating_mul(1000));
            return Some((Reason::CertificateExpiring, format!("a certificate expires at {at}")));
        }
    }
    matches!(condition, Some(Ok(true))).then(|| (Reason::DegradedCondition, "degraded.when holds".to_owned()))
}

/// Unix seconds.
fn earliest_expiry(details: &Details) -> Option<i64> {
    let tls = match details {
        Details::Http(http) => http.tls.as_ref(),
        Details::Tcp(tcp) | Details::Tls(tcp) => tcp.tls.as_ref(),
        Details::Dns(_) | Details::None => None,
    };
    tls.map(|tls| tls.earliest_expiry)
}

impl Phase {
    fn code(self) -> u16 {
        match self {
            Self::Starting => 0,
            Self::Resolving => 1,
            Self::Connecting => 2,
            Self::Handshake => 3,
            Self::Token => 4,
            Self::Answer => 5,
            Self::Body => 6,
            Self::StartTls => 7,
            Self::Step(step) => 0x100 | u16::from(step),
        }
    }

    fn from_code(code: u16) -> Self {
        match code.to_be_bytes() {
            [0, 1] => Self::Resolving,
            [0, 2] => Self::Connecting,
            [0, 3] => Self::Handshake,
            [0, 4] => Self::Token,
            [0, 5] => Self::Answer,
            [0, 6] => Self::Body,
            [0, 7] => Self::StartTls,
            [0, _] => Self::Starting,
            [_, step] => Self::Step(step),
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("starting"),
            Self::Resolving => f.write_str("resolving the name"),
            Self::Connecting => f.write_str("connecting"),
            Self::StartTls => f.write_str("asking for TLS"),
            Self::Handshake => f.write_str("in the TLS handshake"),
            Self::Token => f.write_str("fetching a token"),
            Self::Answer => f.write_str("waiting for the answer"),
            Self::Body => f.write_str("reading the body"),
            Self::Step(step) => write!(f, "at step {step}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::{
        model::{Dns, DnsExpect, DnsTransport, DnsType, Expression, Place, Probe},
        net::Egress,
        probe::{CertificateDetails, DnsDetails, TcpDetails, TlsDetails},
    };

    fn any_probe() -> Probe {
        Probe::Dns(Dns {
            server: None,
            name: "x.".parse().unwrap(),
            record_type: DnsType::A,
            transport: DnsTransport::Udp,
            ip_family: IpFamily::Any,
            expect: DnsExpect { rcode: vec![], answers: vec![] },
        })
    }

    /// A kind whose tries end as told, one after the other; the last one's end holds for all that follow.
    struct Scripted {
        tries: AtomicU32,
        takes: Duration,
        ends: Vec<Result<Passed, Failure>>,
    }

    impl Scripted {
        fn new(takes: u64, ends: Vec<Result<Passed, Failure>>) -> Self {
            Self { tries: AtomicU32::new(0), takes: Duration::from_millis(takes), ends }
        }

        fn failing(takes: u64, reason: Reason) -> Self {
            Self::new(takes, vec![Err(Failure::new(reason, "no"))])
        }

        fn tries(&self) -> u32 {
            self.tries.load(Ordering::Relaxed)
        }
    }

    impl Kind for Scripted {
        type Details = DnsDetails;

        fn wrap(details: Box<DnsDetails>) -> Details {
            Details::Dns(details)
        }

        async fn attempt(&self, run: &Run<'_>, details: &mut DnsDetails) -> Result<Passed, Failure> {
            let index = self.tries.fetch_add(1, Ordering::Relaxed) as usize;
            details.answer_rrs = 7;
            run.enter(Phase::Connecting);
            tokio::time::sleep(self.takes).await;
            match &self.ends[index.min(self.ends.len() - 1)] {
                Ok(passed) => Ok(Passed { message: passed.message.clone(), condition: passed.condition.clone() }),
                Err(failure) => Err(failure.clone()),
            }
        }
    }

    async fn outcome(timeout: u64, retries: u32, kind: &Scripted) -> Outcome {
        let clock = Clock::system();
        let context = Context::new(clock.clone(), Arc::new(Net::new(Egress::default(), clock)));
        let probe = any_probe();
        let degraded = Degraded::default();
        let timeout = Duration::from_millis(timeout);
        let place = Place::Named;
        let job =
            Job { probe: &probe, place: &place, degraded: &degraded, timeout, retries, max_cache: Duration::ZERO };
        Run::start(&context, &job).tries(kind).await
    }

    #[tokio::test]
    async fn a_timeout_says_the_phase_and_keeps_what_was_measured() {
        let outcome = outcome(50, 3, &Scripted::failing(60_000, Reason::ConnectionReset)).await;
        assert_eq!((outcome.verdict, outcome.reason), (Verdict::Failed, Reason::Timeout));
        assert_eq!(&*outcome.message, "no answer within 50ms: still connecting");
        assert!(matches!(&outcome.details, Details::Dns(details) if details.answer_rrs == 7));
        assert!(outcome.latency >= Duration::from_millis(50));
    }

    #[tokio::test]
    async fn retries_are_within_the_one_timeout_and_not_for_our_own_trouble() {
        let refusing = Scripted::failing(10, Reason::ConnectionRefused);
        let refused = outcome(10_000, 2, &refusing).await;
        assert_eq!((refused.reason, refusing.tries()), (Reason::ConnectionRefused, 3));
        assert!(refused.latency >= Duration::from_millis(30));

        let blocked = Scripted::failing(10, Reason::Blocked);
        assert_eq!(outcome(10_000, 2, &blocked).await.verdict, Verdict::Unobserved);
        assert_eq!(blocked.tries(), 1);

        let slow = Scripted::failing(80, Reason::ConnectionRefused);
        assert_eq!(outcome(100, 9, &slow).await.reason, Reason::Timeout);
        assert_eq!(slow.tries(), 2);
    }

    #[tokio::test]
    async fn a_retry_that_passes_is_good() {
        let ends = vec![Err(Failure::new(Reason::ConnectionReset, "no")), Ok(Passed::new("fine"))];
        let passed = outcome(10_000, 1, &Scripted::new(0, ends)).await;
        assert_eq!((passed.verdict, passed.reason, &*passed.message), (Verdict::Good, Reason::Ok, "fine"));
    }

    #[test]
    fn degraded_has_an_order() {
        let now = 1_800_000_000_000;
        let day = Duration::from_secs(86_400);
        let details = |expiry| {
            Details::Tcp(Box::new(TcpDetails {
                tls: Some(TlsDetails {
                    version: "TLS 1.3",
                    cipher: "",
                    earliest_expiry: expiry,
                    chain_expiry: None,
                    certificate: Arc::new(CertificateDetails {
                        fingerprint_sha256: String::new(),
                        subject: String::new(),
                        issuer: String::new(),
                        subject_alternative: String::new(),
                        serial: String::new(),
                        not_after: expiry,
                    }),
                }),
                ..TcpDetails::default()
            }))
        };
        let (soon, later) = (details(now / 1000 + 86_399), details(now / 1000 + 86_400));
        let bounds = |latency| Degraded {
            latency,
            certificate_valid_for: Some(day),
            when: Some(Expression::compile("true").unwrap()),
        };
        let ms = Duration::from_millis;
        let reason = |degraded: &Degraded, details, condition: Option<Result<bool, String>>| {
            worse(degraded, ms(100), details, now, condition.as_ref()).map(|(reason, _)| reason)
        };
        let holds = || Some(Ok(true));
        assert_eq!(reason(&bounds(Some(ms(99))), &soon, holds()), Some(Reason::Slow));
        assert_eq!(reason(&bounds(Some(ms(100))), &soon, holds()), Some(Reason::CertificateExpiring));
        assert_eq!(reason(&bounds(None), &later, holds()), Some(Reason::DegradedCondition));
        assert_eq!(reason(&bounds(None), &Details::None, Some(Ok(false))), None);
        assert_eq!(reason(&bounds(None), &later, Some(Err("no such key".into()))), None);
        let zero = Degraded { latency: Some(Duration::ZERO), ..Degraded::default() };
        assert!(worse(&zero, Duration::ZERO, &Details::None, now, None).is_some());
    }

    #[tokio::test]
    async fn an_error_in_the_condition_is_told_and_fails_nothing() {
        let condition = Some(Err("response.json.x: no such key".into()));
        let kind = Scripted::new(0, vec![Ok(Passed { message: "200 OK".into(), condition })]);
        let outcome = outcome(10_000, 0, &kind).await;
        assert_eq!(outcome.verdict, Verdict::Good);
        assert_eq!(&*outcome.message, "200 OK; degraded.when: response.json.x: no such key");
    }

    /// The engine spawns runs.
    #[test]
    fn a_run_is_send() {
        fn is_send<T: Send>(_: T) {}
        fn check(context: &Context, job: &Job<'_>) {
            is_send(crate::probe::run(context, job));
        }
        let _ = check;
    }

    #[test]
    fn phases_survive_their_code() {
        for phase in [Phase::Starting, Phase::Resolving, Phase::Connecting, Phase::Handshake, Phase::Token] {
            assert_eq!(Phase::from_code(phase.code()), phase);
        }
        for phase in [Phase::Answer, Phase::Body, Phase::StartTls, Phase::Step(0), Phase::Step(255)] {
            assert_eq!(Phase::from_code(phase.code()), phase);
        }
    }
}
