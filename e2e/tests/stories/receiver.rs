//! A server in this process, at the node's address, where pods reach it: it answers checks as it is told, and keeps what
//! is posted to it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::{Told, world::eventually};

/// What the chart must be told, or the node's address is Blocked.
pub const VALUE: &str = "settings.allowCidrs={192.0.2.10/32}";

/// Its thread lives as long as the process: it waits for connections that end with Probity.
pub struct Receiver {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    /// What a GET is answered, and what a POST is.
    get: u16,
    post: u16,
    taken: Vec<Post>,
    refused: usize,
}

/// What was posted, and answered with 200.
#[derive(Debug, Clone)]
pub struct Post {
    pub path: String,
    /// Its Idempotency-Key.
    pub key: String,
    pub body: Value,
}

impl Receiver {
    pub fn start() -> Result<Self, String> {
        let listener = TcpListener::bind((e2e::ADDRESS, 0)).map_err(|error| format!("no receiver: {error}"))?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let state = Arc::new(Mutex::new(State { get: 200, post: 200, taken: Vec::new(), refused: 0 }));
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = shared.clone();
                std::thread::spawn(move || while serve(&stream, &state).is_some() {});
            }
        });
        Ok(Self { address, state })
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A channel that posts here.
    pub fn channel(&self, namespace: &str, name: &str, path: &str, more: &Value) -> Value {
        let mut spec =
            json!({"webhook": {"url": {"value": self.url(path)}}, "grouping": {"wait": "1s", "interval": "1s"}});
        for (field, value) in more.as_object().into_iter().flatten() {
            spec[field] = value.clone();
        }
        object("NotificationChannel", namespace, name, &spec)
    }

    /// A check of this server, every second.
    pub fn check(&self, namespace: &str, name: &str) -> Value {
        let spec = json!({"interval": "1s", "failureThreshold": 1, "http": {"url": self.url("/")}});
        object("HealthCheck", namespace, name, &spec)
    }

    /// What checks are answered from now on.
    pub fn answers(&self, status: u16) {
        self.state.lock().get = status;
    }

    /// What posts are answered from now on.
    pub fn takes(&self, status: u16) {
        self.state.lock().post = status;
    }

    /// How many posts were answered with something else than 200.
    pub fn refused(&self) -> usize {
        self.state.lock().refused
    }

    /// What was posted to this path, in order, written short: `firing a,b` or `resolved a`, by the alerts' names.
    pub fn told(&self, path: &str) -> Vec<String> {
        let state = self.state.lock();
        let short = |post: &Post| {
            let names = post.body["alerts"].as_array().into_iter().flatten();
            let names: Vec<_> = names.filter_map(|alert| alert["labels"]["alertname"].as_str()).collect();
            format!("{} {}", post.body["status"].as_str().unwrap_or_default(), names.join(","))
        };
        state.taken.iter().filter(|post| post.path == path).map(short).collect()
    }

    pub fn keys(&self) -> Vec<String> {
        self.state.lock().taken.iter().map(|post| post.key.clone()).collect()
    }

    /// Waits until exactly this was posted to the path.
    pub fn hears(&self, path: &str, expected: &[&str], within: Duration) -> Told {
        eventually(&format!("{path} is told {expected:?}"), within, || {
            let told = self.told(path);
            if told == expected { Ok(()) } else { Err(format!("it was told {told:?}")) }
        })
    }
}

pub fn object(kind: &str, namespace: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "probity.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    })
}

/// Takes one request and answers it. None when the connection has ended.
fn serve(mut stream: &TcpStream, state: &Mutex<State>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let field = |name: &str| {
        let mut fields = head.lines().filter_map(|line| line.split_once(':'));
        fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    };
    let length = field("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut words = head.split(' ');
    let (method, path) = (words.next()?, words.next()?);
    let status = {
        let mut state = state.lock();
        if method != "POST" {
            state.get
        } else if state.post == 200 {
            let key = field("idempotency-key").unwrap_or_default();
            let body = serde_json::from_slice(&body).unwrap_or_default();
            state.taken.push(Post { path: path.to_owned(), key, body });
            200
        } else {
            state.refused += 1;
            state.post
        }
    };
    write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nok").ok()
}
