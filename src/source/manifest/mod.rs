//! The text of manifests → documents whose every value knows its line and column.
//!
//! Owns YAML and JSON as `kubectl` reads them, the bounds on what a file may hold, and the finding of files in
//! folders. Says nothing about what an object means: that is `validate`. Called by the files source, `probity
//! validate` and `probity check`.

mod document;
mod folder;
mod json;
mod position;
mod scalar;
mod text;
mod tree;
mod yaml;

pub use document::{Document, Mistake, Reading};
pub use folder::{FindError, LoadError, Looks, MAX_FILE_BYTES, Stamp, find, find_stamped, load};
pub use position::Position;

use std::sync::Arc;

/// More mistakes of one file than a person reads are not kept.
const MAX_MISTAKES: usize = 100;

/// Reads the documents of one file. Any bytes will do: what is wrong with them is in the answer.
///
/// Documents that can be read are given even when others of the same file cannot.
pub fn read(file: &Arc<str>, bytes: &[u8]) -> Reading {
    let mut faults = Vec::new();
    let mut reading = Reading::default();
    match text::decode(bytes) {
        Ok(text) => {
            let mut budget = tree::Budget::new();
            // The YAML parser places what is missing at the end on a line after it.
            let end = text::end_of(text);
            for chunk in text::split(text, &mut faults) {
                let mut nodes = Vec::new();
                if let Err(wrong) = read_chunk(&chunk, file.ends_with(".json"), &mut budget, &mut nodes) {
                    faults.extend(wrong.into_iter().map(|fault| yaml::Fault { at: fault.at.min(end), ..fault }));
                }
                for node in nodes {
                    node.into_documents(file, end, &mut reading.documents);
                }
                if faults.len() >= MAX_MISTAKES {
                    break;
                }
            }
        }
        Err(fault) => faults.push(fault),
    }
    faults.truncate(MAX_MISTAKES);
    faults.sort_by_key(|fault| fault.at);
    reading.mistakes = faults
        .into_iter()
        .map(|yaml::Fault { at, path, message, hint }| Mistake {
            file: file.clone(),
            position: at,
            path,
            message,
            hint,
        })
        .collect();
    reading
}

/// What looks like JSON is read as JSON, and as YAML when that fails, as kubectl does; but not in a file that
/// says it is JSON, where YAML's leniency (`[1 2]` is one text) would only hide a mistake.
fn read_chunk(
    chunk: &text::Chunk<'_>,
    is_json: bool,
    budget: &mut tree::Budget,
    nodes: &mut Vec<tree::Node>,
) -> Result<(), Vec<yaml::Fault>> {
    if chunk.text.trim_start().starts_with(['{', '[']) {
        let before = budget.clone();
        match json::read(chunk.text, chunk.line, budget, nodes) {
            Ok(()) => return Ok(()),
            Err(wrong) if is_json => return Err(wrong),
            Err(_) => {
                *budget = before;
                nodes.clear();
            }
        }
    }
    yaml::read(chunk.text, chunk.line, budget, nodes)
}

#[cfg(test)]
mod tests;
