//! Rows as they are stored: a body, what can be asked for without reading it, and how one follows another.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::{Digest, Entry, Head, Place, canonical};
use crate::clock::WallMs;

/// A row as it lies in the store, or as somebody left it there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub place: Place,
    /// The digest of the row before: 32 bytes, unless it was changed.
    pub previous: Vec<u8>,
    /// The entry as canonical JSON.
    pub body: Vec<u8>,
    /// The row's own digest: it tells which of two neighbours was changed.
    pub digest: Vec<u8>,
    /// What stands beside the body; None where only the body is at hand.
    pub index: Option<Index>,
}

/// What of an entry can be asked for: columns that repeat what the body says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    #[serde(deserialize_with = "super::entry::read_time")]
    pub at: WallMs,
    pub kind: Arc<str>,
    #[serde(default)]
    pub namespace: Arc<str>,
    pub rule: Option<Arc<str>>,
    pub alert: Option<Arc<str>>,
    pub fingerprint: Option<Arc<str>>,
    pub notification: Option<Arc<str>>,
}

impl Index {
    /// What a body says; None when it is no entry. One of a newer version, with a kind that is not known here, is.
    pub fn of(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }
}

/// An entry, written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    pub index: Index,
    pub bytes: Vec<u8>,
}

impl Body {
    pub fn of(entry: &Entry) -> Self {
        // No entry has a map with keys that are no texts, which is all that could fail.
        let value = serde_json::to_value(entry).unwrap_or(Value::Null);
        let bytes = canonical(&value);
        // Of what was written: a text may have been cut.
        let index = Index::of(&bytes).unwrap_or_default();
        Self { index, bytes }
    }
}

/// A value as the one text that it has in a row.
pub(super) fn canonical(value: &Value) -> Vec<u8> {
    let mut text = String::new();
    canonical::write(value, &mut text);
    text.into_bytes()
}

/// The row that follows `last` with this body: the next one of its chain.
pub fn follow(last: &Head, body: Body) -> Row {
    let place = Place { chain: last.place.chain, seq: last.place.seq + 1 };
    let previous = last.digest.0.to_vec();
    let digest = Digest::of(&previous, place, &body.bytes).0.to_vec();
    Row { place, previous, body: body.bytes, digest, index: Some(body.index) }
}

impl Row {
    /// What it is called from outside.
    pub fn head(&self) -> Head {
        Head { place: self.place, digest: Digest::of(&self.previous, self.place, &self.body) }
    }

    /// What it says, where this version understands it.
    pub fn entry(&self) -> Option<Entry> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The body as a JSON value; None when it is none, or not in the one form that it has.
    pub fn value(&self) -> Option<Value> {
        let value = serde_json::from_slice(&self.body).ok()?;
        (canonical(&value) == self.body).then_some(value)
    }
}
