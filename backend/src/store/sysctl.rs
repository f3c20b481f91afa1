//! Kernel settings that networks needed, with the values they had before.

use super::{
    Connection, StoreError,
    sql::{all, run},
};
use drawbridge_plan::Sysctl;

/// Notes that a setting is needed, and what it was before. The first note of a setting stands.
///
/// # Errors
/// When SQLite fails.
pub fn need(db: &Connection, key: &str, value: &str, original: &str) -> Result<(), StoreError> {
    run(
        db,
        "insert into sysctl (key, value, original) values (?, ?, ?) on conflict do nothing",
        [key, value, original],
    )?;
    Ok(())
}

/// The settings that are needed.
///
/// # Errors
/// When SQLite fails.
pub fn needed(db: &Connection) -> Result<Vec<Sysctl>, StoreError> {
    all(db, "select key, value from sysctl", [], |row| Ok(Sysctl { key: row.get("key")?, value: row.get("value")? }))
}

/// The settings as they were before Drawbridge.
///
/// # Errors
/// When SQLite fails.
pub fn originals(db: &Connection) -> Result<Vec<Sysctl>, StoreError> {
    all(db, "select key, original from sysctl", [], |row| {
        Ok(Sysctl { key: row.get("key")?, value: row.get("original")? })
    })
}
