//! The reader on what manifests look like when something went wrong with them.

use std::{fs, path::Path, sync::Arc};

use probity::source::manifest;
use proptest::{prelude::*, sample::Index};

/// Every manifest of the repository.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["manifests", "tests/data", "crds"].map(|folder| root.join(folder));
    let files = manifest::find(&folders).unwrap();
    files
        .iter()
        .map(|file| (file.display().to_string(), fs::read(file).unwrap()))
        .filter(|(_, text)| !text.is_empty())
        .collect()
}

/// Pieces of text that mean something to YAML or JSON.
const PIECES: [&str; 24] = [
    "\t",
    "\n",
    "\r",
    "---\n",
    "...\n",
    ": ",
    "- ",
    "? ",
    "&a ",
    "*a",
    "<<: *a\n",
    "!!int ",
    "|2\n",
    ">-\n",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "#",
    "%YAML 1.2\n",
    "\u{feff}",
    "\0",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_manifest_is_read_or_told(
        file in any::<Index>(),
        damage in prop::collection::vec((any::<Index>(), 0usize..30, prop::sample::select(&PIECES[..])), 1..6)
    ) {
        let corpus = corpus();
        let (name, mut text) = file.get(&corpus).clone();
        for (at, removed, piece) in damage {
            let at = at.index(text.len() + 1);
            let end = (at + removed).min(text.len());
            text.splice(at..end, piece.bytes());
        }
        for name in [name.as_str(), "damaged.json"] {
            let reading = manifest::read(&Arc::from(name), &text);
            let lines = text.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
            for mistake in &reading.mistakes {
                prop_assert!(mistake.position.line as usize <= lines && mistake.position.column >= 1);
                prop_assert!(!mistake.message.is_empty());
            }
        }
    }
}

#[test]
fn there_is_a_corpus_and_most_of_it_can_be_read() {
    let corpus = corpus();
    let read = corpus.iter().filter(|(name, text)| manifest::read(&Arc::from(name.as_str()), text).mistakes.is_empty());
    let read = read.count();
    assert!(read > 50 && read * 10 > corpus.len() * 8, "{read} of {}", corpus.len());
}
