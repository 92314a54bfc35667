//! Probes against peers on real sockets.

mod dns;
mod egress;
mod peers;
mod resolve;
mod tcp;
mod tls;
