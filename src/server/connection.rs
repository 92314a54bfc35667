//! One connection's requests in flight, so that one that never ends, or never begins, can be ended.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::Mutex;

/// When each request of a connection began. Cheap to clone; all clones are one.
#[derive(Clone)]
pub(super) struct Requests(Arc<Mutex<Inner>>);

struct Inner {
    next: u64,
    /// By number, so the first is the oldest. Bounded by the streams that HTTP/2 allows at once.
    open: BTreeMap<u64, Duration>,
    /// When the last one ended, or the connection began.
    idle_since: Duration,
}

impl Requests {
    pub(super) fn new(now: Duration) -> Self {
        Self(Arc::new(Mutex::new(Inner { next: 0, open: BTreeMap::new(), idle_since: now })))
    }

    /// A request begins; it ends with [`Requests::end`].
    pub(super) fn begin(&self, now: Duration) -> u64 {
        let mut inner = self.0.lock();
        let number = inner.next;
        inner.next += 1;
        inner.open.insert(number, now);
        number
    }

    pub(super) fn end(&self, number: u64, now: Duration) {
        let mut inner = self.0.lock();
        inner.open.remove(&number);
        inner.idle_since = now;
    }

    /// When the connection has to end if nothing more happens: `whole` after its oldest request began, or `idle`
    /// after its last one ended.
    pub(super) fn deadline(&self, whole: Duration, idle: Duration) -> Duration {
        let inner = self.0.lock();
        inner.open.values().next().map_or(inner.idle_since + idle, |began| *began + whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_request_or_the_idle_time_ends_it() {
        let s = Duration::from_secs;
        let requests = Requests::new(s(0));
        assert_eq!(requests.deadline(s(60), s(30)), s(30));
        let first = requests.begin(s(10));
        let second = requests.begin(s(20));
        assert_eq!(requests.deadline(s(60), s(30)), s(70));
        requests.end(first, s(25));
        assert_eq!(requests.deadline(s(60), s(30)), s(80));
        requests.end(second, s(40));
        assert_eq!(requests.deadline(s(60), s(30)), s(70));
    }
}
