//! Who is told: a receiver that notes every request before it answers it, and loses nothing that it has answered.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use parking_lot::Mutex;
use probity::alert::Labels;
use serde_json::Value;

/// How a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    Status(u16),
    /// It is taken, and the connection hangs for so long and then ends without a word.
    Hang(Duration),
    /// It is taken, and the answer comes after so long.
    Late(Duration),
}

impl Reply {
    pub const OK: Self = Self::Status(200);

    /// Whether the receiver holds what it was sent, whatever the sender knows of it.
    pub fn is_taken(self) -> bool {
        !matches!(self, Self::Status(300..))
    }
}

/// One request.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The path without its slash.
    pub channel: String,
    /// `Idempotency-Key`; of what people read, what it says.
    pub key: String,
    /// It says itself that it may have come before.
    pub is_marked: bool,
    pub body: Value,
    pub reply: Reply,
}

/// How requests of a channel are answered, by their number from 0 and their key.
pub type Plan = Box<dyn FnMut(usize, &str) -> Reply + Send>;

#[derive(Default)]
struct Inner {
    plans: BTreeMap<String, (usize, Option<Plan>)>,
    deliveries: Vec<Delivery>,
}

#[derive(Clone)]
pub struct Receiver {
    pub address: SocketAddr,
    inner: Arc<Mutex<Inner>>,
}

impl Receiver {
    /// It takes everything, until a channel has another plan.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let receiver = Self { address: listener.local_addr().unwrap(), inner: Arc::default() };
        let inner = receiver.inner.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let inner = inner.clone();
                thread::spawn(move || answer(stream, &inner));
            }
        });
        receiver
    }

    pub fn plan(&self, channel: &str, plan: impl FnMut(usize, &str) -> Reply + Send + 'static) {
        self.inner.lock().plans.insert(channel.to_owned(), (0, Some(Box::new(plan))));
    }

    pub fn deliveries(&self) -> Vec<Delivery> {
        self.inner.lock().deliveries.clone()
    }
}

fn answer(stream: TcpStream, inner: &Mutex<Inner>) -> Option<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let channel = line.split(' ').nth(1)?.trim_start_matches('/').to_owned();
    let (mut length, mut key) = (0, None);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "idempotency-key" => key = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    // What did not come whole was not sent.
    reader.read_exact(&mut body).ok()?;
    let is_marked = String::from_utf8_lossy(&body).contains("Possible repeat");
    let body = read(serde_json::from_slice(&body).ok()?);
    let key = key.unwrap_or_else(|| body["says"].to_string());
    let reply = {
        let mut inner = inner.lock();
        let (number, plan) = inner.plans.entry(channel.clone()).or_default();
        let reply = plan.as_mut().map_or(Reply::OK, |plan| plan(*number, &key));
        *number += 1;
        inner.deliveries.push(Delivery { channel, key, is_marked, body, reply });
        reply
    };
    let status = match reply {
        Reply::Status(status) => status,
        Reply::Late(late) => {
            // How late it answers is what this is about.
            thread::sleep(late);
            200
        }
        Reply::Hang(hang) => {
            thread::sleep(hang);
            return None;
        }
    };
    let mut stream = stream;
    let answer = format!("HTTP/1.1 {status} Said\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    stream.write_all(answer.as_bytes()).ok()
}

/// What a message for people says, as a webhook would have said it.
fn read(body: Value) -> Value {
    let Some(attachments) = body["attachments"].as_array() else { return body };
    let (mut alerts, mut says) = (Vec::new(), Vec::new());
    for one in attachments.iter().filter(|one| one["title"].is_string()) {
        let field = |name: &str| {
            let fields = one["fields"].as_array().into_iter().flatten();
            fields.clone().find(|field| field["title"] == name).map_or("", |field| field["value"].as_str().unwrap())
        };
        let footer = one["footer"].as_str().unwrap().split(", ").filter_map(|pair| pair.split_once('='));
        let name = one["title"].as_str().unwrap();
        let severity = field("Severity").to_lowercase();
        let labels: BTreeMap<_, _> = footer.chain([("alertname", name), ("severity", &severity)]).collect();
        let fingerprint = Labels::new(labels.iter().map(|(name, value)| (*name, *value))).fingerprint().to_string();
        for (word, status) in [("fir", "firing"), ("resolved", "resolved")] {
            if field("Status").contains(word) {
                says.push(format!("{status} {} {}", labels["healthcheck"], field("Started")));
                alerts.push(serde_json::json!({
                    "status": status, "labels": labels, "fingerprint": fingerprint,
                    "startsAt": field("Started"), "endsAt": field("Ended"),
                }));
            }
        }
    }
    serde_json::json!({"alerts": alerts, "says": says.join(", ")})
}
