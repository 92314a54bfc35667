//! A small exporter whose values the test moves through phases.

use std::{
    fmt::Write as _,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
};

use parking_lot::Mutex;

/// What the world is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Calm,
    /// Nearly everything is wrong.
    Hot,
    /// Some of it is over, some is worse, some is new.
    Changed,
    /// Only one shop's queue is still deep.
    Cooled,
    /// A second queue is deep again.
    Again,
    /// No series at all.
    Gone,
    /// The exporter answers with an error.
    Down,
}

/// A server that runs until the test's process ends.
pub struct Exporter {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    phase: Phase,
    /// Requests of a service, so far; a hundred more at each scrape, so that a rate does not depend on the clock.
    good: u64,
    failed: u64,
}

impl Exporter {
    pub fn start() -> Self {
        let state = Arc::new(Mutex::new(State { phase: Phase::Calm, good: 9_000, failed: 1_000 }));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = state.clone();
        thread::spawn(move || listener.incoming().flatten().for_each(|stream| answer(stream, &mut shared.lock())));
        Self { address, state }
    }

    pub fn enter(&self, phase: Phase) {
        self.state.lock().phase = phase;
    }
}

fn answer(mut stream: TcpStream, state: &mut State) {
    let mut request = [0; 4096];
    let _ = stream.read(&mut request);
    let failing = if matches!(state.phase, Phase::Hot | Phase::Changed) { 10 } else { 0 };
    state.failed += failing;
    state.good += 100 - failing;
    let (status, body) = match state.phase {
        Phase::Down => ("503 Service Unavailable", String::new()),
        _ => ("200 OK", page(state)),
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: ");
    let _ = write!(stream, "{head}{}\r\nConnection: close\r\n\r\n{body}", body.len());
}

/// The series of a phase.
fn page(state: &State) -> String {
    use Phase::{Again, Calm, Changed, Cooled, Down, Gone, Hot};
    let phase = state.phase;
    let mut page = String::new();
    let mut series = |name: &str, value: f64| writeln!(page, "{name} {value}").unwrap();
    if matches!(phase, Gone | Down) {
        return page;
    }
    let is_bad = matches!(phase, Hot | Changed);
    let (a, b, c) = match phase {
        Hot => (25.0, 12.0, 1_500_000.0),
        Changed => (60.0, 12.0, 1.0),
        Cooled => (2.0, 12.0, 1.0),
        Again => (25.0, 12.0, 1.0),
        Calm | Gone | Down => (1.0, 1.0, 1.0),
    };
    series(r#"queue_depth{shop="a",tier="web"}"#, a);
    series(r#"queue_depth{shop="b",tier="web"}"#, b);
    series(r#"queue_depth{shop="c",tier="db"}"#, c);
    series(r#"build_info{shop="a",version="1.2.3"}"#, 1.0);
    series(r#"build_info{shop="b",version="1.2.4"}"#, 1.0);
    series(r#"maintenance{shop="a"}"#, f64::from(u8::from(phase == Changed)));
    series(r#"temperature_celsius{sensor="roof"}"#, if is_bad { 95.5 } else { 20.0 });
    series(r#"temperature_celsius{sensor="cellar"}"#, if phase == Changed { 99.0 } else { 20.0 });
    series(r#"disk_free_bytes{mountpoint="/"}"#, if is_bad { 1.5e9 } else { 5e10 });
    series(r#"job_age_seconds{job_name="backup"}"#, if is_bad { 93_784.5 } else { 60.0 });
    series(r#"job_last_success_timestamp_seconds{job_name="backup"}"#, 1_790_000_000.0);
    if !is_bad {
        series(r#"heartbeat{source="edge",kind="a"}"#, 1.0);
    }
    // The text format spells them so.
    let spelled = |bad: &'static str| if is_bad { bad } else { "0" };
    writeln!(page, "level {}\nbroken_ratio {}", spelled("+Inf"), spelled("NaN")).unwrap();
    for (code, count) in [("200", state.good), ("503", state.failed)] {
        writeln!(page, r#"http_requests_total{{service="coordinator-api",status_code="{code}"}} {count}"#).unwrap();
    }
    page
}
