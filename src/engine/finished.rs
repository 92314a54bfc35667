//! A run ended: whose it was, what it says, and whether its dependencies are to blame.

use std::{sync::Arc, time::Duration};

use crate::{
    clock::{Now, WallMs},
    health::Reason,
    history::{Class, Run},
    model::ObjectKey,
    probe::{Outcome, Verdict},
};

use super::{
    Effect, LastRun,
    core::Core,
    slot::{Hold, Progress},
};

/// A dependency is run out of turn at most this often, however many ask: a thousand checks that fail at once
/// are told of one run, and a dependency that is down is not hammered.
const ASKED_EVERY: Duration = Duration::from_secs(1);

impl Core {
    pub(super) fn finished(&mut self, number: u32, run: u64, outcome: Outcome, now: Now, effects: &mut Vec<Effect>) {
        let Some(slot) = self.slots.get_mut(number) else { return };
        if slot.progress != Progress::Running(run) {
            // Of an object that is gone or has another spec by now.
            return;
        }
        slot.progress = Progress::Idle;
        let key = slot.check.key.clone();
        // Before its own dependencies are asked: for those that wait on this one, one failed run is enough.
        self.answer(&key, &outcome, now, effects);
        // A result that was held until now stands: there is a newer one.
        self.stand(number, now, effects);
        if outcome.verdict == Verdict::Failed && self.hold(number, &outcome, now) {
            return;
        }
        self.apply(number, outcome, None, now.wall, now, effects);
    }

    /// Takes a result as it stands, and the check that it is put down to: the state, the views, the history.
    fn apply(
        &mut self,
        number: u32,
        outcome: Outcome,
        blamed: Option<Arc<str>>,
        at: WallMs,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let Some(slot) = self.slots.get_mut(number) else { return };
        slot.blamed = blamed;
        let before = slot.target.state;
        let mut spans = Vec::new();
        slot.target.observe(&outcome, slot.policy(), now, &mut spans);
        let class = match outcome.verdict {
            Verdict::Good => Class::Good,
            Verdict::Degraded => Class::Degraded,
            Verdict::Failed => Class::Failed,
            Verdict::Unobserved => Class::Excluded,
        };
        let run = Run { class, reason: outcome.reason, latency: outcome.latency };
        slot.record_run(run, at, &mut spans, effects);
        let ran = (outcome.verdict, outcome.reason);
        slot.last = Some(Arc::new(LastRun { at, outcome }));
        slot.publish(before, Some(ran), now, effects);
        let key = slot.check.key.clone();
        self.publish_check(&key, now, effects);
    }

    /// Holds a failed result back and asks what it depends on. False when there is nobody to ask.
    fn hold(&mut self, number: u32, outcome: &Outcome, now: Now) -> bool {
        let Some(depends_on) = self.slots.get(number).map(|slot| slot.check.depends_on.clone()) else { return false };
        let mut longest = Duration::ZERO;
        let mut asked = Vec::new();
        for key in depends_on.iter() {
            let targets = self.checks.get(key).map(|check| check.slots.clone()).unwrap_or_default();
            for target in targets {
                if let Some(bound) = self.ask(target, now) {
                    longest = longest.max(bound);
                    // Once for each target: all of them have to be well.
                    asked.push(key.clone());
                }
            }
        }
        if asked.is_empty() {
            return false;
        }
        let until = now.mono + longest;
        if let Some(slot) = self.slots.get_mut(number) {
            let hold = Box::new(Hold { outcome: outcome.clone(), at: now.wall, until, asked });
            self.holds.add(&hold, number);
            slot.hold = Some(hold);
        }
        true
    }

    /// Has a target of a dependency run at once, or joins the run that is under way. How long its answer may take;
    /// None when it will not give one.
    fn ask(&mut self, number: u32, now: Now) -> Option<Duration> {
        let slot = self.slots.get_mut(number)?;
        slot.due?;
        let mut wait = Duration::ZERO;
        if slot.progress == Progress::Idle && slot.extra.is_none() {
            let at = slot.last_start.map_or(now.mono, |last| now.mono.max(last + ASKED_EVERY));
            wait = at - now.mono;
            slot.extra = Some(at);
            let ticket = slot.ticket;
            self.queue.push(at, number, ticket);
        }
        self.slots.get(number).map(|slot| wait + slot.check.timeout)
    }

    /// Tells everyone who waits on `key` how its run ended.
    fn answer(&mut self, key: &ObjectKey, outcome: &Outcome, now: Now, effects: &mut Vec<Effect>) {
        for number in self.holds.waiting_for(key) {
            let Some(hold) = self.slots.get_mut(number).and_then(|slot| slot.hold.as_mut()) else { continue };
            let Some(index) = hold.asked.iter().position(|asked| asked == key) else { continue };
            if outcome.verdict == Verdict::Failed {
                let message = format!("{} fails: {}", key.name, outcome.message);
                self.release(number, Some((key.name.clone(), message)), now, effects);
                continue;
            }
            hold.asked.swap_remove(index);
            let (still, done) = (hold.asked.contains(key), hold.asked.is_empty());
            if !still {
                self.holds.answered(key, number);
            }
            if done {
                self.stand(number, now, effects);
            }
        }
    }

    /// What was held stands as it is: what it depends on is well, or gives no verdict.
    pub(super) fn stand(&mut self, number: u32, now: Now, effects: &mut Vec<Effect>) {
        self.release(number, None, now, effects);
    }

    fn release(&mut self, number: u32, blamed: Option<(Arc<str>, String)>, now: Now, effects: &mut Vec<Effect>) {
        let Some(hold) = self.slots.get_mut(number).and_then(|slot| slot.hold.take()) else { return };
        self.holds.remove(&hold, number);
        match blamed {
            Some((name, message)) => {
                let outcome = hold.outcome.because(Reason::DependencyUnhealthy, &message);
                self.apply(number, outcome, Some(name), hold.at, now, effects);
            }
            None => self.apply(number, hold.outcome, None, hold.at, now, effects),
        }
    }

    /// Nobody waits for a dependency longer than its run may take.
    pub(super) fn expire_holds(&mut self, now: Now, effects: &mut Vec<Effect>) {
        while let Some(number) = self.holds.pop(now.mono) {
            self.stand(number, now, effects);
        }
    }
}
