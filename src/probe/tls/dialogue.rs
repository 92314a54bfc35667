//! The talk in the clear that comes before TLS: it asks for TLS and hears that it may begin.

use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::replies::{ImapStatus, REPLY_MAX, SmtpReply, imap_reply, postgres_reply, smtp_reply};
use crate::{
    health::Reason,
    model::{Address, StartTls},
    net::Failure,
};

/// SSLRequest: its length, and the number that stands in the place of a version.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Brings the peer to the point where TLS begins.
///
/// # Errors
/// ProtocolError when it refuses or does not speak the protocol, or what the connection says.
pub(super) async fn start(stream: &mut TcpStream, how: StartTls, address: &Address) -> Result<(), Failure> {
    let mut talk = Talk { stream, address, heard: BytesMut::new() };
    match how {
        StartTls::Smtp => smtp(&mut talk).await?,
        StartTls::Imap => imap(&mut talk).await?,
        StartTls::Postgres => {
            talk.say(&SSL_REQUEST).await?;
            talk.hear(|bytes| Ok(postgres_reply(bytes)?.map(|length| ((), length)))).await?;
        }
    }
    // The peer speaks next in TLS, and only after us. What comes in the clear before that was put there by
    // somebody in between.
    if talk.heard.is_empty() { Ok(()) } else { Err(talk.wrong("says more than its answer before TLS")) }
}

async fn smtp(talk: &mut Talk<'_>) -> Result<(), Failure> {
    let greeting = talk.smtp().await?;
    if greeting.code != 220 {
        return Err(talk.wrong(&format!("greets with {}", greeting.code)));
    }
    talk.say(b"EHLO probity.invalid\r\n").await?;
    let hello = talk.smtp().await?;
    if hello.code != 250 {
        return Err(talk.wrong(&format!("answers EHLO with {}", hello.code)));
    }
    if !hello.lines.iter().any(|line| line.trim().eq_ignore_ascii_case("STARTTLS")) {
        return Err(talk.wrong("does not offer STARTTLS"));
    }
    talk.say(b"STARTTLS\r\n").await?;
    let ready = talk.smtp().await?;
    if ready.code == 220 { Ok(()) } else { Err(talk.wrong(&format!("answers STARTTLS with {}", ready.code))) }
}

async fn imap(talk: &mut Talk<'_>) -> Result<(), Failure> {
    match talk.hear(|bytes| imap_reply("*", bytes)).await? {
        ImapStatus::Ok => {}
        ImapStatus::PreAuth => return Err(talk.wrong("greets with PREAUTH, after which there is no STARTTLS")),
        _ => return Err(talk.wrong("does not greet with OK")),
    }
    talk.say(b"a1 STARTTLS\r\n").await?;
    match talk.hear(|bytes| imap_reply("a1", bytes)).await? {
        ImapStatus::Ok => Ok(()),
        _ => Err(talk.wrong("refuses STARTTLS")),
    }
}

struct Talk<'a> {
    stream: &'a mut TcpStream,
    address: &'a Address,
    /// What has arrived and was not understood yet, at most [`REPLY_MAX`].
    heard: BytesMut,
}

impl Talk<'_> {
    async fn say(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.stream.write_all(bytes).await.map_err(|error| Failure::from_io(&error, self.address))
    }

    async fn smtp(&mut self) -> Result<SmtpReply, Failure> {
        self.hear(|bytes| {
            Ok(smtp_reply(bytes)?.map(|reply| {
                let length = reply.length;
                (reply, length)
            }))
        })
        .await
    }

    /// Reads until `understand` has a whole reply.
    async fn hear<T>(
        &mut self,
        understand: impl Fn(&[u8]) -> Result<Option<(T, usize)>, String>,
    ) -> Result<T, Failure> {
        loop {
            if let Some((reply, length)) = understand(&self.heard).map_err(|what| self.wrong(&what))? {
                let _ = self.heard.split_to(length);
                return Ok(reply);
            }
            let mut chunk = [0; 1024];
            let room = chunk.len().min(REPLY_MAX - self.heard.len().min(REPLY_MAX - 1));
            match self.stream.read(&mut chunk[..room]).await {
                Ok(0) => return Err(self.wrong("closed the connection before TLS began")),
                Ok(length) => self.heard.extend_from_slice(&chunk[..length]),
                Err(error) => return Err(Failure::from_io(&error, self.address)),
            }
        }
    }

    fn wrong(&self, what: &str) -> Failure {
        Failure::new(Reason::ProtocolError, format!("{} {what}", self.address))
    }
}
