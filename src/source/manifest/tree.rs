//! A document while it is being read: values with places, and the bounds on how many there may be.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::document::{Document, Surprise};
use super::position::{Mark, Position};

/// How deep lists and objects may be nested. A HealthCheck has eight levels, a CustomResourceDefinition with
/// a large schema some forty; the functions that walk a document call themselves this often.
pub(super) const MAX_DEPTH: usize = 64;
/// How many values one file may hold, with what its aliases stand for: 16 MiB of checks have about 750,000.
const MAX_VALUES: usize = 1_000_000;
/// How many bytes of text one file may stand for when every alias is written out: twice what it may hold.
const MAX_TEXT_BYTES: usize = 32 << 20;

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub at: Position,
    pub body: Body,
}

#[derive(Debug, Clone)]
pub(super) enum Body {
    /// What was written, when it is not what a person may expect.
    Scalar(Value, Option<Box<str>>),
    List(Vec<Node>),
    /// In the order of the keys, each once.
    Map(Vec<Entry>),
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub key: String,
    pub key_at: Position,
    /// What was written for the key, when it is not what a person may expect.
    pub key_written: Option<Box<str>>,
    pub node: Node,
    /// It came in through `<<`.
    pub merged: bool,
}

/// What a file may still hold.
#[derive(Clone)]
pub(super) struct Budget {
    values: usize,
    text: usize,
}

impl Budget {
    pub fn new() -> Self {
        Self { values: MAX_VALUES, text: MAX_TEXT_BYTES }
    }

    /// # Errors
    /// What to say when there is no more room.
    pub fn take(&mut self, values: usize, text: usize) -> Result<(), String> {
        let (Some(values), Some(text)) = (self.values.checked_sub(values), self.text.checked_sub(text)) else {
            return Err(format!(
                "with its aliases written out this file holds more than {MAX_VALUES} values or {} MiB of text",
                MAX_TEXT_BYTES >> 20
            ));
        };
        (self.values, self.text) = (values, text);
        Ok(())
    }
}

/// What a node weighs in a [`Budget`], and how deep it is.
pub(super) struct Weight {
    pub values: usize,
    pub text: usize,
    pub depth: usize,
}

impl Node {
    pub fn weight(&self) -> Weight {
        let is_container = !matches!(self.body, Body::Scalar(..));
        let mut sum = Weight { values: 1, text: 0, depth: usize::from(is_container) };
        let mut add = |inner: Weight, key: usize| {
            sum.values += inner.values;
            sum.text += inner.text + key;
            sum.depth = sum.depth.max(inner.depth + 1);
        };
        match &self.body {
            Body::Scalar(Value::String(text), _) => sum.text += text.len(),
            Body::Scalar(..) => {}
            Body::List(items) => items.iter().for_each(|item| add(item.weight(), 0)),
            Body::Map(entries) => entries.iter().for_each(|entry| add(entry.node.weight(), entry.key.len())),
        }
        sum
    }

    /// The documents that this one is: itself, or what a list holds; none for an empty one.
    /// `end` is the last place of the file: none is given beyond it.
    pub fn into_documents(self, file: &Arc<str>, end: Position, documents: &mut Vec<Document>) {
        let mut flat = Flat { end, marks: Vec::new(), surprises: Vec::new() };
        let at = self.at;
        let value = flat.take(self, at, None);
        if !value.is_null() {
            let document =
                Document { file: file.clone(), value, marks: flat.marks.into(), surprises: flat.surprises.into() };
            document.expand(documents);
        }
    }
}

/// Entries as they were met → in the order of the keys, each once. Of two the later one stands.
///
/// # Errors
/// Every key that was written twice, with both places.
pub(super) fn unique(mut entries: Vec<Entry>) -> Result<Vec<Entry>, Vec<(String, Position, Position)>> {
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    let mut twice = Vec::new();
    let mut unique: Vec<Entry> = Vec::with_capacity(entries.len());
    // Where the key of the last entry was written itself, not merged.
    let mut written: Option<Position> = None;
    for entry in entries {
        let same = unique.last().is_some_and(|last| last.key == entry.key);
        if !same {
            written = None;
        }
        if !entry.merged {
            if let Some(first) = written {
                twice.push((entry.key.clone(), first, entry.key_at));
            }
            written.get_or_insert(entry.key_at);
        }
        if same {
            unique.pop();
        }
        unique.push(entry);
    }
    if twice.is_empty() { Ok(unique) } else { Err(twice) }
}

struct Flat {
    end: Position,
    marks: Vec<Mark>,
    surprises: Vec<Surprise>,
}

impl Flat {
    fn take(&mut self, node: Node, key: Position, key_written: Option<Box<str>>) -> Value {
        let index = self.marks.len();
        self.marks.push(Mark { key: key.min(self.end), value: node.at.min(self.end) });
        if let Some(written) = key_written {
            self.surprises.push(Surprise { index, written, is_key: true });
        }
        match node.body {
            Body::Scalar(value, written) => {
                if let Some(written) = written {
                    self.surprises.push(Surprise { index, written, is_key: false });
                }
                value
            }
            Body::List(items) => Value::Array(
                items.into_iter().map(|item| (item.at, item)).map(|(at, i)| self.take(i, at, None)).collect(),
            ),
            Body::Map(entries) => {
                let mut map = Map::new();
                for entry in entries {
                    let value = self.take(entry.node, entry.key_at, entry.key_written);
                    map.insert(entry.key, value);
                }
                Value::Object(map)
            }
        }
    }
}
