//! How far one channel has been told of an alert.

use std::sync::Arc;

use super::time::clock;
use crate::clock::WallMs;

/// What the trail says of one channel and one episode.
#[derive(Debug, Clone, Default)]
pub(super) struct Channel {
    /// It took that the alert fires: when, and why it was told then.
    pub fired: Option<Taken>,
    /// It took that the alert is over.
    pub ended: Option<Taken>,
    /// What happened last.
    pub last: Last,
}

#[derive(Debug, Clone)]
pub(super) struct Taken {
    pub at: WallMs,
    pub why: Arc<str>,
}

/// What happened last between the alert and a channel.
#[derive(Debug, Clone, Default)]
pub(super) enum Last {
    #[default]
    Nothing,
    Waits {
        until: Option<WallMs>,
        by: Arc<str>,
    },
    /// It is in the outbox, and no attempt has ended.
    Decided {
        at: WallMs,
    },
    Retries {
        attempt: u32,
        answer: Arc<str>,
        next: Option<WallMs>,
    },
    Taken,
    Dead {
        answer: Arc<str>,
        instead: Option<Arc<str>>,
    },
    Not {
        by: Arc<str>,
    },
}

/// A channel as people read it: the one of alerts without a channel has no object.
pub(super) fn shown(channel: &str) -> &str {
    if channel == "/log" { "the log" } else { channel }
}

/// Why a channel is not told, as the rest of "NAME is not told: …".
pub(super) fn because(by: &str) -> &str {
    match by {
        "unknown channel" => "there is no such channel",
        "channel not ready" => "the channel is refused as it is written now",
        "allowedNamespaces" => "its allowedNamespaces leaves this rule's namespace out",
        "severities" => "its severities leave this one out",
        "sendResolved" => "sendResolved is false, so it hears of no end",
        "already told" => "it knows already",
        "flapping" => "it flaps, and too many of its ends wait: the oldest is left out",
        other => other,
    }
}

/// What a wait is for.
pub(super) fn waits_for(by: &str) -> &'static str {
    match by {
        "grouping.wait" => "others of its group may come (grouping.wait)",
        "grouping.interval" => "changes of its group are gathered (grouping.interval)",
        "rateLimit" => "its rate limit is reached, so this goes into a digest",
        _ => "it has to wait",
    }
}

/// Why now, as it stands behind "is told that it fires".
pub(super) fn reason(why: &str) -> &'static str {
    match why {
        "Repeat" => " again, as it still fires",
        "Escalation" => ", as nobody acted",
        "MuteEnded" => ", as what muted it has ended",
        "Unsuppressed" => ", as nothing stands in the way any more",
        "Digest" => " in a digest with others, as its rate limit was reached",
        _ => "",
    }
}

impl Channel {
    /// One sentence about a channel that does not know yet that it fires; None where there is nothing to say.
    pub(super) fn open(&self, name: &str, near: WallMs) -> Option<String> {
        let name = shown(name);
        Some(match &self.last {
            Last::Nothing | Last::Taken => return None,
            Last::Waits { until: Some(until), by } => {
                format!("{name} is told at {}: {}.", clock(*until, near), waits_for(by))
            }
            Last::Waits { until: None, by } => format!("{name} is told later: {}.", waits_for(by)),
            Last::Decided { at } => {
                format!("{name} is being told since {}; no answer is recorded.", clock(*at, near))
            }
            Last::Retries { attempt, answer, next } => {
                let next = next.map_or(String::new(), |next| format!("; again at {}", clock(next, near)));
                format!("{name} could not be told yet, attempt {attempt}: {answer}{next}.")
            }
            Last::Dead { answer, instead } => {
                let instead = instead.as_ref().map_or_else(
                    || "; it has no fallback that could be told instead".to_owned(),
                    |instead| format!("; {} is told instead", shown(instead)),
                );
                format!("{name} could not be told: {answer}{instead}.")
            }
            Last::Not { by } => format!("{name} is not told: {}.", because(by)),
        })
    }
}
