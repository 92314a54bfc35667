//! The connection under HTTP: plain or TLS, and gone without a trace when it is dropped.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    task::coop::poll_proceed,
};
use tokio_rustls::client::TlsStream;

use crate::net;

/// Bytes that cost as much of a task's turn as one look at a socket. A task has 128 of these; so a peer that sends
/// without end, and is read in a loop by hyper, holds a thread for 500 KB at a time and not for 8 MB.
const TURN: usize = 4096;

pub(super) struct Wire {
    stream: Stream,
    /// The peer closed first, so that nothing of ours stays in TIME_WAIT.
    ended: bool,
    /// The peer said something.
    heard: bool,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    pub(super) fn plain(stream: TcpStream) -> Self {
        Self { stream: Stream::Plain(stream), ended: false, heard: false }
    }

    pub(super) fn tls(stream: TlsStream<TcpStream>) -> Self {
        Self { stream: Stream::Tls(Box::new(stream)), ended: false, heard: false }
    }

    /// Whether a byte came back.
    pub(super) fn has_heard(&self) -> bool {
        self.heard
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if !self.ended {
            net::set_zero_linger(match &self.stream {
                Stream::Plain(tcp) => tcp,
                Stream::Tls(tls) => tls.get_ref().0,
            });
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = match &mut self.stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Stream::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        };
        if let Poll::Ready(Ok(())) = result {
            let read = buf.filled().len() - before;
            if read > 0 {
                self.heard = true;
                pay(read / TURN, cx);
            } else if buf.remaining() > 0 {
                self.ended = true;
            }
        }
        result
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_write(cx, data),
            Stream::Tls(tls) => Pin::new(tls).poll_write(cx, data),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Stream::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Stream::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}

/// Takes so much from the task's turn. With nothing left, the next look at the socket ends it.
fn pay(times: usize, cx: &mut Context<'_>) {
    for _ in 0..times {
        match poll_proceed(cx) {
            Poll::Ready(turn) => turn.made_progress(),
            Poll::Pending => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, io::Write, net::TcpListener};

    use super::*;

    #[tokio::test]
    async fn a_flood_does_not_hold_the_thread() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let flood = std::thread::spawn(move || {
            let (mut peer, _) = listener.accept().unwrap();
            // Until the wire is dropped.
            while peer.write_all(&[0; 64 << 10]).is_ok() {}
        });
        let mut wire = Wire::plain(TcpStream::connect(address).await.unwrap());
        let (mut largest, mut all) = (0, 0);
        let mut bytes = vec![0; 64 << 10];
        while all < 20 << 20 {
            let turn = poll_fn(|cx| {
                let mut turn = 0;
                loop {
                    let mut buf = ReadBuf::new(&mut bytes);
                    match Pin::new(&mut wire).poll_read(cx, &mut buf) {
                        Poll::Ready(read) => read.unwrap(),
                        Poll::Pending if turn > 0 => return Poll::Ready(turn),
                        Poll::Pending => return Poll::Pending,
                    }
                    turn += buf.filled().len();
                }
            });
            let turn = turn.await;
            (largest, all) = (largest.max(turn), all + turn);
            tokio::task::yield_now().await;
        }
        assert!(largest <= (129 * TURN) + bytes.len(), "{largest} bytes in one turn");
        drop(wire);
        flood.join().unwrap();
    }
}
