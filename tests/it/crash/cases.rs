//! Which fail points there are, in which stories each is passed, and when.

use super::stories::Story::{self, *};

/// A story, and the fail points of its lives, one after the other; see `failpoint` on how they are written.
pub type Case = (Story, &'static [&'static str]);

pub const CASES: &[Case] = &[
    // From the check to the store.
    (Plain, &["book.transition"]),
    (Plain, &["book.transition@2"]),
    (Plain, &["desk.flush"]),
    (Plain, &["desk.resolve"]),
    (Plain, &["alerts.decided"]),
    (Plain, &["alerts.decided@2"]),
    (Plain, &["alerts.handed"]),
    (Plain, &["alerts.handed@2"]),
    // The commit, with its row of the audit trail.
    (Plain, &["desk.flush,store.commit.begin"]),
    (Plain, &["desk.flush,store.commit.rows"]),
    (Plain, &["desk.flush,store.commit.audit"]),
    (Plain, &["desk.flush,store.commit.done"]),
    (Plain, &["desk.flush,store.commit.told"]),
    (Plain, &["desk.resolve,store.commit.begin"]),
    (Plain, &["desk.resolve,store.commit.rows"]),
    (Plain, &["desk.resolve,store.commit.audit"]),
    (Plain, &["desk.resolve,store.commit.done"]),
    (Plain, &["desk.resolve,store.commit.told"]),
    (Plain, &["desk.flush,store.commit.done", "store.commit.begin", "store.commit.done"]),
    // From the store to the receiver.
    (Plain, &["alerts.settled"]),
    (Plain, &["alerts.settled@2"]),
    (Plain, &["alerts.queued"]),
    (Plain, &["alerts.queued@2"]),
    (Plain, &["outbox.begin"]),
    (Plain, &["outbox.begin@2"]),
    (Plain, &["outbox.begin,store.commit.rows"]),
    (Plain, &["outbox.begin,store.commit.done"]),
    (Plain, &["outbox.marked"]),
    (Plain, &["outbox.marked@2"]),
    (Plain, &["outbox.marked", "outbox.marked", "outbox.taken"]),
    // The receiver has it, and our record has not.
    (Hang, &[]),
    (Plain, &["outbox.taken"]),
    (Plain, &["outbox.taken@2"]),
    (Plain, &["outbox.taken", "outbox.taken"]),
    (Plain, &["outbox.delivered"]),
    (Plain, &["outbox.delivered@2"]),
    (Plain, &["outbox.delivered.handed"]),
    (Plain, &["outbox.delivered,store.commit.audit"]),
    (Plain, &["outbox.delivered,store.commit.done"]),
    // It is tried again.
    (Retry, &["outbox.put_off"]),
    (Retry, &["outbox.retry"]),
    (Retry, &["outbox.retry.handed"]),
    (Retry, &["outbox.retry,store.commit.audit"]),
    (Retry, &["outbox.retry,store.commit.done"]),
    (Retry, &["outbox.retry,outbox.marked"]),
    (Retry, &["outbox.retry,outbox.taken"]),
    // Another channel is told instead.
    (Dead, &["outbox.refused"]),
    (Dead, &["outbox.dead"]),
    (Dead, &["outbox.dead.handed"]),
    (Dead, &["outbox.dead,store.commit.audit"]),
    (Dead, &["outbox.dead,store.commit.done"]),
    (Dead, &["desk.fallback"]),
    (Dead, &["desk.fallback,store.commit.rows"]),
    (Dead, &["desk.fallback,store.commit.done"]),
    (Dead, &["desk.fallback,outbox.taken"]),
    // What the desk does in time.
    (Group, &["desk.wait"]),
    (Group, &["desk.wait,store.commit.done"]),
    (Group, &["desk.flush"]),
    (Group, &["desk.flush,store.commit.done"]),
    (Group, &["desk.resolve,store.commit.rows"]),
    (Digest, &["desk.digest"]),
    (Digest, &["desk.digest,store.commit.rows"]),
    (Digest, &["desk.digest,store.commit.done"]),
    (Digest, &["desk.digest,outbox.taken"]),
    (Silence, &["desk.silence"]),
    (Silence, &["desk.silence,store.commit.audit"]),
    (Silence, &["desk.silence,store.commit.done"]),
    (Silence, &["desk.unmuted"]),
    (Silence, &["desk.unmuted,store.commit.done"]),
    (Silence, &["desk.unmuted,outbox.taken"]),
    (Escalation, &["desk.escalation"]),
    (Escalation, &["desk.escalation,store.commit.done"]),
    (Escalation, &["desk.escalation,outbox.taken"]),
    // Somebody acts on it, and hears that it is so, or nothing.
    (Ack, &["desk.ack"]),
    (Ack, &["desk.ack,alerts.handed"]),
    (Ack, &["desk.ack,store.commit.rows"]),
    (Ack, &["desk.ack,store.commit.audit"]),
    (Ack, &["desk.ack,store.commit.done"]),
    (Ack, &["desk.ack,store.commit.told"]),
    (Ack, &["acts.settled"]),
    (Ack, &["acts.told"]),
    (Pending, &["book.transition"]),
    (Pending, &["alerts.handed,store.commit.done"]),
    (Pending, &["book.transition@2"]),
    (Fold, &["outbox.fold"]),
    (Fold, &["outbox.fold,store.commit.rows"]),
    (Fold, &["outbox.fold,store.commit.done"]),
    (Fold, &["outbox.fold,outbox.taken"]),
    // The store's own work.
    (Migration, &["migration.within"]),
    (Migration, &["migration.done"]),
    (Cut, &["cut.within"]),
    (Cut, &["cut.done"]),
    // Start and stop.
    (Restart, &["", "restore.loaded"]),
    (Restart, &["", "restore.queued"]),
    (Restart, &["", "restore.taken_up"]),
    (Stop, &["stop.ended"]),
    (Stop, &["store.close"]),
    (Stop, &["store.closed"]),
];

/// The point at which a case ends a life; the last one, where it ends several.
pub fn point(case: &Case) -> &'static str {
    let last = case.1.last().copied().unwrap_or("(from outside) an answer is awaited");
    let last = last.rsplit(',').next().unwrap_or(last);
    last.split('@').next().unwrap_or(last)
}
