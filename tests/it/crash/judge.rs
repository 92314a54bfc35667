//! What a run comes to: whether everything that was to be told was told, once. Pure.
//!
//! Three witnesses that know nothing of each other: the targets, which say when each was up or down; the audit trail,
//! which says what was decided; the receiver, which says what it was told.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    receiver::{Delivery, Reply},
    targets::Answered,
};

/// One life of the program.
#[derive(Debug, Clone, Copy)]
pub struct Lived {
    pub from: i64,
    pub until: i64,
}

/// What there is to judge.
pub struct Evidence {
    pub deliveries: Vec<Delivery>,
    /// As `probity audit -o json` prints it.
    pub trail: Vec<Value>,
    pub answers: Vec<Vec<Answered>>,
    pub lives: Vec<Lived>,
    pub missing: Vec<String>,
    pub is_proven: bool,
    pub proof: String,
    /// The head of the trail that the last life told at its end.
    pub head: Option<String>,
}

/// What a run may do beside the usual.
#[derive(Debug, Clone, Copy, Default)]
pub struct Allowed {
    /// How often more an episode may be told to fire: where a mute ends, say.
    pub again: usize,
    /// Alerts of one group stand in each other's messages.
    pub grouped: bool,
    /// Alerts end for other reasons than that their check is up.
    pub untrue: bool,
}

#[derive(Debug, Default)]
pub struct Verdict {
    /// Alerts that were told to fire, and to have ended.
    pub told: usize,
    pub lost: Vec<String>,
    pub duplicates: Vec<String>,
    /// Notifications that we marked as perhaps sent before.
    pub ambiguous: usize,
    /// Of them, those that the receiver had twice.
    pub repeats: usize,
    /// What was told and is not so.
    pub untrue: Vec<String>,
}

/// What a target answered so often in a row to one process is told: with the first of them it was decided, as the next
/// run begins when the one before has ended; the others are time for the commit, on a machine that does other things too.
const IN_A_ROW: usize = 4;

/// The alert of an episode on a channel.
#[derive(Debug, Default)]
struct Episode {
    firing: BTreeSet<String>,
    resolved: BTreeSet<String>,
    ends_at: Option<i64>,
    check: usize,
}

/// By channel, fingerprint and beginning.
type Episodes = BTreeMap<(String, String, i64), Episode>;

pub fn judge(evidence: &Evidence, allowed: Allowed) -> Verdict {
    let mut verdict = Verdict { lost: evidence.missing.clone(), ..Verdict::default() };
    repeats(evidence, &mut verdict);
    let episodes = episodes(evidence, &mut verdict);
    told(&episodes, evidence, allowed, &mut verdict);
    decided(&episodes, evidence, &mut verdict);
    if !allowed.untrue {
        seen(&episodes, evidence, &mut verdict);
        true_at_all(&episodes, evidence, &mut verdict);
    }
    if !evidence.is_proven {
        verdict.untrue.push(evidence.proof.clone());
    }
    verdict
}

fn time(text: &Value) -> Option<i64> {
    let at: jiff::Timestamp = text.as_str()?.parse().ok()?;
    Some(at.as_millisecond()).filter(|at| *at > 0)
}

/// Messages that came twice under one key: each is marked in the trail.
fn repeats(evidence: &Evidence, verdict: &mut Verdict) {
    let of_kind = |row: &&Value| row["entry"]["kind"] == "notification";
    let marked: BTreeSet<&str> = evidence
        .trail
        .iter()
        .filter(of_kind)
        .filter(|row| row["entry"]["ambiguous"] == true)
        .filter_map(|row| row["entry"]["notification"].as_str())
        .collect();
    verdict.ambiguous = marked.len();
    let mut taken = BTreeSet::new();
    for one in &evidence.deliveries {
        let key = &one.key;
        if taken.contains(&(&one.channel, key)) {
            verdict.repeats += 1;
            if !one.is_marked && !marked.contains(key.trim_end_matches("-firing")) {
                verdict.duplicates.push(format!("{key} came to {} again, and is not marked", one.channel));
            }
        }
        if one.reply.is_taken() {
            taken.insert((&one.channel, key));
        }
    }
}

/// What the receiver was told, by alert.
fn episodes(evidence: &Evidence, verdict: &mut Verdict) -> Episodes {
    let mut episodes = Episodes::new();
    for one in evidence.deliveries.iter().filter(|one| one.reply.is_taken()) {
        let key = &one.key;
        for alert in one.body["alerts"].as_array().into_iter().flatten() {
            let fingerprint = alert["fingerprint"].as_str().unwrap().to_owned();
            let starts_at = time(&alert["startsAt"]).unwrap();
            let is_new = !episodes.contains_key(&(one.channel.clone(), fingerprint.clone(), starts_at));
            let episode = episodes.entry((one.channel.clone(), fingerprint, starts_at)).or_default();
            episode.check = alert["labels"]["healthcheck"].as_str().unwrap()[1..].parse().unwrap();
            if alert["status"] == "firing" {
                if !episode.resolved.is_empty() && !episode.firing.contains(key) {
                    verdict.untrue.push(format!("{key} says that what has ended fires"));
                }
                episode.firing.insert(key.clone());
            } else {
                if is_new {
                    verdict.untrue.push(format!("{key} says that ended what was never told to fire"));
                }
                episode.resolved.insert(key.clone());
                episode.ends_at = time(&alert["endsAt"]);
            }
        }
    }
    episodes
}

/// When the alert since `starts_at` ended, as a channel was told that refused it for good: another one was told.
fn refused(evidence: &Evidence, channel: &str, fingerprint: &str, starts_at: i64) -> Option<i64> {
    let for_good = |one: &&Delivery| one.channel == channel && matches!(one.reply, Reply::Status(404));
    let alerts = evidence.deliveries.iter().filter(for_good).flat_map(|one| one.body["alerts"].as_array());
    let mut of_it =
        alerts.flatten().filter(|alert| alert["fingerprint"] == fingerprint && alert["status"] == "resolved");
    of_it.find(|alert| time(&alert["startsAt"]) == Some(starts_at)).and_then(|alert| time(&alert["endsAt"]))
}

/// Each alert is told to fire once, and to have ended once, on each channel that was told of it.
fn told(episodes: &Episodes, evidence: &Evidence, allowed: Allowed, verdict: &mut Verdict) {
    for ((channel, fingerprint, starts_at), episode) in episodes {
        let name = format!("c{} of {channel} since {starts_at} ({fingerprint})", episode.check);
        let (firing, resolved) = (episode.firing.len(), episode.resolved.len());
        verdict.told += usize::from(firing > 0) + usize::from(resolved > 0);
        if resolved == 0 && refused(evidence, channel, fingerprint, *starts_at).is_none() {
            verdict.lost.push(format!("the end of {name}"));
        }
        if firing > 1 + allowed.again && !allowed.grouped {
            verdict.duplicates.push(format!("{name} fires under {firing} keys: {:?}", episode.firing));
        }
        if resolved > 1 {
            verdict.duplicates.push(format!("{name} has ended under {resolved} keys: {:?}", episode.resolved));
        }
    }
}

/// What the trail says was decided, was told.
fn decided(episodes: &Episodes, evidence: &Evidence, verdict: &mut Verdict) {
    for row in evidence.trail.iter().map(|row| &row["entry"]).filter(|row| row["kind"] == "transition") {
        let (at, fingerprint) = (time(&row["at"]).unwrap(), row["fingerprint"].as_str().unwrap());
        let mut of = episodes.iter().filter(|((_, found, _), _)| found == fingerprint);
        let (from, to) = (row["from"].as_str().unwrap(), row["to"].as_str().unwrap());
        let is_told = match (from, to) {
            ("pending", "firing") => of.any(|((_, _, starts_at), _)| *starts_at == at),
            (_, "resolved") => of.any(|(_, episode)| episode.ends_at == Some(at)),
            _ => true,
        };
        if !is_told {
            verdict.lost.push(format!("{fingerprint} was {from} and then {to} at {at}, and nobody was told"));
        }
    }
}

/// What a target answered for long to a process that lived on is told; and what was told has ended once it was up for so
/// long.
fn seen(episodes: &Episodes, evidence: &Evidence, verdict: &mut Verdict) {
    for (check, answers) in evidence.answers.iter().enumerate() {
        let of: Vec<_> = episodes.iter().filter(|(_, episode)| episode.check == check).collect();
        for row in answers.windows(IN_A_ROW) {
            let (first, last) = (row[0], row[IN_A_ROW - 1]);
            let in_one_life = evidence.lives.iter().any(|life| life.from <= first.at && last.at <= life.until);
            if !in_one_life || !row.iter().all(|answer| answer.up == first.up) {
                continue;
            }
            let fires = of.iter().any(|((channel, fingerprint, starts_at), episode)| {
                let ends_at = episode.ends_at.or_else(|| refused(evidence, channel, fingerprint, *starts_at));
                *starts_at <= last.at && ends_at.is_none_or(|ends_at| last.at < ends_at)
            });
            if fires == first.up {
                let (was, told) = if first.up { ("up", "it fires still") } else { ("down", "nobody is told") };
                verdict.lost.push(format!("c{check} was {was} from {} to {}, and {told}", first.at, last.at));
            }
        }
    }
}

/// What was told to begin or end has a target that said so shortly before.
fn true_at_all(episodes: &Episodes, evidence: &Evidence, verdict: &mut Verdict) {
    for ((_, _, starts_at), episode) in episodes {
        let said = |at: i64, up: bool| {
            // The target notes the time when it has answered, which may be after that was heard.
            let before = evidence.answers[episode.check].iter().rev().filter(|answer| answer.at <= at + 1_000);
            before.take(IN_A_ROW).any(|answer| answer.up == up)
        };
        if !said(*starts_at, false) {
            verdict.untrue.push(format!("c{} was not down at {starts_at}", episode.check));
        }
        if episode.ends_at.is_some_and(|ends_at| !said(ends_at, true)) {
            verdict.untrue.push(format!("c{} was not up at {:?}", episode.check, episode.ends_at));
        }
    }
}
