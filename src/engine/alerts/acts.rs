//! What people do about alerts while they fire. Each act is answered when what follows from it is on disk.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::Alerting;
use crate::{
    alert::{Fingerprint, Incident, Phase, desk, desk::Ack},
    model::ObjectKey,
};

/// What somebody wants done about the alerts with these labels.
#[derive(Debug, Clone)]
pub enum Act {
    /// Somebody acts: they are not escalated and not repeated any more.
    Acknowledge { alert: Fingerprint, by: Arc<str>, comment: Arc<str> },
    /// Nobody acts any more.
    Unacknowledge { alert: Fingerprint, by: Arc<str> },
}

/// What became of it.
#[derive(Debug, Clone)]
pub struct Acted {
    /// The alerts with these labels that fire, as they are now: several where two rules of one namespace give the same ones.
    pub alerts: Vec<Subject>,
    /// It is on disk. Else the store fails now: it holds, but may be forgotten by a restart.
    pub recorded: bool,
}

/// An alert that somebody acts on.
#[derive(Debug, Clone)]
pub struct Subject {
    pub name: Arc<str>,
    pub rule: ObjectKey,
    pub ack: Option<Ack>,
}

/// An act that waits for its turn.
pub(super) struct Asked {
    pub(super) act: Act,
    pub(super) reply: oneshot::Sender<Acted>,
}

/// An answer that waits for what it tells to be on disk.
pub(super) struct Answer {
    acted: Acted,
    reply: oneshot::Sender<Acted>,
}

impl Answer {
    pub(super) fn give(mut self, recorded: bool) {
        self.acted.recorded = recorded;
        // Whoever asked may have gone.
        let _ = self.reply.send(self.acted);
    }
}

impl Alerting {
    /// Does it; the answer goes out with what is written next.
    pub(super) fn act(&mut self, Asked { act, reply }: Asked) {
        let (Act::Acknowledge { alert, .. } | Act::Unacknowledge { alert, .. }) = act;
        let incidents: Vec<Incident> = self.desk.by_fingerprint(alert).map(|view| view.episode().incident).collect();
        for incident in incidents {
            match &act {
                Act::Acknowledge { by, comment, .. } => {
                    self.desk(desk::Event::Acknowledge { incident, by: by.clone(), comment: comment.clone() });
                }
                Act::Unacknowledge { by, .. } => {
                    self.desk(desk::Event::Unacknowledge { incident, by: by.clone() });
                }
            }
        }
        let subject = |view: desk::View<'_>| Subject {
            name: view.episode().name.clone(),
            rule: view.episode().rule.clone(),
            ack: view.ack().cloned(),
        };
        let open = self.desk.by_fingerprint(alert).filter(|view| view.episode().phase != Phase::Resolved);
        let acted = Acted { alerts: open.map(subject).collect(), recorded: true };
        self.answering.push(Answer { acted, reply });
    }
}
