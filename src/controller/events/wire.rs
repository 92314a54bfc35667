//! An event as `events.k8s.io/v1` has it. Pure.

use serde_json::{Value, json};

use super::{Gravity, book::Entry};
use crate::{
    api::{GROUP, VERSION},
    clock::WallMs,
};

/// Who reports, as every Event says.
const CONTROLLER: &str = "probity.dev/probity";

/// An object's name may have 253 characters, and so may the event's, which goes on with 17 more.
const MAX_NAME: usize = 253 - 17;

/// The event's name: the same for each try and each repeat, so that none is there twice.
pub(super) fn name(entry: &Entry) -> String {
    let object = &*entry.subject.key.name;
    let object = object[..object.floor_char_boundary(MAX_NAME)].trim_end_matches(['-', '.']);
    format!("{object}.{:016x}", entry.number())
}

/// The whole event.
pub(super) fn event(entry: &Entry, instance: &str) -> Value {
    let key = &entry.subject.key;
    let mut event = json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": name(entry), "namespace": &*key.namespace},
        "eventTime": micro(entry.first),
        "reportingController": CONTROLLER,
        "reportingInstance": instance,
        "action": entry.note.action,
        "reason": &*entry.note.reason,
        "note": &*entry.note.text,
        "type": match entry.note.gravity {
            Gravity::Normal => "Normal",
            Gravity::Warning => "Warning",
        },
        "regarding": {
            "apiVersion": format!("{GROUP}/{VERSION}"),
            "kind": entry.subject.kind.as_str(),
            "namespace": &*key.namespace,
            "name": &*key.name,
            "uid": &*entry.uid,
        },
    });
    if entry.count > 1 {
        event["series"] = series(entry);
    }
    event
}

/// What a repeat changes of it.
pub(super) fn repeat(entry: &Entry) -> Value {
    json!({"series": series(entry)})
}

fn series(entry: &Entry) -> Value {
    json!({"count": entry.count, "lastObservedTime": micro(entry.last)})
}

/// RFC 3339 with microseconds, as the API server parses them.
fn micro(wall: WallMs) -> String {
    let time = jiff::Timestamp::from_millisecond(wall).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{time:.6}")
}
