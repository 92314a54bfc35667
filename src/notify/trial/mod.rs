//! Trying a channel: a notification that says that it is a test, over the code that tells people, and what the receiver
//! answered.
//!
//! Goes past the outbox: it is one attempt with a deadline, nothing is tried again, and nobody is told instead. Called by
//! `probity notify test`.

mod letter;

use std::{sync::Arc, time::Duration};

use super::{Answer, Marks, Parts, Sender};
use crate::{clock::Clock, model::Channel};

/// How long a receiver may take in all. Mail, with its several answers, has less than it would have otherwise: somebody
/// waits.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What came of a trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// The notification's id, as it stands on the call that went out.
    pub notification: Arc<str>,
    /// delivered, retry or refused.
    pub outcome: &'static str,
    /// What the receiver said, without its secrets.
    pub answer: String,
    pub took: Duration,
}

/// Tries a channel once.
pub async fn attempt(sender: &Sender, clock: &Clock, channel: &Channel) -> Trial {
    let id: Arc<str> = uuid::Uuid::new_v4().simple().to_string().into();
    let now = clock.now();
    let notification = letter::notification(&channel.key, id.clone(), now.wall);
    let nothing = Parts::default();
    let sent = sender.send(channel, &notification, Marks::default(), &nothing);
    let answer = tokio::time::timeout(PATIENCE, sent)
        .await
        .unwrap_or_else(|_| Answer::retry(None, format!("no answer within {} s", PATIENCE.as_secs())).maybe_taken());
    Trial {
        notification: id,
        outcome: answer.outcome(),
        answer: answer.text().to_owned(),
        took: clock.mono().saturating_sub(now.mono),
    }
}
