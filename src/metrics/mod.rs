//! Every metric of this program, in two tables: [`own`] for what happens inside it, [`table`] for what its
//! probes see.
//!
//! Owns names, help texts, types and labels, and the text format. The first kind is counted as it happens,
//! through handles; the second is rendered from the snapshot at each scrape, so that a series dies with its
//! object. Nothing here is global: a [`Metrics`] is made at start and handed to who counts.

mod exposition;
mod own;
mod probes;
mod slos;
mod store;
mod table;
mod text;

pub use exposition::{Exposition, Figure};
pub use own::Metrics;
pub use slos::slo_reference;
pub use store::figures;
pub use table::reference;

/// What a scrape's answer is, as a header says it.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
