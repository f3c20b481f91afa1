//! Images and the tags that point at them.

use super::{
    Connection, StoreError,
    sql::{all, first, from_json, parsed, run, to_json},
};
use crate::model::ImageRecord;
use drawbridge_api::ImageId;
use rusqlite::Row;

/// Inserts an image, if it is not there yet, and moves its tags to it.
///
/// # Errors
/// When SQLite fails.
pub fn put(db: &Connection, image: &ImageRecord) -> Result<(), StoreError> {
    run(
        db,
        "insert into image (image_id, config, layers, size_bytes, created_at_ms) values (?, ?, ?, ?, ?)
         on conflict do nothing",
        (image.id.as_str(), &image.config, to_json("layers", &image.layers)?, image.size_bytes, image.created_at_ms),
    )?;
    for tag in &image.tags {
        run(
            db,
            "insert into image_tag (tag, image_id) values (?, ?) on conflict do update set image_id = ?2",
            [tag, image.id.as_str()],
        )?;
    }
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

/// The images whose id begins so, two at the most.
///
/// # Errors
/// When SQLite fails.
pub fn by_prefix(db: &Connection, prefix: &str) -> Result<Vec<ImageId>, StoreError> {
    all(db, "select image_id from image where image_id >= ?1 and image_id < ?1 || 'g' limit 2", [prefix], |row| {
        parsed(row, "image_id")
    })
}

fn read(db: &Connection, row: &Row<'_>) -> Result<ImageRecord, StoreError> {
    let id: ImageId = parsed(row, "image_id")?;
    let tags =
        all(db, "select tag from image_tag where image_id = ? order by tag", [id.as_str()], |row| Ok(row.get("tag")?))?;
    Ok(ImageRecord {
        id,
        config: row.get("config")?,
        layers: from_json(row, "layers")?,
        size_bytes: row.get("size_bytes")?,
        created_at_ms: row.get("created_at_ms")?,
        tags,
    })
}
