//! All channels' workers: one is started when a channel or something for it first comes.

use std::{collections::HashMap, convert::Infallible, sync::Arc};

use parking_lot::Mutex;
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    item::{Item, Ledger},
    view::View,
    worker::{Inbox, Shared, Slot, Worker},
};
use crate::{
    alert::Alert,
    clock::Clock,
    model::{Channel, ObjectKey},
    notify::{Sender, Tally},
};

/// The way in. Cheap to clone; nothing in here waits.
#[derive(Clone)]
pub struct Outboxes(Arc<Inner>);

struct Inner {
    slots: Mutex<HashMap<ObjectKey, Arc<Slot>>>,
    /// Slots without a worker.
    fresh: Mutex<Vec<Arc<Slot>>>,
    wake: Notify,
    tally: Tally,
}

/// The task behind [`Outboxes`].
pub struct Pool {
    inner: Arc<Inner>,
    shared: Arc<Shared>,
    seed: u64,
}

impl Outboxes {
    /// `seed` is another number in each process: retries of two processes must not fall together.
    pub fn new(sender: Arc<Sender>, ledger: Arc<dyn Ledger>, clock: Clock, tally: Tally, seed: u64) -> (Self, Pool) {
        let inner = Arc::new(Inner {
            slots: Mutex::default(),
            fresh: Mutex::default(),
            wake: Notify::new(),
            tally: tally.clone(),
        });
        let shared = Arc::new(Shared { sender, ledger, clock, tally });
        (Self(Arc::clone(&inner)), Pool { inner, shared, seed })
    }

    /// The channel is so now.
    pub fn set(&self, channel: Arc<Channel>) {
        let key = channel.key.clone();
        self.0.tally.begin(&key);
        self.with(&key, |slot, _| drop(slot.channel.send_replace(Some(channel))));
    }

    /// The channel cannot be used. What waits for it is given up after a day, unless it can be used again; so long an
    /// Alertmanager is told afterwards what stands.
    pub fn unset(&self, key: &ObjectKey) {
        self.without(key, |_| {});
    }

    /// The channel is deleted. As [`Outboxes::unset`], but of what it was told nobody says any more that it ends: a
    /// channel of that name that comes later is not told again what was decided for this one, which has no order
    /// beyond `decided`.
    pub fn remove(&self, key: &ObjectKey, decided: u64) {
        self.without(key, |inbox| {
            inbox.removed = Some(decided);
            inbox.standing.clear();
        });
    }

    fn without(&self, key: &ObjectKey, change: impl FnOnce(&mut Inbox)) {
        let slot = self.0.slots.lock().get(key).cloned();
        if let Some(slot) = slot {
            change(&mut slot.inbox.lock());
            slot.channel.send_replace(None);
        }
        self.0.tally.forget(key);
    }

    /// Something is to go out; see the module on what has to be done before. What is put twice goes out once.
    pub fn put(&self, item: Item) {
        let key = item.notification.channel.clone();
        self.with(&key, |_, inbox| inbox.items.push(item));
    }

    /// At a start: what an Alertmanager was told by an earlier process, all that fires and what was resolved in the last
    /// quarter of an hour. Without it, it takes what fires for resolved after four minutes. Other kinds ignore it.
    pub fn stands(&self, key: &ObjectKey, alerts: Vec<Alert>) {
        self.with(key, |_, inbox| inbox.standing.extend(alerts));
    }

    /// How the channel's outbox stands; None when nothing is known of it.
    pub fn view(&self, key: &ObjectKey) -> Option<View> {
        let slot = self.0.slots.lock().get(key).cloned()?;
        let view = slot.view.lock().clone();
        Some(view)
    }

    /// Does something with the channel's slot, a new one where there is none.
    fn with(&self, key: &ObjectKey, change: impl FnOnce(&Slot, &mut Inbox)) {
        let mut change = Some(change);
        let mut once = |slot: &Slot, inbox: &mut Inbox| {
            if let Some(change) = change.take() {
                change(slot, inbox);
            }
        };
        let mut slots = self.0.slots.lock();
        // Whether it has ended is seen under the lock under which it is changed: its worker may end it at any time.
        let known = slots.get(key).filter(|slot| slot.open(&mut once).is_some()).cloned();
        let slot = known.unwrap_or_else(|| {
            let slot = Arc::new(Slot::new(key));
            // Nobody can have ended a new one.
            slot.open(&mut once);
            slots.insert(key.clone(), Arc::clone(&slot));
            self.0.fresh.lock().push(Arc::clone(&slot));
            self.0.wake.notify_one();
            slot
        });
        drop(slots);
        slot.wake.notify_one();
    }
}

impl Pool {
    /// Runs until `shutdown`; what is under way then may end.
    ///
    /// # Errors
    /// Never.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), Infallible> {
        let mut workers = JoinSet::new();
        loop {
            for slot in std::mem::take(&mut *self.inner.fresh.lock()) {
                self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let worker = Worker::new(Arc::clone(&self.shared), slot, self.seed);
                workers.spawn(worker.run(shutdown.clone()));
            }
            tokio::select! {
                () = self.inner.wake.notified() => {}
                () = shutdown.cancelled() => break,
                // One whose channel is gone has ended; one that broke takes us with it, which the supervisor sees.
                Some(ended) = workers.join_next() => match ended {
                    Ok(()) => self.inner.slots.lock().retain(|_, slot| !slot.inbox.lock().closed),
                    Err(_) => return Ok(()),
                },
            }
        }
        while workers.join_next().await.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::{
        alert::NotificationId,
        metrics::Metrics,
        net::{Egress, Net},
        notify::{outbox::Change, wording::samples::firing},
        telemetry::LogFormat,
    };

    struct Nowhere;

    impl Ledger for Nowhere {
        fn write(&self, _: Vec<Change>) -> futures::future::BoxFuture<'static, bool> {
            Box::pin(std::future::ready(true))
        }
    }

    #[test]
    fn what_is_put_while_a_worker_ends_is_taken_in_by_another() {
        let clock = Clock::system();
        let net = Arc::new(Net::new(Egress::default(), clock.clone()));
        let sender = Sender::new(net, clock.clone(), Arc::new(|_: &[u8]| Ok(())), LogFormat::Json, None);
        let tally = Tally::new(&Metrics::new().unwrap()).unwrap();
        let (outboxes, _pool) = Outboxes::new(Arc::new(sender), Arc::new(Nowhere), clock, tally, 7);
        let done = AtomicBool::new(false);
        let count = 50_000;
        let taken = std::thread::scope(|scope| {
            // In the place of the workers: takes what there is, and ends each that is idle.
            let worker = scope.spawn(|| {
                let (mut taken, mut slots) = (0, Vec::<Arc<Slot>>::new());
                loop {
                    let last = done.load(Ordering::Acquire);
                    slots.extend(std::mem::take(&mut *outboxes.0.fresh.lock()));
                    for slot in &slots {
                        taken += std::mem::take(&mut slot.inbox.lock().items).len();
                    }
                    slots.retain(|slot| !slot.close());
                    if last {
                        return taken;
                    }
                }
            });
            let mut one = firing();
            for order in 0..count {
                one.id = NotificationId(order.to_string().into());
                outboxes.put(Item::new(Arc::new(one.clone()), order));
            }
            done.store(true, Ordering::Release);
            worker.join().unwrap()
        });
        assert_eq!(taken, count as usize);
    }
}
