//! What the documents point at is there.

use std::sync::Arc;

use probity::{
    source::manifest,
    validate::{self, Fault},
};

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

/// The blocks of YAML of a Markdown text that hold whole objects, as one text that keeps their lines.
fn manifests(text: &str) -> String {
    let (mut all, mut block, mut is_yaml) = (String::new(), String::new(), false);
    for line in text.lines() {
        let fence = line.starts_with("```");
        if fence && is_yaml && block.contains("apiVersion: probity.dev") {
            all.push_str(&block);
        } else if fence && is_yaml {
            all.extend(block.matches('\n'));
        }
        if fence {
            is_yaml = line == "```yaml";
            block = "---\n".to_owned();
            if !is_yaml {
                all.push('\n');
            }
        } else if is_yaml {
            block.push_str(line);
            block.push('\n');
        } else {
            all.push('\n');
        }
    }
    all
}

#[test]
fn every_manifest_of_the_documents_is_valid() {
    let mut complaints = Vec::new();
    let mut seen = 0;
    for file in files().iter().filter(|file| file.is_markdown()) {
        let reading = manifest::read(&Arc::from(file.path.as_str()), manifests(&file.text).as_bytes());
        complaints.extend(reading.mistakes.iter().map(|mistake| format!("{}: {mistake:?}", file.path)));
        let objects: Vec<_> = reading.documents.iter().map(|document| &document.value).collect();
        for (object, judged) in objects.iter().zip(validate::set(&objects)) {
            seen += 1;
            // Where a text shows a part of a whole, what it refers to may be left out; an alert's way is shown whole.
            let is_whole = file.path == "docs/alerts.md";
            let mistakes = judged.mistakes.iter();
            let may_miss = |fault| !is_whole && matches!(fault, Fault::UnresolvedReference | Fault::NotSupported);
            for mistake in mistakes.filter(|mistake| !may_miss(mistake.fault)) {
                complaints.push(format!("{}: {} {mistake}", file.path, object["metadata"]["name"]));
            }
        }
    }
    assert!(seen > 10, "only {seen} manifests were found in the documents");
    expect_none(&complaints);
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
