//! What an expression sees, made only when it looks.

use std::{borrow::Cow, collections::HashMap, sync::OnceLock};

use cel::{
    common::{
        types::{CelBool, CelInt, CelMap, CelMapKey, CelString},
        value::{CowVal, Val},
    },
    context::VariableResolver,
};
use hyper::HeaderMap;

use super::{Program, Response, budget, budget::Budget, json};

/// Before a name, in place of `has(name)`.
pub(super) const HAS: &str = "@has.";
/// Before the number of a compiled pattern.
pub(super) const PATTERN: &str = "@pattern.";
pub(super) const BUDGET: &str = "@budget";

pub(super) struct Variables<'a> {
    program: &'a Program,
    response: &'a Response<'a>,
    pub(super) budget: Budget,
    headers: OnceLock<Box<dyn Val>>,
    body: OnceLock<Cow<'a, str>>,
    json: OnceLock<Result<Box<dyn Val>, String>>,
    /// Why a variable has no value: the first that was asked for.
    absent: OnceLock<String>,
}

impl<'a> Variables<'a> {
    pub(super) fn new(program: &'a Program, response: &'a Response<'a>) -> Self {
        Self {
            program,
            response,
            budget: Budget::new(&program.source, response.body.map_or(0, <[u8]>::len)),
            headers: OnceLock::new(),
            body: OnceLock::new(),
            json: OnceLock::new(),
            absent: OnceLock::new(),
        }
    }

    /// Why a variable had no value, if one was asked for that has none.
    pub(super) fn absent(&self) -> Option<&str> {
        self.absent.get().map(String::as_str)
    }

    fn value<'b>(&'b self, name: &str) -> Option<Result<CowVal<'b, 'b>, String>> {
        let none = || Err(format!("{name}: this run has none"));
        let value = match name {
            "response.status" => match self.response.status {
                Some(status) => Ok(CowVal::owned(CelInt::from(i64::from(status)))),
                None => none(),
            },
            "response.headers" => match self.response.headers {
                Some(headers) => Ok(CowVal::Borrowed(self.headers.get_or_init(|| header_map(headers)).as_ref())),
                None => none(),
            },
            "response.body" => match self.response.body {
                Some(body) => self.budget.touch(body.len()).map(|()| {
                    let text = self.body.get_or_init(|| String::from_utf8_lossy(body));
                    CowVal::owned(CelString::from(&**text))
                }),
                None => none(),
            },
            "response.json" | "object" => match self.response.body {
                Some(body) => self.json(body),
                None => none(),
            },
            "response.latency" => {
                // The crate's own function makes the value, so that we need not name the type behind it.
                let text = format!("{}us", self.response.latency.as_micros());
                call("duration", CowVal::owned(CelString::from(text)))
            }
            "certificate.notAfter" => match self.response.certificate_not_after {
                Some(at) => call("timestamp", CowVal::owned(CelInt::from(at.div_euclid(1000)))),
                None => Err(format!("{name}: there was no certificate")),
            },
            _ => return None,
        };
        Some(value)
    }

    fn json<'b>(&'b self, body: &[u8]) -> Result<CowVal<'b, 'b>, String> {
        self.budget.touch(body.len())?;
        self.json
            .get_or_init(|| json::parse(body).map_err(|error| format!("the body is not JSON: {error}")))
            .as_ref()
            .map(|value| CowVal::Borrowed(value.as_ref()))
            .map_err(Clone::clone)
    }
}

impl VariableResolver for Variables<'_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        if name == BUDGET {
            return Some(CowVal::Borrowed(&self.budget));
        }
        if let Some(number) = name.strip_prefix(PATTERN) {
            return self.program.patterns.get(number.parse::<usize>().ok()?).map(|p| CowVal::Borrowed(p as &dyn Val));
        }
        if let Some(name) = name.strip_prefix(HAS) {
            return self.value(name).map(|value| CowVal::owned(CelBool::from(value.is_ok())));
        }
        match self.value(name)? {
            Ok(value) => Some(value),
            Err(why) => {
                self.absent.get_or_init(|| why);
                None
            }
        }
    }
}

/// Calls a function of the standard library.
fn call<'b>(function: &str, argument: CowVal<'b, 'b>) -> Result<CowVal<'b, 'b>, String> {
    let args = vec![argument];
    match budget::env().find_overload(function, &args) {
        Some(function) => function(args).map_err(|error| error.to_string()),
        None => Err(format!("no function {function}")),
    }
}

/// Lower-case names; the values of one name are joined by ", ", as RFC 9110, section 5.3, allows.
fn header_map(headers: &HeaderMap) -> Box<dyn Val> {
    let mut joined: HashMap<&str, String> = HashMap::with_capacity(headers.keys_len());
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        joined
            .entry(name.as_str())
            .and_modify(|all| {
                all.push_str(", ");
                all.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    let entries: HashMap<CelMapKey<'static>, Box<dyn Val>> = joined
        .into_iter()
        .map(|(name, value)| {
            let value: Box<dyn Val> = Box::new(CelString::from(value));
            (CelMapKey::from(name.to_owned()), value)
        })
        .collect();
    Box::new(CelMap::from(entries))
}
