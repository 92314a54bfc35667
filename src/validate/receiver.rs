//! What is at the end of a NotificationChannel.

use std::sync::Arc;

use hyper::header::{HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use url::Url;

use super::{checker::Checker, field::FieldPath, http, tls};
use crate::{
    api::{
        AlertmanagerSpec, DiscordSpec, EmailSpec, HeaderSpec, HmacSpec, LoginSpec, NotificationChannelSpec,
        PagerDutySpec, SlackSpec, TeamsSpec, TelegramSpec, TextSource, TlsSpec, WebhookSpec,
    },
    model::{
        Address, Alertmanager, Discord, Email, Header, Hmac, HttpEndpoint, Login, MailSecurity, Mailbox, MailboxError,
        PagerDuty, Receiver, Secret, Slack, Teams, Telegram, Tls, Webhook,
    },
};

/// The fields of which exactly one is set.
const KINDS: [&str; 9] =
    ["slack", "email", "pagerduty", "webhook", "alertmanager", "teams", "discord", "telegram", "log"];

/// Message submission (RFC 6409), and the same with TLS from the first byte (RFC 8314).
const SUBMISSION: u16 = 587;
const SUBMISSIONS: u16 = 465;

pub fn receiver(checker: &mut Checker<'_>, path: &FieldPath, spec: &NotificationChannelSpec) -> Option<Receiver> {
    checker.exactly_one(path, &KINDS);
    // Each that is there is judged, so that every mistake is told at once.
    let found = [
        spec.slack.as_ref().map(|spec| slack(checker, &path.field("slack"), spec)),
        spec.email.as_ref().map(|spec| email(checker, &path.field("email"), spec)),
        spec.pagerduty.as_ref().map(|spec| pagerduty(checker, &path.field("pagerduty"), spec)),
        spec.webhook.as_ref().map(|spec| webhook(checker, &path.field("webhook"), spec)),
        spec.alertmanager.as_ref().map(|spec| alertmanager(checker, &path.field("alertmanager"), spec)),
        spec.teams.as_ref().map(|spec| teams(checker, &path.field("teams"), spec)),
        spec.discord.as_ref().map(|spec| discord(checker, &path.field("discord"), spec)),
        spec.telegram.as_ref().map(|spec| telegram(checker, &path.field("telegram"), spec)),
        spec.log.as_ref().map(|_| Some(Receiver::Log)),
    ];
    found.into_iter().flatten().next()?
}

fn slack(checker: &mut Checker<'_>, path: &FieldPath, spec: &SlackSpec) -> Option<Receiver> {
    let endpoint = endpoint(checker, path, &spec.url, None, spec.tls.as_ref())?;
    Some(Receiver::Slack(Slack { endpoint }))
}

fn teams(checker: &mut Checker<'_>, path: &FieldPath, spec: &TeamsSpec) -> Option<Receiver> {
    Some(Receiver::Teams(Teams { endpoint: endpoint(checker, path, &spec.url, None, None)? }))
}

fn discord(checker: &mut Checker<'_>, path: &FieldPath, spec: &DiscordSpec) -> Option<Receiver> {
    let endpoint = endpoint(checker, path, &spec.url, None, None)?;
    Some(Receiver::Discord(Discord { endpoint, username: spec.username.as_deref().map(Arc::from) }))
}

fn webhook(checker: &mut Checker<'_>, path: &FieldPath, spec: &WebhookSpec) -> Option<Receiver> {
    let endpoint = endpoint(checker, path, &spec.url, spec.headers.as_deref(), spec.tls.as_ref());
    let hmac = spec.hmac.as_ref().map(|spec| hmac(checker, &path.field("hmac"), spec));
    Some(Receiver::Webhook(Webhook { endpoint: endpoint?, hmac: hmac.map_or(Some(None), |hmac| hmac.map(Some))? }))
}

fn hmac(checker: &mut Checker<'_>, path: &FieldPath, spec: &HmacSpec) -> Option<Hmac> {
    let secret = checker.credential(&path.field("secret"), &spec.secret);
    let previous = spec.previous.as_ref().map(|spec| checker.credential(&path.field("previous"), spec));
    // The schema lets nothing else through than what a header's name may be.
    let signature_header = HeaderName::try_from(spec.header.as_str()).ok()?;
    let timestamp_header = HeaderName::try_from(spec.timestamp_header.as_str()).ok()?;
    let previous = previous.map_or(Some(None), |previous| previous.map(Some))?;
    Some(Hmac { secret: secret?, previous, signature_header, timestamp_header })
}

fn alertmanager(checker: &mut Checker<'_>, path: &FieldPath, spec: &AlertmanagerSpec) -> Option<Receiver> {
    let shared = shared(checker, path, spec.headers.as_deref(), spec.tls.as_ref());
    let urls: Vec<_> =
        spec.urls.iter().enumerate().map(|(at, spec)| url(checker, &path.field("urls").index(at), spec)).collect();
    let (headers, tls) = shared?;
    let at = path.field("urls");
    let mut endpoints = Vec::new();
    for url in urls {
        endpoints.push(made(checker, &at, url?, headers.clone(), tls.clone())?);
    }
    let made = Alertmanager::new(endpoints).map_err(|error| checker.refuse(&at, error.to_string())).ok()?;
    Some(Receiver::Alertmanager(made))
}

fn pagerduty(checker: &mut Checker<'_>, path: &FieldPath, spec: &PagerDutySpec) -> Option<Receiver> {
    let routing_key = checker.credential(&path.field("routingKey"), &spec.routing_key);
    let at = path.field("url");
    let url = checker.url(&at, &spec.url, "routingKey")?;
    let endpoint = made(checker, &at, url, Vec::new(), Tls::default().shared())?;
    Some(Receiver::PagerDuty(PagerDuty { endpoint, routing_key: routing_key? }))
}

fn telegram(checker: &mut Checker<'_>, path: &FieldPath, spec: &TelegramSpec) -> Option<Receiver> {
    let token = checker.credential(&path.field("token"), &spec.token);
    let at = path.field("url");
    let url = checker.url(&at, &spec.url, "token")?;
    let endpoint = made(checker, &at, url, Vec::new(), Tls::default().shared())?;
    let chat = spec.chat.as_str().into();
    Some(Receiver::Telegram(Telegram { endpoint, token: token?, chat, thread: spec.thread, silent: spec.silent }))
}

fn email(checker: &mut Checker<'_>, path: &FieldPath, spec: &EmailSpec) -> Option<Receiver> {
    let from = mailbox(checker, &path.field("from"), &spec.from);
    let to: Vec<_> =
        spec.to.iter().enumerate().map(|(at, text)| mailbox(checker, &path.field("to").index(at), text)).collect();
    let login = spec.auth.as_ref().map(|spec| login(checker, &path.field("auth"), spec));
    let settings = tls::settings(checker, &path.field("tls"), spec.tls.as_ref());
    let has_tls = checker.is_set(&path.field("tls"));
    let starts = spec.start_tls.unwrap_or(!has_tls);
    if login.is_some() && !starts && !has_tls {
        checker.refuse(&path.field("auth"), "a password never goes in the clear: leave startTLS out, or set tls");
        return None;
    }
    let port = spec.port.map_or(if has_tls && !starts { SUBMISSIONS } else { SUBMISSION }, |port| {
        u16::try_from(port).unwrap_or(SUBMISSION)
    });
    let address: Address = checker.server(&path.field("host"), &spec.host, port)?;
    let login = login.map_or(Some(None), |login| login.map(Some))?;
    let tls = settings?.shared();
    let security = match (starts, has_tls) {
        (true, _) => MailSecurity::StartTls { tls, login },
        (false, true) => MailSecurity::Tls { tls, login },
        (false, false) => MailSecurity::Plain,
    };
    let to = to.into_iter().collect::<Option<Vec<_>>>()?;
    let hello = spec.hello.as_deref().map(Arc::from);
    Some(Receiver::Email(Box::new(Email { address, from: from?, to, security, hello })))
}

fn login(checker: &mut Checker<'_>, path: &FieldPath, spec: &LoginSpec) -> Option<Login> {
    let username = checker.text(&path.field("username"), &spec.username);
    let password = checker.credential(&path.field("password"), &spec.password);
    Some(Login { username: username?.value, password: password? })
}

fn mailbox(checker: &mut Checker<'_>, path: &FieldPath, text: &str) -> Option<Mailbox> {
    text.parse()
        .map_err(|error: MailboxError| {
            checker.refuse_with(path, error.to_string(), "such as ops@example.org");
        })
        .ok()
}

/// A URL that may be a credential: what is wrong with it is said without it.
fn url(checker: &mut Checker<'_>, path: &FieldPath, source: &TextSource) -> Option<Url> {
    let text = checker.text(path, source)?;
    let parsed = Url::parse(text.value.expose().trim_end_matches(['\n', '\r'])).ok();
    let url = parsed.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if url.is_none() {
        let at = if text.is_secret { path.field("valueFrom") } else { path.field("value") };
        checker.refuse(&at, "the URL must begin with http:// or https:// and name a host");
    }
    url
}

type Shared = (Vec<Header>, Arc<Tls>);

fn shared(
    checker: &mut Checker<'_>,
    path: &FieldPath,
    headers: Option<&[HeaderSpec]>,
    tls_spec: Option<&TlsSpec>,
) -> Option<Shared> {
    let headers = http::headers(checker, &path.field("headers"), headers.unwrap_or_default());
    let tls = tls::settings(checker, &path.field("tls"), tls_spec);
    Some((headers?, tls?.shared()))
}

fn endpoint(
    checker: &mut Checker<'_>,
    path: &FieldPath,
    source: &TextSource,
    headers: Option<&[HeaderSpec]>,
    tls: Option<&TlsSpec>,
) -> Option<HttpEndpoint> {
    let at = path.field("url");
    let url = url(checker, &at, source);
    let (headers, tls) = shared(checker, path, headers, tls)?;
    made(checker, &at, url?, headers, tls)
}

fn made(
    checker: &mut Checker<'_>,
    path: &FieldPath,
    mut url: Url,
    mut headers: Vec<Header>,
    tls: Arc<Tls>,
) -> Option<HttpEndpoint> {
    // What stands before an @ is a name and a password, as everybody's client takes it (RFC 7617).
    if let Some(value) = basic(&url) {
        headers.push(Header { name: hyper::header::AUTHORIZATION, value });
        let _ = url.set_username("");
        let _ = url.set_password(None);
    }
    HttpEndpoint::new(url, headers, tls).map_err(|error| checker.refuse(path, error.to_string())).ok()
}

fn basic(url: &Url) -> Option<HeaderValue> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let (name, password) = (url.username(), url.password());
    if name.is_empty() && password.is_none() {
        return None;
    }
    let plain = |text: &str| Secret::new(percent_decode_str(text).decode_utf8_lossy().into_owned());
    let pair = format!("{}:{}", plain(name).expose(), plain(password.unwrap_or_default()).expose());
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair))).ok()?;
    value.set_sensitive(true);
    Some(value)
}
