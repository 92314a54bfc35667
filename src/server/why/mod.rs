//! `/api/v1/why`: what happened to an alert, or why nobody was told, in words.

mod present;

use std::sync::Arc;

use warp::{Filter, filters::BoxedFilter, reply::Response};

use super::{
    State,
    answer::{self, ApiError},
    audit::{parsed, unread},
    query::Query,
    routes::{raw_query, with},
    visible::{Visible, visible},
};
use crate::{
    history,
    why::{Asked, Story, Window, gather, tell},
};

pub(super) fn filter(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    warp::get()
        .and(warp::path!("api" / "v1" / "why"))
        .and(with(state))
        .and(raw_query())
        .and(visible())
        .then(why)
        .boxed()
}

const KNOWN: [&str; 4] = ["alert", "namespace", "at", "since"];

async fn why(state: Arc<State>, raw: String, visible: Visible) -> Response {
    let story = match Query::parse(&raw, &KNOWN) {
        Ok(query) => story(&state, &query, &visible).await,
        Err(error) => Err(error),
    };
    match story {
        Ok(story) => answer::json(&story),
        Err(error) => error.response(),
    }
}

async fn story(state: &State, query: &Query, visible: &Visible) -> Result<Story, ApiError> {
    let text = query.get("alert").filter(|text| !text.is_empty()).ok_or_else(|| {
        ApiError::bad_request(
            "query parameter \"alert\" is what is asked about: an alert's name or fingerprint, or a rule",
        )
    })?;
    let now = state.clock.wall();
    let moment = |name| parsed(query, name, |text| history::moment(text, now));
    let at = moment("at")?;
    let namespace = query.get("namespace").filter(|name| !name.is_empty());
    let window = Window { since: moment("since")?, at: at.unwrap_or(now), namespaces: visible.narrowed(namespace) };
    let asked = Asked::new(text, namespace);
    let gathered = gather(&asked, &window, |query| state.store.audit(query)).await.map_err(|error| unread(&error))?;
    // What was is told by the trail alone.
    let standing = at.is_none().then(|| {
        let namespaces = window.namespaces.as_deref();
        present::standing(&state.board, &state.snapshot, &asked, &gathered, namespaces, window.at)
    });
    let story = tell(&asked, &gathered, standing.as_ref(), window.at);
    story.ok_or_else(|| ApiError::not_found(asked.unknown()))
}
