//! Has a running Probity try one of its channels.

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::{Refusal, Test, Told};
use crate::{
    cli::{
        Exit,
        ask::{AskError, Asker},
    },
    clock::Clock,
    notify::trial,
};

/// Of `/api/v1/channels`.
#[derive(Deserialize)]
struct List {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    namespace: String,
    name: String,
}

impl From<AskError> for Refusal {
    fn from(error: AskError) -> Self {
        match error {
            // There is no such channel, or it has a mistake.
            AskError::Refused { status: 404 | 409, why, .. } => Self::usage(why),
            // It may be tried, but not now.
            AskError::Refused { status: 429, why, .. } => Self { text: why, exit: Exit::CouldNotRun },
            error => Self { exit: error.exit(), text: error.to_string() },
        }
    }
}

pub(super) fn test(args: &Test, clock: &Clock) -> Result<Told, Refusal> {
    let (runtime, asker) = Asker::new(&args.server, clock)?;
    runtime.block_on(tried(args, &asker))
}

async fn tried(args: &Test, asker: &Asker<'_>) -> Result<Told, Refusal> {
    let (namespace, name) = which(&args.channel, asker).await?;
    let path = format!("api/v1/channels/{namespace}/{name}/test");
    let answer = asker.send(Method::POST, &path, Some(&json!({"by": args.by}))).await?;
    Ok(asker.parsed(&answer)?)
}

/// The namespace and the name of what is meant.
async fn which(channel: &str, asker: &Asker<'_>) -> Result<(String, String), Refusal> {
    let (namespace, name) = match channel.split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, channel),
    };
    // What is no name leads to another path.
    if !namespace.into_iter().chain([name]).all(is_name) {
        return Err(Refusal::usage(format!("{channel:?} is no name of a channel: give NAMESPACE/NAME, or NAME")));
    }
    if let Some(namespace) = namespace {
        return Ok((namespace.to_owned(), name.to_owned()));
    }
    let List { items } = asker.parsed(&asker.get("api/v1/channels").await?)?;
    let mut found = items.iter().filter(|item| item.name == name);
    match (found.next(), found.next()) {
        (Some(only), None) => Ok((only.namespace.clone(), only.name.clone())),
        (Some(_), Some(_)) => {
            Err(Refusal::usage(format!("several namespaces have a channel {name}: give NAMESPACE/{name}")))
        }
        (None, _) => {
            let known: Vec<String> = items.iter().map(|item| format!("{}/{}", item.namespace, item.name)).collect();
            Err(Refusal::usage(trial::unknown(name, &known)))
        }
    }
}

/// Whether it may be the name of an object, and is one segment of a path.
fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    !text.is_empty() && text.bytes().all(plain) && text.bytes().any(|byte| byte != b'.')
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn a_name_is_one_segment_of_a_path() {
        for (text, want) in [
            ("slack", true),
            ("ops.slack-2", true),
            ("", false),
            (".", false),
            ("..", false),
            ("a b", false),
            ("a?b", false),
            ("a%2fb", false),
            ("a/b", false),
            ("a#b", false),
        ] {
            assert_eq!(is_name(text), want, "{text}");
        }
    }
}
