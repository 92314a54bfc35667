//! The state machine. Its numbered steps are those of Prometheus' `AlertingRule.Eval`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Candidate, Evaluation, Policy, Sight};
use crate::{
    alert::{Episode, Incident, Moment, Phase, Reason, Transition, Turn},
    model::{ObjectKey, OnError, OnNoData},
};

/// The alerts of one rule that are pending or fire. Costs nothing while there are none.
#[derive(Debug, Clone)]
pub struct RuleState {
    key: ObjectKey,
    uid: Arc<str>,
    episodes: BTreeMap<Incident, Open>,
    /// Subjects that have alerts or cannot be seen whole.
    subjects: BTreeMap<Arc<str>, Subject>,
    /// When an alert fires or is resolved by time alone.
    due: BTreeSet<(i64, Incident)>,
    /// Alerts that are not what they were when [`RuleState::take_changed`] was last called: of those that there are or
    /// were since.
    changed: BTreeSet<Incident>,
}

#[derive(Debug, Clone)]
struct Open {
    episode: Arc<Episode>,
    /// Where it stands in `due`.
    due: Option<i64>,
}

#[derive(Debug, Clone, Default)]
struct Subject {
    members: BTreeSet<Incident>,
    blind: Option<Blind>,
    /// How many alerts the last result had over the limit.
    over: usize,
}

#[derive(Debug, Clone, PartialEq)]
struct Blind {
    since: Moment,
    /// None: there is no data.
    error: Option<Arc<str>>,
}

/// What a step works with, beside the state.
struct Step<'a> {
    policy: &'a Policy,
    now: Moment,
    out: &'a mut Vec<Transition>,
}

impl Step<'_> {
    fn tell(&mut self, turn: Turn, episode: &Arc<Episode>) {
        self.out.push(Transition { turn, episode: episode.clone() });
    }
}

impl RuleState {
    /// A rule without alerts. What the UID is, tells its incidents from those of a rule of the same name made anew.
    pub fn new(key: ObjectKey, uid: impl Into<Arc<str>>) -> Self {
        Self {
            key,
            uid: uid.into(),
            episodes: BTreeMap::new(),
            subjects: BTreeMap::new(),
            due: BTreeSet::new(),
            changed: BTreeSet::new(),
        }
    }

    /// A rule with the episodes that were open when the process before this one ended. Resolved ones are left out.
    pub fn restore(
        key: ObjectKey,
        uid: impl Into<Arc<str>>,
        policy: &Policy,
        open: impl IntoIterator<Item = Arc<Episode>>,
    ) -> Self {
        let mut state = Self::new(key, uid);
        for episode in open.into_iter().filter(|episode| episode.phase != Phase::Resolved) {
            state.subjects.entry(episode.subject.clone()).or_default().members.insert(episode.incident);
            state.put(episode, policy);
        }
        state
    }

    /// The alerts that are pending or fire.
    pub fn episodes(&self) -> impl ExactSizeIterator<Item = &Arc<Episode>> {
        self.episodes.values().map(|open| &open.episode)
    }

    /// An alert that is pending or fires.
    pub fn get(&self, incident: Incident) -> Option<&Arc<Episode>> {
        self.episodes.get(&incident).map(|open| &open.episode)
    }

    /// The alerts that have become others, or have ended, since the last time.
    pub fn take_changed(&mut self) -> BTreeSet<Incident> {
        std::mem::take(&mut self.changed)
    }

    /// The subjects that have alerts or cannot be seen. Who restores a rule says [`Evaluation::Gone`] of those that
    /// are there no more.
    pub fn subjects(&self) -> impl Iterator<Item = &Arc<str>> {
        self.subjects.keys()
    }

    /// What the rule does not see.
    pub fn sight(&self) -> Sight {
        let blind = || self.subjects.values().filter_map(|subject| subject.blind.as_ref());
        let failing = || blind().filter(|blind| blind.error.is_some());
        if let Some(first) = failing().min_by_key(|blind| blind.since) {
            let message = failing().max_by_key(|blind| blind.since).and_then(|last| last.error.clone());
            let message = message.unwrap_or_default();
            Sight::Failing { subjects: failing().count(), since: first.since, message }
        } else if let Some(since) = blind().map(|blind| blind.since).min() {
            Sight::NoData { subjects: blind().count(), since }
        } else {
            match self.subjects.values().map(|subject| subject.over).sum() {
                0 => Sight::Clear,
                over => Sight::Limited(over),
            }
        }
    }

    /// Takes an evaluation of one subject. True when what the rule sees ([`Self::sight`]) is other than before.
    pub fn step(
        &mut self,
        subject: &Arc<str>,
        evaluation: Evaluation,
        policy: &Policy,
        now: Moment,
        out: &mut Vec<Transition>,
    ) -> bool {
        let mut step = Step { policy, now, out };
        let known = self.subjects.get(subject);
        let (before, over) = known.map(|subject| (subject.blind.clone(), subject.over)).unwrap_or_default();
        let mut over_now = over;
        let blind = match evaluation {
            Evaluation::Met(candidates) => match self.unique(subject, candidates) {
                Ok(candidates) => {
                    over_now = self.met(subject, candidates, None, &mut step);
                    None
                }
                Err(message) => Some(Some(message)),
            },
            Evaluation::NoData(stand_in) => {
                match policy.on_no_data {
                    OnNoData::Keep => {}
                    OnNoData::Fire => self.fire_blind(subject, stand_in, Reason::NoData, &mut step),
                    OnNoData::Resolve => {
                        over_now = self.met(subject, Vec::new(), Some(Reason::NoDataResolved), &mut step);
                    }
                }
                Some(None)
            }
            Evaluation::Failed(message, stand_in) => {
                if policy.on_error == OnError::Fire {
                    self.fire_blind(subject, stand_in, Reason::Error, &mut step);
                }
                Some(Some(message))
            }
            Evaluation::Gone => {
                self.end(subject, Reason::ObjectGone, &mut step);
                over_now = 0;
                None
            }
        };
        let since = before.as_ref().map_or(now, |blind| blind.since);
        let blind = blind.map(|error| Blind { since, error });
        let changed = before != blind || over != over_now;
        self.see(subject, blind, over_now);
        changed
    }

    /// Fires and resolves what only time has changed, for rules that are evaluated when something happens. A subject
    /// that cannot be seen stays as it is.
    pub fn tick(&mut self, policy: &Policy, now: Moment, out: &mut Vec<Transition>) {
        let mut step = Step { policy, now, out };
        while let Some(&(at, incident)) = self.due.first() {
            if at > now.at {
                return;
            }
            self.due.pop_first();
            let Some(mut episode) = self.episode(incident) else { continue };
            if self.subjects.get(&episode.subject).is_none_or(|subject| subject.blind.is_some()) {
                continue;
            }
            if episode.keeping.is_some() {
                self.cease(episode, None, &mut step);
            } else {
                ripen(&mut episode, None, &mut step);
                self.put(episode, policy);
            }
        }
    }

    /// When [`Self::tick`] has something to do, on the timeline.
    pub fn next_due(&self) -> Option<i64> {
        self.due.first().map(|&(at, _)| at)
    }

    /// Ends all its alerts: the rule is deleted, refused or suspended.
    pub fn close(&mut self, reason: Reason, policy: &Policy, now: Moment, out: &mut Vec<Transition>) {
        let mut step = Step { policy, now, out };
        let subjects: Vec<_> = self.subjects.keys().cloned().collect();
        for subject in subjects {
            self.end(&subject, reason, &mut step);
        }
        self.subjects.clear();
    }

    /// Ends the alerts of all subjects but `kept`.
    pub fn end_all_but(&mut self, kept: &str, reason: Reason, policy: &Policy, now: Moment, out: &mut Vec<Transition>) {
        let mut step = Step { policy, now, out };
        let others: Vec<_> = self.subjects.keys().filter(|subject| &***subject != kept).cloned().collect();
        for subject in others {
            self.end(&subject, reason, &mut step);
            self.subjects.remove(&subject);
        }
    }

    /// Step 3: two with the same labels are an error of the rule, and nothing changes. Two that differ in nothing but
    /// the severity are one incident: the graver counts.
    fn unique(
        &self,
        subject: &Arc<str>,
        candidates: Vec<Candidate>,
    ) -> Result<BTreeMap<Incident, Candidate>, Arc<str>> {
        let mut unique: BTreeMap<Incident, Candidate> = BTreeMap::new();
        for candidate in candidates {
            let incident = Incident::of(&self.uid, &candidate.labels);
            if let Some(other) = self.episode(incident).filter(|other| other.subject != *subject) {
                let labels = &candidate.labels;
                return Err(format!("{} and {subject} give alerts with the same labels {labels}", other.subject).into());
            }
            match unique.get(&incident) {
                Some(other) if other.labels == candidate.labels => {
                    let labels = &candidate.labels;
                    return Err(format!("the result has two alerts with the same labels {labels}").into());
                }
                Some(other) if other.severity() >= candidate.severity() => {}
                _ => {
                    unique.insert(incident, candidate);
                }
            }
        }
        Ok(unique)
    }

    /// Steps 4 to 8: takes what the condition holds for now; what else there was of the subject ceases. How many are
    /// over the limit.
    fn met(
        &mut self,
        subject: &Arc<str>,
        candidates: impl IntoIterator<Item = (Incident, Candidate)>,
        reason: Option<Reason>,
        step: &mut Step<'_>,
    ) -> usize {
        let mut missing = self.subjects.get(subject).map(|subject| subject.members.clone()).unwrap_or_default();
        let mut new = Vec::new();
        for (incident, candidate) in candidates {
            missing.remove(&incident);
            match self.episode(incident) {
                Some(episode) => self.go_on(episode, candidate, step),
                None => new.push((incident, candidate)),
            }
        }
        for incident in missing {
            if let Some(episode) = self.episode(incident) {
                self.cease(episode, reason, step);
            }
        }
        // What is known stays, and the rest is let in up to the limit: a rule that went wrong hides nothing that it
        // had found before.
        let room = step.policy.limit.saturating_sub(self.episodes.len());
        let over = new.len().saturating_sub(room);
        for (incident, candidate) in new.into_iter().take(room) {
            self.begin(subject, incident, candidate, None, step);
        }
        over
    }

    /// Stands a policy of Fire in for what cannot be seen: what there is goes on as if its condition held; where there
    /// is nothing, `stand_in` is it.
    fn fire_blind(
        &mut self,
        subject: &Arc<str>,
        stand_in: Option<Box<Candidate>>,
        reason: Reason,
        step: &mut Step<'_>,
    ) {
        let members = self.subjects.get(subject).map(|subject| subject.members.clone()).unwrap_or_default();
        for incident in &members {
            let Some(mut episode) = self.episode(*incident) else { continue };
            relapse(&mut episode, step);
            ripen(&mut episode, Some(reason), step);
            self.put(episode, step.policy);
        }
        if let (true, Some(candidate)) = (members.is_empty(), stand_in) {
            let incident = Incident::of(&self.uid, &candidate.labels);
            if !self.episodes.contains_key(&incident) && self.episodes.len() < step.policy.limit {
                self.begin(subject, incident, *candidate, Some(reason), step);
            }
        }
    }

    /// Step 4, the new ones: pending, and firing at once without `for`.
    fn begin(
        &mut self,
        subject: &Arc<str>,
        incident: Incident,
        candidate: Candidate,
        reason: Option<Reason>,
        step: &mut Step<'_>,
    ) {
        let mut episode = Arc::new(Episode {
            incident,
            rule: self.key.clone(),
            generation: step.policy.generation,
            subject: subject.clone(),
            phase: Phase::Pending,
            name: candidate.labels.value("alertname").into(),
            severity: candidate.severity(),
            fingerprint: candidate.labels.fingerprint(),
            labels: candidate.labels,
            message: candidate.message,
            annotations: candidate.annotations,
            value: candidate.value,
            reason,
            object: candidate.object,
            dependency: candidate.dependency,
            active: step.now,
            fired: None,
            keeping: None,
            resolved: None,
        });
        if step.policy.hold > 0 {
            step.tell(Turn::Pending, &episode);
        }
        ripen(&mut episode, reason, step);
        self.subjects.entry(subject.clone()).or_default().members.insert(incident);
        self.put(episode, step.policy);
    }

    /// Step 4, those that are known: the newest labels and texts; what it is active since stays.
    fn go_on(&mut self, mut episode: Arc<Episode>, candidate: Candidate, step: &mut Step<'_>) {
        // Step 7: `for` was raised by an edit. Whoever was told is told of an end, and it is pending again.
        if episode.phase == Phase::Firing && step.now.since(episode.active.at) < step.policy.hold {
            let mut ended = episode.clone();
            resolve(&mut ended, Some(Reason::RuleChanged), step);
            let pending = Arc::make_mut(&mut episode);
            (pending.phase, pending.fired, pending.keeping) = (Phase::Pending, None, None);
            step.tell(Turn::Pending, &episode);
        }
        relapse(&mut episode, step);
        let severity = candidate.severity();
        let other = episode.labels != candidate.labels;
        let blind = matches!(episode.reason, Some(Reason::NoData | Reason::Error));
        let updated = other
            || blind
            || (episode.value, &episode.message) != (candidate.value, &candidate.message)
            || (&episode.annotations, &episode.dependency) != (&candidate.annotations, &candidate.dependency)
            || episode.object != candidate.object;
        if updated || episode.generation != step.policy.generation {
            let known = Arc::make_mut(&mut episode);
            known.generation = step.policy.generation;
            known.fingerprint = if other { candidate.labels.fingerprint() } else { known.fingerprint };
            (known.labels, known.severity, known.message) = (candidate.labels, severity, candidate.message);
            (known.annotations, known.value, known.reason) = (candidate.annotations, candidate.value, None);
            (known.object, known.dependency) = (candidate.object, candidate.dependency);
        }
        if updated && episode.phase == Phase::Firing {
            step.tell(if other { Turn::Changed } else { Turn::Updated }, &episode);
        }
        ripen(&mut episode, None, step);
        self.put(episode, step.policy);
    }

    /// Step 5: the condition holds no more.
    fn cease(&mut self, mut episode: Arc<Episode>, reason: Option<Reason>, step: &mut Step<'_>) {
        if episode.phase == Phase::Pending {
            self.remove(&episode);
            step.tell(Turn::Dropped, &episode);
            return;
        }
        // An alert of the rule before its edit is not kept firing: what it was made by is no more.
        let edited = episode.generation != step.policy.generation;
        let since = episode.keeping.unwrap_or(step.now);
        if !edited && step.now.since(since.at) < step.policy.keep {
            if episode.keeping.is_none() {
                Arc::make_mut(&mut episode).keeping = Some(since);
                step.tell(Turn::Recovering, &episode);
            }
            self.put(episode, step.policy);
            return;
        }
        self.remove(&episode);
        resolve(&mut episode, reason.or(edited.then_some(Reason::RuleChanged)), step);
    }

    /// Ends everything of a subject that is there no more.
    fn end(&mut self, subject: &Arc<str>, reason: Reason, step: &mut Step<'_>) {
        let members = self.subjects.get(subject).map(|subject| subject.members.clone()).unwrap_or_default();
        for incident in members {
            let Some(mut episode) = self.episode(incident) else { continue };
            self.remove(&episode);
            if episode.phase == Phase::Pending {
                step.tell(Turn::Dropped, &episode);
            } else {
                resolve(&mut episode, Some(reason), step);
            }
        }
    }

    fn see(&mut self, subject: &Arc<str>, blind: Option<Blind>, over: usize) {
        if let Some(known) = self.subjects.get_mut(subject) {
            (known.blind, known.over) = (blind, over);
            if known.members.is_empty() && known.blind.is_none() && over == 0 {
                self.subjects.remove(subject);
            }
        } else if blind.is_some() || over > 0 {
            self.subjects.insert(subject.clone(), Subject { blind, over, members: BTreeSet::new() });
        }
    }

    fn episode(&self, incident: Incident) -> Option<Arc<Episode>> {
        self.episodes.get(&incident).map(|open| open.episode.clone())
    }

    fn put(&mut self, episode: Arc<Episode>, policy: &Policy) {
        let (incident, due) = (episode.incident, deadline(&episode, policy));
        let is_same = self.episodes.get(&incident).is_some_and(|open| Arc::ptr_eq(&open.episode, &episode));
        if !is_same {
            self.changed.insert(incident);
        }
        let before = self.episodes.insert(incident, Open { episode, due }).and_then(|open| open.due);
        if before != due {
            before.map(|at| self.due.remove(&(at, incident)));
        }
        // Also where it is the same: a tick takes it out and may find that the subject cannot be seen.
        self.due.extend(due.map(|at| (at, incident)));
    }

    fn remove(&mut self, episode: &Episode) {
        self.changed.insert(episode.incident);
        if let Some(Open { due: Some(at), .. }) = self.episodes.remove(&episode.incident) {
            self.due.remove(&(at, episode.incident));
        }
        if let Some(subject) = self.subjects.get_mut(&episode.subject) {
            subject.members.remove(&episode.incident);
        }
    }
}

/// When time alone changes it.
fn deadline(episode: &Episode, policy: &Policy) -> Option<i64> {
    match (episode.phase, episode.keeping) {
        (Phase::Pending, _) => Some(episode.active.at.saturating_add(policy.hold)),
        (Phase::Firing, Some(since)) => Some(since.at.saturating_add(policy.keep)),
        _ => None,
    }
}

/// Step 5, undone: the condition holds again.
fn relapse(episode: &mut Arc<Episode>, step: &mut Step<'_>) {
    if episode.keeping.is_some() {
        Arc::make_mut(episode).keeping = None;
        step.tell(Turn::Relapsed, episode);
    }
}

/// Step 6: pending for long enough.
fn ripen(episode: &mut Arc<Episode>, reason: Option<Reason>, step: &mut Step<'_>) {
    if episode.phase == Phase::Pending && step.now.since(episode.active.at) >= step.policy.hold {
        let firing = Arc::make_mut(episode);
        (firing.phase, firing.fired) = (Phase::Firing, Some(step.now));
        firing.reason = reason.or(firing.reason);
        step.tell(Turn::Firing, episode);
    }
}

fn resolve(episode: &mut Arc<Episode>, reason: Option<Reason>, step: &mut Step<'_>) {
    let ended = Arc::make_mut(episode);
    (ended.phase, ended.resolved, ended.keeping, ended.reason) = (Phase::Resolved, Some(step.now), None, reason);
    step.tell(Turn::Resolved, episode);
}
