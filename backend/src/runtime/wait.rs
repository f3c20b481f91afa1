//! Waiting for what the kernel reports by a descriptor, on the async runtime.

use crate::readable::register;
use drawbridge_kernel::{
    file::{Watch, take_changes},
    process::Process,
};
use std::{io, os::fd::OwnedFd, path::Path, time::Duration};
use tokio::{io::unix::AsyncFd, time::sleep};

/// How often one looks when the kernel has no more watches to give (fs.inotify.max_user_instances, 128 by default): a
/// person who follows a log does not see the delay.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Returns when the process has ended.
pub(super) async fn ended(process: Process) -> io::Result<()> {
    // The descriptor becomes readable once, for good (pidfd_open(2)).
    register(process.into())?.readable().await?.retain_ready();
    Ok(())
}

/// Tells that a file, or what is in a folder, has changed. May tell so when it has not.
#[derive(Debug)]
pub(super) struct Changes {
    watch: Option<AsyncFd<OwnedFd>>,
}

impl Changes {
    /// What changes from now on is told, so look at the file after this.
    pub(super) fn of(path: &Path) -> Changes {
        Changes { watch: Watch::open(path).and_then(|watch| register(watch.into())).ok() }
    }

    /// Returns at the next change. May be dropped and called again without missing any.
    pub(super) async fn next(&self) {
        let Some(watch) = &self.watch else { return sleep(LOOK_EVERY).await };
        match watch.readable().await {
            Ok(mut ready) => {
                // Nothing to take means that the readiness was that of an earlier event; the caller looks once more.
                let _ = ready.try_io(take_changes);
            }
            Err(_) => sleep(LOOK_EVERY).await,
        }
    }
}
