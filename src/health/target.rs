//! One target's state, from run to run.

use std::{sync::Arc, time::Duration};

use crate::{
    clock::{Now, WallMs},
    history::Class,
    probe::{Outcome, Verdict},
};

use super::{
    Reason, Span, State,
    flapping::Flapping,
    seen::{After, Seen},
};

/// What of a check's spec its states depend on.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    pub interval: Duration,
    pub failure_threshold: u32,
    pub success_threshold: u32,
}

impl Policy {
    /// A target without a result for this long is Stale.
    fn stale_after(self) -> Duration {
        self.interval * 3
    }

    /// A result speaks for the time until the next one, at most this.
    fn speaks(self) -> Duration {
        self.interval * 2
    }
}

/// Time is accounted for at least this often, also between the runs of a slow interval.
const ACCOUNT_EVERY: Duration = Duration::from_secs(60);

/// The state of one target and what led to it.
#[derive(Debug, Clone)]
pub struct Target {
    pub state: State,
    pub reason: Reason,
    pub message: Arc<str>,
    /// When `state` last changed.
    pub since: WallMs,
    failures: u32,
    successes: u32,
    flapping: Flapping,
    seen: Seen,
    last_result: Option<Duration>,
}

impl Target {
    /// Unknown until a threshold is reached; never Healthy by default.
    pub fn new(now: Now) -> Self {
        Self {
            state: State::Unknown,
            reason: Reason::Pending,
            message: "no run has ended yet".into(),
            since: now.wall,
            failures: 0,
            successes: 0,
            flapping: Flapping::default(),
            seen: Seen::default(),
            last_result: None,
        }
    }

    /// Takes a run's result: the next state, and the spans of time that are known now.
    pub fn observe(&mut self, outcome: &Outcome, policy: Policy, now: Now, spans: &mut Vec<Span>) {
        self.seen.advance(now, spans);
        self.last_result = Some(now.mono);
        match outcome.verdict {
            Verdict::Unobserved => {
                self.seen.release(None, spans);
                self.go(State::Unknown, outcome.reason, outcome.message.clone(), now);
            }
            Verdict::Good | Verdict::Degraded => self.pass(outcome, policy, now, spans),
            Verdict::Failed => self.fail(outcome, policy, now, spans),
        }
        self.seen.go_on(now, self.after(outcome.verdict), policy.speaks());
    }

    fn pass(&mut self, outcome: &Outcome, policy: Policy, now: Now, spans: &mut Vec<Span>) {
        self.failures = 0;
        self.successes = self.successes.saturating_add(1);
        self.flapping.note(true);
        self.seen.release(self.seen.recovered(), spans);
        let well = matches!(self.state, State::Healthy | State::Degraded);
        if !well && self.successes < policy.success_threshold {
            if self.state == State::Unknown {
                let text = format!("passed {} of {} times", self.successes, policy.success_threshold);
                self.go(State::Unknown, Reason::Pending, text.into(), now);
            }
            return;
        }
        if outcome.verdict == Verdict::Degraded {
            self.go(State::Degraded, outcome.reason, outcome.message.clone(), now);
        } else if self.flapping.is_flapping() {
            self.go(State::Degraded, Reason::Flapping, "changed over 5 times in 20 runs".into(), now);
        } else {
            self.go(State::Healthy, outcome.reason, outcome.message.clone(), now);
        }
    }

    fn fail(&mut self, outcome: &Outcome, policy: Policy, now: Now, spans: &mut Vec<Span>) {
        self.successes = 0;
        self.failures = self.failures.saturating_add(1);
        self.flapping.note(false);
        if self.failures >= policy.failure_threshold {
            self.seen.release(Some(Class::Failed), spans);
            self.go(State::Unhealthy, outcome.reason, outcome.message.clone(), now);
        } else if self.state == State::Unknown {
            let text = format!("failed {} of {} times: {}", self.failures, policy.failure_threshold, outcome.message);
            self.go(State::Unknown, Reason::Pending, text.into(), now);
        }
    }

    /// What the time from now on counts as, until the next result.
    fn after(&self, verdict: Verdict) -> After {
        let failing = verdict == Verdict::Failed;
        match self.state {
            State::Unhealthy => After::Counts(Class::Failed),
            State::Healthy if failing => After::Held { recovered: Class::Good },
            State::Degraded if failing => After::Held { recovered: Class::Degraded },
            State::Unknown if failing => After::Held { recovered: Class::Excluded },
            State::Healthy => After::Counts(Class::Good),
            State::Degraded => After::Counts(Class::Degraded),
            State::Unknown | State::Suspended => After::Unobserved,
        }
    }

    /// Called about once a second: marks what has gone stale, and accounts for time between far-apart runs.
    /// Whether the state changed.
    pub fn tick(&mut self, policy: Policy, now: Now, spans: &mut Vec<Span>) -> bool {
        if self.seen.accounted().is_some_and(|until| now.mono.saturating_sub(until) >= ACCOUNT_EVERY) {
            self.seen.advance(now, spans);
        }
        let Some(last) = self.last_result else { return false };
        if now.mono.saturating_sub(last) <= policy.stale_after() || self.reason == Reason::Stale {
            return false;
        }
        self.seen.advance(now, spans);
        self.seen.release(None, spans);
        self.go(State::Unknown, Reason::Stale, "no result for 3 intervals".into(), now);
        true
    }

    /// Accounts for the time up to now, before the target ends, is suspended or starts over.
    pub fn finish(&mut self, now: Now, spans: &mut Vec<Span>) {
        self.seen.advance(now, spans);
        self.seen.release(None, spans);
    }

    /// Starts over, as for a new spec: what was seen under the old one says nothing of the new one.
    pub fn restart(&mut self, state: State, reason: Reason, message: Arc<str>, now: Now, spans: &mut Vec<Span>) {
        self.finish(now, spans);
        let fresh = Self::new(now);
        *self = Self { state: self.state, since: self.since, ..fresh };
        self.go(state, reason, message, now);
    }

    fn go(&mut self, state: State, reason: Reason, message: Arc<str>, now: Now) {
        if self.state != state {
            self.since = now.wall;
        }
        self.state = state;
        self.reason = reason;
        if self.message != message {
            self.message = message;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Details;

    const POLICY: Policy = Policy { interval: Duration::from_secs(10), failure_threshold: 3, success_threshold: 2 };

    fn at(seconds: u64) -> Now {
        Now { mono: Duration::from_secs(seconds), wall: seconds as i64 * 1000 }
    }

    fn outcome(letter: char) -> Outcome {
        match letter {
            'g' => Outcome::good("200 OK", Details::None),
            'd' => Outcome::new(Verdict::Degraded, Reason::Slow, "slow", Details::None),
            'f' => Outcome::failed(Reason::ConnectionRefused, "refused"),
            'b' => Outcome::failed(Reason::Blocked, "blocked"),
            other => panic!("no outcome {other}"),
        }
    }

    /// Runs ten seconds apart; the state after each, as its first letter ('U'nhealthy, '?' for Unknown).
    fn states(runs: &str, policy: Policy) -> (String, Target, Vec<Span>) {
        let (mut target, mut spans, mut states) = (Target::new(at(0)), Vec::new(), String::new());
        for (index, letter) in runs.chars().enumerate() {
            target.observe(&outcome(letter), policy, at(index as u64 * 10), &mut spans);
            states.push(match target.state {
                State::Healthy => 'H',
                State::Degraded => 'D',
                State::Unhealthy => 'U',
                State::Unknown => '?',
                State::Suspended => 'S',
            });
        }
        (states, target, spans)
    }

    #[test]
    fn thresholds() {
        for (runs, expected) in [
            ("gg", "?H"),
            ("fff", "??U"),
            ("fffgg", "??UUH"),
            ("fffgfg", "??UUUU"),
            ("ggffg", "?HHHH"),
            ("ggfff", "?HHHU"),
            ("gd", "?D"),
            ("ggdg", "?HDH"),
            ("ggbg", "?H?H"),
            ("ggffbf", "?HHH?U"),
            ("gfgfgf", "??????"),
        ] {
            assert_eq!(states(runs, POLICY).0, expected, "runs {runs}");
        }
    }

    #[test]
    fn a_flapping_target_is_degraded_and_an_unhealthy_one_stays_unhealthy() {
        let (_, target, _) = states("gfgfgfgg", Policy { success_threshold: 1, ..POLICY });
        assert_eq!((target.state, target.reason), (State::Degraded, Reason::Flapping));
        let (_, target, _) = states("gfgfgfgfff", Policy { success_threshold: 1, ..POLICY });
        assert_eq!((target.state, target.reason), (State::Unhealthy, Reason::ConnectionRefused));
    }

    fn total(spans: &[Span], class: Class) -> u64 {
        spans.iter().filter(|span| span.class == class).map(|span| span.length.as_secs()).sum()
    }

    #[test]
    fn a_streak_that_makes_it_unhealthy_counts_from_its_first_failed_run() {
        // good 10..20 after the state is Healthy, the streak from 20 on is bad.
        let (_, _, spans) = states("ggffff", POLICY);
        assert_eq!((total(&spans, Class::Good), total(&spans, Class::Failed)), (10, 30));
    }

    #[test]
    fn a_streak_that_ends_below_the_threshold_was_good() {
        let (_, _, spans) = states("ggffg", POLICY);
        assert_eq!((total(&spans, Class::Good), total(&spans, Class::Failed)), (30, 0));
    }

    #[test]
    fn time_under_our_own_trouble_and_before_any_verdict_is_unobserved() {
        let (_, _, spans) = states("bbgg", POLICY);
        assert_eq!(spans, []);
        let (_, _, spans) = states("fgg", POLICY);
        assert_eq!(spans, []);
    }

    #[test]
    fn without_a_result_for_three_intervals_it_is_stale_and_then_well_again() {
        let (_, mut target, mut spans) = states("ggg", POLICY);
        assert!(!target.tick(POLICY, at(50), &mut spans));
        assert!(target.tick(POLICY, at(51), &mut spans));
        assert_eq!((target.state, target.reason), (State::Unknown, Reason::Stale));
        assert!(!target.tick(POLICY, at(52), &mut spans));
        // It spoke for two intervals: 10..20 and 20..40.
        assert_eq!(total(&spans, Class::Good), 30);
        target.observe(&outcome('g'), POLICY, at(60), &mut spans);
        target.observe(&outcome('g'), POLICY, at(70), &mut spans);
        assert_eq!(target.state, State::Healthy);
    }

    #[test]
    fn time_between_far_apart_runs_is_accounted_for_every_minute() {
        let policy = Policy { interval: Duration::from_secs(3600), success_threshold: 1, ..POLICY };
        let (_, mut target, mut spans) = states("g", policy);
        for second in 1..=300 {
            target.tick(policy, at(second), &mut spans);
        }
        assert_eq!((spans.len(), total(&spans, Class::Good)), (5, 300));
    }

    proptest::proptest! {
        #[test]
        fn never_healthy_without_a_pass_and_time_is_never_counted_twice(runs in "[gdfb]{0,60}", steps in proptest::collection::vec(1u64..90, 60)) {
            let (mut target, mut spans, mut now) = (Target::new(at(0)), Vec::new(), 0);
            for (letter, step) in runs.chars().zip(steps) {
                now += step;
                target.tick(POLICY, at(now), &mut spans);
                target.observe(&outcome(letter), POLICY, at(now), &mut spans);
                if !runs.contains(['g', 'd']) {
                    proptest::prop_assert!(!matches!(target.state, State::Healthy | State::Degraded));
                }
            }
            target.finish(at(now), &mut spans);
            let sum: u64 = spans.iter().map(|span| span.length.as_secs()).sum();
            proptest::prop_assert!(sum <= now);
            spans.sort_by_key(|span| span.end);
            for pair in spans.windows(2) {
                proptest::prop_assert!(pair[1].end - pair[1].length.as_millis() as i64 >= pair[0].end);
            }
        }
    }
}
