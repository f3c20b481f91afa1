//! Volumes and the containers that use them.

use super::{
    Connection, StoreError,
    sql::{all, first, from_json, parsed, run, to_json},
};
use crate::mounts::VolumeRecord;
use drawbridge_api::ContainerId;
use rusqlite::Row;

/// Inserts a volume.
///
/// # Errors
/// `Conflict` when there is one of that name.
pub fn insert(db: &Connection, volume: &VolumeRecord) -> Result<(), StoreError> {
    run(
        db,
        "insert into volume (name, driver, options, labels, anonymous, created_at_ms) values (?, 'local', ?, ?, ?, ?)",
        (
            &volume.name,
            to_json("options", &volume.options)?,
            to_json("labels", &volume.labels)?,
            volume.anonymous,
            volume.created_at_ms,
        ),
    )?;
    Ok(())
}

/// Notes that a container uses a volume. Harmless twice.
///
/// # Errors
/// `Conflict` when there is no such volume or container.
pub fn insert_use(db: &Connection, container: &ContainerId, name: &str) -> Result<(), StoreError> {
    run(
        db,
        "insert into volume_use (container_id, name) values (?, ?) on conflict do nothing",
        (container.as_str(), name),
    )?;
    Ok(())
}

/// Takes a volume's row away.
///
/// # Errors
/// `Conflict` while a container uses it.
pub fn delete(db: &Connection, name: &str) -> Result<(), StoreError> {
    run(db, "delete from volume where name = ?", [name])?;
    Ok(())
}

/// The volume of a name.
///
/// # Errors
/// When SQLite fails or the row can't be read.
pub fn get(db: &Connection, name: &str) -> Result<Option<VolumeRecord>, StoreError> {
    first(db, "select * from volume where name = ?", [name], read)
}

/// All volumes by name.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn list(db: &Connection) -> Result<Vec<VolumeRecord>, StoreError> {
    all(db, "select * from volume order by name", [], read)
}

/// The containers that use a volume.
///
/// # Errors
/// When SQLite fails.
pub fn users(db: &Connection, name: &str) -> Result<Vec<ContainerId>, StoreError> {
    all(db, "select container_id from volume_use where name = ? order by container_id", [name], |row| {
        parsed(row, "container_id")
    })
}

/// The volumes that were made for a container and that no other uses.
///
/// # Errors
/// When SQLite fails.
pub fn anonymous_of(db: &Connection, container: &ContainerId) -> Result<Vec<VolumeRecord>, StoreError> {
    all(
        db,
        "select volume.* from volume join volume_use own using (name)
         where own.container_id = ?1 and anonymous = 1
           and not exists (select 1 from volume_use other where other.name = volume.name and other.container_id <> ?1)",
        [container.as_str()],
        read,
    )
}

fn read(row: &Row<'_>) -> Result<VolumeRecord, StoreError> {
    Ok(VolumeRecord {
        name: row.get("name")?,
        options: from_json(row, "options")?,
        labels: from_json(row, "labels")?,
        anonymous: row.get("anonymous")?,
        created_at_ms: row.get("created_at_ms")?,
    })
}
