//! An answer's body, which knows when its last byte is handed over: only then is the request done.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full, combinators::UnsyncBoxBody};
use hyper::body::{Body, Frame, SizeHint};

use super::done::Done;

pub(super) type Payload = UnsyncBoxBody<Bytes, warp::Error>;

/// A body that carries what is to be told at its end. Dropped before its end, the client went away.
pub(super) struct Tracked {
    payload: Payload,
    done: Done,
}

impl Tracked {
    pub(super) fn new(payload: Payload, done: Done) -> Self {
        Self { payload, done }
    }
}

impl Body for Tracked {
    type Data = Bytes;
    type Error = warp::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, warp::Error>>> {
        let frame = ready!(Pin::new(&mut self.payload).poll_frame(cx));
        if frame.is_none() {
            self.done.whole();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.payload.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.payload.size_hint()
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        // A body of known length is dropped at its end without being asked for more.
        if self.payload.is_end_stream() {
            self.done.whole();
        }
    }
}

pub(super) fn full(body: String) -> Payload {
    Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed_unsync()
}

pub(super) fn empty() -> Payload {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}
