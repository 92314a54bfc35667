//! What a channel would not take, from when that is on disk until it is on disk who is told instead. Pure.
//!
//! The outbox writes the first, the desk the second, each in a transaction of its own: a process that dies between them
//! leaves it here, and the next one has its desk decide.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    alert::{Notification, desk},
    history::{Commit, Loaded, Space},
};

#[derive(Serialize)]
struct Kept<'a> {
    notification: &'a Notification,
    error: &'a str,
}

#[derive(Deserialize)]
struct Read {
    notification: Arc<Notification>,
    error: Arc<str>,
}

/// The outbox gives it up.
pub(super) fn keep(commit: &mut Commit, notification: &Notification, error: &str) {
    // A notification has nothing in it that cannot be written.
    let body = serde_json::to_vec(&Kept { notification, error }).unwrap_or_default();
    commit.put(Space::Dead, notification.id.0.clone(), body);
}

/// The desk decides, in this commit.
pub(super) fn settle(commit: &mut Commit, event: &desk::Event) {
    if let desk::Event::Dead { notification, .. } = event {
        commit.forget(Space::Dead, notification.id.0.clone());
    }
}

/// What the process before this one did not decide any more, and the keys of what cannot be read.
pub(super) fn left(loaded: &Loaded) -> (Vec<desk::Event>, Vec<Arc<str>>) {
    let (mut events, mut unread) = (Vec::new(), Vec::new());
    for (key, value) in loaded.of(Space::Dead) {
        match serde_json::from_slice::<Read>(value) {
            Ok(Read { notification, error }) => events.push(desk::Event::Dead { notification, error }),
            Err(_) => unread.push(key.clone()),
        }
    }
    (events, unread)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        alert::{Group, Labels, NotificationId, Why},
        model::ObjectKey,
    };

    fn notification() -> Notification {
        Notification {
            id: NotificationId("00ff".into()),
            channel: ObjectKey::new("ops", "hook"),
            group: Group { key: "g".into(), labels: Labels::default() },
            why: Why::First,
            alerts: Vec::new(),
            truncated: 0,
            created_at: 7,
            correlation_id: "00ff".into(),
            instead_of: None,
        }
    }

    #[test]
    fn what_is_kept_is_left_until_it_is_settled() {
        let (mut commit, notification) = (Commit::default(), notification());
        keep(&mut commit, &notification, "no");
        commit.put(Space::Dead, "other", *b"{}");
        let loaded = Loaded { kept: commit.kept.clone(), ..Loaded::default() };
        let (events, unread) = left(&loaded);
        let [event @ desk::Event::Dead { notification: read, error }] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!((&**read, &**error, unread.as_slice()), (&notification, "no", &["other".into()][..]));
        let mut settled = Commit::default();
        settle(&mut settled, event);
        assert_eq!(settled.kept.iter().map(|kept| &kept.key).collect::<Vec<_>>(), [&notification.id.0]);
        assert!(settled.kept.iter().all(|kept| kept.value.is_none()));
        settle(&mut settled, &desk::Event::Time);
        assert_eq!(settled.kept.len(), 1);
    }
}
