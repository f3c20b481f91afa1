//! Images: what containers are made of. Layers lie unpacked, once each, under `DATA_DIR/layers/`; what an image is made
//! of is the caller's to keep. No containers, no database, and nothing of either dialect.

mod busybox;
mod error;
mod layer;
pub mod reference;

pub use error::ImagesError;
pub use reference::{InvalidReference, Reference};

use drawbridge_api::ImageId;
use std::path::{Path, PathBuf};

/// The folder of layers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Images {
    data_dir: PathBuf,
}

/// An image that was made here.
#[derive(Clone, Debug)]
pub struct BuiltImage {
    /// The SHA-256 of `config`.
    pub id: ImageId,
    /// Its OCI image configuration as JSON, byte for byte what is hashed.
    pub config: String,
    /// Its layers' diff ids, lowest first: `sha256:` and 64 hex digits.
    pub layers: Vec<String>,
    /// The files of its layers, in bytes.
    pub size_bytes: i64,
    /// When it was made, UTC milliseconds since 1970.
    pub created_at_ms: i64,
    /// The names that point at it, in the form that people read: `busybox:latest`.
    pub tags: Vec<String>,
}

impl Images {
    /// Images under this folder, which is made if need be. What an interrupted unpacking has left there is taken away.
    ///
    /// # Errors
    /// `Io` when it can't be made or read.
    pub fn open(data_dir: &Path) -> Result<Images, ImagesError> {
        let data_dir = std::path::absolute(data_dir).map_err(ImagesError::io("find", data_dir))?;
        let images = Images { data_dir };
        images.sweep()?;
        Ok(images)
    }

    /// The folder that all data is under.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The folder of an unpacked layer, by its diff id with or without `sha256:`.
    pub fn layer_dir(&self, diff_id: &str) -> PathBuf {
        self.layers_dir().join(diff_id.strip_prefix("sha256:").unwrap_or(diff_id))
    }

    fn layers_dir(&self) -> PathBuf {
        self.data_dir.join("layers")
    }
}
