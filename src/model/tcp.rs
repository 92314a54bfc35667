//! The `tcp` probe.

use std::sync::Arc;

use bytes::Bytes;

use super::{Address, IpFamily, Pattern, Tls};

#[derive(Debug, Clone)]
pub struct Tcp {
    pub address: Address,
    pub ip_family: IpFamily,
    /// TLS from the start when `tls.asked` and no step has `start_tls`.
    pub tls: Arc<Tls>,
    pub steps: Vec<TcpStep>,
}

/// Within one step: first send, then expect, then TLS.
#[derive(Debug, Clone)]
pub struct TcpStep {
    pub send: Option<Bytes>,
    /// Unanchored, over what has arrived since the last step.
    pub expect: Option<Pattern>,
    pub start_tls: bool,
}
