//! One request and the answer to it, on one connection that is driven in the same task.

use std::{
    error::Error as _,
    future::poll_fn,
    io,
    pin::{Pin, pin},
    sync::{Arc, LazyLock},
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    body::{Body, Incoming},
    client::conn::{http1, http2},
    header::{AUTHORIZATION, HeaderValue},
    http::response::Parts,
    rt::Executor,
};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::wire::Wire;
use crate::{
    health::Reason,
    model::{Address, Http, HttpVersion, Request},
    net::Failure,
};

/// The head of an answer may take this much: twice what browsers and the common servers allow. It is also
/// the most that is read at a time, so 2,000 slow targets cannot hold more than 128 MB.
const HEAD_MAX: usize = 64 << 10;

static HTTP1: LazyLock<http1::Builder> = LazyLock::new(|| {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_MAX);
    builder
});

type Message = hyper::Request<Full<Bytes>>;
type Http1 = http1::Connection<TokioIo<Wire>, Full<Bytes>>;

/// An answer whose head has come.
pub(super) struct Exchange {
    peer: Address,
    version: HttpVersion,
    body: Incoming,
    /// Driven whenever the body is read. None when it has ended, and for HTTP/2.
    connection: Option<Http1>,
    /// What keeps the connection open.
    _sender: Sender,
}

enum Sender {
    Http1 { _sender: http1::SendRequest<Full<Bytes>> },
    Http2 { _sender: http2::SendRequest<Full<Bytes>>, _tasks: Tasks },
}

/// What goes over the wire.
pub(super) fn message(http: &Http, request: &Request, authorization: Option<&HeaderValue>) -> Message {
    let body = if request.with_body { http.body.clone().unwrap_or_default() } else { Bytes::new() };
    let mut message = Message::new(Full::new(body));
    *message.method_mut() = request.method.clone();
    *message.uri_mut() = request.uri.clone();
    *message.headers_mut() = request.headers.clone();
    if let Some(value) = authorization {
        message.headers_mut().insert(AUTHORIZATION, value.clone());
    }
    message
}

/// Sends `message` and waits for the head of the answer.
///
/// # Errors
/// ConnectionReset, ProtocolError or TLSError: there is no answer.
pub(super) async fn send(
    wire: Wire,
    version: HttpVersion,
    message: Message,
    peer: &Address,
) -> Result<(Parts, Exchange), Failure> {
    match version {
        HttpVersion::Http1 => send_http1(wire, message, peer).await,
        HttpVersion::Http2 => send_http2(wire, message, peer).await,
    }
}

async fn send_http1(wire: Wire, message: Message, peer: &Address) -> Result<(Parts, Exchange), Failure> {
    let (mut sender, connection) =
        HTTP1.handshake(TokioIo::new(wire)).await.map_err(|error| failure(&error, peer, HttpVersion::Http1, true))?;
    let mut connection = Some(connection);
    let mut heard = false;
    let mut response = pin!(sender.send_request(message));
    let response = poll_fn(|cx| {
        if let Some(mut open) = connection.take() {
            // Without shutdown: whoever says first that it is done has the port in TIME_WAIT.
            match open.poll_without_shutdown(cx) {
                Poll::Pending => connection = Some(open),
                // Dropped, which ends the wait for an answer that cannot come any more.
                Poll::Ready(_) => heard = open.into_parts().io.inner().has_heard(),
            }
        }
        response.as_mut().poll(cx)
    });
    let (head, body) = response.await.map_err(|error| failure(&error, peer, HttpVersion::Http1, heard))?.into_parts();
    Ok((
        head,
        Exchange {
            peer: peer.clone(),
            version: HttpVersion::Http1,
            body,
            connection,
            _sender: Sender::Http1 { _sender: sender },
        },
    ))
}

async fn send_http2(wire: Wire, message: Message, peer: &Address) -> Result<(Parts, Exchange), Failure> {
    let tasks = Tasks(Arc::default());
    let mut builder = http2::Builder::new(Spawner(Arc::clone(&tasks.0)));
    builder.max_header_list_size(HEAD_MAX as u32);
    // What a peer may send before it is read: no more than of HTTP/1. The usual 2 MB times 4,096 runs would be 8 GB.
    builder.initial_stream_window_size(HEAD_MAX as u32).initial_connection_window_size(HEAD_MAX as u32);
    let (mut sender, connection) =
        builder.handshake(TokioIo::new(wire)).await.map_err(|error| failure(&error, peer, HttpVersion::Http2, true))?;
    Spawner(Arc::clone(&tasks.0)).execute(connection);
    let (head, body) = sender
        .send_request(message)
        .await
        .map_err(|error| failure(&error, peer, HttpVersion::Http2, true))?
        .into_parts();
    Ok((
        head,
        Exchange {
            peer: peer.clone(),
            version: HttpVersion::Http2,
            body,
            connection: None,
            _sender: Sender::Http2 { _sender: sender, _tasks: tasks },
        },
    ))
}

impl Exchange {
    /// Who answers.
    pub(super) fn peer(&self) -> &Address {
        &self.peer
    }

    /// The next piece of the body; None at its end.
    pub(super) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        if let Some(open) = &mut self.connection
            && open.poll_without_shutdown(cx).is_ready()
        {
            // What went wrong, if anything, comes out of the body.
            self.connection = None;
        }
        loop {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => return Poll::Ready(Some(Ok(data))),
                    // Trailers, or nothing: the connection has to be driven on for more.
                    _ => {}
                },
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Some(Err(failure(&error, &self.peer, self.version, true))));
                }
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

/// The tasks of an HTTP/2 connection: they end with this.
struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl Drop for Tasks {
    fn drop(&mut self) {
        // The tasks hold the set, so that dropping it here would end none.
        self.0.lock().abort_all();
    }
}

#[derive(Clone)]
struct Spawner(Arc<Mutex<JoinSet<()>>>);

impl<F> Executor<F> for Spawner
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, future: F) {
        self.0.lock().spawn(async move {
            future.await;
        });
    }
}

/// What an error of HTTP says about `peer`. `heard` is whether the peer said anything at all.
fn failure(error: &hyper::Error, peer: &Address, version: HttpVersion, heard: bool) -> Failure {
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<io::Error>()
            && (io.raw_os_error().is_some() || io.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()))
        {
            return Failure::from_io(io, peer);
        }
        source = inner.source();
    }
    let protocol = match version {
        HttpVersion::Http1 => "HTTP",
        HttpVersion::Http2 => "HTTP/2",
    };
    if error.is_parse_too_large() {
        return Failure::new(Reason::ProtocolError, format!("{peer} sent headers without end: over 64 KiB or 100"));
    }
    let is_eof = error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>())
        .is_some_and(|io| io.kind() == io::ErrorKind::UnexpectedEof);
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() || is_eof {
        let what = if heard { "in the middle of its answer" } else { "without an answer" };
        return Failure::new(Reason::ConnectionReset, format!("{peer} closed the connection {what}"));
    }
    let what = match error.source() {
        Some(cause) if !error.is_parse() => cause.to_string(),
        _ => error.to_string(),
    };
    Failure::new(Reason::ProtocolError, format!("{peer} does not answer as {protocol}: {what}"))
}
