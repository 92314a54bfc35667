//! What is known of names, and what is being asked.

use std::{collections::HashMap, sync::Arc, time::Duration};

use foldhash::fast::RandomState;
use futures::future::{BoxFuture, Shared, WeakShared};
use parking_lot::Mutex;

use super::{super::Failure, Addresses, lookup::Found};
use crate::model::IpFamily;

/// A look-up under way.
pub(super) type Asking = Shared<BoxFuture<'static, Result<Addresses, Failure>>>;
type WeakAsking = WeakShared<BoxFuture<'static, Result<Addresses, Failure>>>;

/// How many names are kept per family. A hundred thousand checks rarely name more hosts than this, and
/// an entry takes about 200 bytes, so a full cache is 13 MB. What comes on top is looked up every time.
const NAMES_MAX: usize = 1 << 16;

#[derive(Default)]
struct Slot {
    known: Option<Known>,
    asking: Option<WeakAsking>,
}

struct Known {
    addresses: Addresses,
    /// Both on the monotonic clock.
    since: Duration,
    until: Duration,
}

impl Slot {
    fn is_dead(&self, now: Duration) -> bool {
        self.known.as_ref().is_none_or(|known| known.until <= now)
            && self.asking.as_ref().and_then(WeakShared::upgrade).is_none()
    }
}

/// One map per family, so that a look-up needs no key but the name.
#[derive(Default)]
pub(super) struct Cache([Mutex<HashMap<Arc<str>, Slot, RandomState>>; 3]);

pub(super) enum Hit {
    Known(Addresses),
    Asking(Asking),
    Nothing,
}

impl Cache {
    /// What there is for `host` that is at most `max_cache` old at `now`.
    pub(super) fn get(&self, host: &str, family: IpFamily, now: Duration, max_cache: Duration) -> Hit {
        let map = self.0[family as usize].lock();
        let Some(slot) = map.get(host) else { return Hit::Nothing };
        if let Some(known) = &slot.known
            && now < known.until.min(known.since.saturating_add(max_cache))
        {
            return Hit::Known(known.addresses.clone());
        }
        slot.asking.as_ref().and_then(WeakShared::upgrade).map_or(Hit::Nothing, Hit::Asking)
    }

    /// Makes `asking` the one that others join; gives back an earlier one if somebody was faster.
    pub(super) fn asking(&self, host: &Arc<str>, family: IpFamily, asking: Asking, now: Duration) -> Asking {
        let mut map = self.0[family as usize].lock();
        if map.len() >= NAMES_MAX && !map.contains_key(host) {
            map.retain(|_, slot| !slot.is_dead(now));
            if map.len() >= NAMES_MAX {
                return asking;
            }
        }
        let slot = map.entry(Arc::clone(host)).or_default();
        if let Some(earlier) = slot.asking.as_ref().and_then(WeakShared::upgrade) {
            return earlier;
        }
        slot.asking = asking.downgrade();
        asking
    }

    /// Keeps an answer. Only names that were asked through [`Cache::asking`] have a place.
    pub(super) fn put(&self, host: &str, family: IpFamily, found: &Found, now: Duration) {
        if let Some(slot) = self.0[family as usize].lock().get_mut(host) {
            slot.asking = None;
            slot.known =
                Some(Known { addresses: found.addresses.clone(), since: now, until: now.saturating_add(found.ttl) });
        }
    }

    /// Ends a look-up that failed. A failure is never kept; what was known before it serves those that allow its age.
    pub(super) fn failed(&self, host: &str, family: IpFamily) {
        let mut map = self.0[family as usize].lock();
        if let Some(slot) = map.get_mut(host) {
            slot.asking = None;
            if slot.known.is_none() {
                map.remove(host);
            }
        }
    }
}
