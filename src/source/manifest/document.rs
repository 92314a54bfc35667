//! One document of a file, and what can be wrong with the text of one.

use std::{fmt, sync::Arc};

use serde_json::Value;

use super::position::{self, Marks, Position};
use crate::validate::{FieldPath, Step};

/// One object as it is written, and where each of its values is.
#[derive(Debug, Clone)]
pub struct Document {
    /// The file as the user named it.
    pub file: Arc<str>,
    pub value: Value,
    pub(super) marks: Marks,
    /// By their number in the walk; see [`Document::hint`].
    pub(super) surprises: Box<[Surprise]>,
}

/// A plain scalar that is not read as the text it looks like: `yes`, `010`, `1_000`.
#[derive(Debug, Clone)]
pub(super) struct Surprise {
    /// The number of the value in the walk.
    pub index: usize,
    pub written: Box<str>,
    /// It is the value's key that is meant.
    pub is_key: bool,
}

impl Document {
    /// Empty when there is none, or when it is not text.
    pub fn api_version(&self) -> &str {
        self.text("/apiVersion")
    }

    /// Empty when there is none, or when it is not text.
    pub fn kind(&self) -> &str {
        self.text("/kind")
    }

    /// Empty when there is none, or when it is not text.
    pub fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    /// `default` when the document does not say.
    pub fn namespace(&self) -> &str {
        match self.text("/metadata/namespace") {
            "" => "default",
            namespace => namespace,
        }
    }

    fn text(&self, pointer: &str) -> &str {
        self.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// Where the document begins.
    pub fn start(&self) -> Position {
        position::locate(&self.value, &self.marks, &FieldPath::root())
    }

    /// Where the value at `path` is. Of a field that is absent: where the innermost object or list is that
    /// would hold it.
    pub fn position(&self, path: &FieldPath) -> Position {
        position::locate(&self.value, &self.marks, path)
    }

    /// Where the key that `path` ends in is; else as [`Document::position`].
    pub fn key_position(&self, path: &FieldPath) -> Position {
        position::locate_key(&self.value, &self.marks, path)
    }

    /// What to say beside a mistake about the value at `path` when it, or its key, was written as something
    /// that YAML does not read as text: `yes` is true, `010` is 8.
    pub fn hint(&self, path: &FieldPath) -> Option<String> {
        let (at, true) = position::index_of(&self.value, path) else { return None };
        let from = self.surprises.partition_point(|surprise| surprise.index < at);
        let surprise = self.surprises.get(from).filter(|surprise| surprise.index == at)?;
        let read = match path.steps().last() {
            Some(Step::Field(key)) if surprise.is_key => key.to_string(),
            _ => path.lookup(&self.value)?.to_string(),
        };
        let written = &surprise.written;
        Some(format!("`{written}` without quotes is read as {read}, as kubectl reads it; as text it is \"{written}\""))
    }

    /// Itself, or the items of the list that it is (`kind: List`, as `kubectl get -o yaml` writes it).
    pub(super) fn expand(self, documents: &mut Vec<Document>) {
        let is_list = self.kind().ends_with("List") && self.value.get("items").is_some_and(Value::is_array);
        if !is_list {
            documents.push(self);
            return;
        }
        let (mut index, _) = position::index_of(&self.value, &FieldPath::root().field("items"));
        index += 1;
        let Self { file, mut value, marks, surprises } = self;
        let Some(Value::Array(items)) = value.get_mut("items").map(Value::take) else { return };
        for value in items {
            let end = index + position::count(&value);
            let surprises = surprises.iter().filter(|s| (index..end).contains(&s.index));
            let item = Self {
                file: file.clone(),
                marks: marks.get(index..end).unwrap_or_default().into(),
                surprises: surprises.map(|s| Surprise { index: s.index - index, ..s.clone() }).collect(),
                value,
            };
            index = end;
            // A list in a list is as deep as a document may be nested, and no deeper.
            item.expand(documents);
        }
    }
}

/// What is wrong with the text of a file: it cannot be read as documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    pub file: Arc<str>,
    pub position: Position,
    /// The root when the mistake is not at a value.
    pub path: FieldPath,
    /// What is wrong, in one line.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
}

/// `FILE:LINE:COLUMN: path: message`; the hint is left out.
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.position)?;
        if !self.path.steps().is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// What a file holds.
#[derive(Debug, Default)]
pub struct Reading {
    /// In the order of the text. Lists (`kind: List`) are given as their items.
    pub documents: Vec<Document>,
    /// Empty when the whole file could be read.
    pub mistakes: Vec<Mistake>,
}
