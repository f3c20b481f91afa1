//! What others have made on this machine: seen as it comes and goes, told to listeners, and never changed. The kernel tells that
//! something has changed; what it was is found by looking.

use super::{Daemon, OpError};
use crate::{clock, store::endpoint};
use drawbridge_api::{EventKind, Found, NsName};
use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError},
    thread,
    time::Duration,
};
use tokio::task::block_in_place;

/// How long others have to come to an end before we look, and the least between two looks: a script makes a dozen changes in a
/// row, and so does the start of a container of ours.
const PAUSE: Duration = Duration::from_millis(250);
/// When one looks once more after the last change: of a new namespace the file is told of, and what is mounted on it is not.
const ONCE_MORE_AFTER: Duration = Duration::from_secs(1);
/// How often is looked while containers start, at the most: what is told is right again when they pause.
const LOOKS: u32 = 3;
/// How long one wait lasts when nothing is awaited; the next begins at once.
const LISTEN_FOR: Duration = Duration::from_secs(3600);

/// All links of the host and all named namespaces, ours too.
///
/// # Errors
/// When store or kernel can't be asked.
pub fn all(daemon: &Daemon) -> Result<Found, OpError> {
    block_in_place(|| look(daemon))
}

/// What others have made, as it was last seen.
pub fn foreign(daemon: &Daemon) -> Found {
    daemon.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Looks at what others make from now on, on a thread of its own.
///
/// # Errors
/// When the kernel does not tell of changes, or no thread can be started.
pub fn watch(daemon: &Arc<Daemon>) -> Result<(), OpError> {
    let mut watch = daemon.kernel.watch_found().map_err(OpError::Kernel)?;
    block_in_place(|| take(daemon));
    let daemon = Arc::clone(daemon);
    let look_after = move || {
        let mut patience = LISTEN_FOR;
        loop {
            match watch.next(patience) {
                Ok(true) => patience = ONCE_MORE_AFTER,
                Ok(false) if patience == LISTEN_FOR => continue,
                Ok(false) => patience = LISTEN_FOR,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "cannot watch links any longer");
                    return;
                }
            }
            thread::sleep(PAUSE);
            take(&daemon);
        }
    };
    thread::Builder::new().name("watch-links".to_owned()).spawn(look_after).map_err(|_| OpError::CutOff)?;
    Ok(())
}

/// Looks, and tells listeners if it is another than before.
fn take(daemon: &Daemon) {
    let seen = match look(daemon) {
        Ok(seen) => seen.foreign(),
        // What changes while it is looked at; the change is told of, too.
        Err(error) => {
            tracing::debug!(error = &error as &dyn std::error::Error, "cannot see what others have made");
            return;
        }
    };
    let is_new = {
        let mut found = daemon.found.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = *found != seen;
        found.clone_from(&seen);
        is_new
    };
    if is_new {
        daemon.engine.events.publish(EventKind::Found(seen), clock::now_ms());
    }
}

fn look(daemon: &Daemon) -> Result<Found, OpError> {
    let mut ours = namespaces(daemon)?;
    for _ in 1..LOOKS {
        let seen = daemon.kernel.found(&ours).map_err(OpError::Kernel)?;
        // Its row is there before a namespace is and until it has gone; one that came since would look like another's.
        let now = namespaces(daemon)?;
        if now.is_subset(&ours) {
            return Ok(seen);
        }
        ours.extend(now);
    }
    daemon.kernel.found(&ours).map_err(OpError::Kernel)
}

fn namespaces(daemon: &Daemon) -> Result<BTreeSet<NsName>, OpError> {
    let db = daemon.engine.store.read()?;
    Ok(endpoint::namespaces(&db)?.into_iter().map(|(_, name)| name).collect())
}
