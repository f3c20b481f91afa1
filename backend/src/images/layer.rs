//! One layer: a tar archive that becomes a folder, whole or not at all.

use super::{Images, ImagesError};
use sha2::{Digest, Sha256};
use std::{fs, io::ErrorKind, path::Path};

/// The name of a layer: the SHA-256 of its archive, uncompressed (OCI image specification, "Layer DiffID").
pub(super) fn diff_id(archive: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(archive)))
}

/// What the name of a folder that is being unpacked into ends with; it is renamed when it is complete.
const DRAFT: &str = "draft";

impl Images {
    /// Takes away drafts. Called once, before anything is unpacked.
    pub(super) fn sweep(&self) -> Result<(), ImagesError> {
        let layers = self.layers_dir();
        fs::create_dir_all(&layers).map_err(ImagesError::io("make", &layers))?;
        for entry in fs::read_dir(&layers).map_err(ImagesError::io("read", &layers))? {
            let path = entry.map_err(ImagesError::io("read", &layers))?.path();
            if path.extension().is_some_and(|extension| extension == DRAFT) {
                remove(&path)?;
            }
        }
        Ok(())
    }

    /// Unpacks a layer into its folder, unless it is there. It is unpacked beside it and renamed, so that a folder of
    /// that name always holds all of the layer.
    pub(super) fn unpack(&self, diff_id: &str, archive: &[u8]) -> Result<(), ImagesError> {
        let folder = self.layer_dir(diff_id);
        if folder.exists() {
            return Ok(());
        }
        let draft = folder.with_extension(DRAFT);
        remove(&draft)?;
        fs::create_dir_all(&draft).map_err(ImagesError::io("make", &draft))?;
        let mut tar = tar::Archive::new(archive);
        tar.set_preserve_permissions(true);
        tar.set_preserve_ownerships(true);
        tar.set_preserve_mtime(true);
        tar.unpack(&draft).map_err(ImagesError::io("unpack a layer into", &draft))?;
        match fs::rename(&draft, &folder) {
            Ok(()) => Ok(()),
            // Somebody else was quicker, with the same content.
            Err(error) if matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists) => {
                remove(&draft)
            }
            Err(error) => Err(ImagesError::io("rename a layer to", folder)(error)),
        }
    }
}

fn remove(path: &Path) -> Result<(), ImagesError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(ImagesError::io("remove", path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}
