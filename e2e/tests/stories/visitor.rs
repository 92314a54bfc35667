//! A client of Probity's Service: what it is answered while a story goes on, and how long it was not.

use std::{
    fmt,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crate::world::World;

/// Between two questions.
const PACE: Duration = Duration::from_millis(100);
/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks for a path every 100 ms, on a connection of its own each time, until it is called back.
pub struct Visitor {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Visits>,
}

/// What a visitor saw.
#[derive(Debug, Clone, Copy)]
pub struct Visits {
    pub asked: u32,
    /// No answer, or another one than 200.
    pub failed: u32,
    /// Between two good answers.
    pub longest: Duration,
}

impl Visitor {
    pub fn send(address: SocketAddr, path: &'static str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut visits = Visits { asked: 0, failed: 0, longest: Duration::ZERO };
            let mut well = Instant::now();
            while !told.load(Ordering::Relaxed) {
                visits.asked += 1;
                if get(address, path, "").is_ok_and(|(status, _)| status == 200) {
                    visits.longest = visits.longest.max(well.elapsed());
                    well = Instant::now();
                } else {
                    visits.failed += 1;
                }
                // He asks at this pace: time itself.
                std::thread::sleep(PACE);
            }
            visits.longest = visits.longest.max(well.elapsed());
            visits
        });
        Self { stop, thread }
    }

    /// # Errors
    /// When it broke.
    pub fn call_back(self) -> Result<Visits, String> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "the visitor broke".to_owned())
    }
}

impl fmt::Display for Visits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { asked, failed, longest } = self;
        let share = f64::from(*failed) / f64::from((*asked).max(1)) * 100.0;
        write!(f, "{failed} of {asked} questions failed ({share:.1} %), longest gap {:.1} s", longest.as_secs_f64())
    }
}

/// Where a Service is.
pub fn address(world: &World, namespace: &str, service: &str, port: u16) -> Result<SocketAddr, String> {
    let object = world.object(namespace, &format!("service/{service}"))?;
    let ip = object["spec"]["clusterIP"].as_str().ok_or("the Service has no address")?;
    format!("{ip}:{port}").parse().map_err(|error| format!("{ip}: {error}"))
}

/// Status and body of an answer, to whoever has this token.
pub fn get(address: SocketAddr, path: &str, token: &str) -> Result<(u16, String), String> {
    send(address, "GET", path, token)
}

/// How often a web server was asked, as it counts itself.
pub fn asked(web: SocketAddr) -> Result<usize, String> {
    let (_, body) = get(web, "/asked", "")?;
    body.trim().parse().map_err(|_| format!("it says {body:?}"))
}

/// Has a web server answer with this status from now on.
pub fn answers_with(web: SocketAddr, status: u16) -> Result<(), String> {
    match send(web, "POST", &format!("/status/{status}"), "")? {
        (200, _) => Ok(()),
        other => Err(format!("it says {other:?}")),
    }
}

fn send(address: SocketAddr, method: &str, path: &str, token: &str) -> Result<(u16, String), String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(|error| error.to_string())?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(|error| error.to_string())?;
    let authorization = if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
    write!(stream, "{method} {path} HTTP/1.0\r\nHost: {address}\r\n{authorization}Content-Length: 0\r\n\r\n")
        .map_err(|error| error.to_string())?;
    let mut text = String::new();
    stream.take(16 << 20).read_to_string(&mut text).map_err(|error| error.to_string())?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or("the answer is not HTTP")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or("the answer has no status")?;
    Ok((status, body.to_owned()))
}
