//! Files where std is not enough: paths inside a container's tree, and being told that a file grew.

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, inotify, openat, openat2};
use std::{
    fs::File,
    io,
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
};

/// Opens a file for reading as a process with that root would: links, absolute ones too, stay inside the tree
/// (`RESOLVE_IN_ROOT`, openat2(2)). Never waits on a FIFO.
///
/// # Errors
/// What openat2(2) says.
pub fn open_in_root(root: &Path, path: &Path) -> io::Result<File> {
    let directory = openat(CWD, root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    Ok(openat2(&directory, path, flags, Mode::empty(), resolve)?.into())
}

/// Says when one file or folder changed (inotify(7)). The descriptor is readable when it did.
#[derive(Debug)]
pub struct Watch {
    fd: OwnedFd,
}

impl Watch {
    /// Watches a file for being written, moved or removed, a folder for what is made or moved in it.
    ///
    /// # Errors
    /// `EMFILE` when the user has fs.inotify.max_user_instances of them, `ENOSPC` at max_user_watches; a caller can
    /// then look from time to time. `NotFound` when there is no such file.
    pub fn open(path: &Path) -> io::Result<Watch> {
        use inotify::{CreateFlags, WatchFlags};
        let fd = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        // ATTRIB: a file that is open somewhere and loses its last name is not removed yet, but has fewer links.
        let what = WatchFlags::MODIFY
            | WatchFlags::ATTRIB
            | WatchFlags::MOVE_SELF
            | WatchFlags::DELETE_SELF
            | WatchFlags::CREATE
            | WatchFlags::MOVED_TO;
        inotify::add_watch(&fd, path, what)?;
        Ok(Watch { fd })
    }
}

/// Takes what a watch has reported, so that its descriptor is readable again only after the next change.
///
/// # Errors
/// `WouldBlock` when nothing has been.
pub fn take_changes(watch: impl AsFd) -> io::Result<()> {
    let mut buffer = [MaybeUninit::<u8>::uninit(); 4096];
    rustix::io::read(watch, &mut buffer)?;
    Ok(())
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl From<Watch> for OwnedFd {
    fn from(watch: Watch) -> OwnedFd {
        watch.fd
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, io::Read, os::unix::fs::symlink};

    #[test]
    fn links_stay_inside_the_tree() {
        let root = std::env::temp_dir().join(format!("drawbridge-file-{}", std::process::id()));
        fs::create_dir_all(root.join("etc")).expect("a temporary folder");
        fs::write(root.join("etc/real"), "inside").expect("a file");
        for (link, target) in [("abs", "/etc/real"), ("up", "../../../../etc/real"), ("out", "/proc/self/status")] {
            symlink(target, root.join("etc").join(link)).expect("a link");
        }
        for link in ["abs", "up"] {
            let mut text = String::new();
            let path = Path::new("/etc").join(link);
            open_in_root(&root, &path).expect("it is inside").read_to_string(&mut text).expect("readable");
            assert_eq!(text, "inside");
        }
        assert!(open_in_root(&root, Path::new("/etc/out")).is_err());

        let watch = Watch::open(&root.join("etc/real")).expect("it exists");
        assert_eq!(take_changes(&watch).expect_err("nothing yet").kind(), io::ErrorKind::WouldBlock);
        fs::write(root.join("etc/real"), "more").expect("a file");
        take_changes(&watch).expect("written");
        fs::remove_dir_all(&root).expect("ours");
    }
}
