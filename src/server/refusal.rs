//! What hyper says by itself to a request that it cannot read, said as everything else is said here.
//!
//! hyper answers such a request (400, 414 or 431) below every service: without a body, without a correlation id, and
//! nobody is told. It offers no hook for it, so this stands between hyper and the socket and puts our answer in the
//! place of such a one. Every answer of our own carries an id, which tells them apart. HTTP/2 has no such answers.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use hyper::{Method, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    State,
    answer::ApiError,
    connection::Requests,
    correlation::{self, Correlation},
    done::Done,
};

/// A connection on which no bare refusal goes out.
pub(super) struct Refusing<Io> {
    io: Io,
    state: Arc<State>,
    requests: Requests,
    ours: Option<Ours>,
}

/// What goes out in the place of something else.
struct Ours {
    rest: Bytes,
    /// How many bytes of the caller it stands for.
    stands_for: usize,
}

impl<Io> Refusing<Io> {
    pub(super) fn new(io: Io, state: Arc<State>, requests: Requests) -> Self {
        Self { io, state, requests, ours: None }
    }

    /// Our words for a refusal; it is logged and counted here, as it reaches no route.
    fn refuse(&self, status: StatusCode, stands_for: usize) -> Ours {
        let correlation = Correlation::fresh();
        let (method, requests) = (Method::default(), self.requests.clone());
        let mut done = Done::begin(&self.state, requests, &correlation, &method, None);
        done.unreadable();
        done.status(status);
        done.whole();
        drop(done);
        let rest = plain_answer(&error(status), &correlation, "").into();
        Ours { rest, stands_for }
    }
}

fn error(status: StatusCode) -> ApiError {
    let (code, message) = match status {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => ("headers_too_large", "the request's head has no end in sight"),
        StatusCode::URI_TOO_LONG => ("uri_too_long", "path and query have no end in sight"),
        _ => ("bad_request", "this cannot be read as a request of HTTP/1.1 or HTTP/2"),
    };
    ApiError::new(status, code, message)
}

/// A whole answer for a connection that ends with it, where there is no hyper to write one. `headers` are lines, each
/// with its end.
pub(super) fn plain_answer(error: &ApiError, correlation: &Correlation, headers: &str) -> String {
    let body = error.body(correlation);
    format!(
        "HTTP/1.1 {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n{headers}{}: {}\r\n\r\n{body}",
        error.status,
        body.len(),
        correlation::HEADER,
        correlation.id
    )
}

/// The status of an answer that hyper made by itself.
fn bare(bytes: &[u8]) -> Option<StatusCode> {
    let rest = bytes.strip_prefix(b"HTTP/1.1 ").or_else(|| bytes.strip_prefix(b"HTTP/1.0 "))?;
    let status = StatusCode::from_bytes(rest.get(..3)?).ok().filter(StatusCode::is_client_error)?;
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let name = correlation::HEADER;
    let has_id = bytes[..end].windows(name.as_str().len()).any(|some| some == name.as_str().as_bytes());
    (!has_id).then_some(status)
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Refusing<Io> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.ours.is_none() {
            self.ours = bare(bytes).map(|status| self.refuse(status, bytes.len()));
        }
        let this = &mut *self;
        let Some(ours) = &mut this.ours else { return Pin::new(&mut this.io).poll_write(cx, bytes) };
        while ours.rest.has_remaining() {
            match ready!(Pin::new(&mut this.io).poll_write(cx, &ours.rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => ours.rest.advance(written),
            }
        }
        let stands_for = ours.stands_for;
        this.ours = None;
        Poll::Ready(Ok(stands_for))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // A head is never split over slices.
        match slices.iter().find(|slice| !slice.is_empty()) {
            Some(first) if self.ours.is_some() || bare(first).is_some() => self.poll_write(cx, first),
            _ => Pin::new(&mut self.io).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Refusing<Io> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_hyper_says_by_itself_is_replaced() {
        let table: [(&[u8], Option<u16>); 9] = [
            (b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n", Some(400)),
            (b"HTTP/1.0 431 Request Header Fields Too Large\r\n\r\n", Some(431)),
            (b"HTTP/1.1 404 Not Found\r\nx-correlation-id: abc\r\n\r\n{}", None),
            (b"HTTP/1.1 100 Continue\r\n\r\n", None),
            (b"HTTP/1.1 200 OK\r\n\r\n", None),
            (b"HTTP/1.1 400 Bad Request\r\n", None),
            (b"HTTP/1.1 4", None),
            (b"\0\0\x12\x04\0\0\0\0\0", None),
            (b"", None),
        ];
        for (bytes, expected) in table {
            let shown = String::from_utf8_lossy(bytes);
            assert_eq!(bare(bytes).map(|status| status.as_u16()), expected, "{shown}");
        }
    }
}
