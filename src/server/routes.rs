//! Every endpoint, in one table, and the warp filters behind them.
//!
//! The table is what the `endpoint` label, the 405s, the page at `/` and the OpenAPI document are made of; what is
//! not in it is not served, whatever the filters would take.

use std::sync::Arc;

use hyper::Method;
use warp::{Filter, filters::BoxedFilter, reply::Response};

use super::{Limits, State, ack, alerting, audit, checks, health, history, meta, scrape, sla, trial, v2, why};
use crate::model::Kind;

/// One endpoint: a path and what is done there.
pub(super) struct Route {
    pub(super) verb: Verb,
    /// As the `endpoint` label and the OpenAPI document write it.
    pub(super) template: &'static str,
    /// For people and for `operationId`.
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    /// Query parameters: name, what it does, an example.
    pub(super) query: &'static [(&'static str, &'static str, &'static str)],
    /// The name of the answer's schema; None for text.
    pub(super) schema: Option<&'static str>,
    pub(super) content_type: &'static str,
    /// Whether it answers without a token on any address: what kubelets and Prometheus ask.
    pub(super) open: bool,
    /// What it asks of whoever comes, in a cluster.
    pub(super) asks: Asks,
    /// Whether successful requests are worth a debug line only.
    pub(super) quiet: bool,
    /// Statuses beside 200, the general errors apart.
    pub(super) also: &'static [(u16, &'static str)],
}

/// What is done at an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verb {
    /// GET, and HEAD.
    Get,
    Post,
    Delete,
}

impl Verb {
    fn of(method: &Method) -> Option<Self> {
        match *method {
            Method::GET | Method::HEAD => Some(Self::Get),
            Method::POST => Some(Self::Post),
            Method::DELETE => Some(Self::Delete),
            _ => None,
        }
    }

    /// As the OpenAPI document writes it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Delete => "delete",
        }
    }
}

/// What an endpoint asks of whoever comes, in a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    Nothing,
    /// A token that the cluster knows. What its owner may do there, the handler asks: see [`super::caller`].
    Token,
    /// That its owner may list HealthChecks; the answer holds those of the namespaces where that is so.
    List,
    /// That its owner may get the HealthCheck that the path names.
    Get,
    /// That its owner may list objects of this kind; the answer holds those of the namespaces where that is so.
    ListOf(Kind),
    /// That its owner may get the object of this kind that the path names.
    GetOf(Kind),
    /// That its owner may list AlertRules; the answer holds what is of the namespaces where that is so.
    ListAlerts,
}

impl Route {
    const fn json(template: &'static str, id: &'static str, schema: &'static str, summary: &'static str) -> Self {
        let content_type = "application/json";
        Self {
            verb: Verb::Get,
            template,
            id,
            summary,
            query: &[],
            schema: Some(schema),
            content_type,
            open: false,
            asks: Asks::Token,
            quiet: false,
            also: &[],
        }
    }

    /// It changes something.
    const fn verb(self, verb: Verb) -> Self {
        Self { verb, ..self }
    }

    const fn open(self) -> Self {
        Self { open: true, asks: Asks::Nothing, ..self }
    }

    const fn asks(self, asks: Asks) -> Self {
        Self { asks, ..self }
    }

    const fn quiet(self) -> Self {
        Self { quiet: true, ..self }
    }

    const fn query(self, query: &'static [(&'static str, &'static str, &'static str)]) -> Self {
        Self { query, ..self }
    }

    const fn also(self, also: &'static [(u16, &'static str)]) -> Self {
        Self { also, ..self }
    }

    const fn text(self, content_type: &'static str) -> Self {
        Self { content_type, schema: None, ..self }
    }
}

const NAMESPACE: (&str, &str, &str) = ("namespace", "only what is in this namespace", "default");
const SELECTOR: (&str, &str, &str) =
    ("selector", "only what has these labels: a Kubernetes label selector", "tier=backend");
const NOT_THERE: (u16, &str) = (404, "there is no such HealthCheck");

const FILTER: (&str, &str, &str) =
    ("filter", "only those with labels like this; may be given several times", "alertname=\"A\"");
const ALERTS: [(&str, &str, &str); 7] = [
    FILTER,
    ("active", "false: without those that are told", "true"),
    ("silenced", "false: without those that a silence mutes", "true"),
    ("inhibited", "false: without those that another alert inhibits", "true"),
    ("muted", "false: without those that a maintenance window mutes", "true"),
    ("unprocessed", "changes nothing: every alert that fires is processed", "true"),
    ("receiver", "only those of channels whose NAMESPACE/NAME is like this: a regular expression", "monitoring/.*"),
];
const NO_SILENCE: (u16, &str) = (404, "there is no silence of this id");
const NO_ALERT: (u16, &str) = (404, "no such alert fires");
const PENDING: (u16, &str) = (409, "the alert does not fire yet");

/// What is served.
pub(super) static ROUTES: &[Route] = &[
    Route::json("/", "index", "", "This list, as a page for people").text("text/html; charset=utf-8"),
    Route::json("/health", "health", "Health", "The process serves").open().quiet(),
    Route::json("/health/", "healthSlash", "Health", "The same as /health").open().quiet(),
    Route::json("/health/detailed", "healthDetailed", "Detailed", "How every check is, and the worst of them")
        .asks(Asks::Nothing)
        .quiet()
        .query(&[NAMESPACE, SELECTOR]),
    Route::json("/health/readiness", "readiness", "Readiness", "Whether this instance can do its work")
        .open()
        .quiet()
        .query(&[(
            "checks",
            "also demand that the HealthChecks with these labels are Healthy or Degraded, and that there is one",
            "tier=backend",
        )])
        .also(&[(503, "not ready; says what is not")]),
    Route::json("/health/liveness", "liveness", "Liveness", "Whether scheduler and engine make progress")
        .open()
        .quiet()
        .also(&[(503, "no progress for 60 s; says what stands still")]),
    Route::json("/metrics", "metrics", "", "Metrics in the Prometheus text format; gzip where accepted")
        .text(crate::metrics::CONTENT_TYPE)
        .open()
        .quiet(),
    Route::json(
        "/metrics/business",
        "metricsBusiness",
        "Business",
        "Measurements that have a report path, nested by it",
    )
    .asks(Asks::List),
    Route::json(
        "/api/v1/healthchecks",
        "listHealthChecks",
        "HealthCheckList",
        "Every HealthCheck: state, figures, targets",
    )
    .asks(Asks::List)
    .query(&[NAMESPACE, SELECTOR]),
    Route::json(
        "/api/v1/healthchecks/{namespace}/{name}",
        "getHealthCheck",
        "HealthCheck",
        "One HealthCheck: state, figures, targets",
    )
    .asks(Asks::Get)
    .also(&[NOT_THERE]),
    Route::json(
        "/api/v1/healthchecks/{namespace}/{name}/history",
        "getHealthCheckHistory",
        "History",
        "What was seen of one HealthCheck, in buckets",
    )
    .asks(Asks::Get)
    .query(&[
        ("window", "how far back: 5m to 100d", "1h"),
        ("target", "of several targets the one that is called so, as in `details`", "the first"),
    ])
    .also(&[NOT_THERE]),
    Route::json("/api/v1/rules", "listRules", "Rules", "Rules and their alerts, as Prometheus tells them")
        .asks(Asks::ListAlerts)
        .query(&[
            ("type", "alert, or record: of which there are none", "alert"),
            ("rule_name[]", "only rules of this alertname; may be given again", "HighErrorRate"),
            ("rule_group[]", "only this AlertRule, by its name; may be given again", "high-error-rate"),
            ("file[]", "only rules of this namespace; may be given again", "shop"),
            ("match[]", "only rules with these labels; may be given again", "{severity=\"high\"}"),
            ("exclude_alerts", "true: without their alerts", "true"),
            ("group_limit", "rules of one answer", "100"),
            ("group_next_token", "`groupNextToken` of the answer before", "shop/high-error-rate"),
            NAMESPACE,
        ]),
    Route::json("/api/v1/alerts", "listAlerts", "Alerts", "Alerts that are pending or fire, as Prometheus tells them")
        .asks(Asks::ListAlerts)
        .query(&[
            ("rule_name[]", "only alerts of this name; may be given again", "HighErrorRate"),
            ("rule_group[]", "only alerts of this AlertRule, by its name; may be given again", "high-error-rate"),
            ("file[]", "only alerts of this namespace; may be given again", "shop"),
            ("match[]", "only alerts of rules with these labels; may be given again", "{severity=\"high\"}"),
            NAMESPACE,
        ]),
    Route::json(
        "/api/v1/alertrules",
        "listAlertRules",
        "AlertRuleList",
        "Every AlertRule: state, alerts, whom it tells",
    )
    .asks(Asks::ListOf(Kind::AlertRule))
    .query(&[NAMESPACE, SELECTOR]),
    Route::json(
        "/api/v1/alertrules/{namespace}/{name}",
        "getAlertRule",
        "AlertRule",
        "One AlertRule with all its alerts",
    )
    .asks(Asks::GetOf(Kind::AlertRule))
    .also(&[(404, "there is no such AlertRule")]),
    Route::json(
        "/api/v1/channels",
        "listChannels",
        "ChannelList",
        "Every NotificationChannel, and whether what it is told arrives",
    )
    .asks(Asks::ListOf(Kind::NotificationChannel))
    .query(&[NAMESPACE, SELECTOR]),
    Route::json("/api/v1/channels/{namespace}/{name}", "getChannel", "Channel", "One NotificationChannel")
        .asks(Asks::GetOf(Kind::NotificationChannel))
        .also(&[(404, "there is no such NotificationChannel")]),
    Route::json(
        "/api/v1/channels/{namespace}/{name}/test",
        "testChannel",
        "ChannelTest",
        "Tries a channel now: its receiver is sent a notification that says that it is a test. The body may say who does: \
         {\"by\": \"ann\"}",
    )
    .verb(Verb::Post)
    .also(&[
        (404, "there is no such NotificationChannel; names those that whoever asks may list"),
        (409, "it is refused, and why"),
        (429, "it is being tried, or too many are, or were within a minute"),
    ]),
    Route::json("/api/v1/silences", "listSilences", "SilenceList", "Every Silence, and how many alerts it mutes")
        .asks(Asks::ListOf(Kind::Silence))
        .query(&[NAMESPACE, SELECTOR]),
    Route::json("/api/v1/silences/{namespace}/{name}", "getSilence", "Silence", "One Silence")
        .asks(Asks::GetOf(Kind::Silence))
        .also(&[(404, "there is no such Silence")]),
    Route::json(
        "/api/v1/slotargets",
        "listSloTargets",
        "SloTargetList",
        "Every SLOTarget: how it stands, its budget, what was not seen",
    )
    .asks(Asks::ListOf(Kind::SloTarget))
    .query(&[NAMESPACE, SELECTOR]),
    Route::json("/api/v1/slotargets/{namespace}/{name}", "getSloTarget", "SloTarget", "One SLOTarget")
        .asks(Asks::GetOf(Kind::SloTarget))
        .also(&[(404, "there is no such SLOTarget")]),
    Route::json(
        "/monitoring/sla",
        "slaReport",
        "SlaReport",
        "Every SLOTarget in a few figures, by the name that it reports as, and the worst of them",
    )
    .asks(Asks::ListOf(Kind::SloTarget))
    .query(&[NAMESPACE]),
    Route::json("/monitoring/sla/{metric}", "slaMetric", "SlaMetric", "One of them")
        .asks(Asks::ListOf(Kind::SloTarget))
        .query(&[NAMESPACE])
        .also(&[(404, "no SLOTarget reports as that; says which names there are")]),
    Route::json(
        "/api/v1/audit",
        "listAudit",
        "AuditPage",
        "The audit trail, oldest first: every transition, what was told to whom, what was not and why",
    )
    .asks(Asks::ListAlerts)
    .query(&[
        ("since", "rows from this moment on: RFC 3339, or how long ago", "24h"),
        ("until", "rows before this moment", "2027-01-15T08:00:00Z"),
        ("alert", "rows about alerts of this name or fingerprint, and the attempts at telling them", "HighErrorRate"),
        ("rule", "rows about alerts of this AlertRule: NAME or NAMESPACE/NAME", "shop/high-error-rate"),
        ("notification", "rows about the notification of this id", "6f1c…"),
        ("kind", "rows of this kind", "notification"),
        NAMESPACE,
        (
            "limit",
            "rows of one answer: 1 to 1000, 100 by default; with few that fit there may be fewer, and a `next`",
            "100",
        ),
        ("after", "`next` of the answer before", "1800000000000:3:17"),
        ("order", "time, or chain: as the rows hang together, to be proven; then without filters", "time"),
    ]),
    Route::json(
        "/api/v1/why",
        "why",
        "Why",
        "What happened to an alert, who was told and who was not, and why; or why a rule has none",
    )
    .asks(Asks::ListAlerts)
    .query(&[
        (
            "alert",
            "an alert's name or fingerprint (or how it begins), or a rule: NAMESPACE/NAME or NAME",
            "HighErrorRate",
        ),
        ("at", "how it stood at this moment: RFC 3339, or how long ago", "90m"),
        ("since", "from this moment on; as far back as the newest episode goes where it is absent", "7d"),
        NAMESPACE,
    ])
    .also(&[(404, "nothing is known of it")]),
    Route::json(
        "/api/v1/alerts/{fingerprint}/ack",
        "acknowledge",
        "Acknowledgement",
        "Somebody acts on an alert: until it is resolved it is not escalated and not repeated. The body may say who and why: \
         {\"by\": \"ann\", \"comment\": \"…\"}",
    )
    .verb(Verb::Post)
    .also(&[NO_ALERT, PENDING]),
    Route::json("/api/v1/alerts/{fingerprint}/ack", "unacknowledge", "Acknowledgement", "Nobody acts on the alert any more")
        .verb(Verb::Delete)
        .also(&[NO_ALERT, PENDING]),
    Route::json("/api/v2/alerts", "listAlertmanagerAlerts", "AlertmanagerAlerts", "What fires, as Alertmanager tells it")
        .asks(Asks::ListAlerts)
        .query(&ALERTS),
    Route::json(
        "/api/v2/alerts/groups",
        "listAlertmanagerGroups",
        "AlertmanagerGroups",
        "What fires, by channel and by the labels that it groups by",
    )
    .asks(Asks::ListAlerts)
    .query(&ALERTS),
    Route::json("/api/v2/receivers", "listAlertmanagerReceivers", "AlertmanagerReceivers", "Channels, by name")
        .asks(Asks::ListOf(Kind::NotificationChannel)),
    Route::json("/api/v2/status", "alertmanagerStatus", "AlertmanagerStatus", "What Alertmanager's clients ask first"),
    Route::json("/api/v2/silences", "listAlertmanagerSilences", "AlertmanagerSilences", "Every silence")
        .asks(Asks::ListOf(Kind::Silence))
        .query(&[
            FILTER,
            ("active", "false: without those in force", "true"),
            ("pending", "false: without those that are to begin", "true"),
            ("expired", "false: without those that are over", "true"),
        ]),
    Route::json(
        "/api/v2/silences",
        "setAlertmanagerSilence",
        "AlertmanagerSilenceId",
        "Makes a silence, or with an `id` changes one. It is in the operator's namespace, unless it has one matcher `namespace=`",
    )
    .verb(Verb::Post)
    .also(&[(400, "what is wrong with it, as a JSON text"), (404, "there is no silence of this id"), (422, "a field is missing")]),
    Route::json("/api/v2/silence/{id}", "getAlertmanagerSilence", "AlertmanagerSilence", "One silence").also(&[NO_SILENCE]),
    Route::json("/api/v2/silence/{id}", "expireAlertmanagerSilence", "Nothing", "Ends a silence now")
        .verb(Verb::Delete)
        .also(&[NO_SILENCE, (500, "why it cannot be ended, as a JSON text")]),
    Route::json("/api/v1/openapi.json", "openapi", "OpenApi", "This API, as OpenAPI 3.1"),
];

/// The endpoint of a path, for this method if there is one.
pub(super) fn find(method: &Method, path: &str) -> Option<&'static Route> {
    let first = ROUTES.iter().find(|route| fits(route.template, path))?;
    Some(first.siblings().find(|route| route.takes(method)).unwrap_or(first))
}

impl Route {
    pub(super) fn takes(&self, method: &Method) -> bool {
        Verb::of(method) == Some(self.verb)
    }

    pub(super) fn is_read(&self) -> bool {
        self.verb == Verb::Get
    }

    /// All of this path.
    fn siblings(&self) -> impl Iterator<Item = &'static Self> + use<> {
        let template = self.template;
        ROUTES.iter().filter(move |route| route.template == template)
    }

    /// What this path takes, for the header Allow.
    pub(super) fn allowed(&self) -> String {
        let names = self.siblings().map(|route| match route.verb {
            Verb::Get => "GET, HEAD",
            Verb::Post => "POST",
            Verb::Delete => "DELETE",
        });
        names.collect::<Vec<_>>().join(", ")
    }
}

fn fits(template: &str, path: &str) -> bool {
    let mut path = path.split('/');
    let same = template.split('/').all(|want| match path.next() {
        Some(segment) if want.starts_with('{') => !segment.is_empty(),
        Some(segment) => want == segment,
        None => false,
    });
    same && path.next().is_none()
}

/// The filters, all in one. What none of them takes is a rejection, which the front turns into an error of ours.
pub(super) fn filter(state: &Arc<State>, limits: &Limits) -> BoxedFilter<(Response,)> {
    meta::filter()
        .or(health::filter(state, limits.stall))
        .unify()
        .or(scrape::filter(state))
        .unify()
        .or(checks::filter(state))
        .unify()
        .or(history::filter(state))
        .unify()
        .or(audit::filter(state))
        .unify()
        .or(alerting::filter(state))
        .unify()
        .or(sla::filter(state))
        .unify()
        .or(why::filter(state))
        .unify()
        .or(ack::filter(state))
        .unify()
        .or(trial::filter(state))
        .unify()
        .or(v2::filter(state))
        .unify()
        .boxed()
}

/// The state, for a handler.
pub(super) fn with<T: Clone + Send + Sync + 'static>(
    value: &T,
) -> impl Filter<Extract = (T,), Error = std::convert::Infallible> + Clone + use<T> {
    let value = value.clone();
    warp::any().map(move || value.clone())
}

/// The raw query, empty when there is none.
pub(super) fn raw_query() -> BoxedFilter<(String,)> {
    warp::query::raw().or(warp::any().map(String::new)).unify().boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_the_template_that_it_fits_and_no_other() {
        for (path, want) in [
            ("/", Some("/")),
            ("/health", Some("/health")),
            ("/health/", Some("/health/")),
            ("/health//", None),
            ("/health/detailed", Some("/health/detailed")),
            ("/health/detailed/", None),
            ("/api/v1/healthchecks/web/api", Some("/api/v1/healthchecks/{namespace}/{name}")),
            ("/api/v1/healthchecks/web/", None),
            ("/api/v1/healthchecks/web", None),
            ("/api/v1/healthchecks/web/api/history", Some("/api/v1/healthchecks/{namespace}/{name}/history")),
            ("/api/v1/healthchecks//api/history", None),
            ("", None),
            ("*", None),
            ("/favicon.ico", None),
        ] {
            assert_eq!(find(&Method::GET, path).map(|route| route.template), want, "{path}");
        }
    }

    #[test]
    fn ids_and_templates_are_there_once() {
        for (at, route) in ROUTES.iter().enumerate() {
            for other in &ROUTES[at + 1..] {
                assert_ne!(route.id, other.id);
                assert_ne!((route.verb, route.template), (other.verb, other.template));
            }
        }
    }
}
