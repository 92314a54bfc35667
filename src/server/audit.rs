//! `/api/v1/audit`: the audit trail, oldest first, a page at a time; or in the order of its chains, to be proven.

use std::sync::Arc;

use hyper::StatusCode;
use serde::Serialize;
use warp::{Filter, filters::BoxedFilter, reply::Response};

use super::{
    State,
    answer::{self, ApiError},
    query::Query,
    routes::{raw_query, with},
    visible::{Visible, visible},
};
use crate::{
    audit::{Head, Item, Place},
    clock::WallMs,
    history::{self, About, AuditPage, AuditQuery, ReadError},
};

/// Rows of a page, unless another number is asked for.
const PAGE: usize = 100;
/// The most, at some 1.5 KB each as JSON.
const PAGE_MAX: usize = 1_000;

pub(super) fn filter(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    warp::get()
        .and(warp::path!("api" / "v1" / "audit"))
        .and(with(state))
        .and(raw_query())
        .and(visible())
        .then(audit)
        .boxed()
}

#[derive(Serialize)]
struct Answer {
    items: Vec<Item>,
    /// What `after` of the next request is; null when there is no more.
    next: Option<String>,
    /// The trail's last row.
    head: Option<Head>,
}

const KNOWN: [&str; 10] =
    ["since", "until", "alert", "rule", "notification", "kind", "namespace", "limit", "after", "order"];

async fn audit(state: Arc<State>, raw: String, visible: Visible) -> Response {
    let page = match Query::parse(&raw, &KNOWN) {
        Ok(query) => page(&state, &query, &visible).await,
        Err(error) => Err(error),
    };
    match page {
        Ok(answer) => answer::json(&answer),
        Err(error) => error.response(),
    }
}

async fn page(state: &State, query: &Query, visible: &Visible) -> Result<Answer, ApiError> {
    let limit = match query.get("limit").map(str::parse) {
        None => PAGE,
        Some(Ok(limit)) if (1..=PAGE_MAX).contains(&limit) => limit,
        Some(_) => return Err(ApiError::bad_request(format!("query parameter \"limit\" is 1 to {PAGE_MAX}"))),
    };
    match query.get("order") {
        None | Some("time") => {
            let wanted = wanted(query, visible, limit, state.clock.wall())?;
            let page = state.store.audit(wanted).await.map_err(|error| unread(&error))?;
            let next = page.next.map(|next| next.to_string());
            Ok(told(page, next))
        }
        Some("chain") => {
            if !matches!(visible, Visible::All) || query.get("namespace").is_some() {
                let message = "the trail is proven whole: whoever does so may list alertrules in all namespaces";
                return Err(ApiError::new(StatusCode::FORBIDDEN, "forbidden", message));
            }
            if KNOWN.iter().any(|name| !matches!(*name, "order" | "limit" | "after") && query.get(name).is_some()) {
                return Err(ApiError::bad_request("order=chain gives the whole trail: leave the filters out"));
            }
            let after: Place =
                parsed(query, "after", |text| text.parse().map_err(|_| wrong_after()))?.unwrap_or_default();
            let page = state.store.audit_chain(after, limit).await.map_err(|error| unread(&error))?;
            let next = page.rows.last().filter(|_| page.rows.len() == limit).map(|row| row.place.to_string());
            Ok(told(page, next))
        }
        Some(_) => Err(ApiError::bad_request("query parameter \"order\" is time or chain")),
    }
}

fn told(page: AuditPage, next: Option<String>) -> Answer {
    Answer { items: page.rows.iter().map(Item::of).collect(), next, head: page.head }
}

fn wanted(query: &Query, visible: &Visible, limit: usize, now: WallMs) -> Result<AuditQuery, ApiError> {
    let moment = |name| parsed(query, name, |text| history::moment(text, now));
    let ways = [
        query.get("alert").map(About::alert),
        query.get("rule").map(About::rule),
        query.get("notification").map(|id| About::Notification(id.into())),
    ];
    let mut about = ways.into_iter().flatten();
    let namespaces = visible.narrowed(query.get("namespace").filter(|name| !name.is_empty()));
    let wanted = AuditQuery {
        since: moment("since")?,
        until: moment("until")?,
        about: about.next(),
        kind: parsed(query, "kind", |text| text.parse())?,
        namespaces,
        after: parsed(query, "after", |text| text.parse().map_err(|_| wrong_after()))?,
        limit,
    };
    match about.next() {
        None => Ok(wanted),
        Some(_) => Err(ApiError::bad_request("give one of the query parameters alert, rule and notification")),
    }
}

fn wrong_after() -> String {
    "it is not the `next` of an answer in the same order".to_owned()
}

pub(super) fn parsed<T>(
    query: &Query,
    name: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, ApiError> {
    let parsed = query.get(name).filter(|text| !text.is_empty()).map(parse).transpose();
    parsed.map_err(|why| ApiError::bad_request(format!("query parameter \"{name}\": {why}")))
}

pub(super) fn unread(error: &ReadError) -> ApiError {
    if matches!(error, ReadError::Busy | ReadError::Closed) {
        return ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", error.to_string());
    }
    tracing::error!(error = error as &dyn std::error::Error, "the audit trail cannot be read");
    ApiError::internal()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn nobody_is_told_of_a_namespace_that_they_may_not_see() {
        let some = Visible::In(Arc::new(["shop".into(), "web".into()].into()));
        let names = |names: &[&str]| Some(names.iter().map(|&name| Arc::from(name)).collect::<BTreeSet<Arc<str>>>());
        for (raw, visible, want) in [
            ("", &Visible::All, None),
            ("namespace=", &Visible::All, None),
            ("namespace=other", &Visible::All, names(&["other"])),
            ("", &some, names(&["shop", "web"])),
            ("namespace=web", &some, names(&["web"])),
            ("namespace=other", &some, names(&[])),
            ("", &Visible::Nothing, names(&[])),
            ("namespace=web", &Visible::Nothing, names(&[])),
        ] {
            let query = Query::parse(raw, &KNOWN).unwrap();
            let got = wanted(&query, visible, 1, 0).unwrap().namespaces;
            assert_eq!(got.as_deref(), want.as_ref(), "{raw} {visible:?}");
        }
    }

    #[test]
    fn one_thing_at_a_time_is_asked_about() {
        let asked = |raw: &str| wanted(&Query::parse(raw, &KNOWN).unwrap(), &Visible::All, 1, 0);
        assert_eq!(asked("alert=a").unwrap().about, Some(About::alert("a")));
        assert_eq!(asked("rule=web/a").unwrap().about, Some(About::rule("web/a")));
        for bad in ["alert=a&rule=b", "rule=a&notification=b", "kind=nothing", "since=then", "after=1:2"] {
            assert!(asked(bad).is_err(), "{bad}");
        }
    }
}
