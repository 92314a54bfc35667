//! Asks a rule's source, and makes of the answer what the rule sees. A task of its own per question.

use std::{pin::pin, sync::Arc, time::Duration};

use tokio::{sync::Semaphore, task::spawn_blocking};

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

/// What the templates of one evaluation ask for has come within this, or they go on without: whatever a source takes,
/// the alerts wait no longer for their words.
const WORDS: Duration = Duration::from_secs(10);

/// Asks, and tells for whom and which question. Of `desks` there are as many as evaluations may fill in templates at
/// once.
pub(super) async fn ask(
    sources: Arc<Sources>,
    order: Order,
    default: Option<Fallback>,
    desks: Arc<Semaphore>,
) -> (ObjectKey, u64, Evaluation) {
    let (key, number) = (order.rule.key.clone(), order.number);
    let looked = look(&sources, &order, default.as_ref(), &desks).await;
    let evaluation = looked.unwrap_or_else(|message| failed(&order, message));
    (key, number, evaluation)
}

async fn look(
    sources: &Sources,
    order: &Order,
    default: Option<&Fallback>,
    desks: &Semaphore,
) -> Result<Evaluation, String> {
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
    let mut patience = pin!(tokio::time::sleep(WORDS));
    loop {
        let wanted;
        (judging, wanted) = apart(desks, move || {
            let wanted = judging.wanted();
            (judging, wanted)
        })
        .await;
        if wanted.is_empty() {
            return Ok(apart(desks, move || judging.evaluation()).await);
        }
        for query in wanted {
            tokio::select! {
                biased;
                answer = sources.instant(source, &query, order.at.wall) => {
                    judging.tell(query, answer.map(|answer| answer.found).map_err(|failure| failure.message));
                }
                () = &mut patience => return Ok(apart(desks, move || judging.evaluation()).await),
            }
        }
    }
}

/// Does what may take a second beside the runtime's threads, which have probes to run.
async fn apart<T: Send + 'static>(desks: &Semaphore, work: impl FnOnce() -> T + Send + 'static) -> T {
    // It is never closed.
    let _desk = desks.acquire().await;
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends, and nobody waits for this any more.
            Err(_) => std::future::pending().await,
        },
    }
}
