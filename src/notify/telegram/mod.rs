//! Telegram's Bot API. <https://core.telegram.org/bots/api#sendmessage>

mod answer;
pub(super) mod limits;
mod payload;

use super::{Answer, Letter, call::Call, send::Http};
use crate::model::Telegram;

pub(super) async fn send(http: &Http<'_>, telegram: &Telegram, letter: &Letter<'_>) -> Answer {
    let mut call = Call::json(&telegram.endpoint, letter, &payload::payload(letter, telegram));
    call.url = payload::url(&telegram.endpoint, &telegram.token);
    call.secret = Some(&telegram.token);
    http.post(&call, answer::answer).await
}
