//! Images: what containers are made of. Layers lie unpacked, once each, under `DATA_DIR/layers/`; what an image is made
//! of is the caller's to keep. No containers, no database, and nothing of either dialect.
//!
//! In reading order: names; a layer, how it is unpacked and written again; what an image is; archives of images;
//! registries; the steps of a build that need no container.

mod archive;
mod asking;
pub mod build;
mod busybox;
mod compression;
pub mod config;
mod download;
mod error;
mod export;
pub mod glob;
mod layer;
mod limits;
mod pack;
pub mod pipe;
pub mod progress;
mod pull;
mod push;
mod recipe;
pub mod reference;
pub mod registry;
mod registry_error;
#[cfg(test)]
mod tests;
mod unpack;
mod web;

pub use archive::{LoadedImage, LoadedName};
pub use error::{Fault, ImagesError};
pub use export::ExportImage;
pub use layer::Layer;
pub use pull::{Description, PulledImage};
pub use push::PushedImage;
pub use recipe::LayerReader;
pub use reference::{InvalidReference, Reference};

use drawbridge_api::ImageId;
use sha2::{Digest, Sha256};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

/// The folder of layers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Images {
    data_dir: PathBuf,
    pins: Arc<layer::Pins>,
    registries: Arc<OnceLock<registry::RegistryOptions>>,
}

/// An image that is here, its layers pinned until somebody has recorded it.
#[derive(Clone, Debug)]
pub struct BuiltImage {
    /// The SHA-256 of `config`.
    pub id: ImageId,
    /// Its OCI image configuration as JSON, byte for byte what is hashed.
    pub config: String,
    /// Its layers, lowest first.
    pub layers: Vec<Layer>,
    /// When it was made, UTC milliseconds since 1970.
    pub created_at_ms: i64,
}

impl BuiltImage {
    /// An image of its configuration and its layers.
    ///
    /// # Errors
    /// `Bad` when the configuration can't be read or is not that of these layers.
    pub fn new(config: String, layers: Vec<Layer>) -> Result<Self, ImagesError> {
        let read = config::ImageConfig::parse(config.as_bytes())?;
        if !read.diff_ids().iter().eq(layers.iter().map(|layer| &layer.diff_id)) {
            return Err(ImagesError::Bad(
                "the layers are not those of the image's configuration: their digests differ".into(),
            ));
        }
        Ok(Self { id: image_id(config.as_bytes()), created_at_ms: read.created_at_ms(), config, layers })
    }

    /// The files of its layers, in bytes.
    pub fn size_bytes(&self) -> i64 {
        self.layers.iter().map(|layer| layer.size_bytes).sum()
    }
}

/// The identity of the image that has this configuration.
pub fn image_id(config: &[u8]) -> ImageId {
    ImageId::from_bytes(Sha256::digest(config).into())
}

impl Images {
    /// Images under this folder, which is made if need be. What an interrupted unpacking has left there is taken away.
    ///
    /// # Errors
    /// `Io` when it can't be made or read.
    pub fn open(data_dir: &Path) -> Result<Images, ImagesError> {
        let data_dir = std::path::absolute(data_dir).map_err(ImagesError::io("find", data_dir))?;
        let images = Images { data_dir, pins: Arc::default(), registries: Arc::default() };
        images.sweep()?;
        Ok(images)
    }

    /// The folder that all data is under.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Says which registries are asked, and how; once, before any is.
    pub fn use_registries(&self, options: registry::RegistryOptions) {
        // A second time would come too late for what is under way.
        let _ = self.registries.set(options);
    }

    /// Which registries are asked, and how.
    pub fn registries(&self) -> registry::RegistryOptions {
        self.registries.get().cloned().unwrap_or_default()
    }

    /// The folder of an unpacked layer, by its diff id with or without `sha256:`.
    pub fn layer_dir(&self, diff_id: &str) -> PathBuf {
        self.layers_dir().join(diff_id.strip_prefix("sha256:").unwrap_or(diff_id)).join("diff")
    }

    fn layers_dir(&self) -> PathBuf {
        self.data_dir.join("layers")
    }
}
