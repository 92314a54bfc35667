//! What the documents point at is there.

use super::{
    expect_none,
    tree::{files, root},
};

/// The targets of the links of a Markdown text, code blocks left out, with their line numbers.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        for (at, _) in line.match_indices("](") {
            if let Some(end) = line[at + 2..].find(')') {
                found.push((number + 1, line[at + 2..at + 2 + end].to_owned()));
            }
        }
    }
    found
}

/// The anchors of a Markdown text's headings, as code hosts make them.
fn anchors(text: &str) -> Vec<String> {
    let slug = |heading: &str| {
        let kept = heading.trim().to_lowercase();
        kept.chars()
            .filter_map(|c| match c {
                ' ' => Some('-'),
                c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
                _ => None,
            })
            .collect()
    };
    text.lines().filter(|line| line.starts_with('#')).map(|line| slug(line.trim_start_matches('#'))).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut complaints = Vec::new();
    let mut seen = 0;
    for file in files().iter().filter(|file| file.is_markdown()) {
        let folder = root().join(&file.path).parent().unwrap().to_path_buf();
        for (line, target) in links(&file.text) {
            if target.starts_with("https://") || target.starts_with("http://") {
                continue;
            }
            seen += 1;
            let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let full = if path.is_empty() { root().join(&file.path) } else { folder.join(path) };
            if !full.exists() {
                complaints.push(format!("{}:{line}: `{target}` is not there: mend the link", file.path));
            } else if !anchor.is_empty() {
                let text = std::fs::read_to_string(&full).unwrap();
                if !anchors(&text).iter().any(|found| found == anchor) {
                    complaints.push(format!("{}:{line}: no heading gives `#{anchor}`: mend the link", file.path));
                }
            }
        }
    }
    assert!(seen > 0, "no link was found in any document");
    expect_none(&complaints);
}

fn document(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

#[test]
fn every_reason_is_explained() {
    let text = document("docs/healthcheck.md");
    let complaints: Vec<_> = probity::health::Reason::ALL
        .iter()
        .filter(|reason| !text.contains(&format!("\n| {reason} |")))
        .map(|reason| format!("docs/healthcheck.md: {reason} has no line in the table of reasons: add one"))
        .collect();
    expect_none(&complaints);
}

#[test]
fn every_flag_of_run_is_explained() {
    use clap::CommandFactory as _;
    let text = document("docs/operations.md");
    let cli = probity::cli::Cli::command();
    let run = cli.find_subcommand("run").unwrap();
    let mut complaints = Vec::new();
    for argument in cli.get_arguments().chain(run.get_arguments()) {
        let Some(flag) = argument.get_long().filter(|flag| !["help", "version"].contains(flag)) else { continue };
        let variable = argument.get_env().map(|name| name.to_string_lossy().into_owned());
        for wanted in [Some(format!("--{flag}")), variable].into_iter().flatten() {
            if !text.contains(&wanted) {
                complaints.push(format!("docs/operations.md: `{wanted}` is not in the table of flags: add it"));
            }
        }
    }
    expect_none(&complaints);
}
