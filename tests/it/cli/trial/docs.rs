//! What docs/testing-rules.md shows is what happens: its test file, and each of its commands with its output.

use std::{fs, path::Path, process::Command};

use super::{repository, world::text};

/// The blocks of a language, without their fences.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).filter_map(|rest| Some(rest.split_once("```")?.0.to_owned())).collect()
}

#[test]
fn every_command_of_the_document_says_what_is_shown() {
    let document = fs::read_to_string(repository().join("docs/testing-rules.md")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(repository().join("manifests/tests")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap() != "quickstart.test.yaml" {
            fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let bin = Path::new(env!("CARGO_BIN_EXE_probity")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut seen = 0;
    for block in blocks(&document, "console") {
        for command in block.split("$ ").filter(|command| !command.is_empty()) {
            let (line, shown) = command.split_once('\n').unwrap();
            let told =
                Command::new("sh").args(["-c", line]).current_dir(dir.path()).env("PATH", &path).output().unwrap();
            let said = text(&told.stdout) + &text(&told.stderr);
            assert_eq!(said, shown, "$ {line}\n{said}");
            seen += 1;
        }
    }
    assert!(seen >= 2, "only {seen} commands were found");
}

#[test]
fn the_file_that_the_document_shows_is_the_one_that_is_run() {
    let document = fs::read_to_string(repository().join("docs/testing-rules.md")).unwrap();
    let file = fs::read_to_string(repository().join("manifests/tests/shop.test.yaml")).unwrap();
    let shown = blocks(&document, "yaml");
    assert!(file.contains(shown.first().unwrap()), "the first YAML of the document is not in shop.test.yaml");
}
