//! `/api/v2/alerts` and `/api/v2/alerts/groups`: what fires now.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde::Serialize;
use warp::{Filter, filters::BoxedFilter, reply::Response};

use super::params::Params;
use crate::{
    alert::{
        self, Fingerprint, Incident, Labels, Matchers, Phase, Shown,
        desk::{MuteKind, Routes},
    },
    clock::{WallMs, rfc3339},
    model::{Grouping, ObjectKey, Pattern},
    server::{
        State,
        answer::{self, ApiError},
        routes::{raw_query, with},
        visible::{Visible, visible},
    },
};

/// How long a client may take an alert for firing without asking again, as with Prometheus: four times a minute.
const VALID: i64 = 4 * 60_000;

pub(super) fn filter(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    let alerts = warp::path!("api" / "v2" / "alerts").and(with(state)).and(raw_query()).and(visible()).then(alerts);
    let groups =
        warp::path!("api" / "v2" / "alerts" / "groups").and(with(state)).and(raw_query()).and(visible()).then(groups);
    warp::get().and(alerts.or(groups).unify()).boxed()
}

/// Which alerts are asked for.
struct Which {
    matchers: Matchers,
    receiver: Option<Pattern>,
    active: bool,
    silenced: bool,
    inhibited: bool,
    muted: bool,
}

impl Which {
    fn parse(raw: &str) -> Result<Self, ApiError> {
        let params = Params::parse(raw);
        // Every alert that fires has been looked at by those who decide whom to tell: none is unprocessed.
        params.wants("unprocessed")?;
        Ok(Self {
            matchers: params.matchers()?,
            receiver: params.receiver()?,
            active: params.wants("active")?,
            silenced: params.wants("silenced")?,
            inhibited: params.wants("inhibited")?,
            muted: params.wants("muted")?,
        })
    }

    fn takes(&self, alert: &Alert) -> bool {
        let Status { state, silenced_by, inhibited_by, muted_by } = &alert.status;
        (self.active || *state != ACTIVE)
            && (self.silenced || silenced_by.is_empty())
            && (self.inhibited || inhibited_by.is_empty())
            && (self.muted || muted_by.is_empty())
            && self.matchers.matches(&alert.labels)
            && self.receives(alert.receivers.iter().map(|receiver| &*receiver.name))
    }

    fn receives<'a>(&self, mut names: impl Iterator<Item = &'a str>) -> bool {
        self.receiver.as_ref().is_none_or(|receiver| names.any(|name| receiver.is_match(name.as_bytes())))
    }
}

async fn alerts(state: Arc<State>, raw: String, visible: Visible) -> Response {
    answered(state, raw, visible, |which, found, _| {
        let mut wanted: Vec<Alert> =
            found.into_iter().map(|(_, alert)| alert).filter(|alert| which.takes(alert)).collect();
        wanted.sort_by(|a, b| (a.fingerprint, &a.labels).cmp(&(b.fingerprint, &b.labels)));
        answer::json(&wanted)
    })
    .await
}

async fn groups(state: Arc<State>, raw: String, visible: Visible) -> Response {
    answered(state, raw, visible, |which, found, state| {
        let mut wanted = found;
        wanted.retain(|(_, alert)| which.takes(alert));
        let by: HashMap<ObjectKey, Grouping> = state
            .board
            .channels()
            .iter()
            .filter_map(|view| Some((view.entry.id.key.clone(), view.model()?.grouping.clone())))
            .collect();
        answer::json(&grouped(&which, &wanted, &by))
    })
    .await
}

async fn answered(
    state: Arc<State>,
    raw: String,
    visible: Visible,
    make: impl FnOnce(Which, Vec<(Routes, Alert)>, &State) -> Response + Send + 'static,
) -> Response {
    // Expressions are compiled there, too.
    answer::off_the_runtime(move || match Which::parse(&raw) {
        Ok(which) => make(which, found(&state, &visible), &state),
        Err(error) => error.response(),
    })
    .await
}

/// Everything that fires and may be seen, with whom it is told to.
fn found(state: &State, visible: &Visible) -> Vec<(Routes, Alert)> {
    let (rules, now) = (state.board.rules(), state.clock.wall());
    // Who inhibits is known by its incident, and told by its fingerprint.
    let fingerprints: HashMap<Incident, Fingerprint> = rules
        .iter()
        .flat_map(|rule| rule.alerts())
        .map(|alert| (alert.episode.incident, alert.episode.fingerprint))
        .collect();
    let mut found = Vec::new();
    for rule in rules.iter().filter(|rule| visible.takes(&rule.key.namespace)) {
        let routes = rule.view().routes.clone();
        for shown in rule.alerts() {
            if shown.episode.phase == Phase::Firing {
                let alert = shape(&shown, &routes, &fingerprints, |key| state.silences.id(key), now);
                found.push((routes.clone(), alert));
            }
        }
    }
    found
}

/// `gettableAlert` of Alertmanager's OpenAPI.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alert {
    labels: Labels,
    annotations: Labels,
    starts_at: String,
    /// Until when a client may take it for firing.
    ends_at: String,
    updated_at: String,
    fingerprint: Fingerprint,
    receivers: Vec<Receiver>,
    status: Status,
}

#[derive(Serialize, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Receiver {
    name: Arc<str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    state: &'static str,
    /// Ids of silences.
    silenced_by: Vec<Arc<str>>,
    /// Fingerprints of alerts.
    inhibited_by: Vec<String>,
    /// Maintenance windows, and checks that are down and explain it.
    muted_by: Vec<String>,
}

const ACTIVE: &str = "active";
const SUPPRESSED: &str = "suppressed";

fn shape(
    shown: &Shown,
    routes: &Routes,
    fingerprints: &HashMap<Incident, Fingerprint>,
    id: impl Fn(&ObjectKey) -> Option<Arc<str>>,
    now: WallMs,
) -> Alert {
    let (episode, suppressed) = (&shown.episode, &shown.suppressed);
    let mut status = Status { state: ACTIVE, silenced_by: Vec::new(), inhibited_by: Vec::new(), muted_by: Vec::new() };
    for mute in &suppressed.mutes {
        match mute.kind {
            MuteKind::Silence => status.silenced_by.extend(id(&mute.object)),
            MuteKind::MaintenanceWindow => status.muted_by.push(mute.object.to_string()),
        }
    }
    if let Some((rule, incident)) = &suppressed.inhibited {
        let by = fingerprints.get(incident).map_or_else(|| rule.to_string(), ToString::to_string);
        status.inhibited_by.push(by);
    }
    status.muted_by.extend(suppressed.dependency.iter().map(|check| format!("HealthCheck {check}")));
    if !suppressed.is_empty() {
        status.state = SUPPRESSED;
    }
    let mut told = crate::notify::annotations(&episode.alert(alert::Status::Firing));
    if let Some(ack) = &shown.ack {
        told = Labels::annotations(
            told.iter().map(|(name, value)| (name, value.to_owned())).chain([("acknowledged_by", ack.by.to_string())]),
        );
    }
    let starts_at = episode.started().wall;
    Alert {
        labels: episode.labels.clone(),
        annotations: told,
        starts_at: rfc3339(starts_at),
        ends_at: rfc3339(now.saturating_add(VALID).max(starts_at)),
        updated_at: rfc3339(now),
        fingerprint: episode.fingerprint,
        receivers: receivers(routes),
        status,
    }
}

fn receivers(routes: &Routes) -> Vec<Receiver> {
    let mut names: Vec<Receiver> =
        routes.channels.iter().map(|key| Receiver { name: key.to_string().into() }).collect();
    if names.is_empty() {
        names.push(Receiver { name: LOG.into() });
    }
    names
}

/// Of what no channel can be told.
const LOG: &str = "log";

/// `alertGroup` of Alertmanager's OpenAPI.
#[derive(Serialize)]
struct Group<'a> {
    labels: Labels,
    receiver: Receiver,
    alerts: Vec<&'a Alert>,
}

/// By receiver and by the labels that it groups by.
fn grouped<'a>(which: &Which, found: &'a [(Routes, Alert)], by: &HashMap<ObjectKey, Grouping>) -> Vec<Group<'a>> {
    let log = Grouping::default();
    let mut groups: BTreeMap<(Labels, Receiver), Vec<&Alert>> = BTreeMap::new();
    for (routes, alert) in found {
        let channels =
            routes.channels.iter().map(|key| (by.get(key).unwrap_or(&log), Receiver { name: key.to_string().into() }));
        let stand_in = routes.channels.is_empty().then(|| (&log, Receiver { name: LOG.into() }));
        for (grouping, receiver) in channels.chain(stand_in) {
            if which.receives([&*receiver.name].into_iter()) {
                groups.entry((alert.labels.only(&grouping.by), receiver)).or_default().push(alert);
            }
        }
    }
    let groups = groups.into_iter().map(|((labels, receiver), mut alerts)| {
        alerts.sort_by(|a, b| (a.fingerprint, &a.labels).cmp(&(b.fingerprint, &b.labels)));
        Group { labels, receiver, alerts }
    });
    groups.collect()
}
