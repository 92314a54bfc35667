//! Asks a rule's source, and makes of the answer what the rule sees. A task of its own per question.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    alert::{
        Labels, Value,
        book::Order,
        rule::{Candidate, Evaluation, Found, compose},
        template::{Data, Limits, Queries, RenderError, Sample, Template},
    },
    clock::WallMs,
    model::{Bound, Condition, ObjectKey, Source},
    promql,
    query::Sources,
};

/// A template may ask again for what depends on an answer; people nest two or three.
const ROUNDS: usize = 5;
/// Different queries of all templates of one evaluation: ten thousand alerts that each ask for their own would be as
/// many requests every interval.
const QUERIES: usize = 100;

/// Who is asked where a rule names nobody: `--prometheus-url`.
#[derive(Debug, Clone)]
pub struct Fallback {
    pub source: Arc<Source>,
    /// The namespace whose rules may ask it; None: all.
    pub only: Option<Arc<str>>,
}

/// Asks, and tells for whom and which question.
pub(super) async fn ask(
    sources: Arc<Sources>,
    order: Order,
    default: Option<Fallback>,
) -> (ObjectKey, u64, Evaluation) {
    let (key, number) = (order.rule.key.clone(), order.number);
    let evaluation = match look(&sources, &order, default.as_ref()).await {
        Ok(evaluation) => evaluation,
        Err(message) => {
            let stand_in = compose(&order.rule, &Found::default(), &mut |template, _| Ok(template.source().to_owned()));
            Evaluation::Failed(message.into(), Some(Box::new(stand_in)))
        }
    };
    (key, number, evaluation)
}

async fn look(sources: &Sources, order: &Order, default: Option<&Fallback>) -> Result<Evaluation, String> {
    let rule = &order.rule;
    let Condition::Promql { expr, source, bound } = &rule.condition else {
        return Err("the condition asks no source".to_owned());
    };
    let allowed = default.filter(|default| default.only.as_ref().is_none_or(|only| *only == rule.key.namespace));
    let source = source.as_ref().or(allowed.map(|default| &default.source)).ok_or_else(|| match default {
        None => "no source: set condition.promql.source, or start Probity with --prometheus-url".to_owned(),
        Some(_) => "no source: --prometheus-url is for the operator's namespace, unless --shared-prometheus; \
                    set condition.promql.source"
            .to_owned(),
    })?;
    let answer = sources.instant(source, expr, order.at.wall).await.map_err(|failure| failure.message)?;
    if answer.is_partial {
        return Err(format!("the source could not read a part of its data: {}", answer.warnings.join("; ")));
    }
    let found = found(answer.found)?;
    if found.is_empty() && bound.is_some() {
        let stand_in = filled(sources, source, order, vec![Found::default()]).await;
        return Ok(Evaluation::NoData(stand_in.into_iter().next().map(Box::new)));
    }
    let crossed = |found: &Found| is_crossed(*bound, found.value);
    let found = found.into_iter().filter(crossed).collect();
    Ok(Evaluation::Met(filled(sources, source, order, found).await))
}

fn is_crossed(bound: Option<Bound>, value: Option<Value>) -> bool {
    bound.is_none_or(|bound| value.is_some_and(|Value(value)| bound.is_crossed(value)))
}

/// The elements of a result. A scalar is one without labels, as in Prometheus.
fn found(found: promql::Found) -> Result<Vec<Found>, String> {
    let of = |labels: Labels, value: f64| Found { labels, value: Some(Value(value)), ..Found::default() };
    match found {
        promql::Found::Scalar(point) => Ok(vec![of(Labels::default(), point.value)]),
        promql::Found::Vector(samples) => {
            Ok(samples.into_iter().map(|sample| of(sample.labels, sample.point.value)).collect())
        }
        promql::Found::Matrix(_) => Err("the expression gives a range of values, not one at a time".to_owned()),
        promql::Found::Text(_) => Err("the expression gives a text".to_owned()),
    }
}

/// Fills in the templates, and asks for what they query.
async fn filled(sources: &Sources, source: &Source, order: &Order, found: Vec<Found>) -> Vec<Candidate> {
    let mut queries = Queries::default();
    let mut asked = BTreeSet::new();
    for _ in 0..ROUNDS {
        let mut wanted = BTreeSet::new();
        let made: Vec<_> = found
            .iter()
            .map(|found| {
                compose(&order.rule, found, &mut |template, found| {
                    render(template, found, order.at.wall, &queries, &mut wanted)
                })
            })
            .collect();
        wanted.retain(|query| !asked.contains(query));
        if wanted.is_empty() || asked.len() >= QUERIES {
            return made;
        }
        for query in wanted.into_iter().take(QUERIES - asked.len()) {
            let answer = sources.instant(source, &query, order.at.wall).await;
            queries.insert(
                query.clone(),
                answer.map_err(|failure| failure.message).and_then(|answer| samples(answer.found)),
            );
            asked.insert(query);
        }
    }
    let mut ignored = BTreeSet::new();
    found
        .iter()
        .map(|found| {
            compose(&order.rule, found, &mut |template, found| {
                render(template, found, order.at.wall, &queries, &mut ignored)
            })
        })
        .collect()
}

fn samples(answer: promql::Found) -> Result<Vec<Sample>, String> {
    let sample =
        |found: Found| Sample { labels: found.labels, value: found.value.map_or(f64::NAN, |Value(value)| value) };
    found(answer).map(|all| all.into_iter().map(sample).collect())
}

/// Fills a template in; what it has to know first goes to `wanted`.
pub(super) fn render(
    template: &Template,
    found: &Found,
    now: WallMs,
    queries: &Queries,
    wanted: &mut BTreeSet<String>,
) -> Result<String, String> {
    let data = Data {
        labels: &found.labels,
        value: found.value.map_or(f64::NAN, |Value(value)| value),
        external_labels: &Labels::default(),
        external_url: "",
        now,
    };
    template.render(&data, queries, Limits::default()).map_err(|error| {
        if let RenderError::NeedsQuery(query) = &error {
            wanted.insert(query.clone());
        }
        error.to_string()
    })
}
