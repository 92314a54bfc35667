//! Every task has a name and somebody who notices when it ends.

use std::{future::Future, time::Duration};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

/// Runs named tasks. One that ends before it is told to brings all of them down, in order.
pub struct Supervisor {
    tasks: JoinSet<(&'static str, Result<(), String>)>,
    shutdown: CancellationToken,
}

/// Tasks that were told to stop have this long. Kubernetes gives a pod 30 s by default; this leaves it some for
/// the store to close.
const GRACE: Duration = Duration::from_secs(20);

impl Supervisor {
    /// Tasks are told to stop by `shutdown`.
    pub fn new(shutdown: CancellationToken) -> Self {
        Self { tasks: JoinSet::new(), shutdown }
    }

    /// Runs `task` under `name`. It should end only after `shutdown`, or with what went wrong.
    pub fn spawn<E: std::error::Error>(
        &mut self,
        name: &'static str,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        self.tasks.spawn(async move { (name, task.await.map_err(|error| chain(&error))) });
    }

    /// Waits until `shutdown` or the first task that ends on its own, tells all to stop, and waits for them.
    /// True when all was in order.
    pub async fn wait(mut self) -> bool {
        let mut in_order = true;
        let deadline = async {
            self.shutdown.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::pin!(deadline);
        loop {
            tokio::select! {
                ended = self.tasks.join_next() => {
                    let Some(ended) = ended else { return in_order };
                    let told = self.shutdown.is_cancelled();
                    match ended {
                        Ok((name, Ok(()))) if told => info!(task = name, "stopped"),
                        Ok((name, Ok(()))) => {
                            error!(task = name, "ended without being told to; stopping");
                            in_order = false;
                        }
                        Ok((name, Err(error))) => {
                            error!(task = name, "failed: {error}; stopping");
                            in_order = false;
                        }
                        Err(error) => {
                            error!(%error, "a task broke; stopping");
                            in_order = false;
                        }
                    }
                    self.shutdown.cancel();
                }
                () = &mut deadline => {
                    error!(tasks = self.tasks.len(), "not all tasks stopped in time; leaving them");
                    return false;
                }
            }
        }
    }
}

/// An error and what caused it, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_on_its_own_brings_the_others_down() {
        let shutdown = CancellationToken::new();
        let mut supervisor = Supervisor::new(shutdown.clone());
        let told = shutdown.clone();
        supervisor.spawn("patient", async move {
            told.cancelled().await;
            Ok::<_, std::fmt::Error>(())
        });
        supervisor.spawn("failing", async { Err(std::fmt::Error) });
        assert!(!supervisor.wait().await);
        assert!(shutdown.is_cancelled());
    }

    #[tokio::test]
    async fn told_to_stop_all_is_in_order() {
        let shutdown = CancellationToken::new();
        let mut supervisor = Supervisor::new(shutdown.clone());
        let told = shutdown.clone();
        supervisor.spawn("patient", async move {
            told.cancelled().await;
            Ok::<_, std::fmt::Error>(())
        });
        shutdown.cancel();
        assert!(supervisor.wait().await);
    }
}
