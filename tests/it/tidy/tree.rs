//! The files of the checkout, and Rust text without what is not code.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The root of the checkout.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// One file: its path from the root, with `/`, and its text.
pub struct File {
    pub path: String,
    pub text: String,
}

impl File {
    pub fn is_rust(&self) -> bool {
        has_extension(&self.path, "rs")
    }

    pub fn is_markdown(&self) -> bool {
        has_extension(&self.path, "md")
    }

    /// The file without its unit tests: what stands before `#[cfg(test)] mod tests {`.
    pub fn without_tests(&self) -> &str {
        self.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default()
    }
}

fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

/// Every text file that is ours: no build output, no data, no hidden folder but those of CI and settings.
pub fn files() -> Vec<File> {
    let mut found = Vec::new();
    walk(&root(), "", &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 50, "the walk over {} found only {} files", root().display(), found.len());
    found
}

/// The Rust files of the program itself.
pub fn sources() -> Vec<File> {
    files().into_iter().filter(|file| file.is_rust() && file.path.starts_with("src/")).collect()
}

fn walk(folder: &Path, prefix: &str, found: &mut Vec<File>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        if entry.file_type().unwrap().is_dir() {
            let hidden = name.starts_with('.') && ![".ci", ".config", ".cargo"].contains(&name.as_str());
            if !hidden && !["target", "probity-data", "node_modules"].contains(&name.as_str()) {
                walk(&entry.path(), &path, found);
            }
        } else if name == ".git" {
            // Of a worktree: it says where the repository is.
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            // What is not text (a seed of a fuzz target, say) has nothing to be tidy about.
            found.push(File { path, text });
        }
    }
}

/// Rust text with comments and the insides of string literals blanked, line by line as it was.
pub fn code(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        if rest.starts_with(b"//") {
            at += rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
        } else if let Some(end) = raw_string(rest).or_else(|| string(rest)) {
            out.push('"');
            out.extend(rest[..end].iter().filter(|&&b| b == b'\n').map(|_| '\n'));
            out.push('"');
            at += end;
        } else if rest.starts_with(b"'\"'") {
            at += 3;
        } else {
            out.push(char::from(bytes[at]));
            at += 1;
        }
    }
    out
}

/// The length of a string literal that starts here.
fn string(rest: &[u8]) -> Option<usize> {
    if rest.first() != Some(&b'"') {
        return None;
    }
    let mut at = 1;
    while at < rest.len() && rest[at] != b'"' {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    Some((at + 1).min(rest.len()))
}

/// The length of a raw string literal that starts here.
fn raw_string(rest: &[u8]) -> Option<usize> {
    if rest.first() != Some(&b'r') {
        return None;
    }
    let hashes = rest[1..].iter().take_while(|&&b| b == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return None;
    }
    let close = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
    let body = 2 + hashes;
    let end = rest[body..].windows(close.len()).position(|window| window == close)?;
    Some(body + end + close.len())
}

#[test]
fn code_keeps_code_and_drops_the_rest() {
    let text = "let a = \"warp \\\" x\"; // reqwest\nlet b = r#\"tokio \" y\"#; b::c('\"', \"d\");\n";
    assert_eq!(code(text), "let a = \"\"; \nlet b = \"\"; b::c(, \"\");\n");
}
