//! What is probed: a small JSON over HTTP and over HTTPS, a port that accepts and never answers, and one that
//! tells what was counted.

use std::{
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use super::{
    child::{Role, raise_descriptors, runtime},
    wire,
};

const BODY: &str = r#"{"status": "healthy", "version": "1.4.2", "queue": 3, "database": {"status": "up"}}"#;

/// A running server.
pub struct Server {
    _role: Role,
    pub http: u16,
    pub https: u16,
    pub silent: u16,
    control: u16,
    /// PEM of the authority that signed its certificate.
    pub ca: String,
}

/// What it has counted since it started.
#[derive(Debug, Clone, Copy)]
pub struct Counts {
    /// Answers to probes of Probity.
    pub probes: u64,
    /// Answers to the bare loop.
    pub floor: u64,
    /// Different targets of Probity that were asked.
    pub targets: u64,
    /// Milliseconds from the server's start to now, and to the first question of Probity.
    pub now: u64,
    pub first: Option<u64>,
}

impl Server {
    pub fn start() -> Self {
        let role = Role::start("server", &[]);
        let said: serde_json::Value = serde_json::from_str(&role.ready).unwrap();
        let port = |name: &str| u16::try_from(said[name].as_u64().unwrap()).unwrap();
        Self {
            http: port("http"),
            https: port("https"),
            silent: port("silent"),
            control: port("control"),
            ca: said["ca"].as_str().unwrap().to_owned(),
            _role: role,
        }
    }

    pub fn counts(&self) -> Counts {
        let told = wire::get(([127, 0, 0, 1], self.control).into(), "/", &[]).unwrap().json();
        let number = |name: &str| told[name].as_u64().unwrap();
        Counts {
            probes: number("probes"),
            floor: number("floor"),
            targets: number("targets"),
            now: number("now"),
            first: told["first"].as_u64(),
        }
    }
}

#[derive(Default)]
struct Counted {
    probes: AtomicU64,
    floor: AtomicU64,
    /// Which numbers were asked for, a bit each.
    targets: Mutex<Vec<u64>>,
    first: Mutex<Option<Duration>>,
}

pub fn main() {
    raise_descriptors();
    runtime().block_on(serve());
}

async fn serve() {
    let counted = Arc::new(Counted::default());
    let start = Instant::now();
    let (http, https, silent, control) = (listen(), listen(), listen(), listen());
    let (acceptor, ca) = tls();
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
    let ready = serde_json::json!({
        "http": port(&http), "https": port(&https), "silent": port(&silent), "control": port(&control), "ca": ca,
    });
    println!("{ready}");
    std::io::stdout().flush().unwrap();

    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = http.accept() => { tasks.spawn(answer(stream, counted.clone(), start)); }
            Ok((stream, _)) = https.accept() => {
                let (acceptor, counted) = (acceptor.clone(), counted.clone());
                tasks.spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        answer(stream, counted, start).await;
                    }
                });
            }
            Ok((stream, _)) = silent.accept() => { tasks.spawn(stay_silent(stream)); }
            Ok((stream, _)) = control.accept() => { tasks.spawn(tell(stream, counted.clone(), start)); }
            Some(_) = tasks.join_next() => {}
        }
    }
}

fn listen() -> TcpListener {
    let socket = TcpSocket::new_v4().unwrap();
    // Every address of 127.0.0.0/8, so that the ports of one destination never run short.
    socket.bind(([0, 0, 0, 0], 0).into()).unwrap();
    socket.listen(4096).unwrap()
}

/// Full handshakes only: no tickets, no sessions.
fn tls() -> (TlsAcceptor, String) {
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let mut ca_params = rcgen::CertificateParams::default();
    ca_params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca = ca_params.self_signed(&ca_key).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let issuer = rcgen::Issuer::from_params(&ca_params, &ca_key);
    let leaf = params.signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config =
        rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(vec![leaf.der().clone()], key).unwrap();
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    (TlsAcceptor::from(Arc::new(config)), ca.pem())
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, counted: Arc<Counted>, start: Instant) {
    let mut request = Vec::with_capacity(512);
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_buf(&mut request).await {
            Ok(read) if read > 0 && request.len() < 4096 => {}
            _ => return,
        }
    }
    count(&request, &counted, start);
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{BODY}",
        BODY.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// Probity asks for `/t/NUMBER`, the bare loop for `/floor`.
fn count(request: &[u8], counted: &Counted, start: Instant) {
    let Some(path) = request.strip_prefix(b"GET /t/") else {
        counted.floor.fetch_add(1, Relaxed);
        return;
    };
    if counted.probes.fetch_add(1, Relaxed) == 0 {
        *counted.first.lock() = Some(start.elapsed());
    }
    let digits = path.iter().take_while(|byte| byte.is_ascii_digit());
    let number = digits.fold(0_usize, |number, byte| number * 10 + usize::from(byte - b'0'));
    let mut targets = counted.targets.lock();
    if targets.len() <= number / 64 {
        targets.resize(number / 64 + 1, 0);
    }
    targets[number / 64] |= 1 << (number % 64);
}

async fn stay_silent(mut stream: TcpStream) {
    let mut buffer = [0; 1024];
    while matches!(stream.read(&mut buffer).await, Ok(read) if read > 0) {}
}

async fn tell(mut stream: TcpStream, counted: Arc<Counted>, start: Instant) {
    let mut buffer = [0; 1024];
    let _ = stream.read(&mut buffer).await;
    let targets: u32 = counted.targets.lock().iter().map(|word| word.count_ones()).sum();
    let first = counted.first.lock().map(|first| first.as_millis());
    let body = serde_json::json!({
        "probes": counted.probes.load(Relaxed), "floor": counted.floor.load(Relaxed), "targets": targets,
        "now": start.elapsed().as_millis(), "first": first,
    });
    let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{body}").as_bytes()).await;
    let _ = stream.shutdown().await;
}
