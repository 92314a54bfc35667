//! What is probed: targets that are up or down as the test says, and note what they answered, and when.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use parking_lot::Mutex;

use super::wall;

/// One answer: when it was written, on the wall clock, and whether it said that all is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    pub at: i64,
    pub up: bool,
}

#[derive(Default)]
struct Target {
    down: bool,
    answers: Vec<Answered>,
}

/// All targets of a run, behind one port: `/N` is the N-th.
#[derive(Clone)]
pub struct Targets {
    pub address: SocketAddr,
    all: Arc<Mutex<Vec<Target>>>,
}

impl Targets {
    pub fn start(count: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let all: Arc<Mutex<Vec<Target>>> = Arc::new(Mutex::new((0..count).map(|_| Target::default()).collect()));
        let targets = Self { address: listener.local_addr().unwrap(), all: all.clone() };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let all = all.clone();
                thread::spawn(move || answer(stream, &all));
            }
        });
        targets
    }

    pub fn set(&self, number: usize, up: bool) {
        self.all.lock()[number].down = !up;
    }

    /// What it answered so far.
    pub fn answers(&self, number: usize) -> Vec<Answered> {
        self.all.lock()[number].answers.clone()
    }
}

fn answer(mut stream: TcpStream, all: &Mutex<Vec<Target>>) -> Option<()> {
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    let mut request = [0; 4096];
    let read = stream.read(&mut request).ok()?;
    let text = String::from_utf8_lossy(&request[..read]);
    let number: usize = text.split(' ').nth(1)?.trim_start_matches('/').parse().ok()?;
    let up = !all.lock().get(number)?.down;
    let status = if up { "200 OK" } else { "503 Service Unavailable" };
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    stream.write_all(answer.as_bytes()).ok()?;
    all.lock()[number].answers.push(Answered { at: wall(), up });
    Some(())
}
