//! Health checks: commands that are run in a container from time to time, and what their ends say of it.

use super::{
    Daemon, OpError,
    exec::{self, ExecState, NewExec, Outputs},
    lookup,
    session::Piece,
};
use crate::{
    clock,
    life::{Check, Health, HealthCheck, HealthStatus},
    model::ContainerRecord,
    notices::ContainerDeed,
    runtime::{Privileges, Stdin},
    store::{Connection, StoreError, container, life as rows},
};
use drawbridge_api::{ContainerId, ContainerState};
use std::{sync::Arc, time::Duration};
use tokio::{sync::mpsc, time::timeout};

/// What of a check's output is kept, in bytes.
const KEPT_OUTPUT: usize = 4096;

/// How long a check that was killed may take to be gone.
const LONGEST_DEATH: Duration = Duration::from_secs(5);

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
        let noted = daemon.engine.write(|db| {
            let now = container::get(db, id)?.filter(|now| now.state == ContainerState::Running);
            // It may have ended during the check, which then says nothing.
            let Some(mut now) = now.filter(|now| now.started_at_ms == run) else { return Ok(None) };
            let mut health = now.life.health.take().unwrap_or_default();
            let before = health.status;
            health.take(check, wanted, began_ran_ns);
            rows::set_health(db, id, &health)?;
            let is_news = health.status != before;
            now.life.health = Some(health);
            Ok::<_, StoreError>(Some((now, is_news)))
        })?;
        let Some((now, is_news)) = noted else { return Ok(()) };
        record = now;
        if let Some(health) = record.life.health.as_ref().filter(|_| is_news) {
            lookup::publish(daemon, id)?;
            let status = health.status.as_str().to_owned();
            daemon.tell_container(&record, ContainerDeed::Health { status });
        }
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

async fn check(daemon: &Arc<Daemon>, record: &ContainerRecord, wanted: &HealthCheck, command: &[String]) -> Check {
    let started_at_ms = clock::now_ms();
    let (code, output) = match run(daemon, record, wanted, command).await {
        Ok((code, output)) => (code, String::from_utf8_lossy(&output).into_owned()),
        Err(error) => (-1, error.to_string()),
    };
    Check { started_at_ms, ended_at_ms: clock::now_ms(), code, output }
}

/// A check goes the road of every other command, so it is told of as they are.
async fn run(
    daemon: &Arc<Daemon>,
    record: &ContainerRecord,
    wanted: &HealthCheck,
    command: &[String],
) -> Result<(i32, Vec<u8>), OpError> {
    let new = NewExec {
        args: command.to_vec(),
        env: Vec::new(),
        working_dir: String::new(),
        user: String::new(),
        stdin: Stdin::Closed,
        privileges: Privileges::Default,
        terminal: None,
        outputs: Outputs { stdout: true, stderr: true },
        detach_keys: String::new(),
    };
    let id = exec::create(daemon, record.id.as_str(), new)?;
    let mut session = exec::start(daemon, &id, None).await?;
    let limit = Duration::from_nanos(u64::try_from(wanted.timeout()).unwrap_or(0));
    let mut output = Vec::new();
    if timeout(limit, read(&mut session.output, &mut output)).await.is_err() {
        if let ExecState::Running(pid) = exec::find(daemon, &id)?.state {
            // One that has ended just now is not there to be killed.
            let _ = drawbridge_kernel::process::kill(pid, super::process::SIGKILL);
        }
        // The end of what it prints is told after its own.
        let _ = timeout(LONGEST_DEATH, read(&mut session.output, &mut output)).await;
        return Ok((-1, format!("Health check exceeded timeout ({})", in_words(limit)).into_bytes()));
    }
    match exec::find(daemon, &id)?.state {
        ExecState::Ended(code) => Ok((code, output)),
        ExecState::Created | ExecState::Starting | ExecState::Running(_) => Err(OpError::CutOff),
    }
}

/// Reads to the end and keeps the beginning: a check that prints for ever must not fill the daemon's memory.
async fn read(output: &mut mpsc::Receiver<Piece>, kept: &mut Vec<u8>) {
    while let Some(Piece { bytes, .. }) = output.recv().await {
        let room = KEPT_OUTPUT.saturating_sub(kept.len());
        kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

/// `1.5s`, `30s`, `500ms`.
fn in_words(duration: Duration) -> String {
    format!("{duration:?}")
}
