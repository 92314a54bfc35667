//! A DNS server that answers as a test tells it, over UDP and TCP, and counts what it is asked.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use hickory_resolver::proto::{
    op::{Message, OpCode},
    rr::{Name, RData, Record, RecordType, rdata},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UdpSocket},
    task::AbortHandle,
};

/// What the server sends for one query: any number of datagrams.
pub type Answers = Vec<Vec<u8>>;

pub struct DnsPeer {
    pub address: SocketAddr,
    asked: Arc<AtomicUsize>,
    tasks: [AbortHandle; 2],
}

impl DnsPeer {
    /// `answer` is given the query and whether it came over TCP.
    pub async fn start(answer: impl Fn(&Message, bool) -> Answers + Send + Sync + 'static) -> Self {
        let answer = Arc::new(answer);
        let asked = Arc::new(AtomicUsize::new(0));
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            // The same port may be taken for TCP.
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let address = udp.local_addr().unwrap();
        let over_udp = {
            let (answer, asked) = (Arc::clone(&answer), Arc::clone(&asked));
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while let Ok((length, from)) = udp.recv_from(&mut buffer).await {
                    asked.fetch_add(1, Ordering::SeqCst);
                    let Ok(query) = Message::from_vec(&buffer[..length]) else { continue };
                    for datagram in answer(&query, false) {
                        let _ = udp.send_to(&datagram, from).await;
                    }
                }
            })
        };
        let over_tcp = {
            let asked = Arc::clone(&asked);
            tokio::spawn(async move {
                while let Ok((mut stream, _)) = tcp.accept().await {
                    let (answer, asked) = (Arc::clone(&answer), Arc::clone(&asked));
                    tokio::spawn(async move {
                        while let Ok(length) = stream.read_u16().await {
                            let mut bytes = vec![0; length.into()];
                            let Ok(_) = stream.read_exact(&mut bytes).await else { return };
                            asked.fetch_add(1, Ordering::SeqCst);
                            for message in answer(&Message::from_vec(&bytes).unwrap(), true) {
                                let length = u16::try_from(message.len()).unwrap();
                                let Ok(()) = stream.write_u16(length).await else { return };
                                let Ok(()) = stream.write_all(&message).await else { return };
                            }
                        }
                    });
                }
            })
        };
        Self { address, asked, tasks: [over_udp.abort_handle(), over_tcp.abort_handle()] }
    }

    /// Answers A and AAAA queries from a table, and everything else with NXDOMAIN. The TTL is in seconds.
    pub async fn table(ttl: u32, table: &'static [(&'static str, &'static str)]) -> Self {
        Self::start(move |query, _| vec![from_table(query, ttl, table).to_vec().unwrap()]).await
    }

    /// How many queries have come.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for DnsPeer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// The beginning of an answer: id and question repeated.
pub fn reply(query: &Message) -> Message {
    let mut message = Message::response(query.metadata.id, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.metadata.recursion_available = true;
    message.add_queries(query.queries.iter().cloned());
    message
}

pub fn a(name: &Name, ttl: u32, ip: &str) -> Record {
    let data = match ip.parse().unwrap() {
        std::net::IpAddr::V4(v4) => RData::A(rdata::A(v4)),
        std::net::IpAddr::V6(v6) => RData::AAAA(rdata::AAAA(v6)),
    };
    Record::from_rdata(name.clone(), ttl, data)
}

fn from_table(query: &Message, ttl: u32, table: &[(&str, &str)]) -> Message {
    let mut message = reply(query);
    let asked = &query.queries[0];
    let mut known = false;
    for (name, ip) in table {
        if asked.name == name.parse::<Name>().unwrap() {
            known = true;
            let family = if ip.contains(':') { RecordType::AAAA } else { RecordType::A };
            if family == asked.query_type {
                message.add_answer(a(&asked.name, ttl, ip));
            }
        }
    }
    if !known {
        message.metadata.response_code = hickory_resolver::proto::op::ResponseCode::NXDomain;
    }
    message
}
