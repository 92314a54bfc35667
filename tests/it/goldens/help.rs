//! `help.txt` holds what `--help` says, of every command.

use std::{fs, path::Path, process::Command};

const COMMANDS: [&str; 11] =
    ["run", "check", "validate", "test", "status", "audit", "why", "notify", "ack", "crds", "completion"];

/// With flags of their own.
const BELOW: [[&str; 2]; 2] = [["audit", "verify"], ["notify", "test"]];

fn help(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_probity"));
    for (name, _) in std::env::vars_os() {
        // The one sets the width of the lines, the others are shown as the present values of flags.
        if name == "COLUMNS" || name.to_string_lossy().starts_with("PROBITY_") {
            command.env_remove(name);
        }
    }
    let output = command.args(arguments).arg("--help").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_command_says_what_it_does_with_an_example() {
    let own = help(&[]);
    let listed = own.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let listed: Vec<_> =
        listed.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect();
    assert_eq!(listed, COMMANDS, "a command is missing in this test, or is gone");

    let mut told = format!("$ probity --help\n{own}");
    for command in COMMANDS {
        let text = help(&[command]);
        assert!(text.contains("Example"), "probity {command} --help has no example:\n{text}");
        told += &format!("\n$ probity {command} --help\n{text}");
    }
    for command in BELOW {
        told += &format!("\n$ probity {} --help\n{}", command.join(" "), help(&command));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/goldens/help.txt");
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        fs::write(&path, &told).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        told == golden,
        "--help has changed; look at it, then UPDATE_GOLDENS=1 cargo test --test it goldens::help\n{told}"
    );
}
