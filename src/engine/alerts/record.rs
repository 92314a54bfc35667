//! What is written down of alerting: from the effects of the book and the desk to one commit of the store. Pure.

use std::sync::Arc;

use crate::{
    alert::{
        Episode, Notification, Phase, Status, Transition, Turn,
        desk::{Ack, Fact, MuteKey, Suppressed, Wait, What},
    },
    audit::{Entry, Event},
    clock::WallMs,
    history::{Commit, Outbox, OutboxRow, OutboxState, Space},
    model::ObjectKey,
};

/// Adds a transition: its episode as it is now, and a row of the audit trail.
pub(super) fn transition(commit: &mut Commit, transition: &Transition, at: WallMs) {
    let Transition { turn, episode } = transition;
    if !turn.is_kept() {
        return;
    }
    let key = episode.incident.to_string();
    if turn.is_end() {
        commit.forget(Space::Episode, key);
    } else if let Ok(value) = serde_json::to_vec(&**episode) {
        commit.put(Space::Episode, key, value);
    }
    let (from, to) = states(*turn);
    commit.audit.push(entry(
        episode,
        at,
        Event::Transition {
            from: from.into(),
            to: to.into(),
            reason: episode.reason.map(|reason| reason.as_str().into()),
            value: episode.value.map(|value| value.to_string().into()),
            message: episode.message.clone(),
        },
    ));
}

/// The state before and after a turn, as Prometheus names them.
fn states(turn: Turn) -> (&'static str, &'static str) {
    match turn {
        Turn::Pending => ("inactive", "pending"),
        Turn::Dropped => ("pending", "inactive"),
        Turn::Firing => ("pending", "firing"),
        Turn::Changed | Turn::Updated => ("firing", "firing"),
        Turn::Recovering => ("firing", "recovering"),
        Turn::Relapsed => ("recovering", "firing"),
        Turn::Resolved => ("firing", "resolved"),
    }
}

/// Adds a notification to the outbox.
pub(super) fn notification(commit: &mut Commit, notification: &Notification, order: u64) {
    // A notification has nothing in it that cannot be written.
    let body = serde_json::to_vec(notification).unwrap_or_default();
    commit.outbox.push(Outbox::Insert(row(notification, order, body)));
}

/// A row of the outbox that is new.
pub(super) fn row(notification: &Notification, order: u64, body: Vec<u8>) -> OutboxRow {
    OutboxRow {
        id: notification.id.0.clone(),
        channel: notification.channel.to_string().into(),
        incident: notification.group.key.clone(),
        order,
        body: body.into(),
        created: notification.created_at,
        state: OutboxState::Queued,
        attempts: 0,
        not_before: notification.created_at,
        answer: Arc::from(""),
        ambiguous: false,
    }
}

/// What is known of a silence or a window beside its name.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub until: Option<WallMs>,
    /// Who made it, and what for.
    pub said: Arc<str>,
}

/// Adds why something was decided about an alert. `known` tells of the silences and windows that stand in the way.
pub(super) fn fact(commit: &mut Commit, fact: &Fact, known: &dyn Fn(&MuteKey) -> Known) {
    let Fact { at, episode, what } = fact;
    let mut push = |notification: Option<Arc<str>>, event: Event| {
        commit.audit.push(Entry { notification, ..entry(episode, *at, event) });
    };
    let status: Arc<str> = status(episode).as_str().into();
    let suppression = |by: &str, name: String, channel: Option<&ObjectKey>, ended: bool| Event::Suppression {
        by: by.into(),
        name: name.into(),
        channel: channel.map(|channel| channel.to_string().into()),
        status: status.clone(),
        ended,
        until: None,
        said: Arc::from(""),
        instead: None,
    };
    match what {
        What::Suppressed(Suppressed { mutes, inhibited, dependency }) => {
            for mute in mutes {
                let mut event = suppression(mute.kind.as_str(), mute.object.to_string(), None, false);
                if let Event::Suppression { until, said, .. } = &mut event {
                    let of = known(mute);
                    (*until, *said) = (of.until, of.said);
                }
                push(None, event);
            }
            if let Some((rule, _)) = inhibited {
                push(None, suppression("inhibition", rule.to_string(), None, false));
            }
            if let Some(check) = dependency {
                push(None, suppression("dependency", check.to_string(), None, false));
            }
        }
        What::Unsuppressed => push(None, suppression("suppression", String::new(), None, true)),
        What::NeverTold => push(None, suppression("resolved", "no channel was told that it fired".into(), None, false)),
        What::Waits { channel, until, because } => {
            let by = match because {
                Wait::Wait => "grouping.wait",
                Wait::Interval => "grouping.interval",
                Wait::RateLimit => "rateLimit",
            };
            let mut event = suppression(by, String::new(), Some(channel), false);
            if let Event::Suppression { until: at, .. } = &mut event {
                *at = Some(*until);
            }
            push(None, event);
        }
        What::Told { channel, notification, why, status } => push(
            Some(notification.0.clone()),
            Event::Told {
                channel: channel.to_string().into(),
                status: status.as_str().into(),
                why: why.as_str().into(),
            },
        ),
        What::NotTold { channel, because } => {
            push(None, suppression(because.as_str(), String::new(), Some(channel), false));
        }
        What::NoChannel => push(None, suppression("no channel", "it goes to the log".into(), None, false)),
        What::Escalated { channel } => push(None, suppression("escalation", String::new(), Some(channel), false)),
        What::Acknowledged(Ack { by, comment, .. }) => {
            push(None, Event::Ack { change: "acknowledged".into(), by: by.clone(), comment: comment.clone() });
        }
        What::Unacknowledged { by } => {
            push(None, Event::Ack { change: "ended".into(), by: by.clone(), comment: Arc::from("") });
        }
        What::Dead { channel, notification, error, instead } => {
            let mut event = suppression("dead channel", error.to_string(), Some(channel), false);
            if let Event::Suppression { instead: told, .. } = &mut event {
                *told = instead.as_ref().map(|instead| instead.to_string().into());
            }
            push(Some(notification.0.clone()), event);
        }
        What::Refused => push(None, suppression("limit", "there are too many alerts".into(), None, false)),
    }
}

fn status(episode: &Episode) -> Status {
    if episode.phase == Phase::Resolved { Status::Resolved } else { Status::Firing }
}

/// A row about an alert.
fn entry(episode: &Episode, at: WallMs, event: Event) -> Entry {
    Entry {
        at,
        namespace: episode.rule.namespace.clone(),
        rule: Some(episode.rule.name.clone()),
        alert: Some(episode.name.clone()),
        fingerprint: Some(episode.fingerprint.to_string().into()),
        notification: None,
        event,
    }
}

/// A row about a rule as a whole.
pub(super) fn rule(key: &ObjectKey, at: WallMs, change: &str, generation: i64, message: &str) -> Entry {
    Entry {
        at,
        namespace: key.namespace.clone(),
        rule: Some(key.name.clone()),
        alert: None,
        fingerprint: None,
        notification: None,
        event: Event::Rule { change: change.into(), generation, message: message.into() },
    }
}
