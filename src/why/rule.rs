//! Why a rule has no alert, as far as what stands now tells.

use super::{
    channel::{self, shown},
    standing::{CheckNow, Looks, RuleNow, SightNow},
    time::{clock, span},
};
use crate::clock::WallMs;

/// Checks that are told one by one.
const CHECKS_SHOWN: usize = 5;

/// What a rule does not see, as the rest of "the rule …".
pub(super) fn blind(sight: &SightNow, at: WallMs) -> String {
    let since = |since: &WallMs| format!("since {}, for {}", clock(*since, at), span(at - since));
    match sight {
        SightNow::Clear => "sees what it is about".to_owned(),
        SightNow::NoData { since: moment } => format!("finds no data {}", since(moment)),
        SightNow::Failing { since: moment, message } => format!("cannot see {}: {message}", since(moment)),
        SightNow::Limited(over) => format!("has {over} alerts more than it may have, which are left out"),
    }
}

/// Why it does not fire, the most important first.
pub(super) fn silent(rule: &RuleNow, at: WallMs) -> Vec<String> {
    let mut lines = Vec::new();
    let name = format!("{}/{}", rule.namespace, rule.name);
    if let Some(refused) = &rule.refused {
        return vec![format!("Rule {name} is not in force: {refused}.")];
    }
    match (&rule.looks, &rule.sight) {
        (Looks::Nothing(why), _) => lines.push(format!("Rule {name} cannot fire: {why}.")),
        (looks, sight @ (SightNow::Failing { .. } | SightNow::NoData { .. })) => {
            lines.push(format!("Rule {name} does not fire: it {}.", blind(sight, at)));
            lines.extend(looked_at(looks, at));
        }
        (Looks::Checks { checks, more: 0, .. }, _) if checks.iter().all(|check| &*check.state == "Suspended") => {
            let names: Vec<String> = checks.iter().map(named).collect();
            lines.push(format!("Rule {name} cannot fire: {} suspended.", is_are(&names)));
        }
        (Looks::Unknown, SightNow::Clear) => lines.push(format!(
            "Rule {name}: the trail holds no alert of it; what it sees now a running Probity tells (--server)."
        )),
        (looks, _) if rule.pending > 0 => {
            lines.push(format!("Rule {name} is pending: its condition has to hold for {}.", span(rule.hold)));
            lines.extend(looked_at(looks, at));
        }
        (Looks::Source { asked: None, .. }, _) => {
            lines.push(format!("Rule {name} does not fire: its source was not asked yet."));
        }
        (looks, _) => {
            lines.push(format!("Rule {name} does not fire: its condition is not met."));
            lines.extend(looked_at(looks, at));
        }
    }
    lines.extend(tells(rule));
    lines
}

/// Whom its alerts are told to.
fn tells(rule: &RuleNow) -> Vec<String> {
    let mut lines = Vec::new();
    let names: Vec<&str> = rule.tells.iter().map(|name| shown(name)).collect();
    if !names.is_empty() {
        lines.push(format!("Its alerts are told to {}.", names.join(", ")));
    } else if rule.to_log {
        lines.push("No channel can be used for its alerts: they go to the log.".to_owned());
    }
    for (name, because) in &rule.denied {
        lines.push(format!("{} is not told of its alerts: {}.", shown(name), channel::because(because)));
    }
    lines
}

/// What it looks at, and what it sees there.
pub(super) fn looked_at(looks: &Looks, at: WallMs) -> Vec<String> {
    match looks {
        Looks::Nothing(_) | Looks::Unknown => Vec::new(),
        Looks::Source { wanted, asked } => {
            let asked = asked.map_or(String::new(), |asked| format!(", and did so last at {}", clock(asked, at)));
            vec![format!("It asks for {wanted}{asked}.")]
        }
        Looks::Checks { wanted, checks, more } => {
            let mut lines = vec![format!("It fires for a check that {wanted}.")];
            let shown = checks.len().min(CHECKS_SHOWN);
            lines.extend(checks.iter().take(shown).map(|check| seen(check, at)));
            let more = more + (checks.len() - shown);
            if more > 0 {
                lines.push(format!("It looks at {more} more checks."));
            }
            lines
        }
    }
}

fn named(check: &CheckNow) -> String {
    format!("check {}/{}", check.namespace, check.name)
}

fn seen(check: &CheckNow, at: WallMs) -> String {
    let CheckNow { state, reason, message, since, figure, .. } = check;
    let why = match (&**reason, message.is_empty()) {
        ("Ok", true) => String::new(),
        (reason, true) => format!(" ({reason})"),
        (_, false) => format!(" ({message})"),
    };
    let figure = figure.as_ref().map_or(String::new(), |figure| format!("; its figure is {figure}"));
    format!("Check {}/{} is {state} since {}{why}{figure}.", check.namespace, check.name, clock(*since, at))
}

fn is_are(names: &[String]) -> String {
    match names {
        [] => "nothing is".to_owned(),
        [one] => format!("{one} is"),
        [first, ..] => format!("{first} and {} others are", names.len() - 1),
    }
}
