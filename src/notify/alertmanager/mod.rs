//! Alertmanager's API v2, as Prometheus speaks to it: every replica is told everything, and told again each minute.
//! <https://prometheus.io/docs/alerting/latest/clients/>

mod answer;
pub(super) mod limits;
mod payload;
mod standing;

use std::ops::Range;

use futures::future::join_all;

use super::{Answer, Letter, Parts, call::Call, send::Http};
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
    let (mut last, mut told) = (Answer::ok("nothing to send"), Parts::default());
    let (mut refused, mut found) = (Vec::new(), 0);
    for (number, round) in rounds.iter().enumerate() {
        // The last round is the notification's own alerts; one before it only says that some of them fired.
        let is_last = number + 1 == rounds.len();
        // What is still to be sent, the first at the end.
        let mut todo: Vec<Range<usize>> = batches(round.len()).rev().collect();
        while let Some(places) = todo.pop() {
            let batch = round.get(places.clone()).unwrap_or_default();
            let mut call = Call::json(endpoint, letter, &payload::batch(letter, batch, now));
            call.url = payload::url(endpoint);
            let mut status = 0;
            let answer = http.post(&call, |peer, reply, redact| {
                status = reply.status;
                answer::answer(peer, reply, redact)
            });
            last = answer.await;
            match &last {
                Answer::Ok { .. } if is_last => places.for_each(|place| told.tell(place)),
                Answer::Ok { .. } => {}
                // It has taken those of the batch that it can, and does not say which: they are told once more, apart.
                Answer::Permanent { reason, .. } if status == 400 && found < limits::REFUSED => {
                    if places.len() > 1 {
                        let middle = places.start + places.len() / 2;
                        todo.extend([middle..places.end, places.start..middle]);
                        continue;
                    }
                    found += 1;
                    if is_last {
                        refused.push(reason.clone());
                    }
                }
                Answer::Retry { .. } | Answer::Permanent { .. } => return last.with_done(&told),
            }
        }
    }
    match refused.as_slice() {
        [] => last,
        [first, ..] => {
            let count = format!("{} of {} alerts refused", refused.len(), letter.notification.alerts.len());
            Answer::permanent(format!("{count}: {first}")).with_done(&told)
        }
    }
}

/// The places of a round's alerts, by what goes out as one.
fn batches(alerts: usize) -> impl DoubleEndedIterator<Item = Range<usize>> {
    (0..alerts.div_ceil(limits::BATCH)).map(move |batch| {
        let start = batch * limits::BATCH;
        start..alerts.min(start + limits::BATCH)
    })
}
