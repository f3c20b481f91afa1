//! Repair: what others take out of our tables comes back at once. The kernel tells of each transaction that changed
//! nf_tables; what it was about is found by looking.

use super::{Daemon, OpError};
use crate::store::journal::Request;
use drawbridge_api::Origin;
use drawbridge_kernel::Transaction;
use std::{sync::Arc, thread, time::Duration};
use tokio::runtime::Handle;

/// How long others have to come to an end before we look, and between two looks: a firewall that starts makes many
/// transactions.
const PAUSE: Duration = Duration::from_millis(100);

/// How long one look at what is told lasts; the next begins at once.
const LISTEN_FOR: Duration = Duration::from_secs(3600);

/// Looks after the tables from now on, on a thread of its own.
///
/// # Errors
/// When the kernel does not tell of transactions, or no thread can be started.
pub fn watch(daemon: &Arc<Daemon>) -> Result<(), OpError> {
    let mut watch = daemon.kernel.watch_tables().map_err(OpError::Kernel)?;
    let (daemon, runtime) = (Arc::clone(daemon), Handle::current());
    let look_after = move || {
        loop {
            match watch.next(LISTEN_FOR) {
                Ok(None) => {}
                Ok(Some(transaction)) => {
                    thread::sleep(PAUSE);
                    runtime.block_on(repair(&daemon, &transaction));
                }
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "cannot watch the tables any longer");
                    return;
                }
            }
        }
    };
    thread::Builder::new().name("watch-tables".to_owned()).spawn(look_after).map_err(|_| OpError::CutOff)?;
    Ok(())
}

async fn repair(daemon: &Daemon, transaction: &Transaction) {
    let subject = match (&transaction.name, transaction.pid) {
        (Some(name), Some(pid)) => format!("the tables after {name} (process {pid})"),
        _ => "the tables".to_owned(),
    };
    let request = Request { verb: "repair", subject: subject.clone(), origin: Origin::Daemon };
    match daemon.engine.repair(request).await {
        Ok(false) => {}
        Ok(true) => tracing::warn!("repaired {subject}"),
        Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "cannot repair {subject}"),
    }
}
