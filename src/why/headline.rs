//! The lines that stand above and below the steps: what is with an alert, who knows, and what happens next.

use super::{
    channel::{Last, reason, shown},
    course::{Course, Phase, why_it_ended, why_it_fires},
    obstacle::{self, Obstacle},
    rule,
    standing::{RuleNow, SightNow},
    time::{clock, span},
};
use crate::clock::WallMs;

/// What is with it: `ShopDown fires since 03:12:05, for 12 min: shop of web is down`.
pub(super) fn what(course: &Course, at: WallMs) -> String {
    let Course { name, message, .. } = course;
    let since = |moment: WallMs| format!("since {}, for {}", clock(moment, at), span(at - moment));
    let message = if message.is_empty() { String::new() } else { format!(": {message}") };
    match course.phase {
        Phase::Unknown => format!("{name}: no row says that it was pending or fired"),
        Phase::Pending => {
            format!("{name} is pending {}, and nobody is told before it fires{message}", since(course.since))
        }
        Phase::Dropped => format!(
            "{name} does not fire: its condition held from {} to {}, shorter than the rule's `for`",
            clock(course.began, at),
            clock(course.since, at)
        ),
        Phase::Firing | Phase::Recovering => {
            let fired = course.fired.unwrap_or(course.since);
            format!("{name} fires {}{}{message}", since(fired), why_it_fires(course.reason.as_deref()))
        }
        Phase::Resolved => {
            let fired = course.fired.map_or(String::new(), |fired| {
                format!(", after it fired from {} on, for {}", clock(fired, at), span(course.since - fired))
            });
            let why = why_it_ended(course.reason.as_deref());
            format!("{name} is resolved since {}{fired}{why}", clock(course.since, at))
        }
    }
}

/// Who was told, who was not, and why: sentences, the most important first.
pub(super) fn who(course: &Course, at: WallMs) -> Vec<String> {
    let mut lines = Vec::new();
    if matches!(course.phase, Phase::Pending | Phase::Dropped) {
        return vec!["Nobody was told: it has not fired.".to_owned()];
    }
    let taken: Vec<String> = course
        .channels
        .iter()
        .filter_map(|(name, channel)| {
            let taken = channel.fired.as_ref()?;
            Some(format!("{} at {}{}", shown(name), clock(taken.at, at), reason(&taken.why)))
        })
        .collect();
    let told = (!taken.is_empty()).then(|| format!("Told: {}.", taken.join("; ")));
    let fires = course.phase.fires();
    if fires && !course.obstacles.is_empty() {
        let since = course.blocked.map_or(String::new(), |blocked| format!(" since {}", clock(blocked, at)));
        let nobody = if told.is_some() { "Nobody is told any more" } else { "Nobody was told" };
        lines.push(format!("{nobody}{since}: {}.", obstacle::all(&course.obstacles, |one| one.words(at))));
        lines.extend(told);
    } else if let Some(told) = told {
        lines.push(told);
    } else if course.refused {
        lines.push("Nobody was told: there are so many alerts that this one was not taken.".to_owned());
    } else if course.channels.values().any(|channel| !matches!(channel.last, Last::Nothing | Last::Taken)) {
        lines.push(if fires { "Nobody was told yet.".to_owned() } else { "Nobody was told that it fired.".to_owned() });
    } else if !course.last_obstacles.is_empty() {
        let why = obstacle::all(&course.last_obstacles, |one: &Obstacle| one.words(at));
        lines.push(format!("Nobody was told: {why}."));
    } else if course.is_whole && course.channels.values().all(|channel| channel.ended.is_none()) {
        lines.push("Nobody was told, and no row says why.".to_owned());
    }
    if course.phase == Phase::Resolved {
        let ended: Vec<String> = course
            .channels
            .iter()
            .filter_map(|(name, channel)| Some(format!("{} at {}", shown(name), clock(channel.ended.as_ref()?.at, at))))
            .collect();
        if !ended.is_empty() {
            lines.push(format!("Told that it is over: {}.", ended.join("; ")));
        }
    }
    if course.no_channel {
        lines.push(
            "No channel could be used for it, so the log was told: give the rule a channel with `notify`.".to_owned(),
        );
    }
    lines.extend(course.channels.iter().filter_map(|(name, channel)| channel.open(name, at)));
    if let Some((by, comment, since)) = course.ack.as_ref().filter(|_| fires) {
        let comment = if comment.is_empty() { String::new() } else { format!(" ({comment})") };
        lines.push(format!("{by} acts on it since {}{comment}.", clock(*since, at)));
    }
    lines
}

/// What stands at `at`, and what happens next.
pub(super) fn now(course: &Course, rule: Option<&RuleNow>, at: WallMs) -> String {
    let mut parts = Vec::new();
    match course.phase {
        Phase::Unknown => parts.push("nothing more is known of it".to_owned()),
        Phase::Pending => parts.push(match rule {
            Some(rule) if rule.hold > 0 => {
                format!("it fires at {} if its condition holds until then", clock(course.since + rule.hold, at))
            }
            _ => "it fires when its condition has held for the rule's `for`".to_owned(),
        }),
        Phase::Dropped => parts.push("it does not fire".to_owned()),
        Phase::Resolved => {
            parts.push("it is over".to_owned());
            parts.extend(next_tellings(course, at));
        }
        Phase::Firing | Phase::Recovering => firing(course, rule, at, &mut parts),
    }
    if let Some(rule) = rule {
        match &rule.sight {
            SightNow::Clear => {}
            sight => parts.push(format!("its rule {}; what it cannot see it does not resolve", rule::blind(sight, at))),
        }
    }
    format!("{}.", parts.join("; "))
}

fn firing(course: &Course, rule: Option<&RuleNow>, at: WallMs, parts: &mut Vec<String>) {
    parts.push(match course.phase {
        Phase::Recovering => "its condition holds no more, and keepFiringFor keeps it firing".to_owned(),
        _ => "it fires".to_owned(),
    });
    if !course.obstacles.is_empty() {
        let when = course.obstacles.iter().map(|one| one.over(at)).collect::<Vec<_>>().join(" and ");
        // Whom its rule names now, or who has had to do with it.
        let now = rule.into_iter().flat_map(|rule| &rule.tells).map(|name| shown(name));
        let known = course.channels.keys().map(|name| shown(name));
        let mut whom: Vec<&str> = now.chain(known).collect();
        whom.sort_unstable();
        whom.dedup();
        let whom = if whom.is_empty() {
            "its channels are told".to_owned()
        } else {
            format!("{} told", and(whom.into_iter()))
        };
        parts.push(format!("if it still does when {when}, {whom}"));
        return;
    }
    let waiting = next_tellings(course, at);
    let knows: Vec<&str> =
        course.channels.iter().filter(|(_, channel)| channel.fired.is_some()).map(|(name, _)| shown(name)).collect();
    if waiting.is_empty() && knows.is_empty() && !course.refused {
        parts.push("no channel is about to be told".to_owned());
    }
    parts.extend(waiting);
    if !knows.is_empty() {
        let acts = if course.ack.is_some() { ", and is not told again as somebody acts" } else { "" };
        parts.push(format!("{} told when it is over{acts}", and(knows.into_iter())));
    }
}

/// What is under way to channels.
fn next_tellings(course: &Course, at: WallMs) -> Vec<String> {
    let next = course.channels.iter().filter_map(|(name, channel)| {
        let name = shown(name);
        match &channel.last {
            Last::Waits { until: Some(until), .. } if *until > at => {
                Some(format!("{name} is told at {}", clock(*until, at)))
            }
            Last::Waits { .. } | Last::Decided { .. } => Some(format!("{name} is about to be told")),
            Last::Retries { next: Some(next), .. } => Some(format!("{name} is tried again at {}", clock(*next, at))),
            Last::Retries { next: None, .. } => Some(format!("{name} is tried again")),
            Last::Nothing | Last::Taken | Last::Dead { .. } | Last::Not { .. } => None,
        }
    });
    next.collect()
}

/// `a is`, `a and b are`, `a, b and c are`.
fn and<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    match names.as_slice() {
        [] => "nobody is".to_owned(),
        [one] => format!("{one} is"),
        [rest @ .., last] => format!("{} and {last} are", rest.join(", ")),
    }
}
