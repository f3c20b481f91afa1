//! Images and the tags that point at them.

use super::{Connection, StoreError, from_json, parse, to_json};
use crate::model::ImageRecord;
use drawbridge_api::ImageId;

#[derive(sqlx::FromRow)]
struct Row {
    image_id: String,
    config: String,
    layers: String,
    size_bytes: i64,
    created_at_ms: i64,
}

/// Inserts an image, if it is not there yet, and moves its tags to it.
///
/// # Errors
/// When SQLite fails.
pub async fn put(db: &mut Connection, image: &ImageRecord) -> Result<(), StoreError> {
    sqlx::query(
        "insert into image (image_id, config, layers, size_bytes, created_at_ms) values (?, ?, ?, ?, ?)
         on conflict do nothing",
    )
    .bind(image.id.as_str())
    .bind(&image.config)
    .bind(to_json("layers", &image.layers)?)
    .bind(image.size_bytes)
    .bind(image.created_at_ms)
    .execute(&mut *db)
    .await?;
    for tag in &image.tags {
        sqlx::query("insert into image_tag (tag, image_id) values (?, ?) on conflict do update set image_id = ?2")
            .bind(tag)
            .bind(image.id.as_str())
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

/// All images, newest first.
///
/// # Errors
/// When SQLite fails or a row can't be read.
pub async fn list(db: &mut Connection) -> Result<Vec<ImageRecord>, StoreError> {
    let rows: Vec<Row> =
        sqlx::query_as("select * from image order by created_at_ms desc, image_id").fetch_all(&mut *db).await?;
    let mut images = Vec::with_capacity(rows.len());
    for row in rows {
        images.push(complete(db, row).await?);
    }
    Ok(images)
}

/// The image of an id.
///
/// # Errors
/// When SQLite fails or the row can't be read.
pub async fn get(db: &mut Connection, id: &ImageId) -> Result<Option<ImageRecord>, StoreError> {
    let row: Option<Row> =
        sqlx::query_as("select * from image where image_id = ?").bind(id.as_str()).fetch_optional(&mut *db).await?;
    match row {
        Some(row) => Ok(Some(complete(db, row).await?)),
        None => Ok(None),
    }
}

/// The image that a tag points at.
///
/// # Errors
/// When SQLite fails.
pub async fn by_tag(db: &mut Connection, tag: &str) -> Result<Option<ImageId>, StoreError> {
    let id: Option<String> =
        sqlx::query_scalar("select image_id from image_tag where tag = ?").bind(tag).fetch_optional(db).await?;
    id.map(|id| parse("image_id", &id)).transpose()
}

/// The images whose id begins so, two at the most.
///
/// # Errors
/// When SQLite fails.
pub async fn by_prefix(db: &mut Connection, prefix: &str) -> Result<Vec<ImageId>, StoreError> {
    let ids: Vec<String> =
        sqlx::query_scalar("select image_id from image where image_id >= ?1 and image_id < ?1 || 'g' limit 2")
            .bind(prefix)
            .fetch_all(db)
            .await?;
    ids.iter().map(|id| parse("image_id", id)).collect()
}

async fn complete(db: &mut Connection, row: Row) -> Result<ImageRecord, StoreError> {
    let tags = sqlx::query_scalar("select tag from image_tag where image_id = ? order by tag")
        .bind(&row.image_id)
        .fetch_all(db)
        .await?;
    Ok(ImageRecord {
        id: parse("image_id", &row.image_id)?,
        config: row.config,
        layers: from_json("layers", &row.layers)?,
        size_bytes: row.size_bytes,
        created_at_ms: row.created_at_ms,
        tags,
    })
}
