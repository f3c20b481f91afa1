//! Containers, without their endpoints.

use super::{
    Connection, StoreError, attachment,
    sql::{Columns, all, first, from_json, from_word, json_or_null, listed, parsed, run, to_json},
};
use crate::{
    life::Life,
    model::{ContainerRecord, ContainerSpec},
};
use drawbridge_api::{ContainerId, ContainerName};
use rusqlite::Row;

/// Inserts a container that has never run.
///
/// # Errors
/// `Conflict` when its name is taken.
pub fn insert(db: &Connection, container: &ContainerRecord) -> Result<(), StoreError> {
    run(
        db,
        "insert into container (container_id, name, image_id, spec, state, created_at_ms) values (?, ?, ?, ?, ?, ?)",
        (
            container.id.as_str(),
            container.name.as_str(),
            container.image_id.as_str(),
            to_json("spec", &container.spec)?,
            container.state.as_str(),
            container.created_at_ms,
        ),
    )?;
    Ok(())
}

/// Changes what a container's process is to be, from its next start on.
///
/// # Errors
/// When SQLite fails.
pub fn set_spec(db: &Connection, id: &ContainerId, spec: &ContainerSpec) -> Result<(), StoreError> {
    run(db, "update container set spec = ? where container_id = ?", (to_json("spec", spec)?, id.as_str()))?;
    Ok(())
}

/// Gives a container another name.
///
/// # Errors
/// `Conflict` when it is taken.
pub fn set_name(db: &Connection, id: &ContainerId, name: &ContainerName) -> Result<(), StoreError> {
    run(db, "update container set name = ? where container_id = ?", (name.as_str(), id.as_str()))?;
    Ok(())
}

/// The main process runs.
///
/// # Errors
/// When SQLite fails.
pub fn set_running(db: &Connection, id: &ContainerId, pid: i32, now_ms: i64) -> Result<(), StoreError> {
    run(
        db,
        "update container set state = 'running', pid = ?, started_at_ms = ?, exit_code = 0, error = '',
                              paused = 0, oom_killed = 0, restart_at_ms = null
         where container_id = ?",
        (pid, now_ms, id.as_str()),
    )?;
    Ok(())
}

/// The main process has ended.
///
/// # Errors
/// When SQLite fails.
pub fn set_exited(db: &Connection, id: &ContainerId, code: i32, at_ms: i64) -> Result<(), StoreError> {
    run(
        db,
        "update container set state = 'exited', paused = 0, pid = null, exit_code = ?, finished_at_ms = ?
         where container_id = ?",
        (code, at_ms, id.as_str()),
    )?;
    Ok(())
}

/// A start failed: the container is as before, with the reason noted.
///
/// # Errors
/// When SQLite fails.
pub fn set_start_failed(db: &Connection, id: &ContainerId, code: i32, why: &str) -> Result<(), StoreError> {
    run(
        db,
        "update container set exit_code = ?, error = ?, restart_at_ms = null where container_id = ?",
        (code, why, id.as_str()),
    )?;
    Ok(())
}

/// Takes the row away, and its attachments with it.
///
/// # Errors
/// `Conflict` while it has a namespace or an endpoint.
pub fn delete(db: &Connection, id: &ContainerId) -> Result<(), StoreError> {
    attachment::free_all(db, id)?;
    run(db, "delete from container where container_id = ?", [id.as_str()])?;
    Ok(())
}

/// All containers, oldest first.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn list(db: &Connection) -> Result<Vec<ContainerRecord>, StoreError> {
    // As they were inserted, so that nothing is sorted.
    listed(db, "select * from container order by rowid", [], |row| read(row))
}

/// Those of [`list`] that run, or are about to be started again.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn list_up(db: &Connection) -> Result<Vec<ContainerRecord>, StoreError> {
    listed(
        db,
        "select * from container where state = 'running' or restart_at_ms is not null order by rowid",
        [],
        |row| read(row),
    )
}

/// The container of an id.
///
/// # Errors
/// When SQLite fails or the row can't be read.
pub fn get(db: &Connection, id: &ContainerId) -> Result<Option<ContainerRecord>, StoreError> {
    first(db, "select * from container where container_id = ?", [id.as_str()], |row| read(row))
}

/// The container that has a name.
///
/// # Errors
/// When SQLite fails.
pub fn by_name(db: &Connection, name: &ContainerName) -> Result<Option<ContainerId>, StoreError> {
    first(db, "select container_id from container where name = ?", [name.as_str()], |row| parsed(row, "container_id"))
}

/// The ids that a text can mean, in Docker's order: the full id, else the exact name, else every id that begins so.
///
/// # Errors
/// When SQLite fails.
pub fn resolve(db: &Connection, text: &str) -> Result<Vec<ContainerId>, StoreError> {
    let id = |row: &Row<'_>| parsed(row, "container_id");
    let exact = all(
        db,
        "select container_id from container where container_id = ?1 or name = ?1
         order by container_id = ?1 desc limit 1",
        [text],
        id,
    )?;
    if !exact.is_empty() || text.is_empty() {
        return Ok(exact);
    }
    all(
        db,
        "select container_id from container where container_id >= ?1 and container_id < ?1 || 'g' limit 9",
        [text],
        id,
    )
}

fn read(row: &impl Columns) -> Result<ContainerRecord, StoreError> {
    Ok(ContainerRecord {
        id: parsed(row, "container_id")?,
        name: parsed(row, "name")?,
        image_id: parsed(row, "image_id")?,
        spec: from_json(row, "spec")?,
        state: from_word(row, "state")?,
        pid: row.plain("pid")?,
        exit_code: row.plain("exit_code")?,
        error: row.plain("error")?,
        created_at_ms: row.plain("created_at_ms")?,
        started_at_ms: row.plain("started_at_ms")?,
        finished_at_ms: row.plain("finished_at_ms")?,
        life: Life {
            paused: row.plain("paused")?,
            restart_count: row.plain("restart_count")?,
            restart_delay_ms: row.plain("restart_delay_ms")?,
            restart_at_ms: row.plain("restart_at_ms")?,
            stopped_by_hand: row.plain("stopped_by_hand")?,
            oom_killed: row.plain("oom_killed")?,
            health: json_or_null(row, "health")?,
        },
    })
}
