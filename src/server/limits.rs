//! How much one client may take.

use std::time::Duration;

/// The server's bounds. The defaults are for everyone; tests make them small.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Open at once. Each costs at most its buffers, some 100 KB under attack: 512 of them are 50 MB.
    pub connections: usize,
    /// For one request's head, and for how long a connection may be idle. Over twice a usual scrape interval.
    pub head: Duration,
    /// In place of `head` while three quarters of the connections are taken: whoever opens them all and says nothing
    /// must not shut out those who ask whether this process lives.
    pub crowded: Duration,
    /// For the TLS handshake.
    pub handshake: Duration,
    /// Until the answer's head is there.
    pub answer: Duration,
    /// Until the answer's last byte is gone: a large scrape over a slow line, not a reader that stalls.
    pub whole: Duration,
    /// Bytes of path and query.
    pub target: usize,
    /// Number of headers, and their bytes together.
    pub headers: usize,
    pub header_bytes: usize,
    /// Bytes of a request's body: a silence with 50 long matchers; 512 of them are 32 MB.
    pub body: u64,
    /// A loop of ours that has not turned for this long is taken for dead.
    pub stall: Duration,
    /// For requests in flight when the process stops.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            head: Duration::from_secs(35),
            crowded: Duration::from_secs(2),
            handshake: Duration::from_secs(10),
            answer: Duration::from_secs(30),
            whole: Duration::from_secs(60),
            target: 4 * 1024,
            headers: 100,
            header_bytes: 16 * 1024,
            body: 64 * 1024,
            stall: Duration::from_secs(60),
            drain: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// What hyper itself stops at, where an answer cannot say more than that (see `refusal`). Above ours, so that
    /// clients near them are told by how much.
    pub(super) const HARD_HEADERS: usize = 256;
    pub(super) const HARD_HEADER_BYTES: usize = 64 * 1024;
}
