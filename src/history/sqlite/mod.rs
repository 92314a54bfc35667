//! The embedded store: one SQLite file in WAL mode, one thread that writes, readers of their own.
//!
//! Owns the data dir. [`SqliteStore`] is what the engine and the server call; it touches memory only. The `writer`
//! commits what is urgent at once (`commit`, of a `batch`) and results as frames every few seconds; `pack` turns hours that ended into rows,
//! and `forget` and `cut` let old ones go; `replay`, `loader` and `loaded` bring back what an earlier process wrote; `reader`
//! answers.

mod batch;
mod commit;
mod cut;
mod forget;
mod loaded;
mod loader;
mod open;
mod pack;
mod reader;
mod replay;
mod schema;
mod shared;
mod store;
mod writer;

pub use loaded::AuditReader;
pub use open::OpenError;
pub use store::{Options, SqliteStore, open};
