//! The story: the most important line first, then who was told, then each step, and at the end what stands now.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{
    asked::Asked,
    course::{Course, Phase, folded_into},
    gather::Gathered,
    headline, rule,
    standing::{Looks, RuleNow, SightNow, Standing},
    step::Step,
};
use crate::{
    audit::{Entry, Event},
    clock::{WallMs, rfc3339},
    history::About,
};

/// Steps that are told, the first and the last of them: more than a person reads.
pub(super) const FIRST_STEPS: usize = 12;
const LAST_STEPS: usize = 28;

/// Other alerts that are named.
const OTHERS: usize = 20;

/// What happened, in words. Every time in a text is UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Story {
    /// What was asked for.
    pub asked: String,
    /// The moment that it is told of: RFC 3339, UTC.
    pub at: String,
    /// The alert that it is about; null where it is about a rule, or several alerts.
    pub alert: Option<Brief>,
    /// What matters most, in one line.
    pub headline: String,
    /// Who was told, who was not, and why: a sentence each.
    pub who: Vec<String>,
    /// What happened, oldest first.
    pub steps: Vec<Step>,
    /// Steps in the middle that are left out.
    pub left_out: usize,
    /// What stands at that moment, and what happens next.
    pub now: String,
    /// Other alerts that were meant, too.
    pub others: Vec<Brief>,
    /// What the one who reads should know of the story itself.
    pub notes: Vec<String>,
}

/// One alert in a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Brief {
    pub name: String,
    pub namespace: String,
    pub rule: String,
    pub fingerprint: String,
    /// pending, firing, resolved, inactive or unknown.
    pub state: String,
    /// RFC 3339, UTC.
    pub since: String,
    pub text: String,
}

/// Tells it; None where nothing is known of what was asked. `standing` is what stands now, where somebody can say.
pub fn tell(asked: &Asked, gathered: &Gathered, standing: Option<&Standing>, at: WallMs) -> Option<Story> {
    let mut courses: Vec<Course> = courses(gathered.entries.iter()).into_values().collect();
    // What fires first, and of those the newest.
    courses.sort_by_key(|course| (rank(course.phase), std::cmp::Reverse(course.last)));
    let firing = courses.iter().filter(|course| rank(course.phase) == 0).count();
    let mut notes = Vec::new();
    if gathered.is_cut {
        notes.push("There are more rows than a story holds: `probity audit` has them all.".to_owned());
    }
    let mut story = if courses.is_empty() {
        of_rule(gathered, standing, at)?
    } else if firing > 1 {
        of_many(&courses, firing, at)
    } else {
        let mut first = courses.remove(0);
        for (name, end) in standing.iter().flat_map(|standing| &standing.ends) {
            let named = first.obstacles.iter_mut().filter(|one| one.name == *name && one.until.is_some());
            named.for_each(|one| one.until = Some(*end));
        }
        let rule = rule_of(&first, gathered, standing);
        of_one(first, rule.as_ref(), matches!(gathered.about, Some(About::Rule { .. })), at)
    };
    let others = if story.alert.is_some() { &courses[..] } else { &[] };
    story.others.extend(others.iter().take(OTHERS).map(|course| brief(course, at)));
    let left = courses.len().saturating_sub(OTHERS);
    if left > 0 {
        notes.push(format!("{left} more alerts are not named."));
    }
    story.asked.clone_from(&asked.text);
    story.notes.append(&mut notes);
    Some(story)
}

fn rank(phase: Phase) -> u8 {
    match phase {
        Phase::Firing | Phase::Recovering => 0,
        Phase::Pending => 1,
        Phase::Resolved => 2,
        Phase::Dropped => 3,
        Phase::Unknown => 4,
    }
}

/// Folds rows, oldest first, into one course per alert.
pub(super) fn courses<'a>(entries: impl Iterator<Item = &'a Entry>) -> BTreeMap<Arc<str>, Course> {
    let mut courses: BTreeMap<Arc<str>, Course> = BTreeMap::new();
    // Alerts by the notifications that tell of them.
    let mut told: HashMap<Arc<str>, Vec<Arc<str>>> = HashMap::new();
    for entry in entries {
        match (&entry.event, &entry.fingerprint) {
            (Event::Notification { answer, .. }, _) => {
                let Some(of) = entry.notification.as_ref().and_then(|id| told.get(id)).cloned() else { continue };
                if let Some(into) = folded_into(answer) {
                    let all = told.entry(into.into()).or_default();
                    all.extend(of.iter().cloned());
                    all.sort();
                    all.dedup();
                }
                for fingerprint in &of {
                    courses.entry(fingerprint.clone()).or_default().take(entry);
                }
            }
            (Event::Rule { .. } | Event::Start { .. } | Event::Gap { .. }, _) => {
                // While nothing is under way it says nothing of an alert.
                let open = courses.values_mut().filter(|course| {
                    let same = entry.rule.is_none()
                        || (entry.rule.as_ref(), &entry.namespace) == (Some(&course.rule), &course.namespace);
                    same && (course.phase.fires() || course.phase == Phase::Pending)
                });
                open.for_each(|course| course.take(entry));
            }
            (event, Some(fingerprint)) => {
                if let (Event::Told { .. }, Some(id)) = (event, &entry.notification) {
                    let all = told.entry(id.clone()).or_default();
                    if !all.contains(fingerprint) {
                        all.push(fingerprint.clone());
                    }
                }
                courses.entry(fingerprint.clone()).or_default().take(entry);
            }
            (_, None) => {}
        }
    }
    courses
}

fn brief(course: &Course, at: WallMs) -> Brief {
    let who = headline::who(course, at).into_iter().next().unwrap_or_default();
    Brief {
        name: course.name.to_string(),
        namespace: course.namespace.to_string(),
        rule: course.rule.to_string(),
        fingerprint: course.fingerprint.to_string(),
        state: course.phase.as_str().to_owned(),
        since: rfc3339(course.since),
        text: format!("{}. {who}", headline::what(course, at)),
    }
}

fn empty(at: WallMs) -> Story {
    Story {
        asked: String::new(),
        at: rfc3339(at),
        alert: None,
        headline: String::new(),
        who: Vec::new(),
        steps: Vec::new(),
        left_out: 0,
        now: String::new(),
        others: Vec::new(),
        notes: Vec::new(),
    }
}

/// `of_rule`: a rule was asked about, so that why it does not fire now comes before what was.
fn of_one(course: Course, rule: Option<&RuleNow>, of_rule: bool, at: WallMs) -> Story {
    let mut story = Story {
        alert: Some(brief(&course, at)),
        headline: headline::what(&course, at),
        who: headline::who(&course, at),
        now: headline::now(&course, rule, at),
        ..empty(at)
    };
    if let (true, Some(rule), false) = (of_rule, rule, course.phase.fires()) {
        let mut silent = rule::silent(rule, at).into_iter();
        let first = std::mem::replace(&mut story.headline, silent.next().unwrap_or_default());
        let mut who: Vec<String> = silent.collect();
        who.push(format!("Its newest alert: {first}."));
        who.append(&mut story.who);
        story.who = who;
    }
    if let Some(rule) = rule.filter(|rule| rule.sight != SightNow::Clear && course.phase.fires()) {
        story.who.push(format!("Its rule {}.", rule::blind(&rule.sight, at)));
    }
    if course.before > 0 {
        story.notes.push(format!(
            "It fired {} before in the rows that were read: --since and --at tell of them.",
            times(course.before)
        ));
    }
    if !course.is_whole {
        story.notes.push("Its beginning is not in the rows that were read.".to_owned());
    }
    (story.steps, story.left_out) = shown(course.steps);
    story
}

fn of_many(courses: &[Course], firing: usize, at: WallMs) -> Story {
    let over = courses.len() - firing;
    let over = if over > 0 { format!("; {over} do not, or not any more") } else { String::new() };
    Story {
        headline: format!("{firing} alerts fire{over}"),
        who: vec!["`probity why FINGERPRINT` tells of one of them.".to_owned()],
        now: format!("{firing} alerts fire."),
        others: courses.iter().take(OTHERS).map(|course| brief(course, at)).collect(),
        ..empty(at)
    }
}

/// No alert is known: why is that?
fn of_rule(gathered: &Gathered, standing: Option<&Standing>, at: WallMs) -> Option<Story> {
    let now: Vec<RuleNow> = match standing.filter(|standing| !standing.rules.is_empty()) {
        Some(standing) => standing.rules.clone(),
        None => from_rows(&gathered.entries).into_iter().collect(),
    };
    let first = now.first()?;
    let mut lines = now.iter().flat_map(|rule| rule::silent(rule, at));
    let mut steps: Vec<Step> = Vec::new();
    let mut course = Course { namespace: first.namespace.clone(), rule: first.name.clone(), ..Course::default() };
    for entry in gathered.entries.iter().filter(|entry| matches!(entry.event, Event::Rule { .. })) {
        course.take(entry);
    }
    steps.append(&mut course.steps);
    let headline = lines.next().unwrap_or_default();
    let who: Vec<String> = lines.collect();
    let (steps, left_out) = shown(steps);
    let now = match &first.sight {
        SightNow::Clear => "nothing of it fires, and nobody is told.".to_owned(),
        sight => format!("the rule {}; nobody is told of alerts while it does not see them.", rule::blind(sight, at)),
    };
    Some(Story { headline, who, steps, left_out, now, ..empty(at) })
}

/// The rule of an alert, as it stands.
fn rule_of(course: &Course, gathered: &Gathered, standing: Option<&Standing>) -> Option<RuleNow> {
    let is = |rule: &&RuleNow| rule.name == course.rule && rule.namespace == course.namespace;
    match standing {
        Some(standing) => standing.rules.iter().find(is).cloned(),
        None => from_rows(&gathered.entries).filter(|rule| is(&rule)),
    }
}

/// What rows say of a rule: whether it saw what it is about.
fn from_rows(entries: &[Entry]) -> Option<RuleNow> {
    let mut rule: Option<RuleNow> = None;
    for entry in entries {
        let (Event::Rule { change, message, .. }, Some(name)) = (&entry.event, &entry.rule) else { continue };
        let known = rule.get_or_insert_with(|| RuleNow {
            namespace: entry.namespace.clone(),
            name: name.clone(),
            alert: name.clone(),
            refused: None,
            sight: SightNow::Clear,
            looks: Looks::Unknown,
            hold: 0,
            pending: 0,
            firing: 0,
            tells: Vec::new(),
            denied: Vec::new(),
            to_log: false,
        });
        match &**change {
            NO_DATA => known.sight = SightNow::NoData { since: entry.at },
            CANNOT_SEE => known.sight = SightNow::Failing { since: entry.at, message: message.clone() },
            SEES_AGAIN => known.sight = SightNow::Clear,
            "refused" => known.refused = Some(message.clone()),
            "deleted" => known.refused = Some("it was deleted".into()),
            _ => (known.refused, known.sight) = (None, SightNow::Clear),
        }
    }
    rule
}

/// What a row of kind rule says where a rule does not see what it is about, and where it does again.
pub const NO_DATA: &str = "finds no data";
pub const CANNOT_SEE: &str = "cannot see";
pub const SEES_AGAIN: &str = "sees again";

fn shown(mut steps: Vec<Step>) -> (Vec<Step>, usize) {
    let left_out = steps.len().saturating_sub(FIRST_STEPS + LAST_STEPS);
    if left_out > 0 {
        steps.drain(FIRST_STEPS..FIRST_STEPS + left_out);
    }
    (steps, left_out)
}

fn times(count: usize) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}
