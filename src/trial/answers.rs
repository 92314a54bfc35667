//! What sources answer: given series, looked up by the time.

use std::{collections::BTreeMap, sync::Arc};

use super::{Of, QueryResults, Test};
use crate::{
    alert::{book::Order, rule::Evaluation},
    clock::WallMs,
    engine::alerts::{Judging, failed},
    model::{Condition, ObjectKey},
    promql::{Found, Point, Sample},
};

/// The results of one test.
pub(super) struct Answers<'t> {
    by_rule: BTreeMap<&'t ObjectKey, &'t QueryResults>,
    by_expression: BTreeMap<&'t str, &'t QueryResults>,
    interval: i64,
}

/// An expression as it is looked up: however its lines are broken.
pub fn normal(expression: &str) -> Arc<str> {
    expression.split_whitespace().collect::<Vec<_>>().join(" ").into()
}

impl<'t> Answers<'t> {
    pub(super) fn new(test: &'t Test) -> Self {
        let (mut by_rule, mut by_expression) = (BTreeMap::new(), BTreeMap::new());
        for results in &test.queries {
            match &results.of {
                Of::Rule(key) => {
                    by_rule.insert(key, results);
                }
                Of::Expression(text) => {
                    by_expression.insert(&**text, results);
                }
            }
        }
        Self { by_rule, by_expression, interval: test.interval.max(1) }
    }

    /// Whether there are results for a rule's expression.
    pub(super) fn has(&self, rule: &ObjectKey, expression: &str) -> bool {
        self.by_rule.contains_key(rule) || self.by_expression.contains_key(&*normal(expression))
    }

    /// What the rule sees, `at` into the test.
    pub(super) fn evaluate(&self, order: &Order, at: i64) -> Evaluation {
        let Condition::Promql { expr, .. } = &order.rule.condition else {
            return failed(order, "the condition asks no source".to_owned());
        };
        let own = self.by_rule.get(&order.rule.key).copied();
        let results = own.or_else(|| self.by_expression.get(&*normal(expr)).copied());
        let judging = self.answer(results, at, order.at.wall).and_then(|found| Judging::new(order, found));
        let mut judging = match judging {
            Ok(judging) => judging,
            Err(message) => return failed(order, message),
        };
        loop {
            let wanted = judging.wanted();
            if wanted.is_empty() {
                return judging.evaluation();
            }
            for query in wanted {
                let results = self.by_expression.get(&*normal(&query)).copied();
                let answer = self.answer(results, at, order.at.wall);
                judging.tell(query, answer);
            }
        }
    }

    fn answer(&self, results: Option<&QueryResults>, at: i64, wall: WallMs) -> Result<Found, String> {
        let Some(results) = results else { return Ok(Found::Vector(Vec::new())) };
        if let Some(failing) = results.failing.iter().find(|failing| (failing.from..failing.to).contains(&at)) {
            return Err(failing.message.to_string());
        }
        let index = u64::try_from(at / self.interval).unwrap_or_default();
        let sample = |(value, labels)| Sample { labels, point: Point { at: wall, value } };
        let there = results.series.iter().filter_map(|series| Some((series.at(index)?, series.labels.clone())));
        Ok(Found::Vector(there.map(sample).collect()))
    }
}
