//! One thing of a copy goes to its place in an image, in that of what is there.

use crate::images::ImagesError;
use drawbridge_kernel::{
    folder::{Attributes, Kind, Tree},
    walk::Content,
};
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// Puts one thing into the tree, in the place of what is there.
pub(super) fn place(tree: &mut Tree, path: &Path, content: Content, attributes: &Attributes) -> io::Result<()> {
    match content {
        Content::Directory { .. } => match tree.directory(path, attributes) {
            // A link to a folder is as good as one.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tree.is_directory(path)? => Ok(()),
            made => made,
        },
        Content::File(file, size) => write(tree, path, &mut file.take(size), attributes),
        Content::Symlink(target) => {
            clear(tree, path)?;
            tree.symlink(path, &target, attributes)
        }
        Content::Node(node) => {
            clear(tree, path)?;
            tree.node(path, node, attributes)
        }
        Content::Whiteout => Ok(()),
    }
}

pub(super) fn write(tree: &mut Tree, path: &Path, content: &mut dyn Read, attributes: &Attributes) -> io::Result<()> {
    clear(tree, path)?;
    let mut file: File = tree.file(path)?;
    io::copy(content, &mut file)?;
    tree.close_file(file, attributes)
}

/// Takes away what is no folder, so that a file can stand there.
fn clear(tree: &mut Tree, path: &Path) -> io::Result<()> {
    match tree.kind(path)? {
        None => Ok(()),
        Some(Kind::Directory) => {
            let text = format!("cannot copy to {}: it is a folder", path.display());
            Err(io::Error::new(io::ErrorKind::IsADirectory, text))
        }
        Some(Kind::Symlink | Kind::Other) => tree.remove_file(path),
    }
}

/// For `map_err`: where it happened.
pub(super) fn failed(path: &str) -> impl FnOnce(io::Error) -> ImagesError {
    let path = PathBuf::from(path);
    move |source| ImagesError::Entry { path, source }
}
