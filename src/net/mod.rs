//! The way out: resolve, egress policy, connect, TLS. Everything that dials a user's destination goes through here.
//!
//! Owns addresses, sockets and TLS configurations; knows nothing of what is said over them.

mod egress;

pub use egress::{Denied, Egress};

/// Shared by everything that dials.
pub struct Net {
    pub egress: Egress,
}
