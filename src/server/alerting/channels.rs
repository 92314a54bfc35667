//! `/api/v1/channels…`: every NotificationChannel, and whether what it is told arrives. Never where it leads: that may
//! hold a secret.

use std::sync::Arc;

use serde::Serialize;
use warp::{Filter, filters::BoxedFilter, reply::Response};

use super::{Meta, absent, list};
use crate::{
    clock::rfc3339,
    engine::alerts::board::ChannelView,
    model::{Kind, ObjectKey, Severity},
    server::{
        State, answer,
        routes::{raw_query, with},
        visible::{Visible, visible},
    },
};

pub(super) fn filter(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    let many = warp::path!("api" / "v1" / "channels").and(with(state)).and(raw_query()).and(visible()).then(many);
    let one = warp::path!("api" / "v1" / "channels" / String / String).and(with(state)).map(one);
    warp::get().and(many.or(one).unify()).boxed()
}

async fn many(state: Arc<State>, raw: String, visible: Visible) -> Response {
    list(raw, visible, move |which| {
        let channels = state.board.channels();
        channels.iter().filter(|view| which.takes(&view.entry)).map(Channel::of).collect()
    })
    .await
}

fn one(namespace: String, name: String, state: Arc<State>) -> Response {
    match state.board.channel(&ObjectKey::new(namespace, name)) {
        Some(view) => answer::json(&Channel::of(&view)),
        None => absent(Kind::NotificationChannel, "channels"),
    }
}

/// What is counted is counted since the process began; durations are seconds.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Channel {
    #[serde(flatten)]
    meta: Meta,
    /// Null when the spec is refused, and so are those that follow.
    kind: Option<&'static str>,
    default: Option<bool>,
    severities: Option<Vec<&'static str>>,
    send_resolved: Option<bool>,
    fallback: Option<String>,
    /// Whether what was sent last has arrived; null while nothing was sent.
    delivering: Option<bool>,
    waiting: usize,
    in_flight: usize,
    /// When the oldest that waits was made.
    oldest: Option<String>,
    /// Attempts that failed since the last one that did not.
    failures: u32,
    /// For how long the receiver is left alone.
    paused: Option<f64>,
    /// Nobody is at this address any more: why.
    gone: Option<Arc<str>>,
    delivered: u64,
    dead: u64,
    last: Option<Last>,
}

/// The last attempt.
#[derive(Serialize)]
struct Last {
    time: String,
    outcome: &'static str,
    answer: Arc<str>,
}

impl Channel {
    fn of(view: &ChannelView) -> Self {
        let (model, outbox) = (view.model(), &view.outbox);
        Self {
            meta: Meta::of(&view.entry),
            kind: model.map(|channel| channel.receiver.kind().as_str()),
            default: model.map(|channel| channel.is_default),
            severities: model.map(|channel| channel.severities.iter().map(Severity::as_str).collect()),
            send_resolved: model.map(|channel| channel.send_resolved),
            fallback: model.and_then(|channel| Some(channel.fallback.as_ref()?.to_string())),
            delivering: outbox.is_delivering(),
            waiting: outbox.waiting,
            in_flight: outbox.in_flight,
            oldest: outbox.oldest.map(rfc3339),
            failures: outbox.failures,
            paused: outbox.paused.map(|pause| pause.as_secs_f64()),
            gone: outbox.gone.clone(),
            delivered: outbox.delivered,
            dead: outbox.dead,
            last: outbox.last.as_ref().map(|last| Last {
                time: rfc3339(last.at),
                outcome: last.outcome,
                answer: last.answer.clone(),
            }),
        }
    }
}
