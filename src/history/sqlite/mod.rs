//! The embedded store: one SQLite file in WAL mode, one thread that writes, readers of their own.
//!
//! Owns the data dir. [`SqliteStore`] is what the engine and the server call; it touches memory only. The `writer`
//! commits transitions at once and results as frames every few seconds; `pack` turns hours that ended into rows,
//! and `forget` lets old ones go; `replay` and `loader` bring back what an earlier process wrote; `reader` answers.

mod forget;
mod loader;
mod open;
mod pack;
mod reader;
mod replay;
mod schema;
mod shared;
mod store;
mod writer;

pub use open::OpenError;
pub use store::{Options, SqliteStore, open};
