//! The order in which targets come due.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

/// A queue of due times. An entry that is no longer meant is skipped when it comes up: the owner gives every
/// entry a ticket and says which one counts.
#[derive(Debug, Default)]
pub struct Queue {
    heap: BinaryHeap<Reverse<(Duration, u32, u32)>>,
}

impl Queue {
    /// `slot` is due at `at` (monotonic), under `ticket`.
    pub fn push(&mut self, at: Duration, slot: u32, ticket: u32) {
        self.heap.push(Reverse((at, slot, ticket)));
    }

    /// The earliest due time.
    pub fn next(&self) -> Option<Duration> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    /// Takes the earliest entry if it is due by `now`: its due time, slot and ticket.
    pub fn pop(&mut self, now: Duration) -> Option<(Duration, u32, u32)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_in_order_of_their_due_times_and_not_early() {
        let mut queue = Queue::default();
        for (at, slot) in [(30, 3), (10, 1), (20, 2)] {
            queue.push(Duration::from_secs(at), slot, 0);
        }
        assert_eq!(queue.next(), Some(Duration::from_secs(10)));
        assert_eq!(queue.pop(Duration::from_secs(9)), None);
        assert_eq!(queue.pop(Duration::from_secs(25)).map(|e| e.1), Some(1));
        assert_eq!(queue.pop(Duration::from_secs(25)).map(|e| e.1), Some(2));
        assert_eq!(queue.pop(Duration::from_secs(25)), None);
    }
}
