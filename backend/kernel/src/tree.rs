//! A container's file tree, looked into and written to from outside. Its processes may change it meanwhile, and its links
//! may point anywhere: every step goes through a descriptor, and links are followed inside the tree only (openat2(2)).

use crate::mount;
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, linkat, makedev, mkdirat, mknodat, openat, openat2,
};
use std::{
    ffi::{OsStr, OsString},
    fs::{self, File, Metadata},
    io,
    os::fd::{AsRawFd, OwnedFd},
    path::{Path, PathBuf},
};

/// A tree that paths can't leave.
#[derive(Debug)]
pub struct Tree {
    root: OwnedFd,
}

/// A folder of a tree, held open.
#[derive(Debug)]
pub struct Folder {
    fd: OwnedFd,
}

const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Tree {
    /// What a process sees, with all that is mounted there: `/proc/PID/root` (proc(5)).
    ///
    /// # Errors
    /// `NotFound` when the process has ended.
    pub fn of_process(pid: i32) -> io::Result<Tree> {
        Tree::of_folder(Path::new(&format!("/proc/{pid}/root")))
    }

    /// A folder of the host and what is below it.
    ///
    /// # Errors
    /// What openat(2) says.
    pub fn of_folder(path: &Path) -> io::Result<Tree> {
        Ok(Tree { root: openat(CWD, path, FOLDER, Mode::empty())? })
    }

    /// An overlay as [`mount::overlay`] makes it, seen by nobody else: it is mounted on `place`, opened and unmounted, and
    /// is gone when this is.
    ///
    /// # Errors
    /// What mount(2) and openat(2) say.
    pub fn of_overlay(lower: &[PathBuf], upper: &Path, work: &Path, place: &Path) -> io::Result<Tree> {
        mount::overlay(lower, upper, work, place)?;
        let opened = Tree::of_folder(place);
        mount::unmount(place)?;
        opened
    }

    /// The folder at a path, which begins at the tree's root whether it is absolute or not.
    ///
    /// # Errors
    /// `NotFound`; `NotADirectory`; what else openat2(2) says.
    pub fn folder(&self, path: &Path) -> io::Result<Folder> {
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let path = if path.as_os_str().is_empty() { Path::new("/") } else { path };
        Ok(Folder { fd: openat2(&self.root, path, FOLDER, Mode::empty(), resolve)? })
    }

    /// The folder in which a path's last name stands, and that name, which need not be there. The root stands in itself,
    /// as `.`.
    ///
    /// # Errors
    /// As of [`Tree::folder`].
    pub fn place(&self, path: &Path) -> io::Result<(Folder, OsString)> {
        match path.file_name() {
            Some(name) => Ok((self.folder(path.parent().unwrap_or(Path::new("/")))?, name.to_owned())),
            None => Ok((self.folder(path)?, ".".into())),
        }
    }

    /// The folder at a path, made with those above it where they are missing.
    ///
    /// # Errors
    /// As of [`Tree::folder`].
    pub fn make_folders(&self, path: &Path) -> io::Result<Folder> {
        match self.folder(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let (Some(name), Some(above)) = (path.file_name(), path.parent()) else { return Err(error) };
                let above = self.make_folders(above)?;
                above.make_folder(name)?;
                self.folder(path)
            }
            found => found,
        }
    }
}

impl Folder {
    /// Where a name in it is reached as long as this lives. Only the last name is looked up again, so a call that does not
    /// follow links stays here.
    pub fn path_of(&self, name: &OsStr) -> PathBuf {
        self.path().join(name)
    }

    /// Where it is reached itself.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.fd.as_raw_fd()))
    }

    /// What a name in it stands for, a link not followed (lstat(2)).
    ///
    /// # Errors
    /// `NotFound`, and what else lstat(2) says.
    pub fn metadata(&self, name: &OsStr) -> io::Result<Metadata> {
        // `.` of a magic link is the folder itself.
        if name == "." { fs::metadata(self.path()) } else { fs::symlink_metadata(self.path_of(name)) }
    }

    /// The names in it.
    ///
    /// # Errors
    /// What opendir(3) says.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names =
            fs::read_dir(self.path())?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }

    /// A folder in it; a link is none.
    ///
    /// # Errors
    /// What openat(2) says.
    pub fn below(&self, name: &OsStr) -> io::Result<Folder> {
        Ok(Folder { fd: openat(&self.fd, name, FOLDER | OFlags::NOFOLLOW, Mode::empty())? })
    }

    /// Opens a file in it for reading; a link is none, and a pipe is not waited for.
    ///
    /// # Errors
    /// What openat(2) says.
    pub fn open(&self, name: &OsStr) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        Ok(openat(&self.fd, name, flags, Mode::empty())?.into())
    }

    /// Makes a file in it, which must not be there, for its owner alone.
    ///
    /// # Errors
    /// What openat(2) says.
    pub fn create(&self, name: &OsStr) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        Ok(openat(&self.fd, name, flags, Mode::RUSR | Mode::WUSR)?.into())
    }

    /// Makes a folder in it, for everybody to read; content when there is one.
    ///
    /// # Errors
    /// What mkdirat(2) says.
    pub fn make_folder(&self, name: &OsStr) -> io::Result<()> {
        match mkdirat(&self.fd, name, Mode::from_raw_mode(0o755)) {
            Err(rustix::io::Errno::EXIST) if self.metadata(name)?.is_dir() => Ok(()),
            made => Ok(made?),
        }
    }

    /// Makes another name for a file of another folder; a link is not followed.
    ///
    /// # Errors
    /// What linkat(2) says.
    pub fn link(&self, name: &OsStr, from: &Folder, from_name: &OsStr) -> io::Result<()> {
        Ok(linkat(&from.fd, from_name, &self.fd, name, AtFlags::empty())?)
    }

    /// Makes a pipe or a device: `mknod NAME KIND MAJOR MINOR`.
    ///
    /// # Errors
    /// What mknodat(2) says.
    pub fn make_node(&self, name: &OsStr, kind: Node) -> io::Result<()> {
        let (kind, device) = match kind {
            Node::Pipe => (FileType::Fifo, 0),
            Node::Character { major, minor } => (FileType::CharacterDevice, makedev(major, minor)),
            Node::Block { major, minor } => (FileType::BlockDevice, makedev(major, minor)),
        };
        Ok(mknodat(&self.fd, name, kind, Mode::from_raw_mode(0o600), device)?)
    }
}

/// What is neither file nor folder nor link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// A named pipe.
    Pipe,
    /// A character device.
    Character {
        /// Its driver.
        major: u32,
        /// Which of the driver's.
        minor: u32,
    },
    /// A block device.
    Block {
        /// Its driver.
        major: u32,
        /// Which of the driver's.
        minor: u32,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn no_path_leads_out() {
        let top = std::env::temp_dir().join(format!("drawbridge-tree-{}", std::process::id()));
        let root = top.join("root");
        fs::create_dir_all(root.join("in")).expect("a temporary folder");
        fs::create_dir(top.join("outside")).expect("a folder beside it");
        symlink("/in", root.join("absolute")).expect("a link");
        symlink("../../outside", root.join("up")).expect("a link");
        let tree = Tree::of_folder(&root).expect("it is there");
        tree.folder(Path::new("absolute")).expect("a link inside");
        assert_eq!(tree.folder(Path::new("/up")).expect_err("it is outside").kind(), io::ErrorKind::NotFound);
        let (folder, name) = tree.place(Path::new("/absolute/../in/new")).expect("its folder is there");
        assert!(folder.metadata(&name).is_err());
        folder.create(&name).expect("made");
        assert!(root.join("in/new").exists());
        tree.make_folders(Path::new("/absolute/a/b")).expect("made");
        assert!(root.join("in/a/b").is_dir());
        // A link is neither a folder nor a file here.
        let top_folder = tree.folder(Path::new("/")).expect("the root");
        assert!(top_folder.below(OsStr::new("up")).is_err() && top_folder.open(OsStr::new("up")).is_err());
        fs::remove_dir_all(&top).expect("ours");
    }
}
