//! What a source's answer comes to for a rule. Pure: who asks is `ask`, or a test of rules that has the answers at hand.

use std::collections::BTreeSet;

use crate::{
    alert::{
        Labels, Value,
        book::Order,
        rule::{Candidate, Evaluation, Found, compose},
        template::{Data, Limits, Queries, RenderError, Sample, Template},
    },
    clock::WallMs,
    model::{Bound, Condition},
    promql,
};

/// A template may ask again for what depends on an answer; people nest two or three.
const ROUNDS: usize = 5;
/// Different queries of all templates of one evaluation: ten thousand alerts that each ask for their own would be as
/// many requests every interval.
const QUERIES: usize = 100;

/// An answer on its way to an evaluation: its templates may have to know more first.
pub(crate) struct Judging<'o> {
    order: &'o Order,
    found: Vec<Found>,
    is_no_data: bool,
    queries: Queries,
    asked: BTreeSet<String>,
    rounds: usize,
    /// With everything that was told until now.
    made: Option<Vec<Candidate>>,
}

impl<'o> Judging<'o> {
    /// # Errors
    /// When the answer gives no value at one time.
    pub(crate) fn new(order: &'o Order, answer: promql::Found) -> Result<Self, String> {
        let bound = match order.rule.condition {
            Condition::Promql { bound, .. } => bound,
            Condition::HealthCheck { .. } | Condition::Probe { .. } => None,
        };
        let mut found = found(answer)?;
        let is_no_data = found.is_empty() && bound.is_some();
        if is_no_data {
            // What `onNoData: Fire` makes an alert of.
            found.push(Found::default());
        } else {
            found.retain(|found| is_crossed(bound, found.value));
        }
        let (queries, asked) = (Queries::default(), BTreeSet::new());
        Ok(Self { order, found, is_no_data, queries, asked, rounds: 0, made: None })
    }

    /// What the templates want to know beside; nothing when they know enough, or have asked enough.
    pub(crate) fn wanted(&mut self) -> Vec<String> {
        let room = QUERIES.saturating_sub(self.asked.len());
        if self.rounds >= ROUNDS || room == 0 {
            return Vec::new();
        }
        self.rounds += 1;
        let mut wanted = BTreeSet::new();
        self.made = Some(self.make(&mut wanted));
        wanted.retain(|query| !self.asked.contains(query));
        wanted.into_iter().take(room).collect()
    }

    /// What the source says to one of [`Self::wanted`].
    pub(crate) fn tell(&mut self, query: String, answer: Result<promql::Found, String>) {
        self.made = None;
        self.asked.insert(query.clone());
        self.queries.insert(query, answer.and_then(samples));
    }

    pub(crate) fn evaluation(mut self) -> Evaluation {
        let made = self.made.take().unwrap_or_else(|| self.make(&mut BTreeSet::new()));
        if self.is_no_data { Evaluation::NoData(made.into_iter().next().map(Box::new)) } else { Evaluation::Met(made) }
    }

    fn make(&self, wanted: &mut BTreeSet<String>) -> Vec<Candidate> {
        let mut fill =
            |template: &Template, found: &Found| render(template, found, self.order.at.wall, &self.queries, wanted);
        self.found.iter().map(|found| compose(&self.order.rule, found, &mut fill)).collect()
    }
}

/// What a rule sees when its source gives no answer.
pub(crate) fn failed(order: &Order, message: String) -> Evaluation {
    let stand_in = compose(&order.rule, &Found::default(), &mut |template, _| Ok(template.source().to_owned()));
    Evaluation::Failed(message.into(), Some(Box::new(stand_in)))
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

fn samples(answer: promql::Found) -> Result<Vec<Sample>, String> {
    let sample =
        |found: Found| Sample { labels: found.labels, value: found.value.map_or(f64::NAN, |Value(value)| value) };
    found(answer).map(|all| all.into_iter().map(sample).collect())
}

/// Fills a template in; what it has to know first goes to `wanted`.
pub(crate) fn render(
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
