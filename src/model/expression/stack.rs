//! Stack enough for an evaluation, which recurses.
//!
//! The CEL crate inlines its evaluation into itself, so that a level takes 42 KiB of stack even when optimised
//! (measured with cel 0.15). What people write is a few levels deep and is evaluated where it is asked for; the
//! rest gets a thread with as much stack as the deepest tree needs, which costs it some tens of microseconds.

use std::thread;

/// Levels that fit into half of a worker's 2 MiB.
const IN_PLACE: usize = 12;
/// For a tree of `accept::DEPTH_MAX` levels, twice over. Memory that is not touched is not taken.
const DEEP: usize = 8 << 20;

/// Runs what recurses `depth` levels deep.
///
/// # Errors
/// When the system has no thread for it.
pub(super) fn with_room<T: Send>(depth: usize, work: impl FnOnce() -> T + Send) -> Result<T, String> {
    if depth <= IN_PLACE {
        return Ok(work());
    }
    thread::scope(|scope| {
        let deep = thread::Builder::new().name("expression".to_owned()).stack_size(DEEP).spawn_scoped(scope, work);
        match deep.map(thread::ScopedJoinHandle::join) {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(_) => Err("nested so deep that it needs a thread of its own, and there is none".to_owned()),
        }
    })
}
