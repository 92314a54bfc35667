//! One copy of what is equal by content.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;

/// Keeps weak references by the source they were made from, so that a thousand checks with one
/// expression hold one program, and the last of them to go frees it.
pub struct Pool<T>(Mutex<HashMap<String, Weak<T>>>);

impl<T> Pool<T> {
    pub fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    /// The shared value for `source`, made with `make` if nobody holds one.
    pub fn get<E>(&self, source: &str, make: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
        if let Some(found) = self.0.lock().get(source).and_then(Weak::upgrade) {
            return Ok(found);
        }
        // Made outside the lock: compiling a large expression must not hold up other threads.
        let made = Arc::new(make()?);
        let mut pool = self.0.lock();
        if pool.len() >= 64 && pool.len().is_power_of_two() {
            pool.retain(|_, held| held.strong_count() > 0);
        }
        if let Some(found) = pool.get(source).and_then(Weak::upgrade) {
            return Ok(found);
        }
        pool.insert(source.to_owned(), Arc::downgrade(&made));
        Ok(made)
    }
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_sources_share_one_value_until_nobody_holds_it() {
        let pool = Pool::new();
        let make = || Ok::<_, ()>(String::from("x"));
        let first = pool.get("a", make).unwrap();
        assert!(Arc::ptr_eq(&first, &pool.get("a", make).unwrap()));
        assert!(!Arc::ptr_eq(&first, &pool.get("b", make).unwrap()));
        drop(first);
        assert_eq!(pool.get("a", || Err("made anew")), Err("made anew"));
    }
}
