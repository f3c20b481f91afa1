//! How much room things take on the disk.

use std::{
    collections::HashSet,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// The bytes of all files below a folder, each counted once, however many names it has. What can't be read counts
/// nothing. Blocks.
pub fn bytes_below(folder: &Path) -> u64 {
    let mut seen = HashSet::new();
    let mut bytes = 0;
    let mut waiting: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                waiting.push(entry.path());
            } else if metadata.nlink() == 1 || seen.insert((metadata.dev(), metadata.ino())) {
                bytes += metadata.len();
            }
        }
    }
    bytes
}
