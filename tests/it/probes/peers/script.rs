//! Servers that follow a script, well-behaved or not.

use std::{sync::Arc, time::Duration};

use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsAcceptor;

use super::{Peer, pki::Identity};

/// One thing that a server does.
#[derive(Clone)]
pub enum Act {
    Say(&'static [u8]),
    /// Reads until this has come.
    Hear(&'static [u8]),
    /// Says this again and again, until nobody listens.
    Forever(&'static [u8]),
    /// Goes on in TLS.
    Tls(Arc<ServerConfig>),
    /// Stays, and says nothing more.
    Hold,
    /// Ends the connection with a reset.
    Reset,
}

impl Act {
    pub fn tls(identity: &Identity) -> Self {
        Self::Tls(Arc::new(identity.server(None, rustls::ALL_VERSIONS)))
    }
}

/// A server that does this on each connection and then closes it.
pub async fn script(acts: Vec<Act>) -> Peer {
    Peer::tcp(move |stream| {
        let acts = acts.clone();
        async move {
            // What the probe does to the connection is its business.
            let _ = follow(stream, acts).await;
        }
    })
    .await
}

/// A TLS server that waits for its client to leave.
pub async fn tls(identity: &Identity) -> Peer {
    script(vec![Act::tls(identity), Act::Hold]).await
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

async fn follow(stream: TcpStream, acts: Vec<Act>) -> std::io::Result<()> {
    let mut plain = Some(stream);
    let mut secured: Option<Box<dyn Stream>> = None;
    for act in acts {
        if let Act::Reset = act {
            if let Some(stream) = &plain {
                stream.set_zero_linger()?;
            }
            return Ok(());
        }
        if let Act::Tls(config) = act {
            let Some(stream) = plain.take() else { return Ok(()) };
            secured = Some(Box::new(TlsAcceptor::from(config).accept(stream).await?));
            continue;
        }
        let stream: &mut dyn Stream = match (&mut secured, &mut plain) {
            (Some(stream), _) => stream,
            (None, Some(stream)) => stream,
            (None, None) => return Ok(()),
        };
        match act {
            Act::Say(bytes) => {
                stream.write_all(bytes).await?;
                stream.flush().await?;
            }
            Act::Forever(bytes) => loop {
                stream.write_all(bytes).await?;
                stream.flush().await?;
            },
            Act::Hear(bytes) => {
                let mut heard = Vec::new();
                while !heard.windows(bytes.len()).any(|window| window == bytes) {
                    heard.push(stream.read_u8().await?);
                }
            }
            Act::Hold => {
                let mut ignored = [0; 1024];
                while stream.read(&mut ignored).await? > 0 {}
            }
            Act::Tls(_) | Act::Reset => {}
        }
    }
    if let Some(mut stream) = secured {
        stream.shutdown().await?;
    }
    if let Some(mut stream) = plain {
        // Closing with unread bytes would reset the connection, and tell the peer something else.
        stream.shutdown().await?;
        let mut ignored = [0; 1024];
        let drain = async { while stream.read(&mut ignored).await.is_ok_and(|length| length > 0) {} };
        let _ = tokio::time::timeout(Duration::from_secs(5), drain).await;
    }
    Ok(())
}
