//! One thing at a time for each container: a start and a clean-up of the same one must not meet, and neither is left
//! half way when whoever asked for it goes away.

use super::RuntimeError;
use drawbridge_api::ContainerId;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};
use tokio::sync;

/// Who is at work on which container.
#[derive(Debug, Default)]
pub(super) struct Turns {
    locks: Mutex<HashMap<ContainerId, Weak<sync::Mutex<()>>>>,
}

impl Turns {
    /// Does the work when it is its turn, on a task of its own: it goes on when this future is dropped.
    pub(super) async fn take<T: Send + 'static>(
        &self,
        id: &ContainerId,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, RuntimeError> {
        let lock = self.lock(id);
        let task = tokio::spawn(async move {
            let _turn = lock.lock().await;
            work.await
        });
        task.await.map_err(|_| RuntimeError::ShuttingDown)
    }

    fn lock(&self, id: &ContainerId) -> Arc<sync::Mutex<()>> {
        // A map is whole after any panic: each change of it is one call.
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = locks.get(id).and_then(Weak::upgrade) {
            return lock;
        }
        locks.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::default();
        locks.insert(id.clone(), Arc::downgrade(&lock));
        lock
    }
}
