//! Kubernetes Events, through one recorder that everyone shares. Telling never waits.

mod book;
mod sender;
mod wire;

use std::sync::Arc;

use kube::Client;
use parking_lot::Mutex;
use tokio::sync::Notify;

use self::book::{Book, Fate};
pub use self::sender::EventSender;
use super::tally::Tally;
use crate::{clock::Clock, model::ObjectId};

/// How much it matters: the `type` of an Event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gravity {
    Normal,
    Warning,
}

/// What happened to an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Note {
    pub gravity: Gravity,
    /// One word.
    pub reason: Box<str>,
    /// What was done that brought it about; one word.
    pub action: &'static str,
    /// One line for people.
    pub text: Box<str>,
}

/// The API server takes no more than 1 kB.
const MAX_TEXT_BYTES: usize = 1024;

impl Note {
    /// Text beyond 1,024 bytes is cut off.
    pub fn new(gravity: Gravity, reason: &str, action: &'static str, text: &str) -> Self {
        let text = &text[..text.floor_char_boundary(MAX_TEXT_BYTES)];
        Self { gravity, reason: reason.into(), action, text: text.into() }
    }
}

/// Takes events. Cheap to clone.
#[derive(Clone)]
pub struct Recorder(Arc<Inner>);

struct Inner {
    book: Mutex<Book>,
    arrived: Notify,
    clock: Clock,
    tally: Tally,
}

/// A recorder, and the task that sends what it takes. `instance` says which process tells: a pod's name.
pub fn recorder(client: Client, instance: &str, clock: Clock, tally: Tally) -> (Recorder, EventSender) {
    let book = Mutex::new(Book::default());
    let recorder = Recorder(Arc::new(Inner { book, arrived: Notify::new(), clock, tally }));
    (recorder.clone(), EventSender::new(client, instance, recorder))
}

impl Recorder {
    /// Takes an event about an object, if the limits allow; what they do not is counted. Returns at once.
    pub fn tell(&self, subject: &ObjectId, uid: &Arc<str>, note: Note) {
        let fate = self.0.book.lock().offer(subject, uid, note, self.0.clock.now());
        match fate {
            Fate::Queued => {}
            Fate::Repeated => self.0.tally.event("repeated"),
            Fate::Limited => self.0.tally.event("limited"),
            Fate::Displaced => self.0.tally.event("dropped"),
        }
        self.0.arrived.notify_one();
    }
}
