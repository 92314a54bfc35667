//! Requests that change something: each goes on to its end, also when its client goes away in the middle.
//!
//! Else whoever closes the connection at the right moment leaves a change half done, or done and not written down.

use hyper::StatusCode;
use parking_lot::Mutex;
use tokio::{sync::oneshot, task::JoinSet};
use tracing::Instrument as _;

use super::answer::ApiError;

/// Under way at once, those that nobody waits for any more too. Each ends within the limit for an answer; people make a few.
const AT_ONCE: usize = 64;

/// Those that are under way.
#[derive(Default)]
pub(super) struct Writes(Mutex<JoinSet<()>>);

impl Writes {
    /// Does it, and waits for what comes of it.
    ///
    /// # Errors
    /// 503 when there are too many.
    pub(super) async fn run<T>(&self, work: impl Future<Output = T> + Send + 'static) -> Result<T, ApiError>
    where
        T: Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        self.begin(async move {
            // Whoever asked may have gone.
            let _ = tell.send(work.await);
        })?;
        told.await.map_err(|_| ApiError::internal())
    }

    fn begin(&self, work: impl Future<Output = ()> + Send + 'static) -> Result<(), ApiError> {
        let mut tasks = self.0.lock();
        while tasks.try_join_next().is_some() {}
        if tasks.len() >= AT_ONCE {
            let message = format!("{AT_ONCE} requests that change something are under way: try again in some seconds");
            return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message));
        }
        tasks.spawn(work.in_current_span());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::FutureExt as _;
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn what_has_begun_goes_on_when_nobody_waits_for_it() {
        let (writes, gate, done) = (Writes::default(), Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let work = |gate: &Arc<Semaphore>, done: &Arc<Semaphore>| {
            let (gate, done) = (gate.clone(), done.clone());
            async move {
                gate.acquire().await.unwrap().forget();
                done.add_permits(1);
                7
            }
        };
        for _ in 0..AT_ONCE {
            // Asked once, and dropped: its client is gone.
            assert!(writes.run(work(&gate, &done)).now_or_never().is_none());
        }
        let refused = writes.run(work(&gate, &done)).await.unwrap_err();
        assert_eq!(refused.status, 503);
        gate.add_permits(AT_ONCE + 1);
        done.acquire_many(AT_ONCE as u32).await.unwrap().forget();
        // The last ones may not have left yet.
        while writes.0.lock().join_next().now_or_never().flatten().is_none() {
            tokio::task::yield_now().await;
        }
        assert_eq!(writes.run(work(&gate, &done)).await.unwrap(), 7);
    }
}
