//! The functions that a template can call: Go's own, and those of Prometheus.

use std::{collections::BTreeMap, sync::Arc};

use super::{compare, env::Env, humanize, printf, value::Value, words};

/// What a function makes of its arguments, which are as many as it takes.
type Call = fn(&mut Env<'_>, &[Value]) -> Result<Value, String>;

/// A function by its name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Function {
    pub(super) name: &'static str,
    least: usize,
    most: usize,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Call(Call),
    /// These two look at no more arguments than it takes.
    And,
    Or,
    /// Needs what others have asked a server for.
    Query,
    /// Calls a named template.
    Template,
}

const fn call(name: &'static str, least: usize, most: usize, call: Call) -> Function {
    Function { name, least, most, kind: Kind::Call(call) }
}

const MANY: usize = usize::MAX;

const FUNCTIONS: &[Function] = &[
    Function { name: "and", least: 1, most: MANY, kind: Kind::And },
    Function { name: "or", least: 1, most: MANY, kind: Kind::Or },
    Function { name: "query", least: 1, most: 1, kind: Kind::Query },
    Function { name: "tmpl", least: 2, most: 2, kind: Kind::Template },
    call("not", 1, 1, |_, a| Ok(Value::Bool(!a[0].is_true()))),
    call("len", 1, 1, |_, a| compare::length(&a[0])),
    call("index", 1, MANY, |_, a| a[1..].iter().try_fold(a[0].clone(), |value, at| compare::index(&value, at))),
    call("slice", 1, 3, |env, a| env.made(compare::slice(&a[0], &a[1..])?)),
    call("eq", 2, MANY, |_, a| compare::equal(&a[0], &a[1..]).map(Value::Bool)),
    call("ne", 2, 2, |_, a| compare::equal(&a[0], &a[1..]).map(|equal| Value::Bool(!equal))),
    call("lt", 2, 2, |_, a| compare::order(&a[0], &a[1]).map(|order| Value::Bool(order.is_some_and(|o| o.is_lt())))),
    call("le", 2, 2, |_, a| compare::order(&a[0], &a[1]).map(|order| Value::Bool(order.is_some_and(|o| o.is_le())))),
    call("gt", 2, 2, |_, a| compare::order(&a[0], &a[1]).map(|order| Value::Bool(order.is_some_and(|o| o.is_gt())))),
    call("ge", 2, 2, |_, a| compare::order(&a[0], &a[1]).map(|order| Value::Bool(order.is_some_and(|o| o.is_ge())))),
    call("print", 0, MANY, |env, a| env.print(a).and_then(|text| env.text(text))),
    call("println", 0, MANY, |env, a| {
        env.weigh(a)?;
        let texts: Vec<String> = a.iter().map(Value::to_string).collect();
        env.text(texts.join(" ") + "\n")
    }),
    call("printf", 1, MANY, |env, a| {
        env.weigh(&a[1..])?;
        let limit = env.value_max();
        let text = printf::sprintf(text(&a[0])?, &a[1..], limit)?;
        env.text(text)
    }),
    call("html", 0, MANY, |env, a| env.print(a).and_then(|text| env.text(words::html(&text)))),
    call("js", 0, MANY, |env, a| env.print(a).and_then(|text| env.text(words::js(&text)))),
    call("urlquery", 0, MANY, |env, a| env.print(a).and_then(|text| env.text(words::url_query(&text)))),
    // Of Prometheus: samples.
    call("first", 1, 1, |_, a| match &a[0] {
        Value::Samples(all) => match all.first() {
            Some(first) => Ok(Value::Sample(Arc::clone(first))),
            None => Err("first of a query without results".to_owned()),
        },
        other => Err(wrong_type(other, "the result of a query")),
    }),
    call("label", 2, 2, |env, a| env.text(sample(&a[1])?.labels.value(text(&a[0])?))),
    call("value", 1, 1, |_, a| sample(&a[0]).map(|sample| Value::Float(sample.value))),
    call("strvalue", 1, 1, |env, a| env.text(sample(&a[0])?.labels.value("__value__"))),
    call("sortByLabel", 2, 2, |env, a| match &a[1] {
        Value::Samples(all) => {
            let name = text(&a[0])?;
            env.pay(all.len())?;
            let mut sorted = all.to_vec();
            sorted.sort_by(|a, b| a.labels.get(name).cmp(&b.labels.get(name)));
            Ok(Value::Samples(sorted.into()))
        }
        other => Err(wrong_type(other, "the result of a query")),
    }),
    call("args", 0, MANY, |env, a| {
        let map: BTreeMap<String, Value> =
            a.iter().enumerate().map(|(index, value)| (format!("arg{index}"), value.clone())).collect();
        env.made(Value::Map(Arc::new(map)))
    }),
    // Numbers.
    call("humanize", 1, 1, |env, a| humanize::float(&a[0]).and_then(|value| env.text(humanize::metric(value)))),
    call("humanize1024", 1, 1, |env, a| humanize::float(&a[0]).and_then(|value| env.text(humanize::binary(value)))),
    call("humanizeDuration", 1, 1, |env, a| {
        humanize::float(&a[0]).and_then(|value| env.text(humanize::duration(value)))
    }),
    call("humanizePercentage", 1, 1, |env, a| {
        humanize::float(&a[0]).and_then(|value| env.text(humanize::percentage(value)))
    }),
    call("humanizeTimestamp", 1, 1, |env, a| {
        humanize::float(&a[0]).and_then(humanize::timestamp).and_then(|text| env.text(text))
    }),
    call("toTime", 1, 1, |_, a| humanize::float(&a[0]).and_then(humanize::instant).map(Value::Time)),
    call("toDuration", 1, 1, |_, a| humanize::float(&a[0]).and_then(humanize::nanos).map(Value::Duration)),
    call("parseDuration", 1, 1, |_, a| humanize::parse_duration(text(&a[0])?).map(Value::Float)),
    call("now", 0, 0, |env, _| Ok(Value::Float(env.data.now as f64 / 1000.0))),
    // Text.
    call("title", 1, 1, |env, a| env.text(words::title(text(&a[0])?))),
    call("toUpper", 1, 1, |env, a| env.text(text(&a[0])?.to_uppercase())),
    call("toLower", 1, 1, |env, a| env.text(text(&a[0])?.to_lowercase())),
    call("match", 2, 2, |env, a| {
        let regex = env.regex(text(&a[0])?)?;
        Ok(Value::Bool(regex.is_match(text(&a[1])?)))
    }),
    call("reReplaceAll", 3, 3, |env, a| {
        let replaced = env.replace(text(&a[0])?, text(&a[1])?, text(&a[2])?)?;
        env.text(replaced)
    }),
    call("stripPort", 1, 1, |env, a| env.text(words::strip_port(text(&a[0])?))),
    call("stripDomain", 1, 1, |env, a| env.text(words::strip_domain(text(&a[0])?))),
    call("urlQueryEscape", 1, 1, |env, a| env.text(words::url_query(text(&a[0])?))),
    call("safeHtml", 1, 1, |env, a| env.text(text(&a[0])?)),
    // Links.
    call("graphLink", 1, 1, |env, a| env.text(format!("/graph?g0.expr={}&g0.tab=0", words::url_query(text(&a[0])?)))),
    call("tableLink", 1, 1, |env, a| env.text(format!("/graph?g0.expr={}&g0.tab=1", words::url_query(text(&a[0])?)))),
    call("pathPrefix", 0, 0, |env, _| {
        let path = url::Url::parse(env.data.external_url).map(|url| url.path().trim_end_matches('/').to_owned());
        env.text(path.unwrap_or_default())
    }),
    call("externalURL", 0, 0, |env, _| env.text(env.data.external_url)),
];

impl Function {
    pub(super) fn of(name: &str) -> Option<Self> {
        FUNCTIONS.iter().find(|function| function.name == name).copied()
    }

    /// # Errors
    /// When it does not take so many arguments.
    pub(super) fn check_count(&self, count: usize) -> Result<(), String> {
        if (self.least..=self.most).contains(&count) {
            return Ok(());
        }
        let wants = match self.most {
            MANY => format!("at least {}", self.least),
            most if most == self.least => most.to_string(),
            most => format!("{} to {most}", self.least),
        };
        Err(format!("wrong number of arguments for {}: it takes {wants}, and here are {count}", self.name))
    }
}

pub(super) fn wrong_type(value: &Value, wanted: &str) -> String {
    format!("wrong type for value; expected {wanted}; got {}", value.kind())
}

pub(super) fn text(value: &Value) -> Result<&str, String> {
    match value {
        Value::Text(text) => Ok(text),
        other => Err(wrong_type(other, "string")),
    }
}

fn sample(value: &Value) -> Result<&super::Sample, String> {
    match value {
        Value::Sample(sample) => Ok(sample),
        other => Err(wrong_type(other, "sample")),
    }
}
