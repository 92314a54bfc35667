//! Asks a rule's source, and makes of the answer what the rule sees. A task of its own per question.

use std::sync::Arc;

use super::judging::{Judging, failed};
use crate::{
    alert::{book::Order, rule::Evaluation},
    model::{Condition, ObjectKey, Source},
    query::Sources,
};

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
    let looked = look(&sources, &order, default.as_ref()).await;
    let evaluation = looked.unwrap_or_else(|message| failed(&order, message));
    (key, number, evaluation)
}

async fn look(sources: &Sources, order: &Order, default: Option<&Fallback>) -> Result<Evaluation, String> {
    let rule = &order.rule;
    let Condition::Promql { expr, source, .. } = &rule.condition else {
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
    let mut judging = Judging::new(order, answer.found)?;
    loop {
        let wanted = judging.wanted();
        if wanted.is_empty() {
            return Ok(judging.evaluation());
        }
        for query in wanted {
            let answer = sources.instant(source, &query, order.at.wall).await;
            judging.tell(query, answer.map(|answer| answer.found).map_err(|failure| failure.message));
        }
    }
}
