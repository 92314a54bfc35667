//! Small files, one idea each, and each says at its top what it is.

use super::{
    expect_none,
    tree::{files, sources},
};

const LARGEST: usize = 600;
const MEDIAN: usize = 150;

#[test]
fn no_file_is_over_600_lines() {
    let complaints: Vec<_> = files()
        .iter()
        .filter(|file| file.is_rust())
        .map(|file| (file.text.lines().count(), &file.path))
        .filter(|&(lines, _)| lines > LARGEST)
        .map(|(lines, path)| {
            format!("{path}: {lines} lines, over {LARGEST}: it holds more than one idea, give each a file")
        })
        .collect();
    expect_none(&complaints);
}

#[test]
fn half_of_the_files_are_under_150_lines() {
    let mut lines: Vec<_> =
        sources().into_iter().map(|file| (file.without_tests().lines().count(), file.path)).collect();
    lines.sort_unstable();
    let (median, _) = lines[lines.len() / 2];
    let largest: Vec<_> = lines.iter().rev().take(10).map(|(lines, path)| format!("  {lines} {path}")).collect();
    assert!(
        median < MEDIAN,
        "half of the files have {median} lines or more without their tests: split the largest\n{}",
        largest.join("\n")
    );
}

#[test]
fn every_module_says_what_it_is() {
    let complaints: Vec<_> = files()
        .iter()
        .filter(|file| file.is_rust() && !file.text.starts_with("//! ") && !file.text.starts_with("#![no_main]\n//! "))
        .map(|file| format!("{}: begin with `//!`: what it owns, what it must not do, who calls it", file.path))
        .collect();
    expect_none(&complaints);
}
