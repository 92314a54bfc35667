//! The outbox: what waits for each channel, when it goes out, and what became of it.
//!
//! Owns retries, order, pace and giving up; does not know what a receiver says, nor whether anybody is to be told. One
//! worker per channel, so that a slow receiver delays nobody else's. `state` decides, `worker` carries out.
//!
//! # What whoever keeps it must do
//! A notification is handed over by [`Outboxes::put`] once it is on disk (or is known not to get there in time, and then
//! it is marked `unrecorded`). From then on the outbox says what becomes of it, in order, by [`Ledger::write`]:
//!
//! - [`Fate::Begun`] before each attempt. The request goes out when that is on disk, or was not within the ledger's own
//!   patience. What has begun and has no other fate when a process dies is *ambiguous*: it may have been delivered.
//! - [`Fate::Later`], [`Fate::Delivered`], [`Fate::Dead`] after it.
//! - [`Fate::Folded`], in one write with [`Fate::Queued`] and [`Fate::Begun`] of another: several that wait for one group
//!   go out as one new notification, which stands for them. That is how a firing that was not delivered before its
//!   resolve is told with it.
//!
//! At a start what has not ended is put again, with what is known of it; what was begun comes as `ambiguous`, and goes
//! out under the same id. So nothing is lost, and no repeat has another id.

mod item;
mod merge;
mod pace;
mod pick;
mod points;
mod pool;
mod state;
mod view;
mod worker;

pub use item::{Change, Fate, Item, Ledger};
pub use pace::Pace;
pub use pool::{Outboxes, Pool};
pub use state::{GIVE_UP, QUEUE_MAX};
pub use view::{Last, View};
