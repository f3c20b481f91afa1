//! Images: find, list, and the built-in one.

use super::{Daemon, OpError};
use crate::{
    images::reference::Reference,
    model::ImageRecord,
    store::{Connection, image},
};
use drawbridge_api::Image;

/// The image that a reference, an id or the beginning of one means.
///
/// # Errors
/// `NoSuchImage`, `Ambiguous`, or `Invalid` for a reference that makes no sense.
pub fn find(daemon: &Daemon, text: &str) -> Result<ImageRecord, OpError> {
    find_in(&*daemon.engine.store.read()?, text)
}

pub(super) fn find_in(db: &Connection, text: &str) -> Result<ImageRecord, OpError> {
    let reference: Result<Reference, _> = text.parse();
    let missing = || OpError::NoSuchImage(reference.as_ref().map_or_else(|_| text.to_owned(), ToString::to_string));
    let tagged = match &reference {
        Ok(reference) => image::by_tag(db, &reference.to_string())?,
        Err(_) => None,
    };
    let id = match tagged {
        Some(id) => id,
        None => by_id(db, text)?.ok_or_else(|| match &reference {
            Ok(_) => missing(),
            Err(error) if !text.starts_with("sha256:") => OpError::Invalid(error.to_string()),
            Err(_) => missing(),
        })?,
    };
    image::get(db, &id)?.ok_or_else(missing)
}

fn by_id(db: &Connection, text: &str) -> Result<Option<drawbridge_api::ImageId>, OpError> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    if digits.len() < 2 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(None);
    }
    let mut ids = image::by_prefix(db, digits)?;
    match ids.len() {
        0 | 1 => Ok(ids.pop()),
        count => Err(OpError::Ambiguous { kind: "image", text: text.to_owned(), count }),
    }
}

/// All images, newest first.
///
/// # Errors
/// When the store fails.
pub fn list(daemon: &Daemon) -> Result<Vec<ImageRecord>, OpError> {
    Ok(image::list(&*daemon.engine.store.read()?)?)
}

/// Makes the built-in `busybox` image of the host's static busybox, and records it.
///
/// # Errors
/// When the host has none, or the layer can't be written.
pub async fn ensure_busybox(daemon: &Daemon) -> Result<(), OpError> {
    let built = daemon.images.busybox().await?;
    let image = ImageRecord {
        id: built.id,
        config: built.config,
        layers: built.layers,
        size_bytes: built.size_bytes,
        created_at_ms: built.created_at_ms,
        tags: built.tags,
    };
    Ok(daemon.engine.write(|db| image::put(db, &image))?)
}

/// An image as the panel sees it.
pub fn view(record: &ImageRecord) -> Image {
    Image {
        id: record.id.clone(),
        tags: record.tags.clone(),
        size_bytes: record.size_bytes,
        created_at_ms: record.created_at_ms,
    }
}
