//! Images from archives and into them: load, save, import.

use super::{Daemon, Names, OpError, find, labels, record, sweep};
use crate::{
    clock,
    images::{
        BuiltImage, ExportImage, LoadedImage,
        config::{HistoryEntry, ImageConfig},
        pipe::{PipeReader, PipeWriter},
        progress::{Progress, Reporter},
        reference::Reference,
    },
    notices::ImageDeed,
};
use drawbridge_api::ImageId;
use std::{collections::BTreeMap, io, sync::Arc};
use tokio::task::spawn_blocking;

/// Takes in the images of an archive, and reports each as it is recorded. Nothing of it is kept when it is not all there.
///
/// # Errors
/// As of [`crate::images::Images::load`]; when the store fails.
pub async fn load(daemon: &Arc<Daemon>, archive: PipeReader, reporter: &Reporter) -> Result<(), OpError> {
    let (images, its_reporter) = (daemon.images.clone(), reporter.clone());
    let loaded = spawn_blocking(move || images.load(archive, &its_reporter)).await;
    let recorded = match loaded.map_err(|_| OpError::CutOff)? {
        Ok(loaded) => record_loaded(daemon, loaded, reporter).await,
        Err(error) => Err(error.into()),
    };
    if recorded.is_err() {
        sweep(daemon).await?;
    }
    recorded
}

async fn record_loaded(daemon: &Daemon, loaded: Vec<LoadedImage>, reporter: &Reporter) -> Result<(), OpError> {
    for LoadedImage { image, names } in loaded {
        // A name that can't be one is that of another tool's own; the image is here all the same.
        let tags: Vec<Reference> = names.iter().filter_map(|name| name.parse().ok()).collect();
        let tags: Vec<Reference> = tags.into_iter().filter(|name: &Reference| name.digest.is_none()).collect();
        let robbed = record(daemon, &image, Names { tags: tags.clone(), ..Names::default() })?;
        for (tag, id) in robbed {
            let text =
                format!("The image {tag} already exists, renaming the old one with ID sha256:{id} to empty string\n");
            reporter.tell(Progress::Output(text)).await;
        }
        let id = format!("sha256:{}", image.id);
        let found = find(daemon, &id)?;
        daemon.tell_image(id.clone(), id.clone(), labels(&found), ImageDeed::Load);
        if tags.is_empty() {
            reporter.tell(Progress::Output(format!("Loaded image ID: {id}\n"))).await;
        }
        for tag in tags {
            reporter.tell(Progress::Output(format!("Loaded image: {tag}\n"))).await;
        }
    }
    Ok(())
}

/// Images to be saved, by what people call them; one that is called by its id is saved without names.
///
/// # Errors
/// As of [`find`]; `Images` when a layer is missing.
pub fn chosen(daemon: &Daemon, texts: &[String]) -> Result<Vec<ExportImage>, OpError> {
    let mut images: Vec<ExportImage> = Vec::new();
    for text in texts {
        let found = find(daemon, text)?;
        let name: Option<Reference> =
            text.parse().ok().filter(|name: &Reference| found.tags.contains(&name.to_string()));
        let position = match images.iter().position(|image| image.image.id == found.id) {
            Some(position) => position,
            None => {
                let image = daemon.images.recorded(&found.config, &found.layers)?;
                images.push(ExportImage { image, names: Vec::new() });
                daemon.tell_image(
                    format!("sha256:{}", found.id),
                    format!("sha256:{}", found.id),
                    labels(&found),
                    ImageDeed::Save,
                );
                images.len() - 1
            }
        };
        if let Some(name) = name.filter(|name| !images[position].names.contains(name)) {
            images[position].names.push(name);
        }
    }
    Ok(images)
}

/// Writes an archive of images; what goes wrong is told to the reader of the archive.
pub async fn save(daemon: &Arc<Daemon>, chosen: Vec<ExportImage>, mut out: PipeWriter) {
    let images = daemon.images.clone();
    let written = spawn_blocking(move || {
        if let Err(error) = images.export(&chosen, &mut out) {
            tracing::warn!(error = &error as &dyn std::error::Error, "cannot save images");
            out.fail(io::Error::other(error.to_string()));
        }
    });
    if written.await.is_err() {
        tracing::error!("saving images was cut off");
    }
}

/// What an imported file system becomes an image with.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// The name that is to point at it.
    pub name: Option<Reference>,
    /// What the one who made it says.
    pub message: String,
    /// Instructions over its empty configuration: `CMD ["sh"]`.
    pub changes: Vec<String>,
}

/// Makes an image of one layer of an archive of files.
///
/// # Errors
/// `Invalid` for changes that are none; as of [`crate::images::Images::add_layer`].
pub async fn import(daemon: &Arc<Daemon>, archive: PipeReader, options: ImportOptions) -> Result<ImageId, OpError> {
    let mut config = ImageConfig::scratch();
    crate::ops::build::change(&mut config, &options.changes)?;
    let images = daemon.images.clone();
    let layer = spawn_blocking(move || images.add_layer(archive)).await.map_err(|_| OpError::CutOff)??;
    let comment = if options.message.is_empty() { "Imported from -".to_owned() } else { options.message };
    let entry = HistoryEntry { created_at_ms: clock::now_ms(), comment, ..HistoryEntry::default() };
    config.add(&entry, Some(&layer.diff_id));
    let image = BuiltImage::new(config.to_json(), vec![layer])?;
    record(daemon, &image, Names { tags: options.name.into_iter().collect(), ..Names::default() })?;
    let id = format!("sha256:{}", image.id);
    daemon.tell_image(id.clone(), id, BTreeMap::new(), ImageDeed::Import);
    Ok(image.id)
}
