//! Filling an empty volume with what the image has at its place, owners, modes and times included.

use super::{Fill, MountSource, ProcessMount, RuntimeError};
use drawbridge_kernel::file::open_in_root;
use std::{
    fs, io,
    os::{
        fd::AsRawFd,
        unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink},
    },
    path::{Path, PathBuf},
};

/// Fills those of the mounts that ask for it and are empty. `root` is the container's file system, with nothing mounted
/// in it yet.
pub(super) fn volumes(root: &Path, mounts: &[ProcessMount]) -> Result<(), RuntimeError> {
    for mount in mounts {
        let MountSource::Host(volume) = &mount.source else { continue };
        if mount.fill == Fill::WhenEmpty {
            one(root, &mount.target, volume).map_err(RuntimeError::io("fill", volume))?;
        }
    }
    Ok(())
}

fn one(root: &Path, target: &Path, volume: &Path) -> io::Result<()> {
    let is_empty = || Ok::<_, io::Error>(fs::read_dir(volume)?.next().is_none());
    // Links of the image stay inside the image; what is missing there leaves the volume empty.
    let Ok(place) = open_in_root(root, target) else { return Ok(()) };
    if !place.metadata()?.is_dir() || !is_empty()? {
        return Ok(());
    }
    // Through the descriptor, so that no link is followed on the way again.
    let from = PathBuf::from(format!("/proc/self/fd/{}", place.as_raw_fd()));
    copy_folder(&from, volume)?;
    like(&place.metadata()?, volume)
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, copy) = (entry.path(), to.join(entry.file_name()));
        let metadata = fs::symlink_metadata(&source)?;
        let kind = metadata.file_type();
        if kind.is_symlink() {
            symlink(fs::read_link(&source)?, &copy)?;
            lchown(&copy, Some(metadata.uid()), Some(metadata.gid()))?;
            continue;
        }
        if kind.is_dir() {
            fs::create_dir(&copy)?;
            copy_folder(&source, &copy)?;
        } else if kind.is_file() {
            fs::copy(&source, &copy)?;
        } else {
            // Sockets, pipes and devices are of no use at another place.
            continue;
        }
        like(&metadata, &copy)?;
    }
    Ok(())
}

/// Owner first: changing it takes set-uid bits away (chown(2)).
fn like(metadata: &fs::Metadata, copy: &Path) -> io::Result<()> {
    chown(copy, Some(metadata.uid()), Some(metadata.gid()))?;
    fs::set_permissions(copy, fs::Permissions::from_mode(metadata.mode() & 0o7777))?;
    let times = fs::FileTimes::new().set_modified(metadata.modified()?).set_accessed(metadata.accessed()?);
    fs::File::open(copy)?.set_times(times)
}
