//! Decisions are pure: the modules that make them name no client, no socket, no file, no task and no clock.

use super::{
    expect_none,
    tree::{code, sources},
};

/// The modules that decide.
const PURE: [&str; 11] = [
    "src/api",
    "src/model",
    "src/promql",
    "src/validate",
    "src/schedule",
    "src/health",
    "src/alert",
    "src/slo",
    "src/audit",
    "src/trial",
    "src/why",
];

/// The files of `history` that do I/O; every other one of it is pure.
const HISTORY_EDGE: [&str; 1] = ["src/history/sqlite"];

/// The engine's step; its runner is the edge.
const STEP: [&str; 10] = [
    "alerts/judging",
    "alerts/record",
    "alerts/windows",
    "core",
    "effect",
    "finished",
    "object",
    "series",
    "slot",
    "told",
];

/// What makes targets of what is known; the table that holds it is waited on.
const TARGETS: [&str; 3] = ["aim", "facts", "resolve"];

/// Of `controller`: what a status says, whose turn it is, and which events go out.
const CONTROLLER: [&str; 5] = ["bucket", "schedule", "status", "events/book", "events/wire"];

/// The files of `notify` that do I/O; every other one of it is pure.
const NOTIFY_EDGE: [&str; 9] =
    ["mod", "clients", "send", "tally", "email/dialogue", "outbox/mod", "outbox/item", "outbox/pool", "outbox/worker"];

/// What a pure module must not name, and what to do instead.
const BANNED: [(&str, &str); 16] = [
    ("kube::Client", "reach the API server in source/ or controller/"),
    ("kube::Api", "reach the API server in source/ or controller/"),
    ("kube::runtime", "reach the API server in source/ or controller/"),
    ("reqwest", "make requests in net/ or probe/, and pass in what they gave"),
    ("warp", "serve in server/"),
    ("tokio", "wait and spawn in engine/, and pass in the event"),
    ("std::fs", "read files in source/, and pass in their text"),
    ("std::net::Tcp", "open sockets in net/"),
    ("std::net::Udp", "open sockets in net/"),
    ("std::net::ToSocketAddrs", "resolve in net/"),
    ("std::process", "this is no place for processes"),
    ("std::thread", "start threads at the edge"),
    ("std::env", "read the environment in cli/ or settings.rs, and pass in the value"),
    ("Instant", "take `now: Now` as an argument"),
    ("SystemTime", "take `now: Now` as an argument"),
    ("Clock", "take `now: Now` as an argument; only the edge holds a Clock"),
];

/// What one pure file may name all the same, and why.
const MAY: [(&str, &str); 1] = [
    // A scoped thread is waited for where it is made: it lends its stack and changes no result.
    ("src/model/expression/stack.rs", "std::thread"),
];

fn is_pure(path: &str) -> bool {
    let below = |module: &str| path.starts_with(&format!("{module}/")) || path == format!("{module}.rs");
    PURE.iter().any(|module| below(module))
        || TARGETS.iter().any(|part| path == format!("src/targets/{part}.rs"))
        || CONTROLLER.iter().any(|part| below(&format!("src/controller/{part}")))
        || STEP.iter().any(|step| path == format!("src/engine/{step}.rs"))
        || is_pure_of_notify(path)
        || (path.starts_with("src/history/") && !HISTORY_EDGE.iter().any(|edge| path.starts_with(edge)))
}

/// A channel's `mod.rs` sends; what it sends, and what the answer means, is beside it.
fn is_pure_of_notify(path: &str) -> bool {
    path.strip_prefix("src/notify/").and_then(|path| path.strip_suffix(".rs")).is_some_and(|file| {
        let sends = file.ends_with("/mod") && !file.starts_with("outbox/");
        !sends && !NOTIFY_EDGE.contains(&file)
    })
}

/// Whether `word` stands in `line` by itself, not as a part of a longer name (a prefix of a type name may go on).
fn names(line: &str, word: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let open_end = word.ends_with("::Tcp") || word.ends_with("::Udp");
        !before.is_some_and(is_name) && (open_end || !after.is_some_and(is_name))
    })
}

#[test]
fn pure_modules_do_no_io_and_read_no_clock() {
    let mut complaints = Vec::new();
    let mut seen = 0;
    for file in sources().iter().filter(|file| is_pure(&file.path) && !file.path.ends_with("/tests.rs")) {
        seen += 1;
        for (number, line) in code(file.without_tests()).lines().enumerate() {
            for (word, instead) in BANNED {
                if names(line, word) && !MAY.contains(&(file.path.as_str(), word)) {
                    complaints.push(format!("{}:{}: names `{word}`: {instead}", file.path, number + 1));
                }
            }
        }
    }
    assert!(seen > 20, "only {seen} pure files were found: did a module move? Tell PURE above");
    expect_none(&complaints);
}

#[test]
fn time_is_read_in_one_place() {
    let mut complaints = Vec::new();
    for file in sources().iter().filter(|file| file.path != "src/clock.rs") {
        for (number, line) in code(file.without_tests()).lines().enumerate() {
            if line.contains("Instant::now") || line.contains("Timestamp::now") || line.contains("SystemTime::now") {
                complaints.push(format!(
                    "{}:{}: reads a clock: ask the Clock that is passed in",
                    file.path,
                    number + 1
                ));
            }
        }
    }
    expect_none(&complaints);
}

#[test]
fn names_are_whole() {
    assert!(
        names("use warp::Filter;", "warp") && !names("let warped = 1;", "warp") && !names("tokio_util::x", "tokio")
    );
    assert!(names("std::net::TcpStream", "std::net::Tcp") && !names("std::net::IpAddr", "std::net::Tcp"));
}
