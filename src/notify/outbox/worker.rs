//! Carries out what one channel's state decides: writes, sends, waits.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use failpoint::failpoint;
use futures::FutureExt;
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::{
    item::{Change, Fate, Item, Ledger},
    points,
    state::{Effect, Event, Rules, Sending, State},
    view::View,
};
use crate::{
    alert::{Alert, Notification},
    clock::Clock,
    model::{Channel, ObjectKey, Receiver},
    notify::{
        Answer, Marks, Sender, Tally,
        alertmanager::{RESEND, Standing},
        send,
    },
};

/// After being told to stop: what is under way has this long to end. What has not is ambiguous at the next start.
const GRACE: Duration = Duration::from_secs(10);

/// What all workers share.
pub(super) struct Shared {
    pub(super) sender: Arc<Sender>,
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) clock: Clock,
    pub(super) tally: Tally,
}

/// How a channel's worker is reached.
pub(super) struct Slot {
    pub(super) key: ObjectKey,
    pub(super) channel: watch::Sender<Option<Arc<Channel>>>,
    pub(super) inbox: Mutex<Inbox>,
    pub(super) wake: Notify,
    pub(super) view: Mutex<View>,
}

impl Slot {
    pub(super) fn new(key: &ObjectKey) -> Self {
        Self {
            key: key.clone(),
            channel: watch::Sender::new(None),
            inbox: Mutex::default(),
            wake: Notify::new(),
            view: Mutex::default(),
        }
    }

    /// Does something with the slot; None when it has ended.
    pub(super) fn open<T>(&self, change: impl FnOnce(&Self, &mut Inbox) -> T) -> Option<T> {
        let mut inbox = self.inbox.lock();
        (!inbox.closed).then(|| change(self, &mut inbox))
    }

    /// Ends the slot, unless something has come for it.
    pub(super) fn close(&self) -> bool {
        let mut inbox = self.inbox.lock();
        inbox.closed = inbox.items.is_empty() && inbox.standing.is_empty() && self.channel.borrow().is_none();
        inbox.closed
    }
}

/// What has come and was not looked at yet.
#[derive(Default)]
pub(super) struct Inbox {
    /// The worker has ended: whoever comes takes another slot.
    pub(super) closed: bool,
    /// The worker takes all of them at each turn, and what is over its bound is given up there.
    pub(super) items: Vec<Item>,
    /// What an earlier process told an Alertmanager.
    pub(super) standing: Vec<Alert>,
    /// The channel was deleted: what has an order up to this was decided for the one that is no more.
    pub(super) removed: Option<u64>,
}

/// A panic is ours, and would come again. What waits behind it goes out.
fn broke(ObjectKey { namespace, name }: &ObjectKey) -> Answer {
    error!(%namespace, %name, "telling the channel panicked: please report this");
    Answer::permanent("the attempt itself broke: see the log")
}

enum Done {
    Sent { order: u64, notification: Arc<Notification>, answer: Answer, took: Duration },
    Repeated(Answer),
}

impl Rules {
    fn of(channel: &Channel) -> Self {
        let kind = channel.receiver.kind();
        Self {
            folds: send::folds(kind),
            idempotent: send::is_idempotent(kind),
            paces: send::paces(kind),
            edition: channel.edition(),
        }
    }
}

pub(super) struct Worker {
    shared: Arc<Shared>,
    slot: Arc<Slot>,
    state: State,
    channel: Option<Arc<Channel>>,
    tasks: JoinSet<Done>,
    standing: Standing,
    /// What stands was decided after this.
    stands_from: u64,
    /// When what stands is told again, on the monotonic clock.
    repeat_at: Duration,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, slot: Arc<Slot>, seed: u64) -> Self {
        Self {
            shared,
            slot,
            state: State::new(seed),
            channel: None,
            tasks: JoinSet::new(),
            standing: Standing::default(),
            stands_from: 0,
            repeat_at: Duration::ZERO,
        }
    }

    /// Ends after `shutdown`, or when the channel is gone and nothing waits.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        let mut channels = self.slot.channel.subscribe();
        channels.mark_changed();
        loop {
            let slot = Arc::clone(&self.slot);
            let sleep = self.sleep();
            let event = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(done) = self.tasks.join_next() => done.ok().and_then(|done| self.done(done)),
                changed = channels.changed() => match changed {
                    Ok(()) => Some(self.channel(channels.borrow_and_update().clone())),
                    // The slot is held by us too, so that this does not happen.
                    Err(_) => break,
                },
                () = slot.wake.notified() => None,
                () = sleep => None,
            };
            self.step(event.unwrap_or(Event::Time));
            self.take_in();
            self.repeat();
            self.show();
            if self.is_idle() && self.slot.close() {
                return;
            }
        }
        self.finish().await;
    }

    fn show(&self) {
        let after = self.state.view(self.shared.clock.mono());
        let before = std::mem::replace(&mut *self.slot.view.lock(), after.clone());
        if !after.is_like(&before) {
            self.shared.ledger.shown(&self.slot.key);
        }
    }

    fn sleep(&self) -> impl Future<Output = ()> + use<> {
        let now = self.shared.clock.mono();
        let repeat = (!self.standing.is_empty()).then_some(self.repeat_at);
        let at = [self.state.wake(now), repeat].into_iter().flatten().min();
        let at = at.map(|at| self.shared.clock.instant(at));
        async move {
            match at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        }
    }

    fn channel(&mut self, channel: Option<Arc<Channel>>) -> Event {
        self.channel = channel;
        // While it cannot be used it is still told afterwards that what stands has not ended.
        if self.channel.is_some() && !self.is_alertmanager() {
            self.standing = Standing::default();
        }
        Event::Channel(self.channel.as_deref().map(Rules::of))
    }

    fn take_in(&mut self) {
        let (items, standing, removed) = {
            let mut inbox = self.slot.inbox.lock();
            let standing = if self.channel.is_some() { std::mem::take(&mut inbox.standing) } else { Vec::new() };
            (std::mem::take(&mut inbox.items), standing, inbox.removed.take())
        };
        if let Some(decided) = removed {
            self.standing = Standing::default();
            self.stands_from = decided;
        }
        for item in items {
            self.step(Event::Put(item));
        }
        self.stands(&standing);
    }

    /// There is no channel, and nothing that waits for one.
    fn is_idle(&self) -> bool {
        self.channel.is_none() && self.state.is_empty() && self.tasks.is_empty() && self.standing.is_empty()
    }

    fn stands(&mut self, alerts: &[Alert]) {
        if alerts.is_empty() || !self.is_alertmanager() {
            return;
        }
        let now = self.shared.clock.now();
        if self.standing.is_empty() {
            self.repeat_at = now.mono + RESEND;
        }
        let no_room = self.standing.told(alerts, now);
        if no_room > 0 {
            warn!(namespace = %self.slot.key.namespace, name = %self.slot.key.name, alerts = no_room,
                "more alerts stand than are told again; Alertmanager will take these for resolved in 4 minutes");
        }
    }

    fn is_alertmanager(&self) -> bool {
        matches!(self.channel.as_deref(), Some(Channel { receiver: Receiver::Alertmanager(_), .. }))
    }

    fn step(&mut self, event: Event) {
        for effect in self.state.next(event, self.shared.clock.now()) {
            match effect {
                Effect::Write(changes) => {
                    self.tell(&changes);
                    let [before, after] = points::of(&changes);
                    failpoint!(before);
                    // Nothing waits for it: the ledger goes on by itself.
                    drop(self.shared.ledger.write(changes));
                    failpoint!(after);
                }
                Effect::Send(changes, sending) => self.send(changes, sending),
            }
        }
    }

    fn send(&mut self, changes: Vec<Change>, sending: Sending) {
        let Some(channel) = self.channel.clone() else { return };
        self.tell(&changes);
        let shared = Arc::clone(&self.shared);
        failpoint!(if changes.len() > 1 { "outbox.fold" } else { "outbox.begin" });
        let written = shared.ledger.write(changes);
        self.tasks.spawn(async move {
            let Sending { order, notification, marks, done } = sending;
            let mut start = shared.clock.mono();
            let attempt = async {
                let recorded = written.await;
                failpoint!("outbox.marked");
                let marks = Marks { unrecorded: marks.unrecorded || !recorded, ..marks };
                start = shared.clock.mono();
                shared.sender.send(&channel, &notification, marks, &done).await
            };
            let answer = AssertUnwindSafe(attempt).catch_unwind().await.unwrap_or_else(|_| broke(&channel.key));
            failpoint!(points::answered(&answer));
            Done::Sent { order, notification, answer, took: shared.clock.mono().saturating_sub(start) }
        });
    }

    fn done(&mut self, done: Done) -> Option<Event> {
        match done {
            Done::Sent { order, notification, answer, took } => {
                if order > self.stands_from && self.is_alertmanager() {
                    let told = notification.alerts.iter().enumerate().filter(|(place, _)| answer.has_told(*place));
                    self.stands(&told.map(|(_, alert)| alert.clone()).collect::<Vec<_>>());
                }
                Some(Event::Answered { order, answer, took })
            }
            Done::Repeated(answer) => {
                self.shared.tally.repeated(matches!(answer, Answer::Ok { .. }));
                if !matches!(answer, Answer::Ok { .. }) {
                    debug!(namespace = %self.slot.key.namespace, name = %self.slot.key.name, "{}", answer.text());
                }
                None
            }
        }
    }

    /// Tells an Alertmanager again what stands, when it is time to.
    fn repeat(&mut self) {
        let now = self.shared.clock.now();
        if self.standing.is_empty() || now.mono < self.repeat_at {
            return;
        }
        self.repeat_at = now.mono + RESEND;
        let Some(channel) = self.channel.clone() else { return };
        let alerts = self.standing.due(now);
        if alerts.is_empty() {
            return;
        }
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn(async move {
            let repeat = AssertUnwindSafe(shared.sender.repeat(&channel, alerts)).catch_unwind();
            Done::Repeated(repeat.await.unwrap_or_else(|_| broke(&channel.key)))
        });
    }

    /// Log lines and metrics.
    fn tell(&self, changes: &[Change]) {
        for change in changes {
            let Change { notification, attempts, ambiguous, fate, .. } = change;
            let ObjectKey { namespace, name } = &notification.channel;
            let (id, correlation_id) = (&notification.id, &notification.correlation_id);
            match fate {
                Fate::Delivered { answer, took } => {
                    let delay = change.at.saturating_sub(notification.created_at);
                    self.shared.tally.delay(Duration::from_millis(u64::try_from(delay).unwrap_or_default()));
                    info!(%namespace, %name, %correlation_id, notification = %id, attempts, ambiguous,
                        why = notification.why.as_str(), alerts = notification.alerts.len(),
                        duration_ms = took.as_secs_f64() * 1e3, "notification delivered: {answer}");
                }
                Fate::Later { answer, .. } => {
                    warn!(%namespace, %name, %correlation_id, notification = %id, attempts, ambiguous,
                        "notification not delivered, will be tried again: {answer}");
                }
                Fate::Dead { answer } => {
                    warn!(%namespace, %name, %correlation_id, notification = %id, attempts, ambiguous,
                        "notification given up: {answer}");
                }
                Fate::Queued | Fate::Begun => continue,
                Fate::Folded { into } => {
                    debug!(%namespace, %name, %correlation_id, notification = %id, %into, "goes out as part of another");
                }
            }
            self.shared.tally.ended(&notification.channel, fate.as_str());
        }
    }

    /// What is under way may end; nothing new begins.
    async fn finish(mut self) {
        let deadline = tokio::time::sleep(GRACE);
        tokio::pin!(deadline);
        self.step(Event::Stop);
        while !self.tasks.is_empty() {
            let done = tokio::select! {
                done = self.tasks.join_next() => done.and_then(Result::ok),
                () = &mut deadline => break,
            };
            if let Some(event) = done.and_then(|done| self.done(done)) {
                self.step(event);
            }
        }
    }
}
