//! Images, the tags and digests that point at them, and who uses them.

use super::{
    Connection, StoreError,
    sql::{all, first, from_json, from_word, parsed, parsed_or_null, run, to_json},
};
use crate::model::ImageRecord;
use drawbridge_api::{ContainerId, ContainerState, ImageId};
use rusqlite::Row;
use std::collections::HashSet;

/// Inserts an image, if it is not there yet, and moves its tags to it.
///
/// # Errors
/// When SQLite fails.
pub fn put(db: &Connection, image: &ImageRecord, now_ms: i64) -> Result<(), StoreError> {
    run(
        db,
        "insert into image (image_id, config, layers, size_bytes, created_at_ms, parent_id) values (?, ?, ?, ?, ?, ?)
         on conflict do nothing",
        (
            image.id.as_str(),
            &image.config,
            to_json("layers", &image.layers)?,
            image.size_bytes,
            image.created_at_ms,
            image.parent_id.as_ref().map(ImageId::as_str),
        ),
    )?;
    for tag in &image.tags {
        set_tag(db, tag, &image.id, now_ms)?;
    }
    Ok(())
}

/// Makes a tag point at an image, wherever it pointed before.
///
/// # Errors
/// `Conflict` when there is no such image.
pub fn set_tag(db: &Connection, tag: &str, id: &ImageId, now_ms: i64) -> Result<(), StoreError> {
    run(
        db,
        "insert into image_tag (tag, image_id, tagged_at_ms) values (?1, ?2, ?3)
         on conflict do update set tagged_at_ms = case when image_id = ?2 then tagged_at_ms else ?3 end, image_id = ?2",
        (tag, id.as_str(), now_ms),
    )?;
    Ok(())
}

/// Takes a tag away.
///
/// # Errors
/// When SQLite fails.
pub fn delete_tag(db: &Connection, tag: &str) -> Result<(), StoreError> {
    run(db, "delete from image_tag where tag = ?", [tag])?;
    Ok(())
}

/// Notes that a repository's digest means an image.
///
/// # Errors
/// `Conflict` when there is no such image.
pub fn set_digest(db: &Connection, repository: &str, digest: &str, id: &ImageId) -> Result<(), StoreError> {
    run(
        db,
        "insert into image_digest (repository, digest, image_id) values (?1, ?2, ?3)
         on conflict do update set image_id = ?3",
        (repository, digest, id.as_str()),
    )?;
    Ok(())
}

/// Takes a digest away.
///
/// # Errors
/// When SQLite fails.
pub fn delete_digest(db: &Connection, repository: &str, digest: &str) -> Result<(), StoreError> {
    run(db, "delete from image_digest where repository = ? and digest = ?", [repository, digest])?;
    Ok(())
}

/// Takes an image away with its tags and digests.
///
/// # Errors
/// `Conflict` while a container is made of it.
pub fn delete(db: &Connection, id: &ImageId) -> Result<(), StoreError> {
    run(db, "delete from image where image_id = ?", [id.as_str()])?;
    Ok(())
}

/// All images, newest first.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub fn list(db: &Connection) -> Result<Vec<ImageRecord>, StoreError> {
    all(db, "select * from image order by created_at_ms desc, image_id", [], |row| read(db, row))
}

/// The image of an id.
///
/// # Errors
/// When SQLite fails or the row can't be read.
pub fn get(db: &Connection, id: &ImageId) -> Result<Option<ImageRecord>, StoreError> {
    first(db, "select * from image where image_id = ?", [id.as_str()], |row| read(db, row))
}

/// The image that a tag points at.
///
/// # Errors
/// When SQLite fails.
pub fn by_tag(db: &Connection, tag: &str) -> Result<Option<ImageId>, StoreError> {
    first(db, "select image_id from image_tag where tag = ?", [tag], |row| parsed(row, "image_id"))
}

/// The image that a repository's digest means.
///
/// # Errors
/// When SQLite fails.
pub fn by_digest(db: &Connection, repository: &str, digest: &str) -> Result<Option<ImageId>, StoreError> {
    let sql = "select image_id from image_digest where repository = ? and digest = ?";
    first(db, sql, [repository, digest], |row| parsed(row, "image_id"))
}

/// The images whose id begins so, two at the most.
///
/// # Errors
/// When SQLite fails.
pub fn by_prefix(db: &Connection, prefix: &str) -> Result<Vec<ImageId>, StoreError> {
    all(db, "select image_id from image where image_id >= ?1 and image_id < ?1 || 'g' limit 2", [prefix], |row| {
        parsed(row, "image_id")
    })
}

/// The images that were made of this one.
///
/// # Errors
/// When SQLite fails.
pub fn children(db: &Connection, id: &ImageId) -> Result<Vec<ImageId>, StoreError> {
    let sql = "select image_id from image where parent_id = ? order by created_at_ms desc, image_id";
    all(db, sql, [id.as_str()], |row| parsed(row, "image_id"))
}

/// Notes which step of a build made an image.
///
/// # Errors
/// When SQLite fails.
pub fn set_build_key(db: &Connection, id: &ImageId, key: &str) -> Result<(), StoreError> {
    run(db, "update image set build_key = ? where image_id = ?", [key, id.as_str()])?;
    Ok(())
}

/// The newest image that a step of a build has made.
///
/// # Errors
/// When SQLite fails.
pub fn by_build_key(db: &Connection, key: &str) -> Result<Option<ImageId>, StoreError> {
    let sql = "select image_id from image where build_key = ? order by created_at_ms desc, image_id limit 1";
    first(db, sql, [key], |row| parsed(row, "image_id"))
}

/// The containers that are made of this image, oldest first.
///
/// # Errors
/// When SQLite fails.
pub fn containers(db: &Connection, id: &ImageId) -> Result<Vec<(ContainerId, ContainerState)>, StoreError> {
    let sql = "select container_id, state from container where image_id = ? order by created_at_ms, rowid";
    all(db, sql, [id.as_str()], |row| Ok((parsed(row, "container_id")?, from_word(row, "state")?)))
}

/// The layers that images have, by diff id.
///
/// # Errors
/// When SQLite fails.
pub fn referenced_layers(db: &Connection) -> Result<HashSet<String>, StoreError> {
    let lists: Vec<Vec<String>> = all(db, "select layers from image", [], |row| from_json(row, "layers"))?;
    Ok(lists.into_iter().flatten().collect())
}

fn read(db: &Connection, row: &Row<'_>) -> Result<ImageRecord, StoreError> {
    let id: ImageId = parsed(row, "image_id")?;
    let mut tagged_at_ms = None;
    let sql = "select tag, tagged_at_ms from image_tag where image_id = ? order by tag";
    let tags = all(db, sql, [id.as_str()], |row| {
        tagged_at_ms = tagged_at_ms.max(Some(row.get("tagged_at_ms")?));
        Ok(row.get("tag")?)
    })?;
    let sql = "select repository || '@' || digest as name from image_digest where image_id = ? order by name";
    let digests = all(db, sql, [id.as_str()], |row| Ok(row.get("name")?))?;
    Ok(ImageRecord {
        config: row.get("config")?,
        layers: from_json(row, "layers")?,
        size_bytes: row.get("size_bytes")?,
        created_at_ms: row.get("created_at_ms")?,
        parent_id: parsed_or_null(row, "parent_id")?,
        id,
        tags,
        digests,
        tagged_at_ms,
    })
}
