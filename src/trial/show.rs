//! Alerts, notifications and times as a report shows them.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{AlertState, WantedAlert, WantedCheck, WantedTold};
use crate::{
    alert::{Alert, Episode, Labels, Notification, Reason, Status, Turn, desk},
    health::State,
    history::Transition,
    model::ObjectKey,
};

/// Milliseconds as `1h2m3s`, as tests write them.
pub fn time(millis: i64) -> String {
    let (whole, rest) = (millis / 1000, millis % 1000);
    let mut text = String::new();
    for (count, unit) in [(whole / 3600, "h"), (whole / 60 % 60, "m"), (whole % 60, "s"), (rest, "ms")] {
        if count != 0 {
            let _ = write!(text, "{count}{unit}");
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

fn pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    pairs.map(|(name, value)| format!("{name}={value:?}")).collect::<Vec<_>>().join(", ")
}

fn named<'a>(name: &str, labels: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    format!("{name}{{{}}}", pairs(labels.filter(|(name, _)| *name != "alertname")))
}

fn map(map: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    map.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

fn text(labels: &Labels, annotations: Option<&Labels>, message: &str) -> String {
    let mut text = named(labels.value("alertname"), labels.iter());
    if !message.is_empty() {
        let _ = write!(text, " {message:?}");
    }
    if let Some(annotations) = annotations {
        let _ = write!(text, " annotations{{{}}}", pairs(annotations.iter()));
    }
    text
}

pub(super) fn episode(episode: &Episode, state: AlertState, with_annotations: bool) -> String {
    let annotations = with_annotations.then_some(&episode.annotations);
    format!("{} {}", state.as_str(), text(&episode.labels, annotations, &episode.message))
}

pub(super) fn wanted_alert(wanted: &WantedAlert) -> String {
    let state = wanted.state.map(AlertState::as_str).or(wanted.status.map(super::WantedStatus::as_str));
    let name = wanted.labels.get("alertname").map_or("any alert", String::as_str);
    let mut text = state.map(|state| format!("{state} ")).unwrap_or_default() + &named(name, map(&wanted.labels));
    if let Some(message) = &wanted.message {
        let _ = write!(text, " {message:?}");
    }
    if !wanted.annotations.is_empty() {
        let _ = write!(text, " annotations{{{}}}", pairs(map(&wanted.annotations)));
    }
    text
}

fn alert(alert: &Alert, with_annotations: bool) -> String {
    let annotations = with_annotations.then_some(&alert.annotations);
    let status = if alert.status == Status::Resolved { "resolved" } else { "firing" };
    let both = if alert.untold { " (it fired, untold)" } else { "" };
    format!("{status}{both} {}", text(&alert.labels, annotations, &alert.message))
}

pub(super) fn told(at: i64, notification: &Notification, with_annotations: bool) -> String {
    format!("at {} {}", time(at), said(notification, with_annotations))
}

/// A line of the timeline about a notification.
pub(super) fn line(notification: &Notification) -> String {
    format!("told {}", said(notification, false))
}

fn said(notification: &Notification, with_annotations: bool) -> String {
    let alerts: Vec<_> = notification.alerts.iter().map(|one| alert(one, with_annotations)).collect();
    let (channel, status, why) = (&notification.channel, notification.status(), notification.why);
    format!("{channel} {status} ({why}): {}", alerts.join("; "))
}

pub(super) fn wanted_told(wanted: &WantedTold) -> String {
    let mut text = wanted.at.map(|at| format!("at {} ", time(at))).unwrap_or_default() + &wanted.channel.to_string();
    if let Some(status) = wanted.status {
        let _ = write!(text, " {}", status.as_str());
    }
    if let Some(why) = wanted.why {
        let _ = write!(text, " ({why})");
    }
    if let Some(alerts) = &wanted.alerts {
        let _ = write!(text, ": {}", alerts.iter().map(wanted_alert).collect::<Vec<_>>().join("; "));
    }
    text
}

pub(super) fn wanted_check(wanted: &WantedCheck) -> String {
    let reason = wanted.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!("{} {}{reason}", wanted.key, wanted.state.as_str())
}

pub(super) fn check(key: &ObjectKey, state: State, reason: crate::health::Reason, message: &str) -> String {
    format!("{key} {} ({reason}) {message:?}", state.as_str())
}

/// A line of the timeline about a check.
pub(super) fn transition(key: &ObjectKey, transition: &Transition) -> String {
    format!("check {}", check(key, transition.to, transition.reason, &transition.message))
}

/// A line of the timeline about an alert.
pub(super) fn turn(turn: Turn, episode: &Episode) -> String {
    let reason = episode.reason.map(Reason::as_str).map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!("alert {turn}{reason} {}", text(&episode.labels, None, &episode.message))
}

/// A line of the timeline about a decision; None for what the notification itself tells.
pub(super) fn fact(fact: &desk::Fact) -> Option<String> {
    use desk::{Because, What};
    let what = match &fact.what {
        What::Told { .. } | What::Waits { .. } => return None,
        What::Suppressed(by) => {
            let mutes = by.mutes.iter().map(|mute| format!("{} {}", mute.kind.as_str(), mute.object));
            let inhibited = by.inhibited.iter().map(|(rule, _)| format!("inhibition by {rule}"));
            let dependency = by.dependency.iter().map(|check| format!("dependency {check}"));
            format!("held back: {}", mutes.chain(inhibited).chain(dependency).collect::<Vec<_>>().join(", "))
        }
        What::Unsuppressed => "nothing holds it back any more".to_owned(),
        What::NeverTold => "resolved, and nobody was told that it fired".to_owned(),
        What::NotTold { channel, because } => {
            let because = match because {
                Because::UnknownChannel => "there is no such channel",
                Because::ChannelNotReady => "the channel is refused",
                Because::NotPermitted => "allowedNamespaces does not name this namespace",
                Because::Severity => "its severities leave this one out",
                Because::SendResolved => "sendResolved is false",
                Because::AlreadyTold => "it was told already",
                Because::Flapping => "it flaps too much",
            };
            format!("not told to {channel}: {because}")
        }
        What::NoChannel => "no channel can be told: it goes to the log".to_owned(),
        What::Escalated { channel } => format!("escalated to {channel}"),
        What::Acknowledged(ack) => format!("acknowledged by {:?}", ack.by),
        What::Unacknowledged { .. } => "acknowledged no more".to_owned(),
        What::Dead { channel, error, instead, .. } => {
            let instead = instead.as_ref().map(|instead| format!("; {instead} is told instead")).unwrap_or_default();
            format!("{channel} gave an error: {error}{instead}")
        }
        What::Refused => "there are too many alerts".to_owned(),
    };
    Some(format!("alert {}: {what}", text(&fact.episode.labels, None, "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_durations() {
        for (millis, expected) in
            [(0, "0s"), (1, "1ms"), (90_000, "1m30s"), (3_600_000, "1h"), (86_400_500, "24h500ms")]
        {
            assert_eq!(time(millis), expected);
        }
    }
}
