//! Layers: each lies unpacked once, in a folder with its diff id for a name, and is there whole or not at all.
//!
//! `diff/` is the folder that containers have below them, `tar` and `names` what is needed to write the very archive
//! again (`recipe`), `size` the bytes of its files and of its archive. It is made in a draft and renamed; a layer that no image has yet is
//! pinned by whoever is at work on it, so that nobody takes it away.

use super::{Images, ImagesError, compression, recipe::LayerReader, unpack};
use drawbridge_kernel::mount;
use std::{
    collections::{HashMap, HashSet},
    fs,
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What the name of a folder that is being unpacked into begins with.
const DRAFT: &str = "draft-";

/// A layer that is there, and stays as long as this value lives.
#[derive(Clone, Debug)]
pub struct Layer {
    /// The SHA-256 of its archive, uncompressed (OCI image specification, "Layer DiffID"), with `sha256:`.
    pub diff_id: String,
    /// Its files, in bytes.
    pub size_bytes: i64,
    /// Its archive, uncompressed, in bytes.
    pub archive_bytes: u64,
    _pin: Arc<Pin>,
}

/// How many are at work on a layer, by its digits.
#[derive(Debug, Default)]
pub(super) struct Pins {
    counts: Mutex<HashMap<String, usize>>,
}

impl Pins {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Pin {
    pins: Arc<Pins>,
    digits: String,
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut counts = self.pins.lock();
        if let Some(count) = counts.get_mut(&self.digits) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.digits);
            }
        }
    }
}

/// A folder in the making; gone with the value.
pub(super) struct Draft {
    pub(super) folder: PathBuf,
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.folder) {
            tracing::warn!(error = &error as &dyn std::error::Error, "left behind until the next start");
        }
    }
}

impl Images {
    /// Takes away drafts, and layers of another form. Called once, before anything is unpacked.
    pub(super) fn sweep(&self) -> Result<(), ImagesError> {
        let layers = self.layers_dir();
        fs::create_dir_all(&layers).map_err(ImagesError::io("make", &layers))?;
        for folder in self.layer_folders()? {
            if is_draft(&folder) || !folder.join("size").exists() {
                remove(&folder)?;
            }
        }
        Ok(())
    }

    /// Unpacks an archive, packed with gzip or zstd or not at all, as a layer. Blocks.
    ///
    /// # Errors
    /// `Read`, `Bad`, `Entry`, `TooLarge` for an archive that is damaged or leads outside; `Io`, `DiskFull`. Nothing is
    /// left then.
    pub fn add_layer(&self, archive: impl Read + Send) -> Result<Layer, ImagesError> {
        let draft = self.draft()?;
        let unpacked = unpack::unpack(compression::unpacked(archive)?, &draft.folder)?;
        let size = draft.folder.join("size");
        fs::write(&size, format!("{} {}", unpacked.size_bytes, unpacked.archive_bytes))
            .map_err(ImagesError::io("write", &size))?;
        let digits = unpacked.diff_id.strip_prefix("sha256:").unwrap_or(&unpacked.diff_id).to_owned();
        let folder = self.layers_dir().join(&digits);
        // Under the lock, so that `collect` sees either no layer or one with a pin.
        let pin = self.pin_digits(&digits);
        match fs::rename(&draft.folder, &folder) {
            Ok(()) => {}
            // Somebody else was quicker, with the same content.
            Err(error) if matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists) => {}
            Err(error) => return Err(ImagesError::io("rename a layer to", folder)(error)),
        }
        let unpack::Unpacked { diff_id, size_bytes, archive_bytes } = unpacked;
        Ok(Layer { diff_id, size_bytes, archive_bytes, _pin: Arc::new(pin) })
    }

    /// The layer of a diff id, if it is there.
    ///
    /// # Errors
    /// `Io` when it can't be read.
    pub fn layer(&self, diff_id: &str) -> Result<Option<Layer>, ImagesError> {
        let digits = diff_id.strip_prefix("sha256:").unwrap_or(diff_id);
        if digits.len() != 64 || !digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(ImagesError::Bad(format!("{diff_id} is not the digest of a layer")));
        }
        // First the pin: from then on it is not taken away.
        let pin = self.pin_digits(digits);
        let file = self.layers_dir().join(digits).join("size");
        match fs::read_to_string(&file) {
            Ok(text) => {
                let (files, archive) = text.split_once(' ').unwrap_or((&text, ""));
                Ok(Some(Layer {
                    diff_id: format!("sha256:{digits}"),
                    size_bytes: files.trim().parse().unwrap_or(0),
                    archive_bytes: archive.trim().parse().unwrap_or(0),
                    _pin: Arc::new(pin),
                }))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ImagesError::io("read", file)(error)),
        }
    }

    /// A layer's archive, uncompressed, byte for byte what its diff id is the digest of.
    ///
    /// # Errors
    /// `Io` when the layer isn't there. Reading fails when its files are not what they were.
    pub fn read_layer(&self, diff_id: &str) -> Result<LayerReader, ImagesError> {
        let folder = self.layers_dir().join(diff_id.strip_prefix("sha256:").unwrap_or(diff_id));
        LayerReader::open(&folder, diff_id).map_err(ImagesError::io("read", folder))
    }

    /// Takes away the layers that no image has and nobody is at work on. `referenced` says which diff ids images have;
    /// it is asked while no layer can be pinned, so it must not wait for one.
    ///
    /// # Errors
    /// What `referenced` returns; `Io`.
    pub fn collect<E: From<ImagesError>>(
        &self,
        referenced: impl FnOnce() -> Result<HashSet<String>, E>,
    ) -> Result<(), E> {
        let mut unwanted = Vec::new();
        {
            let pins = self.pins.lock();
            let referenced = referenced()?;
            for folder in self.layer_folders()? {
                let Some(digits) = folder.file_name().and_then(|name| name.to_str()) else { continue };
                if is_draft(&folder) || pins.contains_key(digits) || referenced.contains(&format!("sha256:{digits}")) {
                    continue;
                }
                let draft = self.layers_dir().join(draft_name());
                fs::rename(&folder, &draft).map_err(ImagesError::io("rename", &folder))?;
                unwanted.push(Draft { folder: draft });
            }
        }
        drop(unwanted);
        Ok(())
    }

    /// An empty folder in the making, on the file system of the layers.
    pub(super) fn draft(&self) -> Result<Draft, ImagesError> {
        let folder = self.layers_dir().join(draft_name());
        fs::create_dir_all(&folder).map_err(ImagesError::io("make", &folder))?;
        Ok(Draft { folder })
    }

    fn pin_digits(&self, digits: &str) -> Pin {
        *self.pins.lock().entry(digits.to_owned()).or_default() += 1;
        Pin { pins: Arc::clone(&self.pins), digits: digits.to_owned() }
    }

    fn layer_folders(&self) -> Result<Vec<PathBuf>, ImagesError> {
        let layers = self.layers_dir();
        let entries = fs::read_dir(&layers).map_err(ImagesError::io("read", &layers))?;
        entries.map(|entry| Ok(entry.map_err(ImagesError::io("read", &layers))?.path())).collect()
    }
}

fn draft_name() -> String {
    format!("{DRAFT}{}", hex::encode(rand::random::<[u8; 8]>()))
}

fn is_draft(folder: &Path) -> bool {
    folder.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(DRAFT))
}

fn remove(path: &Path) -> Result<(), ImagesError> {
    // A build that was cut off by a crash may have left an overlay mounted here.
    let merged = path.join("merged");
    if mount::is_mounted(&merged) {
        mount::unmount(&merged).map_err(ImagesError::io("unmount", &merged))?;
    }
    match drawbridge_kernel::remove::folder(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(ImagesError::io("remove", path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}
