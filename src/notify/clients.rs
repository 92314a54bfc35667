//! HTTP clients, shared between channels that say the same of TLS.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;

use super::send::ATTEMPT;
use crate::{
    model::Tls,
    net::{
        Net,
        client::{Client, Limits},
    },
};

/// Redirects are not followed: most of them turn a POST into a GET, which is answered and tells nobody. Proxies are for
/// notifications.
const LIMITS: Limits = Limits { timeout: ATTEMPT, redirects: 0, proxy: true };
/// Different TLS settings whose clients are kept; with more of them in use, further ones are built per attempt.
const KEPT_MAX: usize = 64;

/// All clients of this process's channels.
pub(super) struct Clients {
    net: Arc<Net>,
    /// For channels that say nothing of TLS, as nearly all.
    plain: Mutex<Option<Client>>,
    /// By the address of the settings; the weak reference keeps that address from being used again.
    others: Mutex<HashMap<usize, (Weak<Tls>, Client)>>,
}

impl Clients {
    pub(super) fn new(net: Arc<Net>) -> Self {
        Self { net, plain: Mutex::default(), others: Mutex::default() }
    }

    /// # Errors
    /// What is wrong with the settings, or what the TLS library says when it cannot be set up.
    pub(super) fn get(&self, tls: &Arc<Tls>) -> Result<Client, String> {
        let defaults = Tls::default().shared();
        if Arc::ptr_eq(tls, &defaults) {
            let mut plain = self.plain.lock();
            if let Some(client) = &*plain {
                return Ok(client.clone());
            }
            return Ok(plain.insert(Client::with_tls(&self.net, &LIMITS, tls)?).clone());
        }
        let address = Arc::as_ptr(tls) as usize;
        if let Some((_, client)) = self.others.lock().get(&address) {
            return Ok(client.clone());
        }
        let client = Client::with_tls(&self.net, &LIMITS, tls)?;
        let mut others = self.others.lock();
        others.retain(|_, (tls, _)| tls.strong_count() > 0);
        if others.len() < KEPT_MAX {
            others.insert(address, (Arc::downgrade(tls), client.clone()));
        }
        Ok(client)
    }
}
