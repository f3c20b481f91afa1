//! A container's life beyond its state: pauses, restarts, health.

use super::{
    Connection, StoreError,
    sql::{run, to_json},
};
use crate::life::Health;
use drawbridge_api::ContainerId;

/// Its processes are frozen.
///
/// # Errors
/// When SQLite fails.
pub fn set_paused(db: &Connection, id: &ContainerId) -> Result<(), StoreError> {
    run(db, "update container set paused = 1 where container_id = ?", [id.as_str()])?;
    Ok(())
}

/// Its processes go on.
///
/// # Errors
/// When SQLite fails.
pub fn set_unpaused(db: &Connection, id: &ContainerId) -> Result<(), StoreError> {
    run(db, "update container set paused = 0 where container_id = ?", [id.as_str()])?;
    Ok(())
}

/// Somebody asked for its end: it is not started again by its policy.
///
/// # Errors
/// When SQLite fails.
pub fn set_stopped_by_hand(db: &Connection, id: &ContainerId) -> Result<(), StoreError> {
    run(db, "update container set stopped_by_hand = 1, restart_at_ms = null where container_id = ?", [id.as_str()])?;
    Ok(())
}

/// Somebody starts it: what was counted of restarts is forgotten.
///
/// # Errors
/// When SQLite fails.
pub fn set_started_by_hand(db: &Connection, id: &ContainerId) -> Result<(), StoreError> {
    run(
        db,
        "update container set stopped_by_hand = 0, restart_at_ms = null, restart_count = 0, restart_delay_ms = 0
         where container_id = ?",
        [id.as_str()],
    )?;
    Ok(())
}

/// Its restart that was due is being made; it is due until it runs.
///
/// # Errors
/// When SQLite fails.
pub fn set_restarting(db: &Connection, id: &ContainerId) -> Result<(), StoreError> {
    run(
        db,
        "update container set stopped_by_hand = 0, restart_count = restart_count + 1 where container_id = ?",
        [id.as_str()],
    )?;
    Ok(())
}

/// It will be started again then, after so long a wait.
///
/// # Errors
/// When SQLite fails.
pub fn set_restart_at(db: &Connection, id: &ContainerId, at_ms: i64, delay_ms: i64) -> Result<(), StoreError> {
    run(
        db,
        "update container set restart_at_ms = ?, restart_delay_ms = ? where container_id = ?",
        (at_ms, delay_ms, id.as_str()),
    )?;
    Ok(())
}

/// The kernel killed a process of its last run for want of memory.
///
/// # Errors
/// When SQLite fails.
pub fn set_oom_killed(db: &Connection, id: &ContainerId) -> Result<(), StoreError> {
    run(db, "update container set oom_killed = 1 where container_id = ?", [id.as_str()])?;
    Ok(())
}

/// What its health checks have found.
///
/// # Errors
/// When SQLite fails.
pub fn set_health(db: &Connection, id: &ContainerId, health: &Health) -> Result<(), StoreError> {
    run(db, "update container set health = ? where container_id = ?", (to_json("health", health)?, id.as_str()))?;
    Ok(())
}
