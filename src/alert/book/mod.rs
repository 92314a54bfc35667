//! The book of rules: which check concerns which rule, when each rule is due, and what is seen means for its alerts.
//!
//! ```text
//!   a rule came, changed, went ─┐
//!   a check's state changed     ├─► Book::step ─► transitions ─► the desk
//!   a source answered           │        └──────► ask a source
//!   time passed                 ┘
//! ```
//! Owns the state of every rule. A rule over checks acts on change, one over figures or a source on its interval, at its
//! own phase. What checks are now is read from a [`World`]; the events say only that it is another. Pure, as all of
//! `alert`: who asks sources, and renders templates, is the engine.

mod event;
mod look;
mod rule;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Episode, Moment, Reason, Transition,
    rule::{Evaluation, Render, RuleState},
};
use crate::{
    health::State,
    model::{AlertRule, Condition, ObjectKey},
    schedule::Spread,
};

pub use event::{Effect, Event, Looked, Order, Seen, Skipped, Target, World};
use rule::Rule;

/// All rules.
#[derive(Default)]
pub struct Book {
    rules: BTreeMap<ObjectKey, Rule>,
    /// Rules that name a check, and those of a namespace that select.
    by_name: BTreeMap<ObjectKey, BTreeSet<ObjectKey>>,
    by_selector: BTreeMap<Arc<str>, BTreeSet<ObjectKey>>,
    /// When rules are due, on the timeline.
    due: BTreeSet<(i64, ObjectKey)>,
    /// When alerts fire or end by time alone.
    ticks: BTreeSet<(i64, ObjectKey)>,
    /// Alerts of an earlier process whose rule has not been told yet.
    restored: BTreeMap<ObjectKey, Vec<Arc<Episode>>>,
    /// Rules over checks that are down because of another one: who watches that other one matters to them.
    blaming: BTreeSet<ObjectKey>,
    loaded: bool,
    asked: u64,
    spread: Spread,
}

/// What a step works with, beside the book.
struct Step<'a> {
    now: Moment,
    world: &'a dyn World,
    render: &'a mut Render<'a>,
    out: &'a mut Vec<Effect>,
}

impl Step<'_> {
    fn tell(&mut self, transitions: Vec<Transition>) {
        if !transitions.is_empty() {
            self.out.push(Effect::Transitions(transitions));
        }
    }

    /// What is to be shown of a rule that was looked at, or is another.
    fn show(&mut self, key: &ObjectKey, rule: &mut Rule) {
        let changed = rule.state.take_changed();
        if !changed.is_empty() {
            self.out.push(Effect::Alerts(key.clone(), changed));
        }
        if let Some(looked) = rule.looked.take() {
            self.out.push(Effect::Evaluated(key.clone(), looked, rule.since.take()));
        }
    }
}

impl Book {
    /// A book with the alerts that were open when the process before this one ended.
    pub fn restore(open: impl IntoIterator<Item = Arc<Episode>>) -> Self {
        let mut book = Self::default();
        for episode in open {
            book.restored.entry(episode.rule.clone()).or_default().push(episode);
        }
        book
    }

    /// All rules are looked at at the same times, from when they come: for tests of rules.
    #[must_use]
    pub fn in_step(self) -> Self {
        Self { spread: Spread::InStep, ..self }
    }

    /// Takes one event. What is due by `now` is done, whatever the event.
    pub fn step<'a>(
        &mut self,
        event: Event,
        now: Moment,
        world: &'a dyn World,
        render: &'a mut Render<'a>,
        out: &'a mut Vec<Effect>,
    ) {
        let mut step = Step { now, world, render, out };
        match event {
            Event::Rule { key, uid, rule: Some(rule) } => self.put(&key, &uid, rule, &mut step),
            Event::Rule { key, rule: None, .. } => self.remove(&key, Reason::RuleGone, &mut step),
            Event::Check { key, seen } => self.check(&key, seen.as_ref(), &mut step),
            Event::Missed => self.look_at_all_rules(&mut step),
            Event::Loaded => self.load(&mut step),
            Event::Answered { rule, number, evaluation } => self.answered(&rule, number, evaluation, &mut step),
            Event::Time => {}
        }
        self.run_due(&mut step);
        self.run_ticks(&mut step);
    }

    /// When [`Event::Time`] is due, on the timeline.
    pub fn next_due(&self) -> Option<i64> {
        let first = |set: &BTreeSet<(i64, ObjectKey)>| set.first().map(|(at, _)| *at);
        first(&self.due).into_iter().chain(first(&self.ticks)).min()
    }

    /// The rules with what is known of their alerts, by namespace and name.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = (&ObjectKey, &Arc<AlertRule>, &RuleState)> {
        self.rules.iter().map(|(key, rule)| (key, &rule.model, &rule.state))
    }

    pub fn rule(&self, key: &ObjectKey) -> Option<(&Arc<AlertRule>, &RuleState)> {
        self.rules.get(key).map(|rule| (&rule.model, &rule.state))
    }

    fn put(&mut self, key: &ObjectKey, uid: &Arc<str>, model: Arc<AlertRule>, step: &mut Step<'_>) {
        // Removed and made anew: its alerts are not those of the one before.
        if self.rules.get(key).is_some_and(|rule| rule.uid != *uid) {
            self.remove(key, Reason::RuleGone, step);
        }
        self.unlink(key);
        let mut rule = match self.rules.remove(key) {
            Some(mut rule) => {
                rule.change(model);
                rule
            }
            None => Rule::new(uid.clone(), model, self.restored.remove(key).unwrap_or_default()),
        };
        self.link(key, &rule.model);
        if rule.blames() {
            self.blaming.insert(key.clone());
        }
        step.out.push(Effect::Rule(key.clone()));
        step.show(key, &mut rule);
        self.rules.insert(key.clone(), rule);
        self.schedule(key, step.now);
        self.with(key, step, |rule, step| rule.end_those_of_another_condition(step));
        if self.loaded {
            self.look_at_all(key, step);
            self.look_at_blaming(&key.namespace, step);
        }
    }

    fn remove(&mut self, key: &ObjectKey, reason: Reason, step: &mut Step<'_>) {
        self.unlink(key);
        let Some(mut rule) = self.rules.remove(key) else { return };
        rule.due.map(|at| self.due.remove(&(at, key.clone())));
        self.untick(key, &rule);
        let mut out = Vec::new();
        let policy = rule.policy();
        rule.state.close(reason, &policy, step.now, &mut out);
        step.tell(out);
        step.out.push(Effect::Rule(key.clone()));
        self.blaming.remove(key);
        self.look_at_blaming(&key.namespace, step);
    }

    /// Everything that is configured has come: what is left of an earlier process has no rule.
    fn load(&mut self, step: &mut Step<'_>) {
        self.loaded = true;
        if self.spread == Spread::InStep {
            for key in self.rules.keys().cloned().collect::<Vec<_>>() {
                self.schedule(&key, step.now);
            }
        }
        for (key, open) in std::mem::take(&mut self.restored) {
            let Some(first) = open.first() else { continue };
            let policy = rule::policy_of(first);
            let mut state = RuleState::restore(key, "", &policy, open);
            let mut out = Vec::new();
            state.close(Reason::RuleGone, &policy, step.now, &mut out);
            step.tell(out);
        }
        self.look_at_all_rules(step);
    }

    fn look_at_all_rules(&mut self, step: &mut Step<'_>) {
        for key in self.rules.keys().cloned().collect::<Vec<_>>() {
            self.look_at_all(&key, step);
        }
    }

    fn link(&mut self, key: &ObjectKey, model: &AlertRule) {
        match model.named_check() {
            Some(Some(check)) => self.by_name.entry(check).or_default().insert(key.clone()),
            Some(None) => self.by_selector.entry(key.namespace.clone()).or_default().insert(key.clone()),
            None => false,
        };
    }

    fn unlink(&mut self, key: &ObjectKey) {
        let Some(rule) = self.rules.get(key) else { return };
        if let Some(Some(check)) = rule.model.named_check() {
            let empty = self.by_name.get_mut(&check).is_some_and(|rules| rules.remove(key) && rules.is_empty());
            if empty {
                self.by_name.remove(&check);
            }
        }
        if let Some(rules) = self.by_selector.get_mut(&key.namespace) {
            rules.remove(key);
        }
    }

    /// Rules that a check may concern.
    fn concerned(&self, check: &ObjectKey) -> Vec<ObjectKey> {
        let named = self.by_name.get(check).into_iter().flatten();
        let selecting = self.by_selector.get(&check.namespace).into_iter().flatten();
        named.chain(selecting).cloned().collect()
    }

    fn check(&mut self, check: &ObjectKey, seen: Option<&Seen>, step: &mut Step<'_>) {
        if !self.loaded {
            return;
        }
        let seen = self.blamed(seen.cloned(), step);
        let seen = seen.as_ref();
        for key in self.concerned(check) {
            let acts = self.rules.get(&key).is_some_and(|rule| rule.acts_on_change());
            if acts {
                self.with(&key, step, |rule, step| look::at_check(rule, check, seen, step));
            }
        }
    }

    /// Looks at everything that a rule is about, and was about, if it acts on change.
    fn look_at_all(&mut self, key: &ObjectKey, step: &mut Step<'_>) {
        let names = match self.rules.get(key) {
            Some(rule) if rule.acts_on_change() => look::names(rule, step),
            _ => return,
        };
        for name in names {
            let check = ObjectKey::new(key.namespace.clone(), name);
            let seen = self.blamed(step.world.check(&check), step);
            self.with(key, step, |rule, step| look::at_check(rule, &check, seen.as_ref(), step));
        }
    }

    /// Looks again at the alerts of a namespace that depend on who watches another check: a rule came, changed or went.
    fn look_at_blaming(&mut self, namespace: &Arc<str>, step: &mut Step<'_>) {
        if !self.loaded {
            return;
        }
        let of_it = |key: &&ObjectKey| key.namespace == *namespace;
        for key in self.blaming.iter().filter(of_it).cloned().collect::<Vec<_>>() {
            self.look_at_all(&key, step);
            if !self.rules.get(&key).is_some_and(Rule::blames) {
                self.blaming.remove(&key);
            }
        }
    }

    /// A check that is down because of another one is left to the rules over that one, where there are any: else nobody
    /// would be told at all.
    fn blamed(&self, seen: Option<Seen>, step: &Step<'_>) -> Option<Seen> {
        let mut seen = seen?;
        let blamed = seen.dependency.as_ref().map(|name| ObjectKey::new(seen.key.namespace.clone(), name.clone()));
        if blamed.is_some_and(|check| !self.is_watched(&check, step)) {
            seen.dependency = None;
        }
        Some(seen)
    }

    /// Whether a rule has an alert when this check is Unhealthy.
    fn is_watched(&self, check: &ObjectKey, step: &Step<'_>) -> bool {
        let Some(seen) = step.world.check(check) else { return false };
        let watches = |rule: &Rule| match &rule.model.condition {
            Condition::HealthCheck { checks, states } => {
                states.contains(&State::Unhealthy) && look::concerns(checks, &seen)
            }
            Condition::Probe { .. } | Condition::Promql { .. } => false,
        };
        self.concerned(check).iter().any(|key| self.rules.get(key).is_some_and(watches))
    }

    fn answered(&mut self, key: &ObjectKey, number: u64, evaluation: Evaluation, step: &mut Step<'_>) {
        self.with(key, step, |rule, step| {
            // Of a rule that has another spec by now, or of an earlier time.
            if rule.asked == Some(number) {
                rule.asked = None;
                rule.see(&Arc::from(rule::WHOLE), evaluation, step);
            }
        });
    }

    /// Has a rule looked at, and does what follows: its timers, and that others know.
    fn with(&mut self, key: &ObjectKey, step: &mut Step<'_>, look: impl FnOnce(&mut Rule, &mut Step<'_>)) {
        let Some(mut rule) = self.rules.remove(key) else { return };
        self.untick(key, &rule);
        look(&mut rule, step);
        let out = std::mem::take(&mut rule.turned);
        if std::mem::take(&mut rule.sight_changed) {
            step.out.push(Effect::Rule(key.clone()));
        }
        if out.iter().any(|transition| transition.episode.dependency.is_some()) {
            self.blaming.insert(key.clone());
        }
        step.show(key, &mut rule);
        step.tell(out);
        if let Some(at) = rule.state.next_due().filter(|_| rule.acts_on_change()) {
            self.ticks.insert((at, key.clone()));
        }
        self.rules.insert(key.clone(), rule);
    }

    fn untick(&mut self, key: &ObjectKey, rule: &Rule) {
        if let Some(at) = rule.state.next_due() {
            self.ticks.remove(&(at, key.clone()));
        }
    }

    fn schedule(&mut self, key: &ObjectKey, now: Moment) {
        let Some(rule) = self.rules.get_mut(key) else { return };
        if let Some(at) = rule.due.take() {
            self.due.remove(&(at, key.clone()));
        }
        if rule.acts_on_change() {
            return;
        }
        let at = rule.first_due(key, self.spread, now);
        rule.due = Some(at);
        self.due.insert((at, key.clone()));
    }

    fn run_due(&mut self, step: &mut Step<'_>) {
        while let Some((at, key)) = self.due.first().filter(|(at, _)| *at <= step.now.at).cloned() {
            self.due.pop_first();
            let Some(rule) = self.rules.get_mut(&key) else { continue };
            let interval = super::millis(rule.model.interval).max(1);
            // Counted, not looped over: a process that was frozen for a day has missed many.
            let missed = (step.now.at - at) / interval;
            if missed > 0 {
                step.out.push(Effect::Skipped(Skipped::Stall, missed));
            }
            let next = at + (missed + 1) * interval;
            rule.due = Some(next);
            self.due.insert((next, key.clone()));
            if !self.loaded {
                continue;
            }
            if matches!(rule.model.condition, Condition::Promql { .. }) {
                self.ask(&key, at, step);
            } else {
                rule.since = Some(at);
                self.with(&key, step, look::at_figures);
            }
        }
    }

    fn ask(&mut self, key: &ObjectKey, due: i64, step: &mut Step<'_>) {
        let Some(rule) = self.rules.get_mut(key) else { return };
        if rule.asked.is_some() {
            step.out.push(Effect::Skipped(Skipped::Overlap, 1));
            return;
        }
        self.asked += 1;
        (rule.asked, rule.since) = (Some(self.asked), Some(due));
        step.out.push(Effect::Ask(Order { rule: rule.model.clone(), number: self.asked, at: step.now }));
    }

    fn run_ticks(&mut self, step: &mut Step<'_>) {
        while let Some((_, key)) = self.ticks.first().filter(|(at, _)| *at <= step.now.at).cloned() {
            self.ticks.pop_first();
            self.with(&key, step, |rule, step| {
                let policy = rule.policy();
                rule.state.tick(&policy, step.now, &mut rule.turned);
            });
        }
    }
}
