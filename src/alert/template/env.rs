//! What a rendering may use, and what is left of it.

use std::collections::{BTreeMap, BTreeSet};

use regex::{Regex, RegexBuilder};

use super::{Data, Limits, Queries, value::Value};

/// What one value may weigh, about in bytes: more than a message of any channel holds.
const VALUE_MAX: usize = 64 << 10;
/// What all values of one rendering may weigh together, those that are gone too: bounds what can be held at once.
const MADE_MAX: usize = 4 << 20;
/// How many maps may be in each other: they are dropped and printed by recursion.
const MAPS_MAX: usize = 8;
/// The program of a regular expression: what RE2 would take is 8 MiB, and a tenth holds what people write.
const REGEX_MAX: usize = 256 << 10;
/// Compiling one takes up to a millisecond, as a thousand steps do.
const REGEX_STEPS: usize = 1_000;
/// Kept for a rendering, so that a pattern in a `range` is compiled once.
const REGEXES_MAX: usize = 16;

pub(super) struct Env<'a> {
    pub(super) data: &'a Data<'a>,
    pub(super) queries: &'a Queries,
    pub(super) limits: Limits,
    steps: usize,
    /// Queries that this rendering has come to.
    asked: BTreeSet<String>,
    made: usize,
    regexes: BTreeMap<String, Regex>,
}

impl<'a> Env<'a> {
    pub(super) fn new(data: &'a Data<'a>, queries: &'a Queries, limits: Limits) -> Self {
        Self { data, queries, limits, steps: limits.steps, asked: BTreeSet::new(), made: 0, regexes: BTreeMap::new() }
    }

    pub(super) fn value_max(&self) -> usize {
        VALUE_MAX
    }

    /// The steps that were taken.
    pub(super) fn used(&self) -> usize {
        self.limits.steps - self.steps
    }

    /// Notes a query of the template; false when it is one too many.
    pub(super) fn asks(&mut self, query: &str) -> bool {
        if self.asked.contains(query) {
            return true;
        }
        let has_room = self.asked.len() < self.limits.queries;
        if has_room {
            self.asked.insert(query.to_owned());
        }
        has_room
    }

    /// Takes `steps` of those that are left.
    pub(super) fn pay(&mut self, steps: usize) -> Result<(), String> {
        match self.steps.checked_sub(steps) {
            Some(left) => {
                self.steps = left;
                Ok(())
            }
            None => {
                self.steps = 0;
                Err(format!("it takes over {} steps", self.limits.steps))
            }
        }
    }

    /// Refuses what is too large to be printed.
    pub(super) fn weigh(&mut self, values: &[Value]) -> Result<usize, String> {
        let mut weight = 0;
        for value in values {
            weight += value.weight(VALUE_MAX);
            if weight > VALUE_MAX {
                return Err(format!("a value of over {VALUE_MAX} bytes"));
            }
        }
        self.pay(weight / 256)?;
        Ok(weight)
    }

    /// A new value, if it is not too large.
    pub(super) fn made(&mut self, value: Value) -> Result<Value, String> {
        self.made += self.weigh(std::slice::from_ref(&value))?;
        if self.made > MADE_MAX {
            return Err(format!("it makes over {MADE_MAX} bytes of values"));
        }
        if value.depth() > MAPS_MAX {
            return Err(format!("args in each other over {MAPS_MAX} deep"));
        }
        Ok(value)
    }

    pub(super) fn text(&mut self, text: impl AsRef<str>) -> Result<Value, String> {
        self.made(Value::text(text.as_ref()))
    }

    /// The values one after the other, with a space between two of which neither is text.
    pub(super) fn print(&mut self, values: &[Value]) -> Result<String, String> {
        self.weigh(values)?;
        let mut out = String::new();
        let mut was_text = true;
        for value in values {
            let is_text = matches!(value, Value::Text(_));
            if !was_text && !is_text {
                out.push(' ');
            }
            was_text = is_text;
            out.push_str(&value.to_string());
        }
        Ok(out)
    }

    pub(super) fn regex(&mut self, pattern: &str) -> Result<Regex, String> {
        if let Some(known) = self.regexes.get(pattern) {
            return Ok(known.clone());
        }
        self.pay(REGEX_STEPS)?;
        let made = RegexBuilder::new(pattern).size_limit(REGEX_MAX).dfa_size_limit(REGEX_MAX).build();
        let regex = made.map_err(|error| {
            let what = match error {
                regex::Error::CompiledTooBig(limit) => format!("compiles to more than {limit} bytes"),
                // The last line says what is wrong; those before draw where.
                other => other.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
            };
            format!("bad regular expression: {what}")
        })?;
        if self.regexes.len() < REGEXES_MAX {
            self.regexes.insert(pattern.to_owned(), regex.clone());
        }
        Ok(regex)
    }

    /// Every match of `pattern` replaced; `$1` and `${name}` are what groups have matched.
    pub(super) fn replace(&mut self, pattern: &str, with: &str, text: &str) -> Result<String, String> {
        let regex = self.regex(pattern)?;
        let references = with.matches('$').count();
        let mut out = String::new();
        let mut at = 0;
        for captures in regex.captures_iter(text) {
            let Some(found) = captures.get(0) else { continue };
            self.pay(1)?;
            out.push_str(&text[at..found.start()]);
            at = found.end();
            // No group is longer than the match.
            if out.len() + with.len() + references * found.len() > VALUE_MAX {
                return Err(format!("reReplaceAll makes over {VALUE_MAX} bytes"));
            }
            captures.expand(with, &mut out);
        }
        out.push_str(&text[at..]);
        Ok(out)
    }
}
