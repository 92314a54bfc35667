//! Who is probed, who is asked and who is told. Each notes when.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Instant,
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

fn listen() -> (TcpListener, SocketAddr) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let listener = TcpListener::from_std(listener).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Serves JSON: `answer` makes it of a request's path and body. Until the process ends.
pub fn serve(answer: impl Fn(&str, &[u8]) -> String + Send + Sync + 'static) -> SocketAddr {
    let ((listener, address), answer) = (listen(), Arc::new(answer));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let service = service_fn(|request: Request<Incoming>| {
                    let answer = answer.clone();
                    async move {
                        let path = request.uri().path().to_owned();
                        let body = request.into_body().collect().await.unwrap().to_bytes();
                        let answer = Full::new(Bytes::from(answer(&path, &body)));
                        Ok::<_, Infallible>(Response::new(answer))
                    }
                });
                // Whoever hangs up has had its answer.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    address
}

/// Targets, by number, that are well or fail all together.
#[derive(Clone)]
pub struct Targets {
    pub address: SocketAddr,
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    failing: AtomicBool,
    asked: AtomicUsize,
    /// When each was first answered as it is now: the end of its answer, which is at most when the probe ends.
    since: Mutex<HashMap<usize, Instant>>,
}

impl Targets {
    pub fn start() -> Self {
        let (listener, address) = listen();
        let inner = Arc::<Inner>::default();
        let shared = inner.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, shared.clone()));
            }
        });
        Self { address, inner }
    }

    /// From now on all of them are so. What was noted before is forgotten.
    pub fn turn(&self, failing: bool) {
        let mut since = self.inner.since.lock();
        since.clear();
        self.inner.failing.store(failing, Relaxed);
    }

    /// How many probes were answered.
    pub fn asked(&self) -> usize {
        self.inner.asked.load(Relaxed)
    }

    pub fn since(&self) -> HashMap<usize, Instant> {
        self.inner.since.lock().clone()
    }
}

async fn answer(mut stream: TcpStream, inner: Arc<Inner>) {
    let mut request = Vec::with_capacity(512);
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_buf(&mut request).await {
            Ok(read) if read > 0 && request.len() < 4096 => {}
            _ => return,
        }
    }
    let Some(path) = request.strip_prefix(b"GET /") else { return };
    let digits = path.iter().take_while(|byte| byte.is_ascii_digit());
    let number = digits.fold(0_usize, |number, byte| number * 10 + usize::from(byte - b'0'));
    let failing = inner.failing.load(Relaxed);
    let status = if failing { "503 Service Unavailable" } else { "200 OK" };
    let text = format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    let _ = stream.write_all(text.as_bytes()).await;
    let ended = Instant::now();
    let _ = stream.shutdown().await;
    inner.asked.fetch_add(1, Relaxed);
    let mut since = inner.since.lock();
    if inner.failing.load(Relaxed) == failing {
        since.entry(number).or_insert(ended);
    }
}

/// Takes notifications as Alertmanager's webhook has them.
#[derive(Clone)]
pub struct Receiver {
    pub address: SocketAddr,
    told: Arc<Mutex<Vec<Told>>>,
}

/// One alert of a notification.
#[derive(Debug, Clone)]
pub struct Told {
    pub at: Instant,
    pub is_firing: bool,
    pub labels: Value,
    /// Which notification it came with.
    pub number: usize,
}

impl Receiver {
    pub fn start() -> Self {
        let told = Arc::<Mutex<Vec<Told>>>::default();
        let (shared, count) = (told.clone(), AtomicUsize::new(0));
        let address = serve(move |_, body| {
            // Before it is read: what it takes here is not the sender's.
            let (at, number) = (Instant::now(), count.fetch_add(1, Relaxed));
            let mut message: Value = serde_json::from_slice(body).unwrap();
            let Value::Array(alerts) = message["alerts"].take() else { panic!("no alerts") };
            shared.lock().extend(alerts.into_iter().map(|mut alert| Told {
                at,
                is_firing: alert["status"] == "firing",
                labels: alert["labels"].take(),
                number,
            }));
            String::new()
        });
        Self { address, told }
    }

    /// What has come since the last time.
    pub fn take(&self) -> Vec<Told> {
        std::mem::take(&mut self.told.lock())
    }

    /// How many alerts have come since [`Receiver::take`].
    pub fn count(&self) -> usize {
        self.told.lock().len()
    }
}
