//! What was seen: records become buckets, rows and figures (pure); the store keeps them (edge).
//!
//! Owns the history of every target, in memory and on disk, and what alerting may not lose: [`Commit`]s, which are state
//! under keys, the outbox and the audit trail. The engine hands over records and commits, and never waits.
//!
//! ```text
//! record ──► Recent (minutes, hours, days in memory) ── an hour ends ──► part ──► row of (hour, target)
//!        └─► frame (all records of one flush) ── after a kill: what no row covers yet ──┘
//! ```

mod bits;
mod bucket;
mod commit;
mod due;
mod figures;
mod frame;
mod minutes;
mod recent;
mod record;
mod ring;
mod row;
mod sketch;
mod sqlite;
mod store;
mod trail;
mod view;
mod volatile;

pub use bucket::{DAY_MS, HOUR_MS, Hour, MINUTE_MS, Minute};
pub use commit::{
    Commit, Kept, Loaded, Outbox, OutboxQuery, OutboxRow, OutboxState, OutboxUpdate, PATIENCE, Recording, Settled,
    Space, Ticket,
};
pub use due::Due;
pub use figures::Figures;
pub use minutes::Window as LastHour;
pub use recent::{Part, Recent, Uptime};
pub use record::{Class, Record, Run, WALL_MAX};
pub use sketch::{Sketch, middle};
pub use sqlite::{AuditReader, OpenError, Options, SqliteStore, open};
pub use store::{Keeper, ReadError, Stats, Store, StoreHealth, Transition};
pub use trail::{About, AuditPage, AuditQuery, Cursor, PAGE_MAX as AUDIT_PAGE_MAX, moment};
pub use view::{Bucket, History, Latency};
pub use volatile::Volatile;

/// Reads any bytes as rows and as frames. For fuzzing: it must come back, whatever they are.
pub fn fuzz(bytes: &[u8]) {
    row::fuzz(bytes);
    frame::fuzz(bytes);
}
