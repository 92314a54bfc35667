//! One rule of the book.

use std::{sync::Arc, time::Duration};

use super::{Looked, Step};
use crate::{
    alert::{
        Episode, Moment, Reason, Transition, millis,
        rule::{ALERTS_MAX, Evaluation, Policy, RuleState},
    },
    clock::Now,
    model::{AlertRule, Condition, ObjectKey, OnError, OnNoData, TargetKey},
    schedule::Spread,
};

/// The subject of a rule that is about no single object.
pub(super) const WHOLE: &str = "";

pub(super) struct Rule {
    pub(super) uid: Arc<str>,
    pub(super) model: Arc<AlertRule>,
    pub(super) state: RuleState,
    /// Where it stands among those that are due.
    pub(super) due: Option<i64>,
    /// The question that its source has not answered yet.
    pub(super) asked: Option<u64>,
    /// When the evaluation that goes on was due.
    pub(super) since: Option<i64>,
    /// What happened in the step that goes on.
    pub(super) turned: Vec<Transition>,
    pub(super) sight_changed: bool,
    /// How the evaluation in the step that goes on went.
    pub(super) looked: Option<Looked>,
}

impl Rule {
    pub(super) fn new(uid: Arc<str>, model: Arc<AlertRule>, open: Vec<Arc<Episode>>) -> Self {
        // What a file says has no UID: its name is what tells it.
        let told: Arc<str> = if uid.is_empty() { model.key.to_string().into() } else { uid.clone() };
        let state = RuleState::restore(model.key.clone(), told, &Policy::from(&*model), open);
        Self {
            uid,
            model,
            state,
            due: None,
            asked: None,
            since: None,
            turned: Vec::new(),
            sight_changed: false,
            looked: None,
        }
    }

    /// Takes another spec. Alerts go on where they are; an answer to the old one is not taken.
    pub(super) fn change(&mut self, model: Arc<AlertRule>) {
        self.model = model;
        (self.asked, self.since) = (None, None);
    }

    pub(super) fn policy(&self) -> Policy {
        Policy::from(&*self.model)
    }

    /// Ends the alerts that another condition than this one has made: nothing looks at what they are about any more.
    pub(super) fn end_those_of_another_condition(&mut self, step: &Step<'_>) {
        if matches!(self.model.condition, Condition::Promql { .. }) {
            let policy = self.policy();
            self.state.end_all_but(WHOLE, Reason::RuleChanged, &policy, step.now, &mut self.turned);
        }
    }

    /// Whether an alert of it is told, or is not, because of another check.
    pub(super) fn blames(&self) -> bool {
        self.state.episodes().any(|episode| episode.dependency.is_some())
    }

    pub(super) fn acts_on_change(&self) -> bool {
        matches!(self.model.condition, Condition::HealthCheck { .. })
    }

    pub(super) fn see(&mut self, subject: &Arc<str>, evaluation: Evaluation, step: &Step<'_>) {
        let policy = self.policy();
        self.looked = self.looked.max(Some(Looked::from(&evaluation)));
        self.sight_changed |= self.state.step(subject, evaluation, &policy, step.now, &mut self.turned);
    }

    /// The first time that it is due after `now`, on the timeline.
    pub(super) fn first_due(&self, key: &ObjectKey, spread: Spread, now: Moment) -> i64 {
        let from = Now { mono: Duration::ZERO, wall: now.wall };
        now.at + millis(spread.first_due(&TargetKey::fixed(key.clone()), self.model.interval, from))
    }
}

/// By which alerts of a rule that is gone are ended.
pub(super) fn policy_of(episode: &Episode) -> Policy {
    Policy {
        hold: 0,
        keep: 0,
        on_no_data: OnNoData::Keep,
        on_error: OnError::Keep,
        generation: episode.generation,
        limit: ALERTS_MAX,
    }
}
