//! HTTP clients, shared between sources that say the same of TLS.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use parking_lot::Mutex;

use crate::{
    model::Tls,
    net::{
        Net,
        client::{Client, Limits},
    },
};

/// Each query has a deadline of its own; this only bounds one whose caller went away.
const LIMITS: Limits = Limits { timeout: Duration::from_secs(600), redirects: 0, proxy: true };
/// Different TLS settings whose clients are kept, each of some 100 KB; with more in use, further ones are built per query.
const KEPT_MAX: usize = 64;

pub(super) struct Clients {
    net: Arc<Net>,
    /// By the address of the settings; the weak reference keeps that address from being used again.
    kept: Mutex<HashMap<usize, (Weak<Tls>, Client)>>,
}

impl Clients {
    pub(super) fn new(net: Arc<Net>) -> Self {
        Self { net, kept: Mutex::default() }
    }

    /// # Errors
    /// What is wrong with the settings, or what the TLS library says when it cannot be set up.
    pub(super) fn get(&self, tls: &Arc<Tls>) -> Result<Client, String> {
        let address = Arc::as_ptr(tls) as usize;
        if let Some((_, client)) = self.kept.lock().get(&address) {
            return Ok(client.clone());
        }
        // Built outside of the lock: it reads PEM.
        let client = Client::with_tls(&self.net, &LIMITS, tls)?;
        let mut kept = self.kept.lock();
        if kept.len() >= KEPT_MAX {
            kept.retain(|_, (tls, _)| tls.strong_count() > 0);
        }
        if kept.len() < KEPT_MAX {
            kept.insert(address, (Arc::downgrade(tls), client.clone()));
        }
        Ok(client)
    }
}
