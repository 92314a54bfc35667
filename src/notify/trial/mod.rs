//! Trying a channel: a notification that says that it is a test, over the code that tells people, and what the receiver
//! answered.
//!
//! Goes past the outbox: it is one attempt with a deadline, nothing is tried again, and nobody is told instead. Called by
//! `probity notify test`, and in a running Probity by `engine::alerts::trials`, which asks [`Gate`] first.

mod gate;
mod letter;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt as _;
use tracing::error;

use super::{Answer, Marks, Parts, Sender};
use crate::{
    clock::Clock,
    model::{Channel, ObjectKey},
};

pub use gate::{AT_ONCE, Closed, Gate, OF_NAMESPACE, OFTEN};

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

/// Tries a channel once; when `stop` ends first, the answer is not waited for. `correlation_id` goes with the call, where
/// there is one.
pub async fn attempt(
    sender: &Sender,
    clock: &Clock,
    channel: &Channel,
    correlation_id: Option<Arc<str>>,
    stop: impl Future<Output = ()>,
) -> Trial {
    let id: Arc<str> = uuid::Uuid::new_v4().simple().to_string().into();
    let now = clock.now();
    let notification =
        letter::notification(&channel.key, id.clone(), correlation_id.unwrap_or_else(|| id.clone()), now.wall);
    let nothing = Parts::default();
    let sent = AssertUnwindSafe(sender.send(channel, &notification, Marks::default(), &nothing)).catch_unwind();
    let answer = tokio::select! {
        biased;
        answer = sent => answer.unwrap_or_else(|_| broke(&channel.key)),
        () = tokio::time::sleep(PATIENCE) => unanswered(format!("no answer within {} s", PATIENCE.as_secs())),
        () = stop => unanswered("Probity stops, and did not wait for the answer".to_owned()),
    };
    Trial {
        notification: id,
        outcome: answer.outcome(),
        answer: answer.text().to_owned(),
        took: clock.mono().saturating_sub(now.mono),
    }
}

fn unanswered(why: String) -> Answer {
    Answer::retry(None, why).maybe_taken()
}

fn broke(ObjectKey { namespace, name }: &ObjectKey) -> Answer {
    error!(%namespace, %name, "trying the channel panicked: please report this");
    Answer::permanent("the attempt itself broke: see the log")
}

/// What is said where there is no such channel.
pub fn unknown(name: &str, known: &[String]) -> String {
    /// Names that are told.
    const SHOWN: usize = 20;
    let shown: Vec<&str> = known.iter().take(SHOWN).map(String::as_str).collect();
    let more = match known.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    match shown.as_slice() {
        [] => format!("there is no NotificationChannel {name}, nor any other"),
        shown => format!("there is no NotificationChannel {name}; there are {}{more}", shown.join(", ")),
    }
}
