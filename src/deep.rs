//! A deep stack for a moment: for parsers that recurse further than the 2 MiB of an ordinary thread reach.
//!
//! Called by `model` to compile expressions. What is run here must be bounded by its input's length.

use std::{io, panic::resume_unwind, thread};

/// The CEL parser gives up at 96 levels, and takes up to 200 KiB of stack for one in a build without
/// optimisation. Only what is touched is ever real memory.
const STACK: usize = 64 << 20;

/// Runs `work` on a thread of its own and waits for it.
///
/// # Errors
/// When there is no thread to be had.
pub fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("deep".to_owned()).stack_size(STACK).spawn_scoped(scope, work)?;
        Ok(thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}
