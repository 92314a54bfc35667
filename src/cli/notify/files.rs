//! Tries a channel as it stands in manifests, from this machine.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Refusal, Test, Told};
use crate::{
    cli::{Cli, Exit, validate::format, with_source},
    clock::Clock,
    model::Channel,
    net::Net,
    notify::{self, Sender, trial},
    source::review::{self, Leniency, Review},
    telemetry,
};

/// Reads, judges and tries. A mistake elsewhere in the files is no reason not to try this one.
pub(super) fn test(cli: &Cli, args: &Test, paths: &[PathBuf], clock: &Clock) -> Result<Told, Refusal> {
    // What this channel does not need may be elsewhere; its own Secrets may not, and then it is refused.
    let review = review::paths(paths, Leniency::default()).map_err(|error| Refusal::usage(with_source(&error)))?;
    let channel = find(args, &review, paths)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Refusal { text: format!("cannot start: {error}"), exit: Exit::CouldNotRun })?;
    let net = Arc::new(Net::new(args.egress.stand_alone(), clock.clone()));
    let format = telemetry::format_of(cli.log_format, &std::io::stdout());
    let sender = Sender::new(net, clock.clone(), notify::stdout(), format, None);
    let tried = runtime.block_on(trial::attempt(&sender, clock, &channel, None, std::future::pending()));
    Ok(Told {
        channel: channel.key.to_string(),
        kind: channel.receiver.kind().as_str().to_owned(),
        notification: tried.notification.to_string(),
        outcome: tried.outcome.to_owned(),
        answer: tried.answer,
        duration: tried.took.as_secs_f64(),
        recorded: None,
    })
}

fn find(args: &Test, review: &Review, paths: &[PathBuf]) -> Result<Arc<Channel>, Refusal> {
    let is_it = |channel: &&Arc<Channel>| match args.channel.split_once('/') {
        Some((namespace, name)) => (&*channel.key.namespace, &*channel.key.name) == (namespace, name),
        None => *channel.key.name == *args.channel,
    };
    let found: Vec<&Arc<Channel>> = review.channels.iter().filter(is_it).collect();
    match found.as_slice() {
        [only] => Ok(Arc::clone(only)),
        [_, _, ..] => Err(Refusal::usage(format!(
            "several namespaces have a channel {name}: give NAMESPACE/{name}",
            name = args.channel
        ))),
        [] => {
            let known: Vec<String> = review.channels.iter().map(|channel| channel.key.to_string()).collect();
            let text = trial::unknown(&args.channel, &known);
            let shown = paths.iter().map(|path| Path::display(path).to_string()).collect::<Vec<_>>().join(", ");
            // It may be there with a mistake.
            let mistakes = if review.mistakes().next().is_some() {
                format!("\n{}", format::text(review, false))
            } else {
                String::new()
            };
            Err(Refusal::usage(format!("{text} (read: {shown}){mistakes}")))
        }
    }
}
