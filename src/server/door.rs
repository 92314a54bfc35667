//! Who is let in, in a cluster: what a route asks of whoever comes, and what they may then see.
//!
//! Owns the way from a request to a [`Visible`]; the questions themselves are `reviews`'.

use std::{collections::BTreeSet, sync::Arc};

use futures::{StreamExt as _, TryStreamExt as _};
use hyper::StatusCode;

use super::{
    State,
    answer::ApiError,
    reviews::{Reviews, User, Wish},
    routes::{Asks, Route},
    visible::Visible,
};

const CHECKS: &str = "healthchecks";
const RULES: &str = "alertrules";
/// Namespaces of which somebody who may not see all is asked about, one question each every 10 s; who has more
/// narrows the list by `?namespace=`.
const NAMESPACES: usize = 256;
/// Questions of one request at a time.
const AT_ONCE: usize = 8;

/// What this user may see of a route's answer.
///
/// # Errors
/// 403, or 503 when the cluster cannot be asked.
pub(super) async fn admit(
    reviews: &Reviews,
    user: &User,
    route: Option<&Route>,
    path: &str,
    query: Option<&str>,
    state: &State,
) -> Result<Visible, ApiError> {
    match route.map_or(Asks::Token, |route| route.asks) {
        Asks::Nothing | Asks::Token => Ok(Visible::All),
        Asks::Get => {
            // /api/v1/healthchecks/{namespace}/{name}
            let mut segments = path.split('/').skip(4).map(Arc::<str>::from);
            let wish = Wish { verb: "get", resource: CHECKS, namespace: segments.next(), name: segments.next() };
            if reviews.may(user, &wish).await? { Ok(Visible::All) } else { Err(forbidden(&wish)) }
        }
        Asks::GetOf(kind) => {
            // /api/v1/KINDS/{namespace}/{name}
            let mut segments = path.split('/').skip(4).map(Arc::<str>::from);
            let wish = Wish { verb: "get", resource: kind.plural(), namespace: segments.next(), name: segments.next() };
            if reviews.may(user, &wish).await? { Ok(Visible::All) } else { Err(forbidden(&wish)) }
        }
        Asks::List => list(reviews, user, CHECKS, namespace_of(query), state).await,
        Asks::ListAlerts => list(reviews, user, RULES, namespace_of(query), state).await,
        Asks::ListOf(kind) => list(reviews, user, kind.plural(), namespace_of(query), state).await,
    }
}

async fn list(
    reviews: &Reviews,
    user: &User,
    resource: &'static str,
    namespace: Option<Arc<str>>,
    state: &State,
) -> Result<Visible, ApiError> {
    let wish = |namespace| Wish { verb: "list", resource, namespace, name: None };
    if reviews.may(user, &wish(None)).await? {
        return Ok(Visible::All);
    }
    let asked: BTreeSet<Arc<str>> = match &namespace {
        Some(namespace) => [namespace.clone()].into(),
        None => state.namespaces(),
    };
    if asked.len() > NAMESPACES {
        let message = format!("there are over {NAMESPACES} namespaces, and you may not list all: give ?namespace=");
        return Err(ApiError::new(StatusCode::FORBIDDEN, "forbidden", message));
    }
    let allowed: BTreeSet<Arc<str>> = futures::stream::iter(asked)
        .map(|namespace| async move {
            let may = reviews.may(user, &wish(Some(namespace.clone()))).await?;
            Ok::<_, ApiError>(may.then_some(namespace))
        })
        .buffer_unordered(AT_ONCE)
        .try_filter_map(|allowed| std::future::ready(Ok(allowed)))
        .try_collect()
        .await?;
    if allowed.is_empty() { Err(forbidden(&wish(namespace))) } else { Ok(Visible::In(Arc::new(allowed))) }
}

fn namespace_of(query: Option<&str>) -> Option<Arc<str>> {
    let mut pairs = url::form_urlencoded::parse(query?.as_bytes());
    pairs.find(|(name, value)| name == "namespace" && !value.is_empty()).map(|(_, value)| Arc::from(&*value))
}

pub(super) fn forbidden(Wish { verb, resource, namespace, .. }: &Wish) -> ApiError {
    let place = match namespace {
        Some(namespace) => format!("in namespace {}", namespace.chars().take(63).collect::<String>()),
        None => "in any namespace".to_owned(),
    };
    let message = format!("RBAC does not let you {verb} {resource} {place}");
    ApiError::new(StatusCode::FORBIDDEN, "forbidden", message)
}
