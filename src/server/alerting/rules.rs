//! `/api/v1/alertrules…`: every AlertRule with its alerts, and why it is what it is.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;
use warp::{Filter, filters::BoxedFilter, reply::Response};

use super::{Meta, absent, list, query_of};
use crate::{
    alert::{Incident, Labels, Shown, desk::MuteKind},
    clock::rfc3339,
    engine::alerts::board::{Board, RuleCell},
    model::{Condition, Kind, ObjectKey},
    server::{
        State, answer,
        routes::{raw_query, with},
        visible::{Visible, visible},
    },
};

/// Alerts of one rule in a list, as many as its status holds; the rule by itself has all of them.
const ALERTS_IN_LIST: usize = 20;

pub(super) fn filter(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    let many = warp::path!("api" / "v1" / "alertrules").and(with(state)).and(raw_query()).and(visible()).then(many);
    let one = warp::path!("api" / "v1" / "alertrules" / String / String).and(with(state)).then(one);
    warp::get().and(many.or(one).unify()).boxed()
}

async fn many(state: Arc<State>, raw: String, visible: Visible) -> Response {
    list(raw, visible, move |which| {
        let rules = state.board.rules();
        let rules = rules.iter().filter(|cell| which.takes(&cell.view().entry));
        rules.map(|cell| Rule::of(&state.board, cell, ALERTS_IN_LIST)).collect()
    })
    .await
}

async fn one(namespace: String, name: String, state: Arc<State>) -> Response {
    match state.board.rule(&ObjectKey::new(namespace, name)) {
        Some(cell) => answer::off_the_runtime(move || answer::json(&Rule::of(&state.board, &cell, usize::MAX))).await,
        None => absent(Kind::AlertRule, "alertrules"),
    }
}

/// Names are those of its status; durations are seconds.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    #[serde(flatten)]
    meta: Meta,
    /// Null when the spec is refused, and so are those that follow.
    alert_name: Option<Arc<str>>,
    severity: Option<&'static str>,
    query: Option<String>,
    /// Null also where the rule acts on change.
    interval: Option<f64>,
    #[serde(rename = "for")]
    hold: Option<f64>,
    keep_firing_for: Option<f64>,
    state: &'static str,
    message: String,
    last_transition_time: String,
    /// That fire, the silenced ones too.
    active: usize,
    pending: usize,
    silenced: usize,
    last_evaluation: Option<Evaluation>,
    last_notification: Option<Notification>,
    /// The channels that are told as things are now.
    channels: Vec<String>,
    /// Those that are not, and why.
    not_told: Vec<NotTold>,
    /// Whether it goes to the log because no channel can be used.
    to_log: bool,
    alerts: Vec<Alert>,
}

#[derive(Serialize)]
struct Evaluation {
    time: String,
    duration: f64,
    result: &'static str,
}

#[derive(Serialize)]
struct Notification {
    channel: String,
    outcome: &'static str,
    time: String,
}

#[derive(Serialize)]
struct NotTold {
    channel: String,
    because: &'static str,
}

impl Rule {
    fn of(board: &Board, cell: &RuleCell, alerts: usize) -> Self {
        let view = cell.view();
        let model = view.model();
        let seconds =
            |of: fn(&crate::model::AlertRule) -> std::time::Duration| model.map(|rule| of(rule).as_secs_f64());
        let acts_on_change = model.is_some_and(|rule| matches!(rule.condition, Condition::HealthCheck { .. }));
        Self {
            meta: Meta::of(&view.entry),
            alert_name: model.map(|rule| rule.alert_name.clone()),
            severity: model.map(|rule| rule.severity.as_str()),
            query: model.map(|rule| query_of(&rule.condition)),
            interval: seconds(|rule| rule.interval).filter(|_| !acts_on_change),
            hold: seconds(|rule| rule.hold),
            keep_firing_for: seconds(|rule| rule.keep_firing_for),
            state: view.is.as_str(),
            message: view.message(),
            last_transition_time: rfc3339(view.since),
            active: view.counts.active(),
            pending: view.counts.pending,
            silenced: view.counts.silenced,
            last_evaluation: cell.evaluated().map(|evaluated| Evaluation {
                time: rfc3339(evaluated.at),
                duration: evaluated.took.as_secs_f64(),
                result: evaluated.result.as_str(),
            }),
            last_notification: cell.notified().map(|notified| Notification {
                channel: notified.channel.to_string(),
                outcome: notified.outcome,
                time: rfc3339(notified.at),
            }),
            channels: view.routes.channels.iter().map(ObjectKey::to_string).collect(),
            not_told: view
                .routes
                .denied
                .iter()
                .map(|(channel, because)| NotTold { channel: channel.to_string(), because: because.as_str() })
                .collect(),
            to_log: view.routes.to_log,
            alerts: cell.alerts().iter().take(alerts).map(|alert| Alert::of(board, alert)).collect(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alert {
    fingerprint: String,
    incident: String,
    name: Arc<str>,
    state: &'static str,
    severity: Option<&'static str>,
    labels: Labels,
    annotations: Labels,
    message: Arc<str>,
    value: Option<String>,
    reason: Option<&'static str>,
    active_at: String,
    /// Null while it is pending.
    starts_at: Option<String>,
    keep_firing_since: Option<String>,
    /// `NAMESPACE/NAME` of Silences.
    silenced_by: Vec<String>,
    /// Of MaintenanceWindows.
    muted_by: Vec<String>,
    inhibited_by: Option<Inhibitor>,
    /// The check that is down and that this one's depends on.
    dependency: Option<Arc<str>>,
    acknowledged: Option<Ack>,
    /// Channels, and how far each has been told: no, waits, told, dead.
    channels: BTreeMap<String, &'static str>,
}

#[derive(Serialize)]
struct Inhibitor {
    rule: String,
    /// None: it has ended by now.
    fingerprint: Option<String>,
}

#[derive(Serialize)]
struct Ack {
    by: Arc<str>,
    comment: Arc<str>,
    at: String,
}

impl Alert {
    fn of(board: &Board, shown: &Shown) -> Self {
        let episode = &shown.episode;
        let muted = |kind: MuteKind| {
            let mutes = shown.suppressed.mutes.iter().filter(|mute| mute.kind == kind);
            mutes.map(|mute| mute.object.to_string()).collect()
        };
        let fingerprint = |rule: &ObjectKey, incident: Incident| {
            Some(board.rule(rule)?.alert(incident)?.episode.fingerprint.to_string())
        };
        let inhibitor = shown.suppressed.inhibited.as_ref();
        Self {
            fingerprint: episode.fingerprint.to_string(),
            incident: episode.incident.to_string(),
            name: episode.name.clone(),
            state: shown.is().as_str(),
            severity: episode.severity.map(|severity| severity.as_str()),
            labels: episode.labels.clone(),
            annotations: episode.annotations.clone(),
            message: episode.message.clone(),
            value: episode.value.map(|value| value.to_string()),
            reason: episode.reason.map(|reason| reason.as_str()),
            active_at: rfc3339(episode.active.wall),
            starts_at: episode.fired.map(|moment| rfc3339(moment.wall)),
            keep_firing_since: episode.keeping.map(|moment| rfc3339(moment.wall)),
            silenced_by: muted(MuteKind::Silence),
            muted_by: muted(MuteKind::MaintenanceWindow),
            inhibited_by: inhibitor.map(|(rule, incident)| Inhibitor {
                rule: rule.to_string(),
                fingerprint: fingerprint(rule, *incident),
            }),
            dependency: shown.suppressed.dependency.clone(),
            acknowledged: shown.ack.as_ref().map(|ack| Ack {
                by: ack.by.clone(),
                comment: ack.comment.clone(),
                at: rfc3339(ack.at),
            }),
            channels: shown.channels.iter().map(|(channel, told)| (channel.to_string(), told.as_str())).collect(),
        }
    }
}
