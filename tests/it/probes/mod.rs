//! Probes against peers on real sockets.

mod dns;
mod egress;
mod http_auth;
mod http_bodies;
mod http_expect;
mod http_hostile;
mod http_redirects;
mod http_versions;
pub mod peers;
mod place;
mod resolve;
mod tcp;
mod tls;
