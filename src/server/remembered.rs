//! Answers that hold for a short time, in a bounded room. Pure: is told the time.

use std::{collections::HashMap, hash::Hash, time::Duration};

use parking_lot::Mutex;

/// What was found out, by what was asked.
pub(super) struct Remembered<K, V> {
    all: Mutex<HashMap<K, (Duration, V)>>,
    holds: Duration,
    most: usize,
}

impl<K: Eq + Hash, V: Clone> Remembered<K, V> {
    /// Each holds for `holds`; there are at most `most` of them.
    pub(super) fn new(holds: Duration, most: usize) -> Self {
        Self { all: Mutex::default(), holds, most }
    }

    pub(super) fn get(&self, key: &K, now: Duration) -> Option<V> {
        self.all.lock().get(key).filter(|(until, _)| now < *until).map(|(_, value)| value.clone())
    }

    pub(super) fn put(&self, key: K, value: V, now: Duration) {
        let mut all = self.all.lock();
        if all.len() >= self.most {
            all.retain(|_, (until, _)| now < *until);
        }
        if all.len() >= self.most {
            // So many at once is no usual load; each can be asked for again.
            all.clear();
        }
        all.insert(key, (now + self.holds, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_ends_and_is_bounded() {
        let s = Duration::from_secs;
        let remembered = Remembered::new(s(10), 2);
        remembered.put("a", 1, s(0));
        assert_eq!(remembered.get(&"a", s(9)), Some(1));
        assert_eq!(remembered.get(&"a", s(10)), None);
        remembered.put("b", 2, s(9));
        remembered.put("c", 3, s(11));
        assert_eq!((remembered.get(&"b", s(11)), remembered.get(&"c", s(11))), (Some(2), Some(3)));
        remembered.put("d", 4, s(11));
        assert_eq!((remembered.get(&"c", s(11)), remembered.get(&"d", s(11))), (None, Some(4)));
    }
}
