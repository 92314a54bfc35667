//! An API server that notes what it is sent, and answers by a script.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

#[derive(Debug, Clone, Copy)]
pub enum Answer {
    /// A status code, and a Retry-After.
    Code(u16, Option<&'static str>),
    /// None, and the connection stays.
    Hang,
    /// The connection ends.
    Reset,
}

impl Answer {
    pub const fn code(code: u16) -> Self {
        Self::Code(code, None)
    }

    pub const fn busy(seconds: &'static str) -> Self {
        Self::Code(429, Some(seconds))
    }
}

type Script = dyn Fn(&str, usize) -> Answer + Send + Sync;

/// Lives as long as the test's process: its threads wait for connections that end with the writer.
pub struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    writes: HashMap<String, Vec<Duration>>,
    last: (String, Vec<u8>),
}

impl Server {
    pub fn start(script: impl Fn(&str, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, script): (Arc<Mutex<Seen>>, Arc<Script>) = (Arc::default(), Arc::new(script));
        let (begin, shared) = (Instant::now(), seen.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, script) = (shared.clone(), script.clone());
                std::thread::spawn(move || while serve(&stream, &seen, &*script, begin).is_some() {});
            }
        });
        Self { address, seen }
    }

    pub fn uri(&self) -> hyper::Uri {
        format!("http://{}", self.address).parse().unwrap()
    }

    /// When the writes of this object's status arrived.
    pub fn writes(&self, name: &str) -> Vec<Duration> {
        self.seen.lock().writes.get(name).cloned().unwrap_or_default()
    }

    /// Head and body of the request that came last.
    pub fn last(&self) -> (String, Vec<u8>) {
        self.seen.lock().last.clone()
    }
}

/// Takes one request and answers it. None when the connection has ended.
fn serve(mut stream: &TcpStream, seen: &Mutex<Seen>, script: &Script, begin: Instant) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let name = head.split("/healthchecks/").nth(1)?.split('/').next()?.to_owned();
    let number = {
        let mut seen = seen.lock();
        seen.last = (head, body);
        let writes = seen.writes.entry(name.clone()).or_default();
        writes.push(begin.elapsed());
        writes.len() - 1
    };
    match script(&name, number) {
        Answer::Code(code, retry_after) => {
            let retry_after = retry_after.map(|seconds| format!("Retry-After: {seconds}\r\n")).unwrap_or_default();
            write!(stream, "HTTP/1.1 {code} X\r\n{retry_after}Content-Length: 2\r\n\r\n{{}}").ok()
        }
        // Until the client gives up.
        Answer::Hang => stream.read(&mut [0]).ok().filter(|read| *read > 0).map(|_| ()),
        Answer::Reset => None,
    }
}
