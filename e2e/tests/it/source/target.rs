//! A target that remembers what it was asked with.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

/// Answers 200 to everything, until it is dropped.
pub struct Target {
    pub port: u16,
    asked: Arc<AtomicUsize>,
    keys: Receiver<String>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Target {
    pub fn start() -> Result<Self, String> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| format!("cannot listen: {error}"))?;
        let port = listener.local_addr().map_err(|error| error.to_string())?.port();
        let (asked, stop) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (told, keys) = sync_channel(10_000);
        let (count, stopped) = (asked.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                if let Ok((stream, _)) = listener.accept() {
                    count.fetch_add(1, Ordering::Relaxed);
                    answer(stream, &told);
                }
            }
        });
        Ok(Self { port, asked, keys, stop, thread: Some(thread) })
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// How often it was asked so far.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// The values of the header X-Key since this was asked last.
    pub fn keys(&self) -> Vec<String> {
        self.keys.try_iter().collect()
    }
}

fn answer(mut stream: TcpStream, told: &SyncSender<String>) {
    let _ = stream.set_read_timeout(Some(std::time::Duration::from_secs(5)));
    let lines = BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    for line in lines.collect::<Vec<_>>() {
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("x-key")
        {
            let _ = told.try_send(value.to_owned());
        }
    }
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

impl Drop for Target {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes it, so that it sees that.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
