//! The text of manifests → documents whose every value knows its line and column.
//!
//! Owns YAML and JSON as `kubectl` reads them, the bounds on what a file may hold, and the finding of files in
//! folders. Says nothing about what an object means: that is `validate`. Called by the files source, `probity
//! validate` and `probity check`.

mod document;
mod folder;
mod position;

pub use document::{Document, Mistake, Reading};
pub use folder::{FindError, LoadError, MAX_FILE_BYTES, find, load};
pub use position::Position;

use std::sync::Arc;

/// Reads the documents of one file. Any bytes will do: what is wrong with them is in the answer.
///
/// Documents that can be read are given even when others of the same file cannot.
pub fn read(file: &Arc<str>, bytes: &[u8]) -> Reading {
    let mut reading = Reading::default();
    match serde_json::from_slice(bytes) {
        Ok(value) => reading.documents.push(Document::unlocated(file, value)),
        Err(error) => reading.mistakes.push(Mistake {
            file: file.clone(),
            position: Position::START,
            path: Default::default(),
            message: error.to_string(),
            hint: None,
        }),
    }
    reading
}
