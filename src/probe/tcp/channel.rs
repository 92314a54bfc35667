//! A connection, in the clear or in TLS.

use std::io;

use bytes::{BufMut, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

pub(super) enum Channel {
    Plain(TcpStream),
    Secured(Box<TlsStream<TcpStream>>),
}

impl Channel {
    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.write_all(bytes).await,
            Self::Secured(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
        }
    }

    /// Appends what has arrived to `buffer`, at most `room` bytes; 0 when the peer has closed.
    pub(super) async fn receive(&mut self, buffer: &mut BytesMut, room: usize) -> io::Result<usize> {
        let mut buffer = buffer.limit(room);
        match self {
            Self::Plain(stream) => stream.read_buf(&mut buffer).await,
            Self::Secured(stream) => stream.read_buf(&mut buffer).await,
        }
    }
}
