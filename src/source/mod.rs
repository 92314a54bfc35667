//! Where objects come from. Every source validates what it finds, puts it into the [`Catalog`] and tells the engine the key.

mod catalog;

pub use catalog::{Catalog, Entry, Refused, Verdict};
