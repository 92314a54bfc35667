//! Something to probe: answers every request with a few bytes.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

/// A server that runs until the test's process ends.
pub struct Target {
    pub address: SocketAddr,
}

impl Target {
    /// On a free port.
    pub fn start() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    pub fn on(listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap();
        thread::spawn(move || listener.incoming().flatten().for_each(answer));
        Self { address }
    }

    pub fn url(&self, number: usize) -> String {
        format!("http://{}/{number}", self.address)
    }
}

fn answer(mut stream: TcpStream) {
    let mut request = [0; 4096];
    // Whoever hangs up early has had its answer.
    let _ = stream.read(&mut request);
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
}

/// A port that is free now, and that nothing else is given soon: the system hands out ports in turn.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
