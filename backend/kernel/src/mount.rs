//! Overlay mounts, the file systems of containers: mount, unmount, and whether something is mounted.

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use rustix::{
    fs::{CWD, Mode, OFlags, openat},
    io::Errno,
    mount::{
        FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, fsconfig_create, fsconfig_set_string, fsmount,
        fsopen, move_mount,
    },
};
use std::{
    ffi::{OsStr, OsString},
    fs, io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::{ffi::OsStrExt, fs::MetadataExt},
    },
    path::{Path, PathBuf},
};

/// A value of fsconfig(2) has 255 bytes at the most (fs/fsopen.c, `strndup_user(_value, 256)`).
const LONGEST_VALUE: usize = 255;

/// The kernel's own choice of these could make an upper folder that means something only above its lower ones: what a
/// container wrote must be readable by itself, to be made a layer of.
const OFF: [&str; 3] = ["redirect_dir", "metacopy", "index"];

/// `mount -t overlay overlay -o lowerdir=..,upperdir=..,workdir=.. TARGET` (Documentation/filesystems/overlayfs.rst).
/// `lower` is given lowest first; the kernel wants the uppermost first.
///
/// The options of mount(2) are one page, some 35 layers. Linux 6.5 takes layers one by one (fsconfig(2), `lowerdir+`);
/// an older one is given each layer by the short name of an open descriptor, which makes room for 200.
///
/// # Errors
/// What the kernel says; `InvalidInput` when the options are longer than the page of an older kernel.
pub fn overlay(lower: &[PathBuf], upper: &Path, work: &Path, target: &Path) -> io::Result<()> {
    let lower = &once_each(lower);
    match one_by_one(lower, upper, work, target) {
        // No such system call, or a filter that does not know it; no such option.
        Err(Refused::NotKnown) => in_one_page(lower, upper, work, target),
        Err(Refused::Said(error)) => Err(error),
        Ok(()) => Ok(()),
    }
}

/// The layers without those that come again above, which hide them wholly. An image may have a layer several times, an empty
/// one above all; the kernel takes a folder but once (`ELOOP`, ovl_check_layer in fs/overlayfs/super.c).
fn once_each(lower: &[PathBuf]) -> Vec<PathBuf> {
    let comes_again = |at: usize| lower[at + 1..].contains(&lower[at]);
    (0..lower.len()).filter(|at| !comes_again(*at)).map(|at| lower[at].clone()).collect()
}

enum Refused {
    /// This kernel has no such call or option.
    NotKnown,
    Said(io::Error),
}

impl From<Errno> for Refused {
    fn from(error: Errno) -> Self {
        Refused::Said(error.into())
    }
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Refused::Said(error)
    }
}

fn one_by_one(lower: &[PathBuf], upper: &Path, work: &Path, target: &Path) -> Result<(), Refused> {
    let context = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC).map_err(|error| match error {
        Errno::NOSYS | Errno::PERM => Refused::NotKnown,
        error => error.into(),
    })?;
    // Kept until the mount is made: a layer may be named by its descriptor.
    let mut open = Vec::new();
    fsconfig_set_string(&context, "source", "overlay")?;
    for layer in lower.iter().rev() {
        let value = short(layer, &mut open)?;
        fsconfig_set_string(&context, "lowerdir+", value.as_os_str()).map_err(|error| match error {
            Errno::INVAL => Refused::NotKnown,
            error => error.into(),
        })?;
    }
    for (key, folder) in [("upperdir", upper), ("workdir", work)] {
        let value = short(folder, &mut open)?;
        fsconfig_set_string(&context, key, value.as_os_str())?;
    }
    for key in OFF {
        fsconfig_set_string(&context, key, "off")?;
    }
    fsconfig_create(&context)?;
    let mounted = fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?;
    move_mount(&mounted, "", CWD, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
    Ok(())
}

/// A folder's path, or that of a descriptor of it where its own is too long.
fn short(folder: &Path, open: &mut Vec<OwnedFd>) -> io::Result<OsString> {
    if folder.as_os_str().len() <= LONGEST_VALUE {
        return Ok(folder.as_os_str().to_owned());
    }
    by_descriptor(folder, open)
}

fn by_descriptor(folder: &Path, open: &mut Vec<OwnedFd>) -> io::Result<OsString> {
    let fd = openat(CWD, folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let name = format!("/proc/self/fd/{}", fd.as_raw_fd());
    open.push(fd);
    Ok(name.into())
}

fn in_one_page(lower: &[PathBuf], upper: &Path, work: &Path, target: &Path) -> io::Result<()> {
    let mut open = Vec::new();
    let mut options = options(lower, upper, work);
    if options.len() > PAGE {
        let layers: Vec<PathBuf> =
            lower.iter().map(|layer| by_descriptor(layer, &mut open).map(PathBuf::from)).collect::<Result<_, _>>()?;
        options = self::options(&layers, upper, work);
    }
    if options.len() > PAGE {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the paths of the layers are longer than one page"));
    }
    Ok(mount(Some("overlay"), target, Some("overlay"), MsFlags::empty(), Some(options.as_os_str()))?)
}

/// `copy_mount_options()` in fs/namespace.c takes one page, its last byte being the end of the text.
const PAGE: usize = 4095;

fn options(lower: &[PathBuf], upper: &Path, work: &Path) -> OsString {
    let lower = lower.iter().rev().map(|layer| escaped(layer, b"\\:,")).collect::<Vec<_>>().join(OsStr::new(":"));
    let mut options = OsString::from("lowerdir=");
    options.push(lower);
    options.push(",upperdir=");
    options.push(escaped(upper, b"\\,"));
    options.push(",workdir=");
    options.push(escaped(work, b"\\,"));
    for key in OFF {
        options.push(format!(",{key}=off"));
    }
    options
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check_in_sandbox;

    /// One file in each layer, and one that all of them have.
    fn check(
        name: &str,
        count: usize,
        mount: impl Fn(&[PathBuf], &Path, &Path, &Path) -> io::Result<()> + Send + Sync,
    ) {
        check_in_sandbox(|| {
            let root = std::env::temp_dir().join(format!("drawbridge-mount-{name}-{}", std::process::id()));
            // As long as those of images: a folder's name of 64 digits.
            let layers: Vec<PathBuf> = (0..count).map(|number| root.join(format!("{number:064}/diff"))).collect();
            for (number, layer) in layers.iter().enumerate() {
                fs::create_dir_all(layer).unwrap();
                fs::write(layer.join(format!("of-{number}")), "").unwrap();
                fs::write(layer.join("same"), number.to_string()).unwrap();
            }
            let [upper, work, target] = ["upper", "work", "target"].map(|name| root.join(name));
            for folder in [&upper, &work, &target] {
                fs::create_dir_all(folder).unwrap();
            }
            mount(&layers, &upper, &work, &target).unwrap();
            assert!(is_mounted(&target));
            assert_eq!(fs::read_dir(&target).unwrap().count(), count + 1);
            assert_eq!(fs::read_to_string(target.join("same")).unwrap(), (count - 1).to_string(), "the uppermost");
            fs::write(target.join("new"), "").unwrap();
            assert!(upper.join("new").exists());
            unmount(&target).unwrap();
            assert!(!is_mounted(&target));
            fs::remove_dir_all(root).unwrap();
        });
    }

    #[test]
    fn a_hundred_layers_are_mounted() {
        check("many", 100, overlay);
    }

    #[test]
    fn a_kernel_that_takes_one_page_mounts_them_too() {
        check("page", 100, in_one_page);
        check("few", 2, in_one_page);
    }

    #[test]
    fn a_layer_may_come_again() {
        let overlay_of_more = |layers: &[PathBuf], upper: &Path, work: &Path, target: &Path| {
            overlay(&[&layers[..1], layers, &layers[1..]].concat(), upper, work, target)
        };
        check("again", 3, overlay_of_more);
    }
}
