//! Health checks: commands that are run in a container from time to time, and what their ends say of it.

use super::{Daemon, OpError, exec, lookup};
use crate::{
    clock,
    life::{Check, Health, HealthCheck, HealthStatus},
    model::ContainerRecord,
    notices::ContainerDeed,
    runtime::{Privileges, Stdin},
    store::{Connection, StoreError, life as rows},
};
use drawbridge_api::{ContainerId, ContainerState};
use std::{sync::Arc, time::Duration};
use tokio::io::{AsyncRead, AsyncReadExt};

/// What of a check's output is kept, in bytes.
const KEPT_OUTPUT: usize = 4096;

/// Checks a container that has just begun to run, or is taken up, for as long as this run lasts. The task ends with the
/// run, or with the daemon.
pub(super) fn watch(daemon: &Arc<Daemon>, record: &ContainerRecord) {
    let Some(wanted) = record.spec.settings.health.clone() else { return };
    let Some(command) = wanted.command() else { return };
    let (daemon, id) = (Arc::clone(daemon), record.id.clone());
    tokio::spawn(async move {
        if let Err(error) = look_after(&daemon, &id, &wanted, &command).await {
            tracing::warn!(container = %id.short(), error = &error as &dyn std::error::Error, "its health is not checked");
        }
    });
}

/// Notes that nothing is known yet of a container that has just begun to run.
pub(super) fn begin(daemon: &Daemon, record: &ContainerRecord) -> Result<(), OpError> {
    let checked = record.spec.settings.health.as_ref().is_some_and(|wanted| wanted.command().is_some());
    if checked {
        daemon.engine.write(|db| rows::set_health(db, &record.id, &Health::default()))?;
    }
    Ok(())
}

/// Notes that a container which has ended is not healthy.
pub(super) fn end(db: &Connection, record: &ContainerRecord) -> Result<(), StoreError> {
    let Some(mut health) = record.life.health.clone() else { return Ok(()) };
    health.status = HealthStatus::Unhealthy;
    rows::set_health(db, &record.id, &health)
}

async fn look_after(
    daemon: &Arc<Daemon>,
    id: &ContainerId,
    wanted: &HealthCheck,
    command: &[String],
) -> Result<(), OpError> {
    let Some(mut record) = running(daemon, id)? else { return Ok(()) };
    let run = record.started_at_ms;
    loop {
        let health = record.life.health.clone().unwrap_or_default();
        let wait_ns = wanted.wait(&health, ran_ns(&record));
        tokio::time::sleep(Duration::from_nanos(u64::try_from(wait_ns).unwrap_or(0))).await;
        match running(daemon, id)? {
            Some(now) if now.started_at_ms == run => record = now,
            Some(_) | None => return Ok(()),
        }
        if record.life.paused {
            continue;
        }
        let began_ran_ns = ran_ns(&record);
        let check = check(daemon, &record, wanted, command).await;
        // It may have ended during the check, which then says nothing.
        match running(daemon, id)? {
            Some(now) if now.started_at_ms == run => record = now,
            Some(_) | None => return Ok(()),
        }
        let mut health = record.life.health.clone().unwrap_or_default();
        let before = health.status;
        health.take(check, wanted, began_ran_ns);
        daemon.engine.write(|db| rows::set_health(db, id, &health))?;
        if health.status != before {
            lookup::publish(daemon, id)?;
            let status = health.status.as_str().to_owned();
            daemon.tell_container(&record, ContainerDeed::Health { status });
        }
        record.life.health = Some(health);
    }
}

fn running(daemon: &Daemon, id: &ContainerId) -> Result<Option<ContainerRecord>, OpError> {
    match lookup::get(daemon, id) {
        Ok(record) if record.state == ContainerState::Running => Ok(Some(record)),
        Ok(_) | Err(OpError::NoSuchContainer(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn ran_ns(record: &ContainerRecord) -> i64 {
    let ran_ms = record.started_at_ms.map_or(0, |started_at_ms| clock::now_ms() - started_at_ms);
    ran_ms.saturating_mul(1_000_000)
}

async fn check(daemon: &Daemon, record: &ContainerRecord, wanted: &HealthCheck, command: &[String]) -> Check {
    let started_at_ms = clock::now_ms();
    let (code, output) = match run(daemon, record, wanted, command).await {
        Ok((code, output)) => (code, String::from_utf8_lossy(&output).into_owned()),
        Err(error) => (-1, error.to_string()),
    };
    Check { started_at_ms, ended_at_ms: clock::now_ms(), code, output }
}

async fn run(
    daemon: &Daemon,
    record: &ContainerRecord,
    wanted: &HealthCheck,
    command: &[String],
) -> Result<(i32, Vec<u8>), OpError> {
    let new = exec::NewExec {
        args: command.to_vec(),
        env: Vec::new(),
        working_dir: String::new(),
        user: String::new(),
        stdin: Stdin::Closed,
        privileges: Privileges::Default,
        terminal: None,
        outputs: exec::Outputs { stdout: true, stderr: true },
        detach_keys: String::new(),
    };
    let spec = exec::spec(daemon, record, &new)?;
    let mut process = daemon.runtime.exec(&record.id, &spec).await?;
    let timeout = Duration::from_nanos(u64::try_from(wanted.timeout()).unwrap_or(0));
    let mut output = Vec::new();
    let mut errors = Vec::new();
    let finished = tokio::time::timeout(timeout, async {
        tokio::join!(read(process.stdout.take(), &mut output), read(process.stderr.take(), &mut errors));
    });
    if finished.await.is_err() {
        // One that has ended just now is not there to be killed.
        let _ = drawbridge_kernel::process::kill(process.pid, super::process::SIGKILL);
        // The command below the runtime's own has let go of the pipes; who waits for it is told the code.
        let _ = tokio::time::timeout(Duration::from_secs(5), process.wait()).await;
        return Ok((-1, format!("Health check exceeded timeout ({})", in_words(timeout)).into_bytes()));
    }
    let code = process.wait().await?;
    output.extend(errors);
    output.truncate(KEPT_OUTPUT);
    Ok((code, output))
}

/// Reads to the end and keeps the beginning: a check that prints for ever must not fill the daemon's memory.
async fn read(source: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(mut source) = source else { return };
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = source.read(&mut buffer).await {
        let room = KEPT_OUTPUT.saturating_sub(kept.len());
        kept.extend_from_slice(&buffer[..length.min(room)]);
    }
}

/// `1.5s`, `30s`, `500ms`.
fn in_words(duration: Duration) -> String {
    format!("{duration:?}")
}
