//! Overlay mounts, the file systems of containers: mount, unmount, and whether something is mounted.

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use std::{
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

/// `mount -t overlay overlay -o lowerdir=..,upperdir=..,workdir=.. TARGET` (Documentation/filesystems/overlayfs.rst).
/// `lower` is given lowest first; the kernel wants the uppermost first.
///
/// # Errors
/// What mount(2) says; `InvalidInput` when the options are longer than the page that the kernel takes.
pub fn overlay(lower: &[PathBuf], upper: &Path, work: &Path, target: &Path) -> io::Result<()> {
    let lower = lower.iter().rev().map(|layer| escaped(layer, b"\\:,")).collect::<Vec<_>>().join(OsStr::new(":"));
    let mut options = OsString::from("lowerdir=");
    options.push(lower);
    options.push(",upperdir=");
    options.push(escaped(upper, b"\\,"));
    options.push(",workdir=");
    options.push(escaped(work, b"\\,"));
    // copy_mount_options() in fs/namespace.c takes one page, its last byte being the end of the text.
    if options.len() > 4095 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the paths of the layers are longer than one page"));
    }
    Ok(mount(Some("overlay"), target, Some("overlay"), MsFlags::empty(), Some(options.as_os_str()))?)
}

/// `mount -t tmpfs -o nosuid,noexec,nodev,mode=1777,size=.. shm TARGET` (tmpfs(5)); 64 MiB when no size in bytes is given.
///
/// # Errors
/// What mount(2) says.
pub fn memory(target: &Path, bytes: Option<u64>) -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC | MsFlags::MS_NODEV;
    let options = format!("mode=1777,size={}", bytes.unwrap_or(64 << 20));
    Ok(mount(Some("shm"), target, Some("tmpfs"), flags, Some(options.as_str()))?)
}

/// `umount -l TARGET`: gone from the tree at once, freed when its last user lets go. Harmless where nothing is mounted.
///
/// # Errors
/// What umount(2) says, save that nothing is mounted there.
pub fn unmount(target: &Path) -> io::Result<()> {
    match umount2(target, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW) {
        Ok(()) | Err(nix::Error::EINVAL | nix::Error::ENOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whether a file system is mounted on this folder: it lies on another device than its parent, which an overlay, having
/// a device number of its own, always does.
pub fn is_mounted(target: &Path) -> bool {
    let device = |path: &Path| fs::symlink_metadata(path).map(|metadata| metadata.dev()).ok();
    match (device(target), target.parent().and_then(device)) {
        (Some(own), Some(parent)) => own != parent,
        (None, _) | (_, None) => false,
    }
}

/// The option string has `,` between options and `:` between layers; a backslash takes that meaning away.
fn escaped(path: &Path, special: &[u8]) -> OsString {
    let mut out = Vec::with_capacity(path.as_os_str().len());
    for byte in path.as_os_str().as_bytes() {
        if special.contains(byte) {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    OsStr::from_bytes(&out).to_owned()
}
