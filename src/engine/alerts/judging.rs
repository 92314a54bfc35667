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

/// Steps of all templates of one evaluation, a second's work: ten thousand alerts with some hundred each are a fifth of it.
const STEPS: usize = 5_000_000;

/// Steps of a template of a rule over checks. It has nothing to go over but its labels; a millisecond, as thousands of
/// checks may change at once.
const STEPS_OF_A_CHECK: usize = 5_000;

/// An answer on its way to an evaluation: its templates may have to know more first.
pub(crate) struct Judging {
    order: Order,
    found: Vec<Found>,
    is_no_data: bool,
    queries: Queries,
    asked: BTreeSet<String>,
    rounds: usize,
    /// Steps that are left to the templates.
    steps: usize,
    /// With everything that was told until now.
    made: Option<Vec<Candidate>>,
}

impl Judging {
    /// # Errors
    /// When the answer gives no value at one time.
    pub(crate) fn new(order: &Order, answer: promql::Found) -> Result<Self, String> {
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
        Ok(Self { order: order.clone(), found, is_no_data, queries, asked, rounds: 0, steps: STEPS, made: None })
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

    fn make(&mut self, wanted: &mut BTreeSet<String>) -> Vec<Candidate> {
        let (at, queries, steps) = (self.order.at.wall, &self.queries, &mut self.steps);
        let mut fill = |template: &Template, found: &Found| {
            if *steps == 0 {
                return Err(format!("the templates of this evaluation take over {STEPS} steps in all"));
            }
            fill_in(template, found, at, queries, steps, wanted)
        };
        self.found.iter().map(|found| compose(&self.order.rule, found, &mut fill)).collect()
    }
}

/// What a rule sees when its source gives no answer. What `onError: Fire` makes an alert of has no labels and no value.
pub(crate) fn failed(order: &Order, message: String) -> Evaluation {
    let stand_in = compose(&order.rule, &Found::default(), &mut |template, found| {
        render(template, found, order.at.wall, &Queries::default(), &mut BTreeSet::new())
    });
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

/// Fills in a template of a rule over checks; what it has to know first goes to `wanted`.
pub(crate) fn render(
    template: &Template,
    found: &Found,
    now: WallMs,
    queries: &Queries,
    wanted: &mut BTreeSet<String>,
) -> Result<String, String> {
    fill_in(template, found, now, queries, &mut STEPS_OF_A_CHECK.clone(), wanted)
}

fn fill_in(
    template: &Template,
    found: &Found,
    now: WallMs,
    queries: &Queries,
    left: &mut usize,
    wanted: &mut BTreeSet<String>,
) -> Result<String, String> {
    let data = Data {
        labels: &found.labels,
        value: found.value.map_or(f64::NAN, |Value(value)| value),
        external_labels: &Labels::default(),
        external_url: "",
        now,
    };
    template.render_within(&data, queries, Limits::default(), left).map_err(|error| {
        if let RenderError::NeedsQuery(query) = &error {
            wanted.insert(query.clone());
        }
        error.to_string()
    })
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;
    use crate::{
        alert::{Moment, Severity},
        model::{AlertRule, ObjectKey, OnError, OnNoData},
    };

    fn order(message: &str) -> Order {
        let rule = AlertRule {
            key: ObjectKey::new("shop", "errors"),
            generation: 1,
            labels: Default::default(),
            alert_name: "Errors".into(),
            severity: Severity::High,
            interval: Duration::from_secs(15),
            hold: Duration::ZERO,
            keep_firing_for: Duration::ZERO,
            condition: Condition::Promql { expr: "up".into(), source: None, bound: None },
            on_no_data: OnNoData::Keep,
            on_error: OnError::Fire,
            alert_labels: [].into(),
            labels_from_object: [].into(),
            message: Some(Template::parse(message).unwrap()),
            annotations: [].into(),
            notify: [].into(),
            escalate: [].into(),
            inhibited_by: [].into(),
        };
        let at = Moment { at: 0, wall: 0 };
        Order { rule: Arc::new(rule), number: 1, at }
    }

    fn vector(number: usize) -> promql::Found {
        let sample = |number: usize| promql::Sample {
            labels: Labels::new([("instance", number.to_string())]),
            point: promql::Point { at: 0, value: 1.0 },
        };
        promql::Found::Vector((0..number).map(sample).collect())
    }

    fn messages(evaluation: Evaluation) -> Vec<Arc<str>> {
        match evaluation {
            Evaluation::Met(candidates) => candidates.into_iter().map(|candidate| candidate.message).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn all_templates_of_an_evaluation_share_their_steps() {
        let order = order("{{ range 90000 }}{{ end }}{{ $labels.instance }} is down");
        let said = messages(Judging::new(&order, vector(1000)).unwrap().evaluation());
        assert_eq!(&*said[0], "0 is down");
        let over = said.iter().filter(|said| said.contains("over 5000000 steps in all")).count();
        assert!((900..1000).contains(&over), "{over}");
    }

    #[test]
    fn each_alert_may_ask_for_its_own() {
        let order = order(r#"{{ with printf "a%s" $labels.instance | query }}{{ . | first | value }}{{ end }}"#);
        let mut judging = Judging::new(&order, vector(30)).unwrap();
        let wanted = judging.wanted();
        assert_eq!(wanted.len(), 30);
        for query in wanted {
            judging.tell(query, Ok(vector(1)));
        }
        assert!(judging.wanted().is_empty());
        assert!(messages(judging.evaluation()).iter().all(|said| &**said == "1"));
    }

    #[test]
    fn what_fires_when_the_source_fails_shows_no_braces() {
        let Evaluation::Failed(_, Some(stand_in)) = failed(&order("at {{ $value }}"), "away".to_owned()) else {
            panic!()
        };
        assert_eq!(&*stand_in.message, "at NaN");
    }
}
