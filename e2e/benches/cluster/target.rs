//! What is probed: a server that remembers when each path was asked for first.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

const BODY: &str = r#"{"status": "healthy", "queue": 3}"#;

/// Answers at every address of the loopback interface, until it is dropped.
pub struct Target {
    pub port: u16,
    seen: Arc<Seen>,
    _server: JoinSet<()>,
}

#[derive(Default)]
struct Seen {
    asked: AtomicU64,
    first: Mutex<HashMap<String, Instant>>,
}

impl Target {
    pub async fn start() -> Result<Self, String> {
        let listener = TcpListener::bind("0.0.0.0:0").await.map_err(|error| format!("cannot listen: {error}"))?;
        let port = listener.local_addr().map_err(|error| error.to_string())?.port();
        let seen = Arc::<Seen>::default();
        let mut server = JoinSet::new();
        server.spawn(serve(listener, seen.clone()));
        Ok(Self { port, seen, _server: server })
    }

    /// How many requests there were so far.
    pub fn asked(&self) -> u64 {
        self.seen.asked.load(Relaxed)
    }

    /// When this path was asked for first.
    pub fn first(&self, path: &str) -> Option<Instant> {
        self.seen.first.lock().get(path).copied()
    }
}

async fn serve(listener: TcpListener, seen: Arc<Seen>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => { connections.spawn(answer(stream, seen.clone())); }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn answer(mut stream: TcpStream, seen: Arc<Seen>) {
    let mut request = Vec::with_capacity(512);
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_buf(&mut request).await {
            Ok(read) if read > 0 && request.len() < 4096 => {}
            _ => return,
        }
    }
    let now = Instant::now();
    let text = String::from_utf8_lossy(&request);
    let path = text.split(' ').nth(1).unwrap_or_default();
    seen.asked.fetch_add(1, Relaxed);
    seen.first.lock().entry(path.to_owned()).or_insert(now);
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{BODY}",
        BODY.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}
