//! Mail by SMTP (RFC 5321): a client of our own over `net`, so that the egress policy and the verdict on certificates are
//! those of everything else that dials.

mod answer;
mod body;
mod dialogue;
mod encode;
pub(super) mod limits;
mod payload;

use super::{Answer, Letter, Parts};
use crate::{model::Email, net::Net};

/// Sends to the recipients that are not in `done`, within [`limits::ATTEMPT`].
pub(super) async fn send(net: &Net, email: &Email, letter: &Letter<'_>, done: &Parts) -> Answer {
    let mail = payload::mail(email, letter);
    let progress = dialogue::Progress::default();
    let deliver = dialogue::deliver(net, email, &mail, done, &progress);
    let answer = match tokio::time::timeout(limits::ATTEMPT, deliver).await {
        Ok(answer) => answer,
        Err(_) => {
            let late =
                Answer::retry(None, format!("{} did not answer in {} s", email.address, limits::ATTEMPT.as_secs()));
            if progress.is_sent() { late.maybe_taken() } else { late }.with_done(done)
        }
    };
    // Who has it has all of it.
    let mut all = Parts::default();
    if answer.done().is_some_and(|done| !done.is_empty()) {
        (0..letter.notification.alerts.len()).for_each(|alert| all.tell(alert));
    }
    answer.with_done(&all)
}
