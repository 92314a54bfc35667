//! What is told of a request when it is over, however it ends: one log line, its metrics.

use std::{sync::Arc, time::Duration};

use hyper::{Method, StatusCode};

use super::{State, connection::Requests, correlation::Correlation, routes::Route};

/// One request in flight. Dropping it ends it.
pub(super) struct Done {
    state: Arc<State>,
    requests: Requests,
    number: u64,
    began: Duration,
    correlation_given: bool,
    method: &'static str,
    route: Option<&'static Route>,
    /// None until there is an answer.
    status: Option<StatusCode>,
    whole: bool,
    span: tracing::Span,
}

impl Done {
    /// A request begins.
    pub(super) fn begin(
        state: &Arc<State>,
        requests: Requests,
        correlation: &Correlation,
        method: &Method,
        route: Option<&'static Route>,
    ) -> Self {
        let began = state.clock.mono();
        state.metrics.requests_in_flight().inc();
        Self {
            number: requests.begin(began),
            requests,
            began,
            correlation_given: correlation.given,
            method: method_label(Some(method)),
            route,
            status: None,
            whole: false,
            // At the level of errors, so that the id is on every line of this request, whatever level is let through.
            span: tracing::error_span!("request", correlation_id = &*correlation.id),
            state: Arc::clone(state),
        }
    }

    /// What every log line of this request is written in.
    pub(super) fn span(&self) -> tracing::Span {
        self.span.clone()
    }

    /// There is no telling what it asked for.
    pub(super) fn unreadable(&mut self) {
        self.method = method_label(None);
    }

    pub(super) fn status(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    /// The answer's last byte was handed over.
    pub(super) fn whole(&mut self) {
        self.whole = true;
    }
}

impl Drop for Done {
    fn drop(&mut self) {
        let now = self.state.clock.mono();
        let took = now.saturating_sub(self.began);
        self.requests.end(self.number, now);
        let (method, endpoint) = (self.method, self.route.map_or("unmatched", |route| route.template));
        // 499, as proxies count it: the client closed the connection before there was an answer.
        let status = self.status.map_or(499, |status| status.as_u16());
        self.state.metrics.requests_in_flight().dec();
        self.state.metrics.request(method, endpoint, status, took);
        let duration_ms = (took.as_secs_f64() * 1e6).round() / 1e3;
        let good = self.whole && self.status.is_some_and(|status| status.is_success());
        let _in = self.span.enter();
        if good && !self.correlation_given && self.route.is_some_and(|route| route.quiet) {
            tracing::debug!(method, endpoint, status, duration_ms, "request");
        } else if self.whole {
            tracing::info!(method, endpoint, status, duration_ms, "request");
        } else {
            tracing::info!(method, endpoint, status, duration_ms, "request whose client went away");
        }
    }
}

/// The method as a label: a closed set, because clients make methods up.
fn method_label(method: Option<&Method>) -> &'static str {
    match method.map_or("", Method::as_str) {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "PATCH" => "PATCH",
        "OPTIONS" => "OPTIONS",
        "CONNECT" => "CONNECT",
        "TRACE" => "TRACE",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_that_clients_make_up_share_one_label() {
        assert_eq!(method_label(Some(&Method::GET)), "GET");
        assert_eq!(method_label(Some(&Method::TRACE)), "TRACE");
        assert_eq!(method_label(Some(&Method::from_bytes(b"BREW").unwrap())), "other");
        assert_eq!(method_label(Some(&Method::from_bytes(b"get").unwrap())), "other");
    }
}
