//! Where objects come from. Every source validates what it finds, puts it into the [`Catalog`] and tells the engine the key.

mod catalog;
mod circles;
mod digest;
mod files;
pub mod kubernetes;
pub mod made;
pub mod manifest;
mod namespaces;
mod refused;
pub mod review;
mod verdicts;

use catalog::Present;
pub use catalog::{Catalog, Entry, Refused, Verdict};
pub use files::Files;
pub use kubernetes::Kubernetes;
pub use made::{Draft, Found, MadeError, Silences, stage};
pub use namespaces::Namespaces;

use std::sync::Arc;

use crate::model::ObjectId;

/// The receiver of the events is gone, so there is nobody to read for.
#[derive(Debug, thiserror::Error)]
#[error("nobody takes the events of the source any more")]
pub struct Closed;

/// What a source tells the engine: a key and nothing else; the present is read from the [`Catalog`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The object was added, changed, removed, or is now stale or no longer so.
    Changed(ObjectId),
    /// The labels of the namespace of this name are others, or it is gone.
    Namespace(Arc<str>),
    /// Everything was read once: what is not in the catalog now does not exist.
    Ready,
}
