//! Kernel settings that networks needed, with the values they had before.

use super::{Connection, StoreError};
use drawbridge_plan::Sysctl;

/// Notes that a setting is needed, and what it was before. The first note of a setting stands.
///
/// # Errors
/// When SQLite fails.
pub async fn need(db: &mut Connection, key: &str, value: &str, original: &str) -> Result<(), StoreError> {
    sqlx::query("insert into sysctl (key, value, original) values (?, ?, ?) on conflict do nothing")
        .bind(key)
        .bind(value)
        .bind(original)
        .execute(db)
        .await?;
    Ok(())
}

/// The settings that are needed.
///
/// # Errors
/// When SQLite fails.
pub async fn needed(db: &mut Connection) -> Result<Vec<Sysctl>, StoreError> {
    let rows: Vec<(String, String)> = sqlx::query_as("select key, value from sysctl").fetch_all(db).await?;
    Ok(rows.into_iter().map(|(key, value)| Sysctl { key, value }).collect())
}

/// The settings as they were before Drawbridge.
///
/// # Errors
/// When SQLite fails.
pub async fn originals(db: &mut Connection) -> Result<Vec<Sysctl>, StoreError> {
    let rows: Vec<(String, String)> = sqlx::query_as("select key, original from sysctl").fetch_all(db).await?;
    Ok(rows.into_iter().map(|(key, value)| Sysctl { key, value }).collect())
}
