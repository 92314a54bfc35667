//! What the status of an AlertRule says. Pure.
//!
//! A rule's alerts and their values may be others at every evaluation. What people wait for, its state, is written at once;
//! which alerts fire, now and then; how many, and with which values, when figures are.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{
    Difference, announce,
    condition::{Answer, MAX_MESSAGE, Standing, condition, cut, find, hash, ready, seconds, time},
};
use crate::{
    alert::{
        AlertIs, RuleIs, Shown,
        desk::{Because, MuteKind, Routes},
    },
    api::{AlertRuleStatus, AlertStatus, NotificationStatus, RuleStateName},
    clock::WallMs,
    controller::events::{Gravity, Note},
    engine::alerts::board::{Notified, RuleView, ready as in_force},
};

/// As the schema has it: a list for people, the API has all of them.
const MAX_ALERTS: usize = 20;
const MAX_LABELS: usize = 100;
/// Characters of a label's value and of an alert's message: with 20 alerts of 100 labels a status stays under the
/// 1.5 MB that etcd takes.
const MAX_TEXT: usize = 256;
const MAX_SEVERITY: usize = 64;
const MAX_SILENCED_BY: usize = 512;

/// A rule, as far as a status tells of it.
pub(crate) struct RuleSeen {
    pub(crate) view: Arc<RuleView>,
    pub(crate) alerts: Vec<Arc<Shown>>,
    /// Since the process began.
    pub(crate) notified: Option<Notified>,
    /// Whether it has seen anything since the process began, or had the time to.
    pub(crate) sees: bool,
}

/// What is remembered of a status that stands in the API server.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Written {
    /// `observedGeneration`; 0 for none.
    generation: i64,
    state: Option<RuleStateName>,
    /// `lastTransitionTime`, in Unix seconds.
    since: Option<i64>,
    ready: Standing,
    routed: Standing,
    /// The alerts that were said to fire. Empty while all is well.
    firing: Box<[Fires]>,
    notified: Option<Box<NotificationStatus>>,
    /// Of all that a reader acts on, of texts and lists, and of what moves by itself.
    standing: u64,
    words: u64,
    figures: u64,
}

/// An alert that was said to fire: enough to tell its end.
#[derive(Debug, Clone, PartialEq)]
struct Fires {
    fingerprint: Box<str>,
    name: Box<str>,
}

/// The status of a rule now. None while it has seen nothing since the process began: what stood before stands.
pub(crate) fn alert_rule(seen: &RuleSeen, before: &Written, now: WallMs) -> Option<AlertRuleStatus> {
    let RuleSeen { view, alerts, notified, sees } = seen;
    let (entry, in_force) = (&view.entry, in_force(&view.entry));
    let known = before.generation == entry.generation && before.state.is_some() && before.ready.status == Answer::True;
    if in_force.ok && known && !sees {
        return None;
    }
    let state = name_of(view.is);
    let since = before.since.filter(|_| before.state == Some(state)).unwrap_or_else(|| view.since.div_euclid(1000));
    let ready = ready(&in_force, before.ready, now, entry.generation);
    let routed = in_force.ok.then(|| routed(&view.routes, before.routed, now, entry.generation));
    let notified = notified.as_ref().map(|last| NotificationStatus {
        channel: last.channel.to_string(),
        outcome: last.outcome.to_owned(),
        time: time(last.at.div_euclid(1000)),
    });
    Some(AlertRuleStatus {
        observed_generation: Some(entry.generation),
        state: Some(state),
        message: Some(cut(&view.message(), MAX_MESSAGE)),
        active: Some(i32::try_from(view.counts.active()).unwrap_or(i32::MAX)),
        alerts: Some(listed(alerts)),
        last_transition_time: Some(time(since)),
        last_notification: notified.or_else(|| before.notified.as_deref().cloned()),
        conditions: Some([Some(ready), routed].into_iter().flatten().collect()),
    })
}

/// Those that fire before those that are pending, the oldest first, so that the list stands still.
fn listed(alerts: &[Arc<Shown>]) -> Vec<AlertStatus> {
    let mut alerts: Vec<_> = alerts.iter().collect();
    let order = |alert: &Shown| {
        let episode = &alert.episode;
        (alert.is() == AlertIs::Pending, episode.started().wall, episode.fingerprint, episode.incident)
    };
    alerts.sort_by_key(|alert| order(alert));
    alerts.truncate(MAX_ALERTS);
    alerts.into_iter().map(|alert| listed_alert(alert)).collect()
}

fn listed_alert(alert: &Shown) -> AlertStatus {
    let episode = &alert.episode;
    let labels = episode.labels.iter().take(MAX_LABELS);
    let mutes = alert.suppressed.mutes.iter().map(|mute| {
        let kind = match mute.kind {
            MuteKind::Silence => "Silence",
            MuteKind::MaintenanceWindow => "MaintenanceWindow",
        };
        format!("{kind} {}", mute.object)
    });
    let silenced_by = mutes.collect::<Vec<_>>().join(", ");
    AlertStatus {
        fingerprint: episode.fingerprint.to_string(),
        state: alert.is().as_str().to_owned(),
        severity: cut(episode.labels.value("severity"), MAX_SEVERITY),
        labels: labels.map(|(name, value)| (name.to_owned(), cut(value, MAX_TEXT))).collect(),
        message: (!episode.message.is_empty()).then(|| cut(&episode.message, MAX_TEXT)),
        value: episode.value.map(|value| value.to_string()),
        starts_at: time(episode.started().wall.div_euclid(1000)),
        silenced_by: (!silenced_by.is_empty()).then(|| cut(&silenced_by, MAX_SILENCED_BY)),
    }
}

/// Whether its alerts get to the channels that they are meant for.
fn routed(routes: &Routes, before: Standing, now: WallMs, generation: i64) -> Condition {
    // One that does not want this severity is as it was wished.
    let troubles: Vec<_> = routes.denied.iter().filter(|(_, because)| *because != Because::Severity).collect();
    let told = troubles.iter().map(|(channel, because)| format!("{channel}: {}", trouble(*because)));
    let told = told.collect::<Vec<_>>().join("; ");
    let (answer, reason, message) = match troubles.first() {
        Some(_) if routes.to_log => {
            (Answer::False, "NoChannel", format!("no channel can be used, so its alerts go to the log: {told}"))
        }
        None if routes.to_log => {
            let message = "it names no channel and there is no default one, so its alerts go to the log";
            (Answer::False, "NoChannel", message.to_owned())
        }
        Some((_, because)) => (Answer::False, reason(*because), format!("not all of its channels are told: {told}")),
        None if routes.channels.is_empty() => {
            (Answer::True, "Severity", "no channel wants alerts of its severity".to_owned())
        }
        None => {
            let channels = routes.channels.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            (Answer::True, "Routed", format!("its alerts go to {channels}"))
        }
    };
    condition("Routed", answer, before, now, reason, &message, generation)
}

fn reason(because: Because) -> &'static str {
    match because {
        Because::UnknownChannel => "UnresolvedReference",
        Because::NotPermitted => "NotPermitted",
        Because::ChannelNotReady
        | Because::Severity
        | Because::SendResolved
        | Because::AlreadyTold
        | Because::Flapping => "ChannelNotReady",
    }
}

fn trouble(because: Because) -> &'static str {
    match because {
        Because::UnknownChannel => "there is no such channel",
        Because::NotPermitted => "its allowedNamespaces does not let this namespace in",
        Because::ChannelNotReady
        | Because::Severity
        | Because::SendResolved
        | Because::AlreadyTold
        | Because::Flapping => "it is not Ready",
    }
}

fn name_of(is: RuleIs) -> RuleStateName {
    match is {
        RuleIs::Inactive => RuleStateName::Inactive,
        RuleIs::Pending => RuleStateName::Pending,
        RuleIs::Firing => RuleStateName::Firing,
        RuleIs::Silenced => RuleStateName::Silenced,
        RuleIs::Error => RuleStateName::Error,
        RuleIs::NoData => RuleStateName::NoData,
    }
}

impl Written {
    pub(crate) fn of(status: &AlertRuleStatus) -> Self {
        let conditions = status.conditions.as_deref();
        let [ready, routed] = ["Ready", "Routed"].map(|name| find(conditions, name));
        let (ready_standing, routed_standing) = (Standing::of(ready), Standing::of(routed));
        let alerts = status.alerts.as_deref().unwrap_or_default();
        let firing = || alerts.iter().filter(|alert| alert.state != AlertIs::Pending.as_str());
        // Why there can be no alert is worth a write; how many there are is not.
        let blind = matches!(status.state, Some(RuleStateName::Error | RuleStateName::NoData));
        let last = status.last_notification.as_ref();
        let standing = hash(&(
            status.observed_generation,
            [ready, routed].map(|condition| condition.map(|one| (one.observed_generation, &one.status, &one.reason))),
            status.state.map(|state| state as u8),
        ));
        let words = hash(&(
            [ready_standing.why, routed_standing.why],
            status.message.as_ref().filter(|_| blind),
            last.map(|last| (&last.channel, &last.outcome)),
            firing().map(|one| (&one.fingerprint, &one.state, &one.severity, &one.silenced_by)).collect::<Vec<_>>(),
        ));
        let figures = hash(&(
            (&status.message, status.active),
            last.map(|last| seconds(&last.time)),
            alerts
                .iter()
                .map(|one| (&one.fingerprint, &one.value, &one.message, seconds(&one.starts_at)))
                .collect::<Vec<_>>(),
        ));
        Self {
            generation: status.observed_generation.unwrap_or(0),
            state: status.state,
            since: status.last_transition_time.as_ref().map(seconds),
            ready: ready_standing,
            routed: routed_standing,
            firing: firing().map(Fires::of).collect(),
            notified: last.cloned().map(Box::new),
            standing,
            words,
            figures,
        }
    }

    /// How `present` differs from this.
    pub(crate) fn difference(&self, present: &Self) -> Difference {
        let times = |one: &Self| (one.since, one.ready.since, one.routed.since);
        if self.standing != present.standing {
            Difference::Standing
        } else if self.words != present.words || times(self) != times(present) {
            Difference::Words
        } else if self.figures != present.figures {
            Difference::Figures
        } else {
            Difference::None
        }
    }
}

impl Fires {
    fn of(alert: &AlertStatus) -> Self {
        Self { fingerprint: alert.fingerprint.as_str().into(), name: name(&alert.labels).into() }
    }
}

/// An alert's name with the labels that tell it from others.
fn name(labels: &BTreeMap<String, String>) -> String {
    let told = ["alertname", "namespace", "severity"];
    let others = labels.iter().filter(|(name, _)| !told.contains(&name.as_str()));
    let others = others.map(|(name, value)| format!("{name}={value:?}")).collect::<Vec<_>>().join(", ");
    let name = labels.get("alertname").map_or("an alert", String::as_str);
    if others.is_empty() { name.to_owned() } else { format!("{name}{{{others}}}") }
}

/// In the order in which they are told: why it is not in force, what fires, what is resolved, what it cannot see.
pub(crate) fn announcements(before: &Written, after: &Written, status: &AlertRuleStatus) -> Vec<Note> {
    let mut notes = announce::ready(before.ready, after.ready, find(status.conditions.as_deref(), "Ready"));
    let fires = |all: &[Fires], one: &str| all.iter().any(|other| *other.fingerprint == *one);
    for alert in status.alerts.iter().flatten() {
        if fires(&after.firing, &alert.fingerprint) && !fires(&before.firing, &alert.fingerprint) {
            let (name, message) = (name(&alert.labels), alert.message.as_deref().unwrap_or_default());
            let text = if message.is_empty() { name } else { format!("{name}: {message}") };
            notes.push(Note::new(Gravity::Warning, "Firing", "Evaluate", &text));
        }
    }
    // A list that was full may have lost one that fires on.
    let was_full = status.alerts.as_ref().is_some_and(|alerts| alerts.len() >= MAX_ALERTS);
    for alert in before.firing.iter().filter(|alert| !fires(&after.firing, &alert.fingerprint) && !was_full) {
        notes.push(Note::new(Gravity::Normal, "Resolved", "Evaluate", &alert.name));
    }
    // The refusal says it already, and that a new one has seen nothing yet is no news.
    if after.ready.status != Answer::True || before.state == after.state || before.state.is_none() {
        return notes;
    }
    let message = status.message.as_deref().unwrap_or_default();
    match (before.state, after.state) {
        (_, Some(RuleStateName::Error)) => notes.push(Note::new(Gravity::Warning, "Error", "Evaluate", message)),
        (_, Some(RuleStateName::NoData)) => notes.push(Note::new(Gravity::Warning, "NoData", "Evaluate", message)),
        (Some(RuleStateName::Error | RuleStateName::NoData), Some(_)) if before.ready.status == Answer::True => {
            notes.push(Note::new(Gravity::Normal, "Evaluated", "Evaluate", "the rule can see again"));
        }
        _ => {}
    }
    notes
}

#[cfg(test)]
mod tests;
