//! What a row says, in one line for people.

use crate::clock::rfc3339;

use super::{Entry, Event};

impl Entry {
    /// What it is about: an alert with its fingerprint, else a rule, else a notification.
    pub fn about(&self) -> String {
        match (&self.alert, &self.fingerprint, &self.rule, &self.notification) {
            (Some(alert), Some(fingerprint), _, _) => format!("{alert} {fingerprint}"),
            (Some(alert), None, _, _) => alert.to_string(),
            (None, _, Some(rule), _) => rule.to_string(),
            (None, _, None, Some(notification)) => notification.to_string(),
            (None, _, None, None) => "-".to_owned(),
        }
    }

    /// What happened.
    pub fn words(&self) -> String {
        match &self.event {
            Event::Transition { from, to, reason, value, message } => {
                let reason = reason.as_ref().map_or(String::new(), |reason| format!(", {reason}"));
                let value = value.as_ref().map_or(String::new(), |value| format!(", value {value}"));
                with(format!("{from} to {to}{reason}{value}"), message)
            }
            Event::Told { channel, status, why } => format!("{channel} is told that it is {status}: {why}"),
            Event::Suppression { by, name, channel, status, ended, until, said, instead } => {
                let whom = channel.as_deref().unwrap_or("nobody");
                let not = if channel.is_some() { "not " } else { "" };
                let mut name = if name.is_empty() { String::new() } else { format!(" {name}") };
                if let Some(until) = until {
                    name.push_str(&format!(" until {}", rfc3339(*until)));
                }
                if !said.is_empty() {
                    name.push_str(&format!(", {said}"));
                }
                if let Some(instead) = instead {
                    name.push_str(&format!("; {instead} is told instead"));
                }
                match ended {
                    false => format!("{whom} is {not}told that it is {status}: {by}{name}"),
                    true => format!("{by}{name} no longer stands in the way of telling that it is {status}"),
                }
            }
            Event::Notification { channel, alerts, attempt, outcome, answer, next, ambiguous, unrecorded } => {
                let mut text = format!("{channel}, attempt {attempt}, of {alerts} alerts: {outcome}");
                if *ambiguous {
                    text.push_str(", perhaps a repeat");
                }
                if *unrecorded {
                    text.push_str(", sent before it was written down");
                }
                if let Some(next) = next {
                    text.push_str(&format!(", again at {}", rfc3339(*next)));
                }
                with(text, answer)
            }
            Event::Silence { id, change, by, comment, matchers } => {
                let by = if by.is_empty() { String::new() } else { format!(" by {by}") };
                with(format!("silence {id} {change}{by}, {}", matchers.join(", ")), comment)
            }
            Event::Ack { change, by, comment } => with(format!("{change} by {by}"), comment),
            Event::Trial { channel, by, outcome, answer } => {
                with(format!("{channel} tried by {by}: {outcome}"), answer)
            }
            Event::Rule { change, generation, message } => with(format!("{change}, generation {generation}"), message),
            Event::Gap { from, why, unrecorded, lost } => format!(
                "the store failed from {} on: {why}; {unrecorded} notifications went out unrecorded; lost: {} rows of \
                 this trail, {} transitions, {} other changes",
                rfc3339(*from),
                lost.audit,
                lost.transitions,
                lost.kept + lost.outbox
            ),
            Event::Cut { up_to, rows } => format!("{rows} rows, up to {}, were removed for their age", up_to.place),
            Event::Start { version, note, .. } => with(format!("Probity {version} started"), note),
        }
    }
}

fn with(text: String, more: &str) -> String {
    if more.is_empty() { text } else { format!("{text}: {more}") }
}
