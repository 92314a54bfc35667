//! A store that keeps nothing but what the targets hold in memory: for `probity check`, and for tests.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use parking_lot::Mutex;

use crate::{clock::WallMs, model::TargetKey};

use super::{History, Keeper, ReadError, Recent, Record, Stats, Store, StoreHealth, Transition};

/// Gives numbers and applies records. It has no history to show.
#[derive(Default)]
pub struct Volatile {
    ids: Mutex<HashMap<TargetKey, u32>>,
}

impl Store for Volatile {
    fn register(&self, key: &TargetKey) -> u32 {
        let mut ids = self.ids.lock();
        let next = u32::try_from(ids.len()).unwrap_or(u32::MAX).saturating_add(1);
        *ids.entry(key.clone()).or_insert(next)
    }

    fn attach(&self, _keeper: Arc<dyn Keeper>) {}

    fn detach(&self, _target: u32) {}

    fn due(&self, _target: u32, _at: WallMs, _every: Option<Duration>) {}

    fn record(&self, recent: &Mutex<Recent>, record: Record) {
        recent.lock().apply(&record);
    }

    fn transition(&self, _transition: Transition) {}

    fn history(&self, _target: u32, _window: Duration, _now: WallMs) -> BoxFuture<'static, Result<History, ReadError>> {
        Box::pin(std::future::ready(Err(ReadError::Closed)))
    }

    fn stats(&self) -> Stats {
        Stats::default()
    }

    fn health(&self) -> StoreHealth {
        StoreHealth::Ok
    }

    fn close(&self) {}
}
