//! The talk with a mail server (RFC 5321, with RFC 3207 for STARTTLS and RFC 4954 for AUTH).

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

use super::answer::{Recipients, refused};
use crate::{
    model::{Address, Email, IpFamily, Login, MailSecurity, Secret, Tls},
    net::{Alpn, Failure, Net},
    notify::{Answer, Parts, redact::Redact},
    probe::tls::replies::{REPLY_MAX, SmtpReply, smtp_reply},
};

/// How old an address may be: mail is rare, and a server that moved is found soon.
const MAX_CACHE: Duration = Duration::from_secs(5);
/// For the goodbye, which changes nothing any more.
const QUIT: Duration = Duration::from_secs(2);

/// How far an attempt has come, for who gives it up.
#[derive(Default)]
pub(super) struct Progress {
    sent: AtomicBool,
}

impl Progress {
    /// The end of the mail has been written: the server may have taken it.
    pub(super) fn is_sent(&self) -> bool {
        self.sent.load(Ordering::Relaxed)
    }
}

pub(super) async fn deliver(net: &Net, email: &Email, mail: &str, done: &Parts, progress: &Progress) -> Answer {
    let attempt = Attempt { net, email, mail, done, progress, redact: redact(&email.security) };
    attempt.run().await.unwrap_or_else(|answer| answer).with_done(done)
}

fn redact(security: &MailSecurity) -> Redact {
    match security {
        MailSecurity::StartTls { login: Some(login), .. } | MailSecurity::Tls { login: Some(login), .. } => {
            let redact = Redact::default().secret(&login.password).secret(&login.username);
            // As they go over the wire too: some servers repeat a line that they do not take.
            let wire = [plain(login), BASE64_STANDARD.encode(login.username.expose()), password(login)];
            wire.into_iter().map(Secret::new).fold(redact, |redact, secret| redact.secret(&secret))
        }
        _ => Redact::default(),
    }
}

/// What PLAIN sends (RFC 4616).
fn plain(login: &Login) -> String {
    BASE64_STANDARD.encode(format!("\0{}\0{}", login.username.expose(), login.password.expose()))
}

/// What LOGIN sends last.
fn password(login: &Login) -> String {
    BASE64_STANDARD.encode(login.password.expose())
}

struct Attempt<'a> {
    net: &'a Net,
    email: &'a Email,
    mail: &'a str,
    done: &'a Parts,
    progress: &'a Progress,
    redact: Redact,
}

impl Attempt<'_> {
    async fn run(&self) -> Result<Answer, Answer> {
        let address = &self.email.address;
        let connected = self.net.connect(address, IpFamily::Any, MAX_CACHE).await.map_err(unsent)?;
        match &self.email.security {
            MailSecurity::Plain => {
                let mut talk = self.talk(connected.stream);
                talk.greeting().await?;
                talk.hello().await?;
                self.mail(talk).await
            }
            MailSecurity::StartTls { tls, login } => {
                let mut talk = self.talk(connected.stream);
                talk.greeting().await?;
                if !talk.hello().await?.has("STARTTLS") {
                    return Err(Answer::permanent(format!("{address} does not offer STARTTLS")));
                }
                talk.ask("STARTTLS", b"STARTTLS\r\n", 220).await?;
                if !talk.heard.is_empty() {
                    // Somebody in between put it there: it would be taken for what comes in TLS.
                    return Err(Answer::retry(None, format!("{address} says more than its answer before TLS")));
                }
                let mut talk = self.talk(self.secure(talk.stream, tls).await?);
                let hello = talk.hello().await?;
                talk.login(login.as_ref(), &hello).await?;
                self.mail(talk).await
            }
            MailSecurity::Tls { tls, login } => {
                let mut talk = self.talk(self.secure(connected.stream, tls).await?);
                talk.greeting().await?;
                let hello = talk.hello().await?;
                talk.login(login.as_ref(), &hello).await?;
                self.mail(talk).await
            }
        }
    }

    fn talk<S>(&self, stream: S) -> Talk<'_, S> {
        let hello = self.email.hello.as_deref().unwrap_or("localhost");
        Talk { stream, address: &self.email.address, hello, redact: &self.redact, heard: BytesMut::new() }
    }

    async fn secure(
        &self,
        stream: TcpStream,
        tls: &std::sync::Arc<Tls>,
    ) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Answer> {
        let address = &self.email.address;
        let secured = self.net.handshake(stream, tls, &address.host, Alpn::None).await.map_err(unsent)?;
        match secured.verdict {
            Ok(()) => Ok(secured.stream),
            // It may be renewed; until then nobody hears of it in the clear.
            Err(why) => Err(Answer::retry(None, format!("{address}: {why}"))),
        }
    }

    /// Envelope and mail, to those that do not have it.
    async fn mail<S: AsyncRead + AsyncWrite + Unpin>(&self, mut talk: Talk<'_, S>) -> Result<Answer, Answer> {
        let peer = self.email.address.to_string();
        talk.ask("MAIL", format!("MAIL FROM:<{}>\r\n", self.email.from.address()).as_bytes(), 250).await?;
        let mut recipients = Recipients::default();
        for (index, mailbox) in self.email.to.iter().enumerate().filter(|(index, _)| !self.done.has(*index)) {
            let line = format!("RCPT TO:<{}>\r\n", mailbox.address());
            let reply = talk.say_and_hear(line.as_bytes()).await?;
            if reply.code == 421 {
                return Err(refused(&peer, "RCPT", &reply, &self.redact));
            }
            recipients.put(index, mailbox.address(), &reply, &self.redact);
        }
        if recipients.taken.is_empty() {
            talk.quit().await;
            return Ok(recipients.nobody(&peer, !self.done.is_empty()));
        }
        talk.ask("DATA", b"DATA\r\n", 354).await?;
        self.progress.sent.store(true, Ordering::Relaxed);
        let maybe = Answer::maybe_taken;
        talk.say(&data(self.mail)).await.map_err(maybe)?;
        let reply = talk.hear().await.map_err(maybe)?;
        // Whatever it says, it has said that: nothing is uncertain any more.
        self.progress.sent.store(false, Ordering::Relaxed);
        if reply.code != 250 {
            return Err(refused(&peer, "the mail", &reply, &self.redact));
        }
        talk.quit().await;
        let mut taken = Parts::default();
        recipients.taken.iter().for_each(|&index| taken.add(index));
        let said = self.redact.clean(&reply.lines.join(" "));
        Ok(recipients.taken(&peer, &said).with_done(&taken))
    }
}

fn unsent(failure: Failure) -> Answer {
    Answer::of_failure(&failure, false)
}

/// With a dot before each line that begins with one, and the one that ends it all (RFC 5321, section 4.5.2).
fn data(mail: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(mail.len() + mail.len() / 64 + 8);
    for line in mail.split_inclusive("\r\n") {
        if line.starts_with('.') {
            out.push(b'.');
        }
        out.extend_from_slice(line.as_bytes());
    }
    out.extend_from_slice(b".\r\n");
    out
}

/// What EHLO was answered with.
struct Hello(Vec<String>);

impl Hello {
    fn has(&self, keyword: &str) -> bool {
        self.words(keyword).is_some()
    }

    /// The words after a keyword.
    fn words(&self, keyword: &str) -> Option<impl Iterator<Item = &str>> {
        self.0.iter().skip(1).find_map(|line| {
            // Some old servers write `AUTH=PLAIN`.
            let mut words = line.split([' ', '=']);
            words.next().filter(|word| word.eq_ignore_ascii_case(keyword)).map(|_| words)
        })
    }
}

struct Talk<'a, S> {
    stream: S,
    address: &'a Address,
    hello: &'a str,
    redact: &'a Redact,
    /// What has arrived and was not understood yet, at most [`REPLY_MAX`].
    heard: BytesMut,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<'_, S> {
    async fn greeting(&mut self) -> Result<(), Answer> {
        let reply = self.hear().await?;
        if reply.code == 220 { Ok(()) } else { Err(self.refused("the connection", &reply)) }
    }

    async fn hello(&mut self) -> Result<Hello, Answer> {
        let line = format!("EHLO {}\r\n", self.hello);
        Ok(Hello(self.ask("EHLO", line.as_bytes(), 250).await?.lines))
    }

    /// PLAIN where it is offered (RFC 4616), else LOGIN.
    async fn login(&mut self, login: Option<&Login>, hello: &Hello) -> Result<(), Answer> {
        let Some(login) = login else { return Ok(()) };
        let mechanisms: Vec<String> = hello.words("AUTH").into_iter().flatten().map(str::to_ascii_uppercase).collect();
        if mechanisms.iter().any(|one| one == "PLAIN") {
            self.ask("AUTH PLAIN", format!("AUTH PLAIN {}\r\n", plain(login)).as_bytes(), 235).await?;
        } else if mechanisms.iter().any(|one| one == "LOGIN") {
            self.ask("AUTH LOGIN", b"AUTH LOGIN\r\n", 334).await?;
            let username = BASE64_STANDARD.encode(login.username.expose());
            self.ask("the user", format!("{username}\r\n").as_bytes(), 334).await?;
            self.ask("the password", format!("{}\r\n", password(login)).as_bytes(), 235).await?;
        } else {
            let what = "offers neither AUTH PLAIN nor AUTH LOGIN";
            return Err(Answer::permanent(format!("{} {what}", self.address)));
        }
        Ok(())
    }

    async fn quit(&mut self) {
        // How it ends says nothing of the mail.
        let _ = tokio::time::timeout(QUIT, self.say_and_hear(b"QUIT\r\n")).await;
    }

    async fn ask(&mut self, what: &str, line: &[u8], wanted: u16) -> Result<SmtpReply, Answer> {
        let reply = self.say_and_hear(line).await?;
        if reply.code == wanted { Ok(reply) } else { Err(self.refused(what, &reply)) }
    }

    async fn say_and_hear(&mut self, line: &[u8]) -> Result<SmtpReply, Answer> {
        self.say(line).await?;
        self.hear().await
    }

    async fn say(&mut self, bytes: &[u8]) -> Result<(), Answer> {
        let write = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        write.await.map_err(|error| unsent(Failure::from_io(&error, self.address)))
    }

    async fn hear(&mut self) -> Result<SmtpReply, Answer> {
        loop {
            match smtp_reply(&self.heard) {
                Ok(Some(reply)) => {
                    let _ = self.heard.split_to(reply.length);
                    return Ok(reply);
                }
                Ok(None) => {}
                Err(what) => return Err(Answer::retry(None, format!("{}: {what}", self.address))),
            }
            let mut chunk = [0; 1024];
            let room = chunk.len().min(REPLY_MAX - self.heard.len().min(REPLY_MAX - 1));
            match self.stream.read(&mut chunk[..room]).await {
                Ok(0) => return Err(Answer::retry(None, format!("{} closed the connection", self.address))),
                Ok(length) => self.heard.extend_from_slice(&chunk[..length]),
                Err(error) => return Err(unsent(Failure::from_io(&error, self.address))),
            }
        }
    }

    fn refused(&self, what: &str, reply: &SmtpReply) -> Answer {
        refused(&self.address.to_string(), what, reply, self.redact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_at_the_begin_of_lines_are_doubled() {
        assert_eq!(data("a\r\n.\r\n..b\r\n"), b"a\r\n..\r\n...b\r\n.\r\n");
    }

    #[test]
    fn what_a_server_repeats_of_a_login_is_not_shown() {
        let secret = |text: &str| Secret::new(text.to_owned());
        let login = Login { username: secret("probity"), password: secret("s3cret") };
        let tls = std::sync::Arc::new(Tls::default());
        for security in [
            MailSecurity::StartTls { tls: tls.clone(), login: Some(login.clone()) },
            MailSecurity::Tls { tls, login: Some(login) },
        ] {
            let redact = redact(&security);
            // printf '\0probity\0s3cret' | base64; then each alone.
            for line in ["AUTH PLAIN AHByb2JpdHkAczNjcmV0", "cHJvYml0eQ==", "czNjcmV0", "probity", "s3cret"] {
                let said = redact.clean(&format!("unknown command: {line}"));
                assert!(said.ends_with(": ***") || said.ends_with("AUTH PLAIN ***"), "{said}");
            }
        }
    }

    #[test]
    fn what_a_server_offers() {
        let hello = Hello(["mail.example", "PIPELINING", "auth PLAIN login", "STARTTLS"].map(str::to_owned).to_vec());
        assert!(hello.has("starttls") && !hello.has("mail.example") && !hello.has("SIZE"));
        assert_eq!(hello.words("AUTH").unwrap().collect::<Vec<_>>(), ["PLAIN", "login"]);
    }
}
