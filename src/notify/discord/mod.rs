//! Discord's webhooks. <https://docs.discord.com/developers/resources/webhook#execute-webhook>

mod answer;
pub(super) mod limits;
mod payload;

use super::{Answer, Letter, call::Call, send::Http};
use crate::model::Discord;

pub(super) async fn send(http: &Http<'_>, discord: &Discord, letter: &Letter<'_>) -> Answer {
    let mut call = Call::json(&discord.endpoint, letter, &payload::payload(letter, discord.username.as_deref()));
    call.url = Some(payload::url(&discord.endpoint));
    http.post(&call, answer::answer).await
}
