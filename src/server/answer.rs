//! The shape of answers: JSON, and errors that all look alike.

use hyper::{
    StatusCode,
    header::{CONTENT_TYPE, HeaderValue},
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use warp::reply::Response;

use super::correlation::Correlation;

/// What went wrong, for the client. A handler gives it as it is; the front adds the correlation id and writes it.
#[derive(Debug, Clone)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    /// Stable and for programs: `snake_case`.
    code: &'static str,
    message: String,
    /// What stands beside `error` in the object.
    beside: Map<String, Value>,
    /// The whole body, where an API that is not ours says what it looks like.
    whole: Option<Value>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), beside: Map::new(), whole: None }
    }

    /// A query parameter or a header is wrong, and how.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// Ours; the log has more than the client is told.
    pub(super) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "this is a fault of the server; its log has more under this id",
        )
    }

    /// What an error status without words of its own says.
    pub(super) fn of_status(status: StatusCode) -> Self {
        let (code, message) = match status {
            StatusCode::NOT_FOUND => ("not_found", "nothing is served here"),
            StatusCode::METHOD_NOT_ALLOWED => ("method_not_allowed", "this endpoint does not take this method"),
            status if status.is_client_error() => ("bad_request", "the request cannot be answered"),
            _ => return Self { status, ..Self::internal() },
        };
        Self::new(status, code, message)
    }

    pub(super) fn beside(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.beside.insert(name.to_owned(), value.into());
        self
    }

    /// With this body and no other.
    pub(super) fn said(status: StatusCode, whole: impl Into<Value>) -> Self {
        Self { whole: Some(whole.into()), ..Self::new(status, "said", "") }
    }

    /// With its message as the whole body.
    pub(super) fn plain(self) -> Self {
        Self { whole: Some(self.message.clone().into()), ..self }
    }

    /// The response that carries this to the front.
    pub(super) fn response(self) -> Response {
        let mut response = Response::default();
        *response.status_mut() = self.status;
        response.extensions_mut().insert(self);
        response
    }

    /// `{"error":{"code","message","correlation_id"}}`.
    pub(super) fn body(&self, correlation: &Correlation) -> String {
        if let Some(whole) = &self.whole {
            return whole.to_string();
        }
        let mut all = self.beside.clone();
        let error = json!({"code": self.code, "message": self.message, "correlation_id": &*correlation.id});
        all.insert("error".to_owned(), error);
        Value::Object(all).to_string()
    }
}

/// 200 with a JSON body.
pub(super) fn json<T: Serialize>(value: &T) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => with_type(body, "application/json"),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "an answer cannot be written as JSON");
            ApiError::internal().response()
        }
    }
}

/// 200 with a body of a type.
pub(super) fn with_type(body: impl Into<bytes::Bytes>, content_type: &'static str) -> Response {
    let mut response = Response::new(body.into().into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Runs what takes long (10,000 rows are some 10 ms) away from the threads that answer liveness.
pub(super) async fn off_the_runtime(make: impl FnOnce() -> Response + Send + 'static) -> Response {
    match tokio::task::spawn_blocking(make).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "an answer could not be made");
            ApiError::internal().response()
        }
    }
}
