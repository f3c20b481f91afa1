//! Ending a container's run: stop, kill, and what waits for it.

use super::{Daemon, OpError, image, lifecycle::preview_release, lookup, pausing, process, wait};
use crate::{
    engine::{Changed, Mode},
    life::RestartPolicy,
    model::ContainerRecord,
    notices::ContainerDeed,
    runtime::{ProcessState, RuntimeError},
    store::{journal::Request, life},
};
use drawbridge_api::{ContainerState, Origin};
use std::time::Duration;

/// How long a killed process may take to be gone. SIGKILL can't be refused; more than this means that the process hangs
/// in the kernel or the monitor is gone.
const AFTER_KILL: Duration = Duration::from_secs(20);

/// The change that ends a container which somebody stops, one which somebody kills, and one which somebody removes.
pub(super) const STOP: &str = "stop container";
pub(super) const KILL: &str = "kill container";
pub(super) const REMOVE: &str = "remove container";

/// How a container is asked to end.
#[derive(Clone, Debug, Default)]
pub struct StopOptions {
    /// The signal by name or number; the container's own when absent.
    pub signal: Option<String>,
    /// Seconds until it is killed; the container's own, or 10, when absent; forever when negative.
    pub timeout_s: Option<i64>,
}

/// Asks a container's process to end, kills it when it doesn't, and returns when its network is gone.
///
/// # Errors
/// `Already` when it doesn't run.
pub async fn stop(
    daemon: &Daemon,
    mode: Mode,
    origin: Origin,
    text: &str,
    options: StopOptions,
) -> Result<Changed<()>, OpError> {
    let mut record = lookup::find(daemon, text)?;
    if record.state != ContainerState::Running && record.spec.settings.restart != RestartPolicy::No {
        // A restart may be due, or on its way.
        let _held = daemon.hold(&record.id).await;
        record = lookup::get(daemon, &record.id)?;
        if record.life.restart_at_ms.is_some() && mode == Mode::Apply {
            daemon.engine.write(|db| life::set_stopped_by_hand(db, &record.id))?;
            lookup::publish(daemon, &record.id)?;
            return Ok(Changed::Applied(()));
        }
    }
    if record.state != ContainerState::Running {
        return Err(OpError::Already(record.name.to_string()));
    }
    if mode == Mode::Preview {
        return preview_release(daemon, &record, STOP, origin).await;
    }
    let signal = match options.signal.as_deref() {
        Some(named) => process::signal(named)?,
        None => stop_signal(daemon, &record)?,
    };
    let timeout_s = options.timeout_s.unwrap_or_else(|| record.spec.stop_timeout_s.map_or(10, i64::from));
    let end = wait::for_end(daemon, &record.id)?;
    let subject = record.name.to_string();
    daemon.note_asked_to_end(&record.id, Request { verb: STOP, subject, origin });
    asked(end_by_hand(daemon, &record, signal).await)?;
    let Ok(patience) = u64::try_from(timeout_s) else {
        end.await;
        return Ok(Changed::Applied(()));
    };
    if tokio::time::timeout(Duration::from_secs(patience), end).await.is_err() {
        kill_and_wait(daemon, &record, STOP, origin).await?;
    }
    Ok(Changed::Applied(()))
}

/// Sends a signal to a container's main process.
///
/// # Errors
/// `State` when it does not run, or `Invalid` for an unknown signal.
pub async fn kill(daemon: &Daemon, origin: Origin, text: &str, signal: Option<&str>) -> Result<(), OpError> {
    let record = lookup::find(daemon, text)?;
    if record.state != ContainerState::Running {
        return Err(OpError::State(format!("cannot kill container: {text}: container {} is not running", record.id)));
    }
    let number = process::signal(signal.unwrap_or("SIGKILL"))?;
    if number == process::SIGKILL {
        let subject = record.name.to_string();
        daemon.note_asked_to_end(&record.id, Request { verb: KILL, subject, origin });
    }
    if number == process::SIGKILL || number == stop_signal(daemon, &record)? {
        return end_by_hand(daemon, &record, number).await;
    }
    send_signal(daemon, &record, number).await
}

/// One whose process ended by itself just now needs no signal; its end is about to be noted.
fn asked(sent: Result<(), OpError>) -> Result<(), OpError> {
    match sent {
        Err(OpError::Runtime(RuntimeError::NotRunning(_))) => Ok(()),
        sent => sent,
    }
}

/// The signal that asks a container to end: its own, its image's, or SIGTERM.
fn stop_signal(daemon: &Daemon, record: &ContainerRecord) -> Result<i32, OpError> {
    let named = match record.spec.stop_signal.clone() {
        Some(signal) => Some(signal),
        None => process::image_defaults(&image::find(daemon, record.image_id.as_str())?)?.stop_signal,
    };
    process::signal(named.as_deref().unwrap_or("SIGTERM"))
}

/// Sends a signal that is to end a container: it is not started again by its policy, and does not stay frozen.
async fn end_by_hand(daemon: &Daemon, record: &ContainerRecord, signal: i32) -> Result<(), OpError> {
    daemon.engine.write(|db| life::set_stopped_by_hand(db, &record.id))?;
    send_signal(daemon, record, signal).await?;
    // As it is now: the first of two signals has let it go on.
    match lookup::get(daemon, &record.id) {
        Ok(now) if now.life.paused => pausing::resume(daemon, &now).await,
        Ok(_) | Err(OpError::NoSuchContainer(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn send_signal(daemon: &Daemon, record: &ContainerRecord, signal: i32) -> Result<(), OpError> {
    let ProcessState::Running { .. } = daemon.runtime.state(&record.id).await? else {
        return Err(RuntimeError::NotRunning(record.id.clone()).into());
    };
    // Told first: the end that it may bring about is told by another task, which would be quicker now and then.
    daemon.tell_container(record, ContainerDeed::Kill { signal });
    Ok(daemon.runtime.signal(&record.id, signal).await?)
}

/// Kills a container and returns when its network is gone; `verb` names the change that takes it away.
pub(super) async fn kill_and_wait(
    daemon: &Daemon,
    record: &ContainerRecord,
    verb: &'static str,
    origin: Origin,
) -> Result<(), OpError> {
    let end = wait::for_end(daemon, &record.id)?;
    let subject = record.name.to_string();
    daemon.note_asked_to_end(&record.id, Request { verb, subject, origin });
    asked(end_by_hand(daemon, record, process::SIGKILL).await)?;
    tokio::time::timeout(AFTER_KILL, end).await.map_err(|_| OpError::WillNotEnd(record.name.to_string()))?;
    Ok(())
}
