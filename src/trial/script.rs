//! The results of a check over time, as a test writes them: `ok x10 fail(ConnectionRefused) x5 (ok fail) x3`.
//!
//! ```text
//! results = piece…       piece = result [ xN ] | ( results ) [ xN ]
//! result  = ok | ok(120ms) | slow(800ms) | degraded(REASON) | fail | fail(REASON, 5s, "what it said") | _
//! ```

use std::{sync::Arc, time::Duration};

use super::Fault;
use crate::health::Reason;

/// What one script may stand for: as many results as a test may have steps.
pub const RESULTS_MAX: u64 = 5_000_000;
/// Groups stand in groups no deeper than this.
const DEEP_MAX: usize = 8;

/// Results, one after the other. The last one goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    pieces: Vec<Piece>,
    length: u64,
}

#[derive(Debug, Clone, PartialEq)]
struct Piece {
    what: What,
    /// Of all its repetitions.
    length: u64,
}

#[derive(Debug, Clone, PartialEq)]
enum What {
    One(Option<Reading>),
    Many(Script),
}

/// What a run saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    pub how: How,
    /// How long the run took.
    pub latency: Duration,
    pub message: Option<Arc<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It passes; whether that is Slow, the check says.
    Passes,
    /// It passes, and the check has to call it Slow.
    Slow,
    Degraded(Reason),
    Fails(Reason),
}

impl Script {
    /// # Errors
    /// What is wrong with it, and what would be right.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let mut parser = Parser { rest: text };
        let script = parser.sequence(0)?;
        if !parser.rest.is_empty() {
            return Err(Fault::new("a ) closes nothing", "(ok fail) x3"));
        }
        Ok(script)
    }

    /// The result of a run, counted from 0; None where there is none. The last one goes on.
    pub fn at(&self, index: u64) -> Option<&Reading> {
        let mut script = self;
        let mut index = index.min(self.length.saturating_sub(1));
        loop {
            let piece = script.pieces.iter().find(|piece| {
                let within = index < piece.length;
                index -= if within { 0 } else { piece.length };
                within
            })?;
            match &piece.what {
                What::One(reading) => return reading.as_ref(),
                What::Many(inner) => {
                    index %= inner.length.max(1);
                    script = inner;
                }
            }
        }
    }

    /// The first run from `index` on that has a result; None when there is none any more.
    pub fn next_result(&self, index: u64) -> Option<u64> {
        (index..self.length.max(index + 1)).find(|at| self.at(*at).is_some())
    }

    /// Each different result in it.
    pub fn readings(&self) -> Vec<&Reading> {
        let mut all = Vec::new();
        for piece in &self.pieces {
            match &piece.what {
                What::One(reading) => all.extend(reading),
                What::Many(script) => all.extend(script.readings()),
            }
        }
        all
    }
}

struct Parser<'t> {
    rest: &'t str,
}

impl<'t> Parser<'t> {
    fn sequence(&mut self, deep: usize) -> Result<Script, Fault> {
        let mut script = Script { pieces: Vec::new(), length: 0 };
        loop {
            self.skip();
            if self.rest.is_empty() || self.rest.starts_with(')') {
                break;
            }
            let what = if self.take('(') {
                if deep >= DEEP_MAX {
                    return Err(Fault::new("groups stand too deep in each other", "(ok fail) x3"));
                }
                let inner = self.sequence(deep + 1)?;
                if !self.take(')') {
                    return Err(Fault::new("a ( is not closed", "(ok fail) x3"));
                }
                What::Many(inner)
            } else {
                What::One(self.result()?)
            };
            let once = match &what {
                What::One(_) => 1,
                What::Many(script) => script.length,
            };
            let length = self.count()?.unwrap_or(1).saturating_mul(once);
            script.length = script.length.saturating_add(length);
            if script.length > RESULTS_MAX {
                return Err(Fault::new(format!("more than {RESULTS_MAX} results"), "the last one goes on by itself"));
            }
            script.pieces.push(Piece { what, length });
        }
        if script.length == 0 {
            return Err(Fault::new("there is no result in it", FORMS));
        }
        Ok(script)
    }

    /// `x10`; None when there is none.
    fn count(&mut self) -> Result<Option<u64>, Fault> {
        self.skip();
        let Some(behind) = self.rest.strip_prefix('x') else { return Ok(None) };
        let digits = behind.find(|c: char| !c.is_ascii_digit()).unwrap_or(behind.len());
        let (number, rest) = behind.split_at(digits);
        if rest.starts_with(|c: char| c.is_alphanumeric()) {
            return Err(unknown(self.word().unwrap_or("x")));
        }
        let count = number.parse::<u64>().ok().filter(|count| (1..=RESULTS_MAX).contains(count));
        self.rest = rest;
        count
            .map(Some)
            .ok_or_else(|| Fault::new(format!("x{number} is no count"), format!("1 to {RESULTS_MAX}: ok x10")))
    }

    fn result(&mut self) -> Result<Option<Reading>, Fault> {
        let Some(word) = self.word() else {
            let first: String = self.rest.chars().take(1).collect();
            return Err(Fault::new(format!("{first:?} is no result"), FORMS));
        };
        let arguments = self.arguments()?;
        let mut reading = Reading { how: How::Passes, latency: Duration::ZERO, message: None };
        let mut reason = None;
        for argument in &arguments {
            match argument {
                Argument::Text(text) => reading.message = Some((*text).into()),
                Argument::Word(text) => match (crate::validate::duration(text), reason_of(text)) {
                    (Ok(latency), _) => reading.latency = latency,
                    (Err(_), Some(found)) => reason = Some(found),
                    (Err(_), None) => return Err(no_reason(text)),
                },
            }
        }
        let no = |what: &str| Err(Fault::new(format!("{word} takes {what}"), FORMS));
        reading.how = match (word, reason) {
            ("ok", None) => How::Passes,
            ("slow", None) if !reading.latency.is_zero() => How::Slow,
            ("slow", None) => return no("how long it took: slow(800ms)"),
            ("degraded", Some(reason @ (Reason::CertificateExpiring | Reason::DegradedCondition))) => {
                How::Degraded(reason)
            }
            ("degraded", _) => return no("CertificateExpiring or DegradedCondition"),
            ("fail", Some(reason)) if is_failure(reason) => How::Fails(reason),
            ("fail", Some(reason)) => {
                return Err(Fault::new(format!("no run fails with {reason}"), FORMS));
            }
            ("fail", None) => How::Fails(Reason::ConnectionRefused),
            ("ok" | "slow", Some(_)) => return no("no reason"),
            ("_", None) if arguments.is_empty() => return Ok(None),
            _ => return Err(unknown(word)),
        };
        Ok(Some(reading))
    }

    fn arguments(&mut self) -> Result<Vec<Argument<'t>>, Fault> {
        let mut all = Vec::new();
        if !self.rest.starts_with('(') {
            return Ok(all);
        }
        let open = || Fault::new("a ( is not closed", "fail(Timeout, 5s)");
        self.take('(');
        loop {
            self.skip();
            let quote = self.rest.chars().next().filter(|c| matches!(c, '"' | '\''));
            if let Some(quote) = quote {
                let behind = &self.rest[1..];
                let (text, rest) = behind.split_once(quote).ok_or_else(open)?;
                all.push(Argument::Text(text));
                self.rest = rest;
            } else {
                let end = self.rest.find([',', ')']).ok_or_else(open)?;
                let text = self.rest[..end].trim();
                if !text.is_empty() {
                    all.push(Argument::Word(text));
                }
                self.rest = &self.rest[end..];
            }
            self.skip();
            if self.take(')') {
                return Ok(all);
            }
            if !self.take(',') {
                return Err(open());
            }
        }
    }

    fn word(&mut self) -> Option<&'t str> {
        let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, mark: char) -> bool {
        let behind = self.rest.strip_prefix(mark);
        self.rest = behind.unwrap_or(self.rest);
        behind.is_some()
    }
}

enum Argument<'t> {
    Word(&'t str),
    Text(&'t str),
}

const FORMS: &str = "ok, ok(120ms), slow(800ms), degraded(CertificateExpiring), fail, fail(Timeout, 5s), _ for none; \
                     each with a count behind it, as in ok x10";

fn unknown(word: &str) -> Fault {
    let shown: String = word.chars().take(40).collect();
    Fault::new(format!("{shown:?} is no result"), FORMS)
}

fn reason_of(text: &str) -> Option<Reason> {
    Reason::ALL.iter().copied().find(|reason| reason.as_str() == text)
}

fn no_reason(text: &str) -> Fault {
    let shown: String = text.chars().take(40).collect();
    let names = Reason::ALL.iter().copied().filter(|reason| is_failure(*reason)).map(Reason::as_str);
    let hint = match crate::validate::nearest(text, names) {
        Some(near) => format!("did you mean {near}?"),
        None => "a reason such as ConnectionRefused, a duration such as 5s, or a text in quotes".to_owned(),
    };
    Fault::new(format!("{shown:?} is neither a reason nor a duration"), hint)
}

/// Whether a run can end with it and not have passed.
pub fn is_failure(reason: Reason) -> bool {
    use Reason::*;
    !matches!(
        reason,
        Ok | Slow
            | CertificateExpiring
            | DegradedCondition
            | Flapping
            | Stale
            | SourceStale
            | Pending
            | Suspended
            | InvalidSpec
            | NotSupported
            | DependencyUnhealthy
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(text: &str, count: u64) -> String {
        let script = Script::parse(text).unwrap();
        let letter = |reading: Option<&Reading>| match reading.map(|reading| reading.how) {
            None => '_',
            Some(How::Passes) => 'o',
            Some(How::Slow) => 's',
            Some(How::Degraded(_)) => 'd',
            Some(How::Fails(_)) => 'f',
        };
        (0..count).map(|at| letter(script.at(at))).collect()
    }

    #[test]
    fn results_come_in_order_and_the_last_goes_on() {
        for (text, expected) in [
            ("ok", "oooooooo"),
            ("ok x3 fail", "ooofffff"),
            ("ok x2 fail(ConnectionRefused) x2 slow(800ms) ok", "ooffsooo"),
            ("(ok fail) x2 _ ok", "ofof_ooo"),
            ("(ok (fail _)x2)x1 ok", "of_f_ooo"),
            ("degraded(DegradedCondition)\n  fail(Timeout, 5s, \"no, (answer)\")", "dfffffff"),
        ] {
            assert_eq!(letters(text, 8), expected, "{text}");
        }
        let script = Script::parse("ok(120ms) fail(Timeout,5s,'no answer')").unwrap();
        let millis = Duration::from_millis;
        assert_eq!(script.at(0).map(|reading| reading.latency), Some(millis(120)));
        let last = script.at(9).unwrap();
        assert_eq!(
            (last.how, last.latency, last.message.as_deref()),
            (How::Fails(Reason::Timeout), millis(5000), Some("no answer"))
        );
        assert_eq!(script.readings().len(), 2);
    }

    #[test]
    fn a_gap_ends_at_the_next_result_or_never() {
        let script = Script::parse("ok _ x3 ok _").unwrap();
        assert_eq!([0, 1, 3, 4].map(|at| script.next_result(at)), [Some(0), Some(4), Some(4), Some(4)]);
        assert_eq!([5, 50].map(|at| script.next_result(at)), [None, None]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, expected) in [
            ("", "there is no result in it"),
            ("okk", "\"okk\" is no result"),
            ("okx10", "\"okx10\" is no result"),
            ("ok x", "x is no count"),
            ("ok x0", "x0 is no count"),
            ("ok x5000001", "x5000001 is no count"),
            ("(ok x3000) x3000", "more than 5000000 results"),
            ("x10", "\"x10\" is no result"),
            ("fail(ConnectionRefusd)", "\"ConnectionRefusd\" is neither a reason nor a duration"),
            ("fail(Slow)", "no run fails with Slow"),
            ("slow", "slow takes how long it took: slow(800ms)"),
            ("ok(Timeout)", "ok takes no reason"),
            ("degraded(Slow)", "degraded takes CertificateExpiring or DegradedCondition"),
            ("(ok", "a ( is not closed"),
            ("ok)", "a ) closes nothing"),
            ("fail(Timeout", "a ( is not closed"),
            ("()", "there is no result in it"),
            ("+", "\"+\" is no result"),
        ] {
            assert_eq!(Script::parse(text).unwrap_err().message, expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[okfail(),x0-9_ \"s]{0,40}|\\PC{0,20}", at in 0u64..10_000_000) {
            if let Ok(script) = Script::parse(&text) {
                script.at(at);
                proptest::prop_assert!(script.length > 0);
            }
        }
    }
}
