//! How one alert stands after its rows, and a step for each of them: a fold over the rows, oldest first.
//!
//! Told is the newest episode that fired; steps of those before it are dropped, and counted.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{
    channel::{Channel, Last, Taken, reason, shown},
    obstacle::Obstacle,
    step::Step,
    time::clock,
};
use crate::{
    audit::{Entry, Event},
    clock::WallMs,
};

/// Where an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Phase {
    /// No row says.
    #[default]
    Unknown,
    Pending,
    /// It was pending, and its condition ceased to hold.
    Dropped,
    Firing,
    Recovering,
    Resolved,
}

impl Phase {
    pub(super) fn fires(self) -> bool {
        matches!(self, Self::Firing | Self::Recovering)
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Pending => "pending",
            Self::Dropped => "inactive",
            Self::Firing | Self::Recovering => "firing",
            Self::Resolved => "resolved",
        }
    }
}

/// One alert.
#[derive(Debug, Default)]
pub(super) struct Course {
    pub name: Arc<str>,
    pub namespace: Arc<str>,
    pub rule: Arc<str>,
    pub fingerprint: Arc<str>,
    pub phase: Phase,
    /// Since when it is in that phase.
    pub since: WallMs,
    /// When the newest episode began to fire.
    pub fired: Option<WallMs>,
    /// When the first row that is told was written.
    pub began: WallMs,
    /// Whether the episode's beginning is in the rows.
    pub is_whole: bool,
    pub message: Arc<str>,
    pub value: Option<Arc<str>>,
    /// Why it fires or is resolved, where it is not simply its condition.
    pub reason: Option<Arc<str>>,
    /// What stands in the way of telling anybody, and since when.
    pub obstacles: Vec<Obstacle>,
    pub blocked: Option<WallMs>,
    /// What stood in the way last, also when the alert is over.
    pub last_obstacles: Vec<Obstacle>,
    pub channels: BTreeMap<Arc<str>, Channel>,
    /// Who acts, what they said, and since when.
    pub ack: Option<(Arc<str>, Arc<str>, WallMs)>,
    /// No channel could be used: the log is told.
    pub no_channel: bool,
    /// There were too many alerts.
    pub refused: bool,
    /// Episodes that fired before the one that is told.
    pub before: usize,
    pub steps: Vec<Step>,
    /// The newest row.
    pub last: WallMs,
    /// Where the steps of what is pending begin.
    pub(super) pending_from: Option<usize>,
    pub(super) letters: HashMap<Arc<str>, Letter>,
}

/// A notification that the alert is told by.
#[derive(Debug)]
pub(super) struct Letter {
    fires: bool,
    why: Arc<str>,
    /// The step that says it was decided: the first attempt that ends takes its place.
    step: usize,
    is_open: bool,
    /// It says both: that it fired, and that it is over.
    says_both: bool,
}

impl Course {
    /// Takes the next row. One that is about something else changes nothing.
    pub(super) fn take(&mut self, entry: &Entry) {
        let at = entry.at;
        self.last = self.last.max(at);
        self.know(entry);
        match &entry.event {
            Event::Transition { from, to, reason, value, message } => {
                self.turn(at, from, to, reason.as_ref(), value.as_ref(), message);
            }
            Event::Told { channel, status, why } => self.told(entry, channel, status, why),
            Event::Suppression { .. } => self.suppression(entry),
            Event::Notification { .. } => self.attempt(entry),
            Event::Ack { change, by, comment } => {
                if &**change == "ended" {
                    self.ack = None;
                    self.step(at, "nobody acts on it any more");
                } else {
                    self.ack = Some((by.clone(), comment.clone(), at));
                    let comment = if comment.is_empty() { String::new() } else { format!(": {comment}") };
                    self.step(at, format!("{by} acts on it{comment}"));
                }
            }
            Event::Rule { change, message, .. } => {
                let message = if message.is_empty() { String::new() } else { format!(": {message}") };
                self.step(at, format!("rule {}/{}: {change}{message}", self.namespace, self.rule));
            }
            Event::Start { version, .. } => {
                self.step(at, format!("Probity {version} started anew"));
            }
            Event::Gap { from, why, .. } => {
                let from = clock(*from, at);
                self.step(
                    at,
                    format!("the store failed from {from} until now: {why}; what happened then may be missing here"),
                );
            }
            Event::Silence { .. } | Event::Trial { .. } | Event::Cut { .. } => {}
        }
    }

    fn know(&mut self, entry: &Entry) {
        let set = |to: &mut Arc<str>, from: Option<&Arc<str>>| {
            if let Some(from) = from {
                to.clone_from(from);
            }
        };
        // An attempt names the first alert that it tells of.
        if !matches!(entry.event, Event::Notification { .. } | Event::Rule { .. }) {
            set(&mut self.name, entry.alert.as_ref());
            set(&mut self.rule, entry.rule.as_ref());
            set(&mut self.fingerprint, entry.fingerprint.as_ref());
            if entry.rule.is_some() {
                self.namespace = entry.namespace.clone();
            }
        }
    }

    pub(super) fn step(&mut self, at: WallMs, text: impl Into<String>) -> usize {
        self.steps.push(Step::new(at, text));
        self.steps.len() - 1
    }

    fn turn(
        &mut self,
        at: WallMs,
        from: &str,
        to: &str,
        reason: Option<&Arc<str>>,
        value: Option<&Arc<str>>,
        message: &Arc<str>,
    ) {
        let phase = match (from, to) {
            (_, "pending") => Phase::Pending,
            ("pending", "inactive") => Phase::Dropped,
            (_, "recovering") => Phase::Recovering,
            (_, "resolved" | "inactive") => Phase::Resolved,
            _ => Phase::Firing,
        };
        let begins = match phase {
            Phase::Pending => {
                self.pending_from = Some(self.steps.len());
                if self.fired.is_none() {
                    (self.began, self.is_whole) = (at, true);
                }
                false
            }
            Phase::Firing => !self.phase.fires() && matches!(from, "pending" | "inactive"),
            _ => false,
        };
        if begins {
            self.begin(at);
        }
        if self.began == 0 {
            self.began = at;
        }
        if phase == Phase::Resolved {
            self.last_obstacles = std::mem::take(&mut self.obstacles);
            (self.blocked, self.ack) = (None, None);
        }
        if phase != self.phase {
            self.since = at;
        }
        self.phase = phase;
        self.reason = reason.cloned();
        self.value = value.cloned();
        if !message.is_empty() {
            self.message = message.clone();
        }
        let text = turned(from, to, reason.map(|reason| &**reason), value.map(|value| &**value), message);
        self.step(at, text);
    }

    /// A new episode fires: what was before it is no part of the story.
    fn begin(&mut self, at: WallMs) {
        let pending = self.pending_from.take().filter(|_| self.phase == Phase::Pending);
        self.before += usize::from(self.fired.is_some());
        self.steps.drain(..pending.unwrap_or(self.steps.len()));
        self.began = self.steps.first().map_or(at, |step| step.wall);
        (self.fired, self.is_whole) = (Some(at), true);
        self.channels.clear();
        self.letters.clear();
        self.obstacles.clear();
        self.last_obstacles.clear();
        (self.blocked, self.ack, self.no_channel, self.refused) = (None, None, false, false);
    }

    fn told(&mut self, entry: &Entry, channel: &Arc<str>, status: &str, why: &Arc<str>) {
        let fires = status != "resolved";
        let what = if fires { "it fires" } else { "it is resolved" };
        let text = format!("{} is to be told that {what}{}", shown(channel), reason(why));
        let step = self.step(entry.at, text);
        let place = self.channels.entry(channel.clone()).or_default();
        place.last = Last::Decided { at: entry.at };
        if let Some(id) = &entry.notification {
            let letter = Letter { fires, why: why.clone(), step, is_open: true, says_both: false };
            self.letters.insert(id.clone(), letter);
        }
    }

    fn attempt(&mut self, entry: &Entry) {
        let Event::Notification { channel, alerts, attempt, outcome, answer, next, ambiguous, unrecorded } =
            &entry.event
        else {
            return;
        };
        let at = entry.at;
        let letter = entry.notification.as_ref().and_then(|id| self.letters.get_mut(id));
        // One that tells of an episode before this one, or that others of its group were folded into.
        let Some(letter) = letter else { return };
        let first = std::mem::take(&mut letter.is_open);
        let (step, fires, both, why) = (letter.step, letter.fires, letter.says_both, letter.why.clone());
        let place = self.channels.entry(channel.clone()).or_default();
        let what = match (both, fires) {
            (true, _) => "it fired and is resolved",
            (false, true) => "it fires",
            (false, false) => "it is resolved",
        };
        let others = if *alerts > 1 { format!(", one of {alerts} alerts in one message") } else { String::new() };
        let name = shown(channel);
        let mut text = match &**outcome {
            "delivered" => {
                let taken = Taken { at, why: why.clone() };
                if fires || both {
                    // A repetition is no news: what counts is when it was told first.
                    place.fired = place.fired.take().filter(|_| &*why == "Repeat").or(Some(taken.clone()));
                }
                if !fires || both {
                    place.ended = Some(taken);
                }
                place.last = Last::Taken;
                format!("{name} was told that {what}{}{others}: {answer}", reason(&why))
            }
            "retry" => {
                place.last = Last::Retries { attempt: *attempt, answer: answer.clone(), next: *next };
                let next = next.map_or(String::new(), |next| format!("; again at {}", clock(next, at)));
                format!("{name} could not be told that {what}, attempt {attempt}: {answer}{next}")
            }
            "folded" => format!("for {name} it waits and goes out with others of its group: {answer}"),
            _ => {
                place.last = Last::Dead { answer: answer.clone(), instead: None };
                format!("{name} will not be told that {what}, after attempt {attempt}: {answer}")
            }
        };
        if *ambiguous {
            text.push_str(" (perhaps a repeat: an earlier process may have told it)");
        }
        if *unrecorded {
            text.push_str(" (sent before it was written down, as the store failed)");
        }
        // What was decided and what came of it at once is one step.
        match self.steps.get_mut(step).filter(|_| first) {
            Some(decided) => decided.text = text,
            None => {
                self.step(at, text);
            }
        }
        if &**outcome == "folded"
            && let (Some(id), Some(into)) = (&entry.notification, folded_into(answer))
            && let Some(letter) = self.letters.remove(id)
        {
            let other = self.letters.get(into).is_some_and(|other| other.says_both || other.fires != letter.fires);
            self.letters.insert(into.into(), Letter { is_open: false, says_both: other, ..letter });
        }
    }

    fn suppression(&mut self, entry: &Entry) {
        let Event::Suppression { by, name, channel, status, ended, until, said, instead } = &entry.event else {
            return;
        };
        let at = entry.at;
        let Some(channel) = channel else { return self.blocked_by(entry) };
        let shown = shown(channel).to_owned();
        let is_end = &**status == "resolved";
        let place = self.channels.entry(channel.clone()).or_default();
        match &**by {
            "grouping.wait" | "grouping.interval" | "rateLimit" => {
                place.last = Last::Waits { until: *until, by: by.clone() };
                let until = until.map_or("later".to_owned(), |until| format!("at {}", clock(until, at)));
                let end = if is_end { " that it is resolved" } else { "" };
                let text = format!("{shown} is told{end} {until}: {}", super::channel::waits_for(by));
                // A group that goes out sooner, or later, says so again: the newest counts.
                match self
                    .steps
                    .last_mut()
                    .filter(|step| step.wall == at && step.text.starts_with(&format!("{shown} is told")))
                {
                    Some(step) => step.text = text,
                    None => {
                        self.step(at, text);
                    }
                }
            }
            "escalation" => {
                self.step(at, format!("nobody acted: {shown} is told, too"));
            }
            "dead channel" => {
                if let Last::Dead { instead: known, .. } = &mut place.last {
                    known.clone_from(instead);
                } else {
                    place.last = Last::Dead { answer: name.clone(), instead: instead.clone() };
                }
                let text = match instead {
                    Some(instead) => format!("{} is told instead of {shown}", super::channel::shown(instead)),
                    None => format!("{shown} has no fallback that could be told instead"),
                };
                self.step(at, text);
            }
            _ if *ended => {}
            by => {
                // Who knows already is not told twice: that changes nothing of what it knows.
                if !matches!(by, "already told") {
                    place.last = Last::Not { by: by.into() };
                }
                let said = if said.is_empty() { String::new() } else { format!(" ({said})") };
                self.step(at, format!("{shown} is not told: {}{said}", super::channel::because(by)));
            }
        }
    }

    /// A row that is about all channels.
    fn blocked_by(&mut self, entry: &Entry) {
        let Event::Suppression { by, name, ended, until, said, .. } = &entry.event else { return };
        let at = entry.at;
        if *ended {
            self.obstacles.clear();
            self.blocked = None;
            self.step(at, "nothing stands in the way of telling any more");
            return;
        }
        if Obstacle::is(by) {
            let obstacle = Obstacle { by: by.clone(), name: name.clone(), until: *until, said: said.clone() };
            // All that stand in the way are said again whenever one comes or goes.
            let together = self.steps.last().is_some_and(|step| step.wall == at && step.text.starts_with(NOBODY));
            if together && let Some(step) = self.steps.last_mut() {
                step.text.push_str(&format!("; and {}", obstacle.words(at)));
            } else {
                self.obstacles.clear();
                self.step(at, format!("{NOBODY}{}", obstacle.words(at)));
            }
            self.obstacles.push(obstacle);
            self.last_obstacles.clone_from(&self.obstacles);
            self.blocked.get_or_insert(at);
            // What waited is withheld.
            for place in self.channels.values_mut().filter(|place| matches!(place.last, Last::Waits { .. })) {
                place.last = Last::Nothing;
            }
            return;
        }
        match &**by {
            "no channel" => {
                self.no_channel = true;
                self.step(at, "no channel can be used for it: it goes to the log");
            }
            "resolved" => {
                self.step(at, "no channel was told that it fired, so none is told that it is over");
            }
            "limit" => {
                self.refused = true;
                self.step(at, "it is told to nobody: there are too many alerts");
            }
            by => {
                self.step(at, format!("nobody is told: {by} {name}"));
            }
        }
    }
}

const NOBODY: &str = "nobody is told: ";

/// The notification that others were folded into.
pub(super) fn folded_into(answer: &str) -> Option<&str> {
    answer.strip_prefix("told as part of ")
}

/// A transition in words.
fn turned(from: &str, to: &str, reason: Option<&str>, value: Option<&str>, message: &str) -> String {
    let value = value.map_or(String::new(), |value| format!(" (value {value})"));
    let message = if message.is_empty() { String::new() } else { format!(": {message}") };
    match (from, to) {
        (_, "pending") => {
            format!("its condition holds{value}; it fires when that has lasted for the rule's `for`{message}")
        }
        ("pending", "inactive") => "its condition holds no more, before it fired: nobody is told".to_owned(),
        ("pending" | "inactive", "firing") => format!("it fires{}{value}{message}", why_it_fires(reason)),
        ("recovering", "firing") => format!("its condition holds again{value}{message}"),
        (_, "firing") => format!("it fires on, with other labels or another severity{message}"),
        (_, "recovering") => "its condition holds no more; keepFiringFor keeps it firing".to_owned(),
        (_, "resolved") => format!("it is resolved{}", why_it_ended(reason)),
        (from, to) => format!("{from} to {to}{value}{message}"),
    }
}

pub(super) fn why_it_fires(reason: Option<&str>) -> &'static str {
    match reason {
        Some("NoData") => ", as its rule finds no data (onNoData: Fire)",
        Some("Error") => ", as its rule cannot be evaluated (onError: Fire)",
        _ => "",
    }
}

pub(super) fn why_it_ended(reason: Option<&str>) -> String {
    match reason {
        None => String::new(),
        Some("NoDataResolved") => ": its rule finds no data (onNoData: Resolve)".to_owned(),
        Some("ObjectGone") => ": what it was about is gone".to_owned(),
        Some("RuleGone") => ": its rule was deleted, or refused after an edit".to_owned(),
        Some("RuleSuspended") => ": its rule is suspended".to_owned(),
        Some("RuleChanged") => ": its rule was edited, and what it makes now has other labels".to_owned(),
        Some("NoData" | "Error") => String::new(),
        Some(other) => format!(": {other}"),
    }
}
