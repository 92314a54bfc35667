//! `/api/v1/silences…`: every Silence, where it stands in its time, and how many alerts it mutes.

use std::sync::Arc;

use serde::Serialize;
use warp::{Filter, filters::BoxedFilter, reply::Response};

use super::{Meta, absent, list};
use crate::{
    clock::{WallMs, rfc3339},
    engine::alerts::board::SilenceView,
    model::{Kind, ObjectKey},
    server::{
        State, answer,
        routes::{raw_query, with},
        visible::{Visible, visible},
    },
};

pub(super) fn filter(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    let many = warp::path!("api" / "v1" / "silences").and(with(state)).and(raw_query()).and(visible()).then(many);
    let one = warp::path!("api" / "v1" / "silences" / String / String).and(with(state)).map(one);
    warp::get().and(many.or(one).unify()).boxed()
}

async fn many(state: Arc<State>, raw: String, visible: Visible) -> Response {
    list(raw, visible, move |which| {
        let (silences, now) = (state.board.silences(), state.clock.wall());
        silences.iter().filter(|view| which.takes(&view.entry)).map(|view| Silence::of(view, now)).collect()
    })
    .await
}

fn one(namespace: String, name: String, state: Arc<State>) -> Response {
    match state.board.silence(&ObjectKey::new(namespace, name)) {
        Some(view) => answer::json(&Silence::of(&view, state.clock.wall())),
        None => absent(Kind::Silence, "silences"),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Silence {
    #[serde(flatten)]
    meta: Meta,
    /// Pending, Active or Expired. Null when the spec is refused, and so are those that follow.
    state: Option<&'static str>,
    matchers: Option<Vec<String>>,
    starts_at: Option<String>,
    ends_at: Option<String>,
    created_by: Option<Arc<str>>,
    comment: Option<Arc<str>>,
    /// Firing alerts that it mutes now.
    matches: usize,
}

impl Silence {
    fn of(view: &SilenceView, now: WallMs) -> Self {
        let model = view.model();
        Self {
            meta: Meta::of(&view.entry),
            state: view.is(now).map(|is| is.as_str()),
            matchers: model.map(|silence| silence.matchers.iter().map(ToString::to_string).collect()),
            starts_at: model.map(|silence| rfc3339(silence.starts_at)),
            ends_at: model.map(|silence| rfc3339(silence.ends_at)),
            created_by: model.map(|silence| silence.created_by.clone()),
            comment: model.map(|silence| silence.comment.clone()),
            matches: view.mutes,
        }
    }
}
