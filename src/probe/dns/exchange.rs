//! One question to one server and its answer, over UDP or TCP.

use std::{io, net::IpAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    super::{DnsDetails, Resolved, Run},
    message::{Answer, Question, Received},
};
use crate::{
    health::Reason,
    model::{Address, DnsTransport},
    net::{Addresses, Failure, set_zero_linger},
};

/// We ask without EDNS, so that no datagram may be over 512 bytes (RFC 1035, section 4.2.1); some are.
const DATAGRAM_MAX: usize = 4096;

/// How often a question is sent over UDP, where any datagram may get lost: at the beginning, after a third and after
/// two thirds of the time that there is (RFC 1035, section 4.2.1, wants it sent again; it leaves open when).
const SENDS: u32 = 3;

/// Asks the server at `ip`, over TCP too when the answer does not fit into a datagram. It is for the caller to end
/// this after `patience`.
///
/// # Errors
/// ProtocolError when what comes is no DNS, or what the connection says.
pub(super) async fn ask(
    run: &Run<'_>,
    server: &Address,
    ip: IpAddr,
    transport: DnsTransport,
    patience: Duration,
    question: &Question,
    details: &mut DnsDetails,
) -> Result<Answer, Failure> {
    if transport == DnsTransport::Udp
        && let Some(answer) = over_udp(run, server, ip, patience, question, details).await?
    {
        return Ok(answer);
    }
    over_tcp(run, server, ip, question, details).await
}

/// None when the answer was truncated.
async fn over_udp(
    run: &Run<'_>,
    server: &Address,
    ip: IpAddr,
    patience: Duration,
    question: &Question,
    details: &mut DnsDetails,
) -> Result<Option<Answer>, Failure> {
    let lost = |error| Failure::from_io(&error, server);
    let start = run.clock().mono();
    let socket = run.net().datagrams(ip, server).await?;
    let connected = run.clock().mono();
    details.connect = connected.saturating_sub(start);
    socket.send(question.bytes()).await.map_err(lost)?;
    let mut buffer = vec![0; DATAGRAM_MAX];
    let mut sent = 1;
    loop {
        let again = run.clock().instant(connected + patience / SENDS * sent);
        let length = tokio::select! {
            biased;
            heard = socket.recv(&mut buffer) => heard.map_err(lost)?,
            () = tokio::time::sleep_until(again), if sent < SENDS => {
                sent += 1;
                socket.send(question.bytes()).await.map_err(lost)?;
                continue;
            }
        };
        match understand(question, &buffer[..length], server)? {
            Received::NotOurs => {}
            Received::Truncated => return Ok(None),
            Received::Answer(answer) => {
                details.request = run.clock().mono().saturating_sub(connected);
                return Ok(Some(*answer));
            }
        }
    }
}

async fn over_tcp(
    run: &Run<'_>,
    server: &Address,
    ip: IpAddr,
    question: &Question,
    details: &mut DnsDetails,
) -> Result<Answer, Failure> {
    let lost = |error| Failure::from_io(&error, server);
    let resolved = Resolved { ip, took: details.resolve, cached: false };
    let connected = run.net().open(&Addresses::from(ip), resolved, server).await?;
    details.connect += connected.connect;
    let mut stream = connected.stream;
    set_zero_linger(&stream);
    let start = run.clock().mono();
    send(&mut stream, question).await.map_err(lost)?;
    loop {
        let bytes = read(&mut stream).await.map_err(lost)?;
        match understand(question, &bytes, server)? {
            Received::NotOurs => {}
            Received::Truncated => {
                return Err(Failure::new(Reason::ProtocolError, format!("{server} cuts its answer off over TCP too")));
            }
            Received::Answer(answer) => {
                details.request += run.clock().mono().saturating_sub(start);
                return Ok(*answer);
            }
        }
    }
}

/// With its length before it (RFC 1035, section 4.2.2), in one segment.
async fn send(stream: &mut TcpStream, question: &Question) -> io::Result<()> {
    let length = u16::try_from(question.bytes().len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), question.bytes()].concat()).await
}

/// The length has 16 bits: that is the bound.
async fn read(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let length = stream.read_u16().await?;
    let mut bytes = vec![0; usize::from(length)];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

fn understand(question: &Question, bytes: &[u8], server: &Address) -> Result<Received, Failure> {
    question.receive(bytes).map_err(|error| {
        Failure::new(Reason::ProtocolError, format!("{server} sent an answer that is no DNS message: {error}"))
    })
}
