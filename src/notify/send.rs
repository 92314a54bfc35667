//! One attempt: the one registration point of all kinds, and what those that speak HTTP share.

use std::{sync::Arc, time::Duration};

use hyper::{
    Method,
    header::{HeaderValue, RETRY_AFTER, USER_AGENT},
};
use url::Url;

use super::{
    Answer, Letter, Marks, Parts, alertmanager,
    call::{Call, Reply},
    clients::Clients,
    discord, email, hint,
    log::{self, Out, Printer},
    outbox::Pace,
    pagerduty,
    redact::Redact,
    slack, teams, telegram, webhook,
};
use crate::{
    alert::{Alert, Group, Labels, Notification, NotificationId, Why},
    clock::Clock,
    health::Reason,
    model::{Channel, Receiver, ReceiverKind},
    net::{
        Net,
        client::{from_request, read_start},
    },
    telemetry::LogFormat,
};

/// How long a receiver may take for one request. They answer in a second or never; mail has its own.
pub const ATTEMPT: Duration = Duration::from_secs(10);

/// Makes attempts. One for the process.
pub struct Sender {
    net: Arc<Net>,
    clock: Clock,
    clients: Clients,
    printer: Printer,
    format: LogFormat,
    external_url: Option<Url>,
}

impl Sender {
    /// `out` and `format` are of the channels of kind log; `external_url` is where people find this Probity.
    pub fn new(net: Arc<Net>, clock: Clock, out: Out, format: LogFormat, external_url: Option<Url>) -> Self {
        Self { clients: Clients::new(Arc::clone(&net)), net, clock, printer: Printer::new(out), format, external_url }
    }

    /// Tries once to tell. Never fails: what goes wrong is the answer. `done`: what has been taken before.
    pub async fn send(&self, channel: &Channel, notification: &Notification, marks: Marks, done: &Parts) -> Answer {
        let letter = Letter { notification, marks, external_url: self.external_url.as_ref() };
        let http = Http { sender: self };
        let now = self.clock.wall();
        match &channel.receiver {
            Receiver::Slack(slack) => slack::send(&http, slack, &letter).await,
            Receiver::Email(email) => email::send(&self.net, email, &letter, done).await,
            Receiver::PagerDuty(pagerduty) => pagerduty::send(&http, pagerduty, &letter, done).await,
            Receiver::Webhook(webhook) => webhook::send(&http, webhook, &letter, done, now).await,
            Receiver::Alertmanager(alertmanager) => alertmanager::send(&http, alertmanager, &letter, now).await,
            Receiver::Teams(teams) => teams::send(&http, teams, &letter).await,
            Receiver::Discord(discord) => discord::send(&http, discord, &letter).await,
            Receiver::Telegram(telegram) => telegram::send(&http, telegram, &letter).await,
            Receiver::Log => self.printer.send(self.format, &letter, now).await,
        }
    }

    /// Tells an Alertmanager again what stands there. Other kinds are told nothing twice.
    pub async fn repeat(&self, channel: &Channel, standing: Vec<Alert>) -> Answer {
        let Receiver::Alertmanager(alertmanager) = &channel.receiver else { return Answer::ok("nothing to repeat") };
        let now = self.clock.wall();
        let id = uuid::Uuid::new_v4();
        let notification = Notification {
            id: NotificationId(id.simple().to_string().into()),
            channel: channel.key.clone(),
            group: Group { key: "".into(), labels: Labels::default() },
            why: Why::Repeat,
            alerts: Vec::new(),
            truncated: 0,
            created_at: now,
            correlation_id: id.to_string().into(),
            instead_of: None,
        };
        let letter = Letter { external_url: self.external_url.as_ref(), ..Letter::new(&notification) };
        alertmanager::repeat(&Http { sender: self }, alertmanager, &letter, standing, now).await
    }
}

/// What kinds of HTTP make their calls with.
pub(super) struct Http<'a> {
    sender: &'a Sender,
}

impl Http<'_> {
    /// Makes the call, and has `answer` say what the reply means.
    pub(super) async fn post(
        &self,
        call: &Call<'_>,
        answer: impl FnOnce(&str, &Reply, &Redact) -> Answer + Send,
    ) -> Answer {
        let endpoint = call.endpoint;
        let peer = endpoint.peer();
        let url = call.url.as_ref().unwrap_or(endpoint.url());
        let mut redact = Redact::default().url(url).headers(&endpoint.headers);
        if let Some(secret) = call.secret {
            redact = redact.secret(secret);
        }
        let client = match self.sender.clients.get(&endpoint.tls) {
            Ok(client) => client,
            Err(what) => return Answer::permanent(format!("tls: {what}")),
        };
        let request = match client.request(Method::POST, url.expose().clone()) {
            Ok(request) => request,
            Err(failure) => return Answer::of_failure(&failure, false),
        };
        let mut headers = call.all_headers();
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(concat!("probity/", env!("CARGO_PKG_VERSION"))));
        let response = match request.headers(headers).body(call.body.clone()).send().await {
            Ok(response) => response,
            Err(error) => {
                let sent = !error.is_connect() && !error.is_builder();
                let failure = from_request(&error, &peer);
                return Answer::of_failure(&failure, sent && may_have_been_sent(failure.reason));
            }
        };
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let now = self.sender.clock.wall();
        let retry_after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|value| hint::retry_after(value, now));
        // What it says after its status may be lost on the way; the status counts all the same.
        let body = read_start(response, Reply::BODY_MAX).await.unwrap_or_default();
        answer(peer, &Reply { status, retry_after, headers, body }, &redact)
    }
}

/// Whether a request that failed so may have been taken: not where there was no connection to send it over.
fn may_have_been_sent(reason: Reason) -> bool {
    !matches!(
        reason,
        Reason::Blocked
            | Reason::DNSError
            | Reason::ConnectionRefused
            | Reason::NetworkUnreachable
            | Reason::LocalResources
            | Reason::TLSError
            | Reason::CertificateInvalid
    )
}

/// How often a kind of receiver lets itself be told.
pub(super) fn paces(kind: ReceiverKind) -> &'static [Pace] {
    match kind {
        ReceiverKind::Slack => slack::limits::PACE,
        ReceiverKind::Email => email::limits::PACE,
        ReceiverKind::PagerDuty => pagerduty::limits::PACE,
        ReceiverKind::Webhook => webhook::limits::PACE,
        ReceiverKind::Alertmanager => alertmanager::limits::PACE,
        ReceiverKind::Teams => teams::limits::PACE,
        ReceiverKind::Discord => discord::limits::PACE,
        ReceiverKind::Telegram => telegram::limits::PACE,
        ReceiverKind::Log => log::limits::PACE,
    }
}

/// Whether several notifications of one group that wait go out as one message. Machines get each, as each changes what
/// they hold.
pub(super) fn folds(kind: ReceiverKind) -> bool {
    match kind {
        ReceiverKind::Slack
        | ReceiverKind::Email
        | ReceiverKind::Teams
        | ReceiverKind::Discord
        | ReceiverKind::Telegram => true,
        ReceiverKind::PagerDuty | ReceiverKind::Webhook | ReceiverKind::Alertmanager | ReceiverKind::Log => false,
    }
}

/// Whether the receiver knows a repeat as one: by `dedup_key`, `Idempotency-Key`, the labels of the alert.
pub(super) fn is_idempotent(kind: ReceiverKind) -> bool {
    matches!(kind, ReceiverKind::PagerDuty | ReceiverKind::Webhook | ReceiverKind::Alertmanager)
}
