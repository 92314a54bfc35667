//! PagerDuty's Events API v2: an event per alert, so that each is an incident of its own there.
//! <https://developer.pagerduty.com/docs/send-alert-event>

mod answer;
pub(super) mod limits;
mod payload;

use super::{Answer, Letter, Parts, call::Call, send::Http};
use crate::model::PagerDuty;

/// Sends the events that are not in `done`, in order. What was taken before one failed is not sent again.
pub(super) async fn send(http: &Http<'_>, pagerduty: &PagerDuty, letter: &Letter<'_>, done: &Parts) -> Answer {
    let mut taken = done.clone();
    let mut last = Answer::ok("nothing to send");
    let mut refused = Vec::new();
    for (part, event) in payload::events(letter, &pagerduty.routing_key).enumerate() {
        if taken.has(part) {
            continue;
        }
        let mut call = Call::json(&pagerduty.endpoint, letter, &event.body);
        call.secret = Some(&pagerduty.routing_key);
        last = http.post(&call, answer::answer).await;
        match &last {
            Answer::Ok { .. } => {
                taken.add(part);
                if event.is_last {
                    taken.tell(event.alert);
                }
            }
            // One event that is not taken keeps no other from being sent.
            Answer::Permanent { reason, gone: false, .. } => refused.push(reason.clone()),
            Answer::Retry { .. } | Answer::Permanent { .. } => return last.with_done(&taken),
        }
    }
    match refused.as_slice() {
        [] => last,
        [first, ..] => Answer::permanent(format!("{} events were refused: {first}", refused.len())).with_done(&taken),
    }
}
