//! Waiting for a container's end, by the events that tell of it. Listening begins before the first look, so that an end
//! between the two is not missed.

use super::{Daemon, OpError, lookup};
use crate::store::container as rows;
use drawbridge_api::{ContainerId, ContainerState, Event, EventKind};
use std::{future::Future, sync::Arc};
use tokio::sync::broadcast::{Receiver, error::RecvError};

/// What is waited for. The words are Docker's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It doesn't run; satisfied at once when it doesn't.
    NotRunning,
    /// Its next end, whatever was before.
    NextExit,
    /// It is removed.
    Removed,
}

/// How a wait ended: the exit code, or why there is none.
pub type Waited = Result<i32, OpError>;

/// Begins to wait; the future that is returned ends when the condition holds, with the exit code.
///
/// # Errors
/// `NoSuchContainer`.
pub fn begin(
    daemon: &Daemon,
    text: &str,
    condition: Condition,
) -> Result<impl Future<Output = Waited> + Send + use<>, OpError> {
    let receiver = daemon.engine.events.listen();
    let record = lookup::find(daemon, text)?;
    let store = Arc::clone(&daemon.engine.store);
    Ok(async move {
        let stopped = record.state != ContainerState::Running && record.life.restart_at_ms.is_none();
        if condition == Condition::NotRunning && stopped {
            return Ok(record.exit_code);
        }
        let mut code = record.exit_code;
        let mut receiver = receiver;
        loop {
            match next_about(&mut receiver, &record.id).await {
                Some(About::Ended { code: exit, restarting }) => {
                    code = exit;
                    match condition {
                        Condition::NextExit => return Ok(code),
                        // It will run again without anybody's doing.
                        Condition::NotRunning if !restarting => return Ok(code),
                        Condition::NotRunning | Condition::Removed => {}
                    }
                }
                Some(About::Removed) => return Ok(code),
                // Too slow, and events are lost: the row tells what became of it.
                None => match rows::get(&*store.read()?, &record.id)? {
                    None => return Ok(code),
                    Some(now) if now.state != ContainerState::Running => match condition {
                        Condition::NextExit => return Ok(now.exit_code),
                        Condition::NotRunning if now.life.restart_at_ms.is_none() => return Ok(now.exit_code),
                        Condition::NotRunning | Condition::Removed => code = now.exit_code,
                    },
                    Some(now) => code = now.exit_code,
                },
            }
        }
    })
}

/// Waits for a running container's end.
pub(super) fn for_end(daemon: &Daemon, id: &ContainerId) -> Result<impl Future<Output = ()> + use<>, OpError> {
    let waited = begin(daemon, id.as_str(), Condition::NotRunning)?;
    Ok(async move {
        // A row that can't be read has no end to wait for.
        let _ = waited.await;
    })
}

enum About {
    Ended { code: i32, restarting: bool },
    Removed,
}

async fn next_about(receiver: &mut Receiver<Arc<Event>>, id: &ContainerId) -> Option<About> {
    loop {
        match receiver.recv().await {
            Ok(event) => match &event.kind {
                EventKind::Container(seen) if seen.id == *id && seen.state == ContainerState::Exited => {
                    return Some(About::Ended { code: seen.exit_code, restarting: seen.restarting });
                }
                EventKind::ContainerRemoved(removed) if removed == id => return Some(About::Removed),
                EventKind::Container(_)
                | EventKind::ContainerRemoved(_)
                | EventKind::Network(_)
                | EventKind::NetworkRemoved(_)
                | EventKind::Image(_)
                | EventKind::ImageRemoved(_)
                | EventKind::Change(_)
                | EventKind::Found(_) => {}
            },
            Err(RecvError::Lagged(_)) => return None,
            // The daemon ends, and with it whoever waits.
            Err(RecvError::Closed) => return Some(About::Removed),
        }
    }
}
