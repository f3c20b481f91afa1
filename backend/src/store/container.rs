//! Containers, without their endpoints.

use super::{Connection, StoreError, from_json, from_word, parse, to_json};
use crate::model::ContainerRecord;
use drawbridge_api::{ContainerId, ContainerName, ContainerState};

#[derive(sqlx::FromRow)]
struct Row {
    container_id: String,
    name: String,
    image_id: String,
    spec: String,
    state: String,
    pid: Option<i32>,
    exit_code: i32,
    error: String,
    created_at_ms: i64,
    started_at_ms: Option<i64>,
    finished_at_ms: Option<i64>,
}

/// Inserts a container that has never run.
///
/// # Errors
/// `Conflict` when its name is taken.
pub async fn insert(db: &mut Connection, container: &ContainerRecord) -> Result<(), StoreError> {
    sqlx::query(
        "insert into container (container_id, name, image_id, spec, state, created_at_ms) values (?, ?, ?, ?, ?, ?)",
    )
    .bind(container.id.as_str())
    .bind(container.name.as_str())
    .bind(container.image_id.as_str())
    .bind(to_json("spec", &container.spec)?)
    .bind(container.state.as_str())
    .bind(container.created_at_ms)
    .execute(db)
    .await?;
    Ok(())
}

/// The main process runs.
///
/// # Errors
/// When SQLite fails.
pub async fn set_running(db: &mut Connection, id: &ContainerId, pid: i32, now_ms: i64) -> Result<(), StoreError> {
    sqlx::query(
        "update container set state = 'running', pid = ?, started_at_ms = ?, exit_code = 0, error = ''
         where container_id = ?",
    )
    .bind(pid)
    .bind(now_ms)
    .bind(id.as_str())
    .execute(db)
    .await?;
    Ok(())
}

/// The main process has ended.
///
/// # Errors
/// When SQLite fails.
pub async fn set_exited(db: &mut Connection, id: &ContainerId, code: i32, at_ms: i64) -> Result<(), StoreError> {
    sqlx::query(
        "update container set state = 'exited', pid = null, exit_code = ?, finished_at_ms = ? where container_id = ?",
    )
    .bind(code)
    .bind(at_ms)
    .bind(id.as_str())
    .execute(db)
    .await?;
    Ok(())
}

/// A start failed: the container is as before, with the reason noted.
///
/// # Errors
/// When SQLite fails.
pub async fn set_start_failed(db: &mut Connection, id: &ContainerId, code: i32, why: &str) -> Result<(), StoreError> {
    sqlx::query("update container set exit_code = ?, error = ? where container_id = ?")
        .bind(code)
        .bind(why)
        .bind(id.as_str())
        .execute(db)
        .await?;
    Ok(())
}

/// Takes the row away.
///
/// # Errors
/// `Conflict` while it has a namespace or an endpoint.
pub async fn delete(db: &mut Connection, id: &ContainerId) -> Result<(), StoreError> {
    sqlx::query("delete from container where container_id = ?").bind(id.as_str()).execute(db).await?;
    Ok(())
}

/// All containers, oldest first.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub async fn list(db: &mut Connection) -> Result<Vec<ContainerRecord>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as("select * from container order by created_at_ms, rowid").fetch_all(db).await?;
    rows.into_iter().map(record).collect()
}

/// The container of an id.
///
/// # Errors
/// When SQLite fails or the row can't be read.
pub async fn get(db: &mut Connection, id: &ContainerId) -> Result<Option<ContainerRecord>, StoreError> {
    let row: Option<Row> =
        sqlx::query_as("select * from container where container_id = ?").bind(id.as_str()).fetch_optional(db).await?;
    row.map(record).transpose()
}

/// The container that has a name.
///
/// # Errors
/// When SQLite fails.
pub async fn by_name(db: &mut Connection, name: &ContainerName) -> Result<Option<ContainerId>, StoreError> {
    let id: Option<String> = sqlx::query_scalar("select container_id from container where name = ?")
        .bind(name.as_str())
        .fetch_optional(db)
        .await?;
    id.map(|id| parse("container_id", &id)).transpose()
}

/// The ids that a text can mean, in Docker's order: the full id, else the exact name, else every id that begins so.
///
/// # Errors
/// When SQLite fails.
pub async fn resolve(db: &mut Connection, text: &str) -> Result<Vec<ContainerId>, StoreError> {
    let exact: Vec<String> = sqlx::query_scalar(
        "select container_id from container where container_id = ?1 or name = ?1
         order by container_id = ?1 desc limit 1",
    )
    .bind(text)
    .fetch_all(&mut *db)
    .await?;
    let found = if exact.is_empty() && !text.is_empty() {
        sqlx::query_scalar(
            "select container_id from container where container_id >= ?1 and container_id < ?1 || 'g' limit 9",
        )
        .bind(text)
        .fetch_all(db)
        .await?
    } else {
        exact
    };
    found.iter().map(|id| parse("container_id", id)).collect()
}

fn record(row: Row) -> Result<ContainerRecord, StoreError> {
    let state: ContainerState = from_word("state", &row.state)?;
    Ok(ContainerRecord {
        id: parse("container_id", &row.container_id)?,
        name: parse("container name", &row.name)?,
        image_id: parse("image_id", &row.image_id)?,
        spec: from_json("spec", &row.spec)?,
        state,
        pid: row.pid,
        exit_code: row.exit_code,
        error: row.error,
        created_at_ms: row.created_at_ms,
        started_at_ms: row.started_at_ms,
        finished_at_ms: row.finished_at_ms,
    })
}
