//! What the words of `COPY` and `ADD` mean among the files of a context or an image, and everything of one of them.

use super::place::failed;
use crate::images::{ImagesError, compression, glob, limits};
use drawbridge_kernel::{
    folder::{Tree, inside},
    walk::{self, Content, Found},
};
use sha2::{Digest, Sha256};
use std::{
    io::{self, Read},
    path::{Path, PathBuf},
};

/// What a source is.
pub(super) enum Source {
    Folder(PathBuf),
    File(PathBuf),
}

/// The things that paths and patterns mean.
pub(super) fn sources(word: &str, tree: &mut Tree, patterns: &[String]) -> Result<Vec<Source>, ImagesError> {
    let mut sources = Vec::new();
    for pattern in patterns {
        let missing = || {
            ImagesError::Bad(format!(
                "{word} failed: file not found in build context or excluded by .dockerignore: stat {pattern}: file does not exist"
            ))
        };
        let clean = inside(Path::new(pattern)).map_err(|_| {
            ImagesError::Bad(format!("{word} failed: forbidden path outside the build context: {pattern}"))
        })?;
        let paths = if glob::is_pattern(pattern) { fitting(tree, &clean)? } else { vec![clean] };
        if paths.is_empty() {
            return Err(missing());
        }
        for path in paths {
            if tree.is_directory(&path).map_err(failed(pattern))? {
                sources.push(Source::Folder(path));
            } else if tree.kind(&path).map_err(failed(pattern))?.is_some() {
                sources.push(Source::File(path));
            } else {
                return Err(missing());
            }
        }
    }
    Ok(sources)
}

/// The paths that fit a pattern, part by part.
fn fitting(tree: &Tree, pattern: &Path) -> Result<Vec<PathBuf>, ImagesError> {
    let mut paths = vec![PathBuf::new()];
    for part in pattern.iter() {
        let part = part.to_string_lossy();
        let mut next = Vec::new();
        for path in paths {
            match tree.names(&path) {
                Ok(names) => next.extend(
                    names
                        .iter()
                        .filter(|name| glob::matches(&part, &name.to_string_lossy()))
                        .map(|name| path.join(name)),
                ),
                // A file has no names in it.
                Err(error) if matches!(error.kind(), io::ErrorKind::NotADirectory | io::ErrorKind::NotFound) => {}
                Err(error) => return Err(failed(&path.to_string_lossy())(error)),
            }
        }
        paths = next;
    }
    Ok(paths)
}

/// Everything of a source, by its path in it; a file alone has an empty path.
pub(super) fn each(
    tree: &mut Tree,
    source: &Source,
    visit: &mut dyn FnMut(Found) -> io::Result<()>,
) -> Result<(), ImagesError> {
    match source {
        Source::Folder(path) => {
            let name = path.to_string_lossy().into_owned();
            let folder = tree.open_directory(path).map_err(failed(&name))?;
            walk::walk_open(&folder, visit).map_err(failed(&name))
        }
        Source::File(path) => {
            let name = path.to_string_lossy().into_owned();
            let file = tree.read_through(path).map_err(failed(&name))?;
            let attributes = walk::attributes_of(&file).map_err(failed(&name))?;
            let size = file.metadata().map_err(failed(&name))?.len();
            let content = Content::File(file, size);
            let found = Found { path: PathBuf::new(), content, attributes, file_id: (0, 0), links: 1 };
            visit(found).map_err(failed(&name))
        }
    }
}

/// The digest of a content.
pub(super) fn digest(mut content: impl Read) -> io::Result<[u8; 32]> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 128 << 10];
    loop {
        let read = content.read(&mut buffer)?;
        if read == 0 {
            return Ok(hasher.finalize().into());
        }
        hasher.update(&buffer[..read]);
    }
}

/// Whether a file is an archive, packed or not: its first entry can be read. A packed file that is no archive is none.
pub(super) fn is_archive(file: impl Read + Send) -> bool {
    let Ok(unpacked) = compression::unpacked(file) else { return false };
    // Names and attributes of the first entry are held in memory.
    let mut archive = tar::Archive::new(unpacked.take(limits::HEADER_BYTES));
    archive.entries().is_ok_and(|mut entries| matches!(entries.next(), Some(Ok(_))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_packed_text_is_no_archive() {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_old();
        header.set_size(1);
        tar.append_data(&mut header, "name", &b"x"[..]).unwrap();
        let tar = tar.into_inner().unwrap();
        let packed = |bytes: &[u8]| {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(bytes).unwrap();
            gzip.finish().unwrap()
        };
        assert!(is_archive(&tar[..]) && is_archive(&packed(&tar)[..]), "even one older than ustar");
        let text = b"a text ".repeat(200);
        for other in [&text[..], &packed(&text), b"", &[0; 1024], &packed(&tar)[..30]] {
            assert!(!is_archive(other), "{other:x?}");
        }
    }
}
