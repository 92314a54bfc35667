//! What holds for every request, whatever its route: correlation id, limits, who may, one log line, its metrics.

use std::{any::Any, convert::Infallible, panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt;
use http_body_util::{BodyExt, Limited};
use hyper::{
    Method, Request, Response, StatusCode, Version,
    body::{Body, Incoming},
    header::{
        ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS,
    },
    http::response::Parts as Head,
    service::Service,
};
use tracing::Instrument;

use super::{
    Limits, State,
    access::{self, Access},
    answer::ApiError,
    body::{self, Payload, Tracked},
    connection::Requests,
    correlation::{self, Correlation},
    done::Done,
    origin,
    routes::{self, Route},
    writes::Writes,
};

/// Stands before the filters. One per server.
pub(super) struct Front<S> {
    pub(super) filters: S,
    pub(super) state: Arc<State>,
    pub(super) access: Arc<Access>,
    pub(super) limits: Limits,
    pub(super) writes: Writes,
}

/// A request as the filters get it: without a body beyond the limit.
pub(super) type Bounded = Request<Limited<Incoming>>;

impl<S> Front<S>
where
    S: Service<Bounded, Response = warp::reply::Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    /// Answers one request. Never fails: what goes wrong is an answer.
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        requests: Requests,
    ) -> Result<Response<Tracked>, Infallible> {
        let correlation = Correlation::of(request.headers());
        let is_head = request.method() == Method::HEAD;
        let route = routes::find(request.method(), request.uri().path());
        let mut done = Done::begin(&self.state, requests, &correlation, request.method(), route);
        let answered = self.route(request, route, &correlation).instrument(done.span()).await.and_then(settle);
        let (mut head, payload) = answered.unwrap_or_else(|error| rendered(&error, &correlation));
        done.status(head.status);
        decorate(&mut head, route);
        head.headers.insert(correlation::HEADER, correlation.header());
        let payload = if is_head { without_body(&mut head, &payload) } else { payload };
        Ok(Response::from_parts(head, Tracked::new(payload, done)))
    }

    /// From the request to the filters' answer, or to why there is none.
    async fn route(
        &self,
        request: Request<Incoming>,
        route: Option<&'static Route>,
        correlation: &Correlation,
    ) -> Result<warp::reply::Response, ApiError> {
        self.within_limits(&request)?;
        let (mut head, body) = request.into_parts();
        // An unknown path is judged like one that needs a token: what is served here is told to who may read.
        let (visible, caller) = self.access.admit(route, &head, &self.state).await?;
        let Some(route) = route else { return Err(ApiError::of_status(StatusCode::NOT_FOUND)) };
        if !route.takes(&head.method) {
            return Err(ApiError::of_status(StatusCode::METHOD_NOT_ALLOWED));
        }
        if route.is_read() {
            head.method = Method::GET;
        } else {
            origin::check(&head)?;
        }
        head.extensions.insert(visible);
        head.extensions.insert(caller);
        head.extensions.insert(correlation.clone());
        let limit = usize::try_from(self.limits.body).unwrap_or(usize::MAX);
        let bounded = Request::from_parts(head, Limited::new(body, limit));
        let handled = AssertUnwindSafe(self.filters.call(bounded)).catch_unwind();
        let handled = tokio::time::timeout(self.limits.answer, handled);
        let handled = if route.is_read() { handled.await } else { self.writes.run(handled).await? };
        match handled {
            Ok(Ok(Ok(response))) => Ok(response),
            Ok(Ok(Err(never))) => match never {},
            Ok(Err(panic)) => {
                tracing::error!(panic = panic_text(&*panic), "a request handler panicked");
                Err(ApiError::internal())
            }
            Err(_) => Err(ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "timeout",
                format!("no answer within {} s", self.limits.answer.as_secs_f64()),
            )),
        }
    }

    fn within_limits(&self, request: &Request<Incoming>) -> Result<(), ApiError> {
        let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
        if target > self.limits.target {
            let message = format!("path and query are {target} bytes; at most {} are taken", self.limits.target);
            return Err(ApiError::new(StatusCode::URI_TOO_LONG, "uri_too_long", message));
        }
        let bytes: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if request.headers().len() > self.limits.headers || bytes > self.limits.header_bytes {
            let message = format!(
                "{} headers of {bytes} bytes; at most {} of {} are taken",
                request.headers().len(),
                self.limits.headers,
                self.limits.header_bytes
            );
            return Err(ApiError::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", message));
        }
        if request.body().size_hint().lower() > self.limits.body {
            let message = format!("no endpoint takes a body of over {} bytes", self.limits.body);
            return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message));
        }
        // RFC 9112, 3.2: exactly one in HTTP/1.1.
        let hosts = request.headers().get_all(HOST).iter().count();
        if hosts > 1 || (request.version() == Version::HTTP_11 && hosts == 0) {
            return Err(ApiError::bad_request("an HTTP/1.1 request has one header Host"));
        }
        Ok(())
    }
}

/// What every answer carries beside its id.
fn decorate(head: &mut Head, route: Option<&Route>) {
    if head.status == StatusCode::METHOD_NOT_ALLOWED {
        let allowed = route.and_then(|route| HeaderValue::from_str(&route.allowed()).ok());
        head.headers.insert(ALLOW, allowed.unwrap_or_else(|| HeaderValue::from_static("GET, HEAD")));
    }
    if head.status == StatusCode::UNAUTHORIZED {
        let (name, value) = access::challenge();
        head.headers.insert(name, value);
    }
    head.headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    head.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let policy = HeaderName::from_static("cross-origin-resource-policy");
    head.headers.insert(policy, HeaderValue::from_static("same-origin"));
}

/// The answer to HEAD: the length that GET's would have, and no body.
fn without_body(head: &mut Head, payload: &Payload) -> Payload {
    if let Some(length) = payload.size_hint().exact() {
        head.headers.insert(CONTENT_LENGTH, length.into());
    }
    body::empty()
}

/// A good answer as it is; an error as the handler gave it, or as its bare status says.
fn settle(response: warp::reply::Response) -> Result<(Head, Payload), ApiError> {
    let (mut head, payload) = response.into_parts();
    if let Some(error) = head.extensions.remove::<ApiError>() {
        return Err(error);
    }
    if head.status.is_client_error() || head.status.is_server_error() {
        return Err(ApiError::of_status(head.status));
    }
    Ok((head, payload.boxed_unsync()))
}

fn rendered(error: &ApiError, correlation: &Correlation) -> (Head, Payload) {
    let (mut head, ()) = Response::new(()).into_parts();
    head.status = error.status;
    head.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    (head, body::full(error.body(correlation)))
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("?")
}
