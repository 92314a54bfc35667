//! Slack's incoming webhooks, and what speaks as they do. <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>

mod answer;
pub(super) mod limits;
mod payload;

use super::{Answer, Letter, call::Call, send::Http};
use crate::model::Slack;

pub(super) async fn send(http: &Http<'_>, slack: &Slack, letter: &Letter<'_>) -> Answer {
    let call = Call::json(&slack.endpoint, letter, &payload::payload(letter));
    http.post(&call, answer::answer).await
}
