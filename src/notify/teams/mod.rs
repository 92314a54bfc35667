//! Microsoft Teams: workflows that take an adaptive card, and connectors of the older kind.
//! <https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using>

mod answer;
pub(super) mod limits;
mod payload;

use super::{Answer, Letter, call::Call, send::Http};
use crate::model::Teams;

pub(super) async fn send(http: &Http<'_>, teams: &Teams, letter: &Letter<'_>) -> Answer {
    let call = Call::json(&teams.endpoint, letter, &payload::payload(letter));
    http.post(&call, answer::answer).await
}
