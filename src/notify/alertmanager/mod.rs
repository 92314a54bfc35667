//! Alertmanager's API v2, as Prometheus speaks to it: every replica is told everything, and told again each minute.
//! <https://prometheus.io/docs/alerting/latest/clients/>

mod answer;
pub(super) mod limits;
mod payload;
mod standing;

use futures::future::join_all;

use super::{Answer, Letter, call::Call, send::Http};
use crate::{
    alert::Alert,
    clock::WallMs,
    model::{Alertmanager, HttpEndpoint},
};
pub(super) use limits::RESEND;
pub(super) use standing::Standing;

/// Tells all replicas. One that has taken it is enough: the others hear of it within a minute, as all that stands is
/// told again.
pub(super) async fn send(http: &Http<'_>, alertmanager: &Alertmanager, letter: &Letter<'_>, now: WallMs) -> Answer {
    let rounds = payload::rounds(letter);
    tell(http, alertmanager, letter, &rounds, now).await
}

/// Tells all replicas what stands. Nothing waits for the answer.
pub(super) async fn repeat(
    http: &Http<'_>,
    alertmanager: &Alertmanager,
    letter: &Letter<'_>,
    standing: Vec<Alert>,
    now: WallMs,
) -> Answer {
    tell(http, alertmanager, letter, &[standing], now).await
}

async fn tell(
    http: &Http<'_>,
    alertmanager: &Alertmanager,
    letter: &Letter<'_>,
    rounds: &[Vec<Alert>],
    now: WallMs,
) -> Answer {
    let endpoints = alertmanager.endpoints();
    let answers = join_all(endpoints.iter().map(|endpoint| one(http, endpoint, letter, rounds, now))).await;
    answer::of_all(answers)
}

async fn one(
    http: &Http<'_>,
    endpoint: &HttpEndpoint,
    letter: &Letter<'_>,
    rounds: &[Vec<Alert>],
    now: WallMs,
) -> Answer {
    let mut last = Answer::ok("nothing to send");
    for batch in rounds.iter().flat_map(|round| round.chunks(limits::BATCH)) {
        let mut call = Call::json(endpoint, letter, &payload::batch(letter, batch, now));
        call.url = payload::url(endpoint);
        last = http.post(&call, answer::answer).await;
        if !matches!(last, Answer::Ok { .. }) {
            return last;
        }
    }
    last
}
