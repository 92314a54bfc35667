//! The audit trail: what a row of it says, how rows hang together, and whether any of them is missing or changed.
//!
//! Pure. Owns the format: a row's body is canonical JSON, and each row holds the SHA-256 digest of the one before, over
//! the bytes as stored. The store writes rows and reads them; `probity audit verify` proves them. A process that takes
//! the store begins a *chain*, whose first row names the *head* of the last one: its last row's place and digest. Who
//! kept a head from outside sees by it that the end of the trail was cut off.
//!
//! No secret is in a row: what makes an [`Entry`] gives texts that were made for people.

mod canonical;
mod digest;
mod entry;
mod item;
mod row;
#[cfg(test)]
mod tests;
mod verify;
mod words;

pub use digest::{Digest, Head, HeadError, Place};
pub use entry::{Entry, Event, Kind, Lost};
pub use item::Item;
pub use row::{Body, Index, Row, follow};
pub use verify::{Broken, Proof, Verifier, Why, verify};
