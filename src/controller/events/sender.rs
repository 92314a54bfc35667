//! Sends what the recorder took, one after the other.

use std::{convert::Infallible, time::Duration};

use kube::{
    Client,
    api::{Patch, PatchParams, PostParams, Request as Paths},
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{Recorder, book::Entry, wire};
use crate::{
    controller::{
        request::{self, Answer},
        schedule::Ended,
    },
    schedule::backoff,
};

/// The longest time between two tries while the API server is away.
const AWAY_CAP: Duration = Duration::from_secs(2);
/// The API server takes no longer name of who reports.
const MAX_INSTANCE: usize = 128;

/// The task behind a [`Recorder`].
pub struct EventSender {
    client: Client,
    instance: Box<str>,
    recorder: Recorder,
    failures: u32,
    /// Tries so far, for the jitter.
    tries: u64,
    refused: u64,
}

impl EventSender {
    pub(super) fn new(client: Client, instance: &str, recorder: Recorder) -> Self {
        let instance = if instance.is_empty() { "probity" } else { instance };
        let instance = instance[..instance.floor_char_boundary(MAX_INSTANCE)].into();
        Self { client, instance, recorder, failures: 0, tries: 0, refused: 0 }
    }

    /// Runs until told to stop. What waits then is lost: events are news, and the statuses hold what counts.
    ///
    /// # Errors
    /// None.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), Infallible> {
        let inner = self.recorder.0.clone();
        let mut pause = Duration::ZERO;
        loop {
            let now = inner.clock.mono();
            let ready = inner.book.lock().ready().map(|at| at.max(pause));
            let due = async {
                match ready {
                    Some(at) => tokio::time::sleep_until(inner.clock.instant(at.max(now))).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = inner.arrived.notified(), if ready.is_none() => continue,
                () = due => {}
            }
            let (entry, old) = inner.book.lock().take(inner.clock.mono());
            for _ in 0..old {
                inner.tally.event("dropped");
            }
            let Some(entry) = entry else { continue };
            let answer = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                answer = self.send(&entry) => answer,
            };
            pause = inner.clock.mono() + self.after(entry, answer);
        }
    }

    async fn send(&mut self, entry: &Entry) -> Answer {
        let paths = Paths::new(format!("/apis/events.k8s.io/v1/namespaces/{}/events", entry.subject.key.namespace));
        let request = if entry.known {
            paths.patch(&wire::name(entry), &PatchParams::default(), &Patch::Merge(wire::repeat(entry)))
        } else {
            let event = wire::event(entry, &self.instance).to_string().into_bytes();
            paths.create(&PostParams::default(), event)
        };
        match request {
            Ok(request) => request::send(&self.client, request).await,
            Err(error) => Answer { ended: Ended::Refused, why: Some(format!("cannot make the request: {error}")) },
        }
    }

    /// What follows from an answer. Gives how long to wait before the next one.
    fn after(&mut self, mut entry: Entry, answer: Answer) -> Duration {
        let inner = &self.recorder.0;
        self.tries += 1;
        let exists = answer.why.as_ref().is_some_and(|why| why.starts_with("409"));
        match answer.ended {
            // A try whose answer was lost was heard all the same.
            Ended::Refused if exists && !entry.known => inner.book.lock().sent(&entry, inner.clock.mono()),
            Ended::Written => {
                inner.tally.event(if entry.known { "repeated" } else { "written" });
                inner.book.lock().sent(&entry, inner.clock.mono());
            }
            // The API server has forgotten the first of the series.
            Ended::Gone if entry.known => {
                entry.known = false;
                inner.book.lock().put_back(entry);
            }
            Ended::Gone | Ended::Refused | Ended::Denied => {
                inner.tally.event("dropped");
                self.refused += 1;
                // RBAC without events refuses every one: now and then is enough to know.
                if self.refused.is_power_of_two() {
                    let why = answer.why.unwrap_or_default();
                    warn!(dropped = self.refused, "the API server takes no event about {}: {why}", entry.subject);
                }
            }
            Ended::Busy(wait) => {
                inner.book.lock().put_back(entry);
                return wait.min(Duration::from_secs(10));
            }
            Ended::Away => {
                inner.book.lock().put_back(entry);
                self.failures += 1;
                return backoff(self.failures, AWAY_CAP, self.tries);
            }
        }
        self.failures = 0;
        Duration::ZERO
    }
}
