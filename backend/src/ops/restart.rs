//! Starting containers again: by request, and by their restart policies.

use super::{Daemon, OpError, lifecycle, lookup, stopping};
use crate::{
    clock,
    engine::{Changed, Mode},
    life::Ended,
    model::ContainerRecord,
    notices::ContainerDeed,
    runtime::Exit,
    store::{Connection, StoreError, container, life as rows},
};
use drawbridge_api::{ContainerId, ContainerState, Origin};
use std::{sync::Arc, time::Duration};

/// Stops a container that runs, and starts it.
///
/// # Errors
/// As of `stop` and `start`.
pub async fn restart(
    daemon: &Arc<Daemon>,
    origin: Origin,
    text: &str,
    options: stopping::StopOptions,
) -> Result<Changed<ContainerRecord>, OpError> {
    let record = lookup::find(daemon, text)?;
    match stopping::stop(daemon, Mode::Apply, origin, record.id.as_str(), options).await {
        // Also one that ended by itself meanwhile.
        Ok(_) | Err(OpError::Already(_)) => {}
        Err(error) => return Err(error),
    }
    let started = lifecycle::start(daemon, Mode::Apply, origin, record.id.as_str()).await?;
    daemon.tell_container(&record, ContainerDeed::Restart);
    Ok(started)
}

/// What a container's policy says after its end: notes the next start, if there is one, in the transaction that notes the
/// end, so that nobody sees it at rest between two runs. The caller holds it.
pub(super) fn note(db: &Connection, record: &ContainerRecord, exit: Exit) -> Result<(), StoreError> {
    let ran_ms = record.started_at_ms.map_or(0, |started_at_ms| (exit.at_ms - started_at_ms).max(0));
    // Somebody may have asked for this end while it still ran, so the row is read anew.
    let Some(now) = container::get(db, &record.id)? else { return Ok(()) };
    let ended = Ended { code: exit.code, ran_ms };
    match record.spec.settings.restart.delay_ms(&now.life, ended) {
        Some(delay_ms) => rows::set_restart_at(db, &record.id, clock::now_ms() + delay_ms, delay_ms),
        None => Ok(()),
    }
}

/// Waits in the background for a container's next start, and makes it. The task ends with that, or with the daemon; a stop
/// or removal meanwhile leaves it nothing to do.
pub(super) fn watch(daemon: &Arc<Daemon>, id: ContainerId, at_ms: i64) {
    let daemon = Arc::clone(daemon);
    tokio::spawn(async move {
        let wait_ms = u64::try_from(at_ms - clock::now_ms()).unwrap_or(0);
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        match again(&daemon, &id, at_ms).await {
            Ok(()) | Err(OpError::NoSuchContainer(_)) => {}
            Err(error) => {
                tracing::warn!(container = %id.short(), error = &error as &dyn std::error::Error, "not started again");
            }
        }
    });
}

/// Boxed, since a start watches for the end, after which comes the next start.
fn again<'a>(
    daemon: &'a Arc<Daemon>,
    id: &'a ContainerId,
    at_ms: i64,
) -> std::pin::Pin<Box<dyn Future<Output = Result<(), OpError>> + Send + 'a>> {
    Box::pin(async move {
        let _held = daemon.hold(id).await;
        let record = lookup::get(daemon, id)?;
        if record.life.restart_at_ms != Some(at_ms) || record.state == ContainerState::Running {
            return Ok(());
        }
        daemon.engine.write(|db| rows::set_restarting(db, id))?;
        lifecycle::start_held(daemon, Mode::Apply, Origin::Daemon, &record).await.map(|_| ())
    })
}

/// Takes up, when the daemon has come up, what policies ask for: starts that were due, and containers that are to run
/// whenever the daemon does.
///
/// # Errors
/// When the store fails.
pub(super) fn take_up(daemon: &Arc<Daemon>) -> Result<(), OpError> {
    for (record, _) in lookup::list(daemon)? {
        if record.state == ContainerState::Running {
            continue;
        }
        let due = record.life.restart_at_ms;
        let wanted = record.started_at_ms.is_some() && record.spec.settings.restart.at_daemon_start(&record.life);
        if due.is_none() && !wanted {
            continue;
        }
        let at_ms = due.unwrap_or_else(clock::now_ms);
        if due.is_none() {
            daemon.engine.write(|db| rows::set_restart_at(db, &record.id, at_ms, 0))?;
        }
        watch(daemon, record.id, at_ms);
    }
    Ok(())
}
