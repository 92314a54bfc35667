//! Alertmanager's webhook, version 4: <https://prometheus.io/docs/alerting/latest/configuration/#webhook_config>

mod answer;
pub(super) mod limits;
mod payload;
mod sign;

use super::{
    Answer, Letter, Parts,
    call::{Call, IDEMPOTENCY},
    send::Http,
};
use crate::{clock::WallMs, model::Webhook};

/// Sends what is not in `done`. `now` is what the signature says it was made at.
pub(super) async fn send(http: &Http<'_>, webhook: &Webhook, letter: &Letter<'_>, done: &Parts, now: WallMs) -> Answer {
    let mut taken = done.clone();
    let mut last = Answer::ok("nothing to send");
    for (part, message) in payload::messages(letter).into_iter().enumerate() {
        if taken.has(part) {
            continue;
        }
        let mut call = Call::json(&webhook.endpoint, letter, &message.body).header(IDEMPOTENCY, &message.key);
        if let Some(hmac) = &webhook.hmac {
            let (timestamp, signature) = sign::sign(hmac, now, &call.body);
            call = call
                .header(hmac.timestamp_header.clone(), &timestamp)
                .header(hmac.signature_header.clone(), &signature);
        }
        last = http.post(&call, answer::answer).await;
        if !matches!(last, Answer::Ok { .. }) {
            return last.with_done(&taken);
        }
        taken.add(part);
    }
    last
}
