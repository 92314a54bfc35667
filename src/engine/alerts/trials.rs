//! Trying a channel of a running Probity: with its secrets and its egress policy, past its outbox, and written down.
//!
//! Each trial is a task of its own, whoever waits for it: one that has begun ends with a row of the audit trail, also
//! when who asked has gone. How many there may be [`Gate`] says.

use std::{convert::Infallible, sync::Arc};

use parking_lot::Mutex;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::{
    audit::{Entry, Event},
    clock::Clock,
    history::{Commit, Settled, Store},
    model::{Channel, ObjectKey},
    notify::{
        Sender,
        trial::{self, AT_ONCE, Closed, Gate, Trial},
    },
};

/// The way in. Cheap to clone.
#[derive(Clone)]
pub struct Trials {
    gate: Arc<Mutex<Gate>>,
    ask: mpsc::Sender<Asked>,
    clock: Clock,
}

/// Who asks.
#[derive(Debug, Clone)]
pub struct Asker {
    pub by: Arc<str>,
    /// Of the request: it goes with the call to the receiver.
    pub correlation_id: Arc<str>,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Tried {
    pub trial: Trial,
    /// Its row of the audit trail is on disk. Else the store fails now.
    pub recorded: bool,
}

/// Why there is no trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoTrial {
    #[error(transparent)]
    Closed(#[from] Closed),
    #[error("Probity stops")]
    Stops,
}

/// A trial that is to begin.
struct Asked {
    channel: Arc<Channel>,
    asker: Asker,
    turn: Turn,
    reply: oneshot::Sender<Tried>,
}

/// A place among those that are tried, given back when it is dropped.
struct Turn {
    gate: Arc<Mutex<Gate>>,
    channel: ObjectKey,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.gate.lock().end(&self.channel);
    }
}

/// The task behind [`Trials`].
pub struct TrialPool {
    asked: mpsc::Receiver<Asked>,
    sender: Arc<Sender>,
    store: Arc<dyn Store>,
    clock: Clock,
}

impl Trials {
    pub fn new(sender: Arc<Sender>, store: Arc<dyn Store>, clock: Clock) -> (Self, TrialPool) {
        // The gate lets no more in, so that there is always room.
        let (ask, asked) = mpsc::channel(AT_ONCE);
        let trials = Self { gate: Arc::default(), ask, clock: clock.clone() };
        (trials, TrialPool { asked, sender, store, clock })
    }

    /// Tries a channel now, and waits for what its receiver says.
    ///
    /// # Errors
    /// [`NoTrial`] says why it was not tried.
    pub async fn attempt(&self, channel: Arc<Channel>, asker: Asker) -> Result<Tried, NoTrial> {
        self.gate.lock().begin(&channel.key, self.clock.mono())?;
        let turn = Turn { gate: self.gate.clone(), channel: channel.key.clone() };
        let (reply, tried) = oneshot::channel();
        self.ask.try_send(Asked { channel, asker, turn, reply }).map_err(|_| NoTrial::Stops)?;
        tried.await.map_err(|_| NoTrial::Stops)
    }
}

impl TrialPool {
    /// Runs until `shutdown`: then no answer is waited for any more, and what was tried is written down.
    ///
    /// # Errors
    /// Never.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), Infallible> {
        let mut under_way = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(_) = under_way.join_next(), if !under_way.is_empty() => {}
                Some(asked) = self.asked.recv() => {
                    let (sender, store, clock) = (self.sender.clone(), self.store.clone(), self.clock.clone());
                    let shutdown = shutdown.clone();
                    under_way.spawn(async move { one(&sender, &*store, &clock, asked, shutdown).await });
                }
            }
        }
        // Who waits for one that has not begun hears that there is none.
        drop(self.asked);
        while under_way.join_next().await.is_some() {}
        Ok(())
    }
}

async fn one(sender: &Sender, store: &dyn Store, clock: &Clock, asked: Asked, shutdown: CancellationToken) {
    let Asked { channel, asker: Asker { by, correlation_id }, turn, reply } = asked;
    let trial = trial::attempt(sender, clock, &channel, Some(correlation_id.clone()), shutdown.cancelled()).await;
    let (ObjectKey { namespace, name }, Trial { notification, outcome, answer, took }) = (&channel.key, &trial);
    info!(%namespace, %name, %correlation_id, %notification, %by, duration_ms = took.as_secs_f64() * 1e3,
        "channel tried: {outcome}: {answer}");
    let entry = Entry {
        namespace: namespace.clone(),
        notification: Some(notification.clone()),
        ..Entry::of_process(
            clock.wall(),
            Event::Trial {
                channel: channel.key.to_string().into(),
                by,
                outcome: (*outcome).into(),
                answer: answer.as_str().into(),
            },
        )
    };
    let written = store.commit(Commit { audit: vec![entry], ..Commit::default() }).await;
    let recorded = matches!(written, Settled::Committed { .. });
    // Before it is told: who hears of it may try again.
    drop(turn);
    // Whoever asked may have gone.
    let _ = reply.send(Tried { trial, recorded });
}
