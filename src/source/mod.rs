//! Where objects come from. Every source validates what it finds, puts it into the [`Catalog`] and tells the engine the key.

mod catalog;
mod files;
pub mod kubernetes;
pub mod manifest;
mod refused;
pub mod review;

pub use catalog::{Catalog, Entry, Refused, Verdict};
pub use files::{Closed, Files};

use crate::model::ObjectKey;

/// What a source tells the engine: a key and nothing else; the present is read from the [`Catalog`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The object was added, changed, removed, or is now stale or no longer so.
    Changed(ObjectKey),
    /// Everything was read once: what is not in the catalog now does not exist.
    Ready,
}
