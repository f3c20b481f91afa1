//! A folder that is filled under names which nobody vouches for: those of an archive, or of a build's instructions. Every
//! path is looked up inside the folder, as a process with that root would (openat2(2), `RESOLVE_IN_ROOT`), and its last
//! part is never followed, so no link leads out of it.
//!
//! What is here already is never replaced; the caller hears `AlreadyExists` and decides.

pub use crate::attributes::{Attributes, Node};

use crate::attributes::{owner, set_attributes, times};
use rustix::{
    fs::{
        AtFlags, CWD, Dir, FileType, Mode, OFlags, RenameFlags, ResolveFlags, XattrFlags, chmodat, chownat, fsetxattr,
        fstat, futimens, linkat, makedev, mkdirat, mknodat, openat, openat2, renameat_with, statat, symlinkat,
        unlinkat, utimensat,
    },
    io::Errno,
};
use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs::File,
    io,
    os::{
        fd::OwnedFd,
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::{Component, Path, PathBuf},
};

/// How often a lookup is tried again that the kernel gave up on, since something was renamed meanwhile (openat2(2),
/// `EAGAIN`).
const TRIES: usize = 32;

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A file, device or pipe.
    Other,
}

/// The folder.
#[derive(Debug)]
pub struct Tree {
    root: OwnedFd,
    /// The folder that was last looked up: archives list what is in one folder in a row.
    last: Option<(PathBuf, OwnedFd)>,
    /// Folders whose time is set at the end, since every new entry changes it.
    times: BTreeMap<PathBuf, (i64, u32)>,
}

/// A path of names alone: `/a/./b` is `a/b`, the folder itself is empty.
///
/// # Errors
/// `InvalidInput` for one with `..` in it or a NUL.
pub fn inside(path: &Path) -> io::Result<PathBuf> {
    let refuse = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{}: {why}", path.display())));
    let mut names = PathBuf::new();
    for component in path.components() {
        match component {
            Component::RootDir | Component::CurDir => {}
            Component::Normal(name) => names.push(name),
            Component::ParentDir => return refuse("the path leads upwards"),
            Component::Prefix(_) => return refuse("the path has a prefix"),
        }
    }
    if names.as_os_str().as_bytes().contains(&0) {
        return refuse("the path has a NUL in it");
    }
    Ok(names)
}

impl Tree {
    /// Opens a folder, which must be there.
    ///
    /// # Errors
    /// What open(2) says.
    pub fn open(root: &Path) -> io::Result<Tree> {
        let root = openat(CWD, root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Tree { root, last: None, times: BTreeMap::new() })
    }

    /// Makes a folder, or gives one that is there these attributes. Its time is set by [`Tree::finish`].
    ///
    /// # Errors
    /// `AlreadyExists` when something else is there; as of [`inside`]; what the kernel says.
    pub fn directory(&mut self, path: &Path, attributes: &Attributes) -> io::Result<()> {
        let path = inside(path)?;
        if !path.as_os_str().is_empty() {
            let (parent, name) = self.parent(&path)?;
            match mkdirat(parent, name, Mode::from_raw_mode(0o700)) {
                Ok(()) => {}
                Err(Errno::EXIST) if kind_at(parent, name)? == Some(Kind::Directory) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let folder = self.lookup(&path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW)?;
        set_attributes(&folder, attributes)?;
        self.times.insert(path, attributes.mtime);
        Ok(())
    }

    /// Makes a file and opens it for writing. [`Tree::close_file`] gives it its attributes.
    ///
    /// # Errors
    /// `AlreadyExists` when something is there; as of [`inside`]; what the kernel says.
    pub fn file(&mut self, path: &Path) -> io::Result<File> {
        let path = inside(path)?;
        let (parent, name) = self.parent(&path)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(openat(parent, name, flags, Mode::from_raw_mode(0o600))?.into())
    }

    /// Gives a written file its attributes.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn close_file(&self, file: File, attributes: &Attributes) -> io::Result<()> {
        let file = OwnedFd::from(file);
        set_attributes(&file, attributes)?;
        Ok(futimens(&file, &times(attributes.mtime))?)
    }

    /// Makes a symbolic link; where it leads is nobody's business until somebody follows it.
    ///
    /// # Errors
    /// As of [`Tree::file`].
    pub fn symlink(&mut self, path: &Path, target: &OsStr, attributes: &Attributes) -> io::Result<()> {
        let path = inside(path)?;
        let (parent, name) = self.parent(&path)?;
        symlinkat(target, parent, name)?;
        let (uid, gid) = owner(attributes);
        chownat(parent, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(utimensat(parent, name, &times(attributes.mtime), AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// Makes another name for a file of this folder.
    ///
    /// # Errors
    /// As of [`Tree::file`]; `NotFound` when there is no such file.
    pub fn hard_link(&mut self, path: &Path, target: &Path) -> io::Result<()> {
        let (path, target) = (inside(path)?, inside(target)?);
        let (folder, from) = split(&target)?;
        let folder = self.lookup(folder, OFlags::PATH | OFlags::DIRECTORY)?;
        let (parent, name) = self.parent(&path)?;
        Ok(linkat(&folder, from, parent, name, AtFlags::empty())?)
    }

    /// Makes a device or pipe. Devices are of use to a container only as far as its device rules let it open them.
    ///
    /// # Errors
    /// As of [`Tree::file`].
    pub fn node(&mut self, path: &Path, node: Node, attributes: &Attributes) -> io::Result<()> {
        let path = inside(path)?;
        let (parent, name) = self.parent(&path)?;
        let (kind, device) = match node {
            Node::Fifo => (FileType::Fifo, 0),
            Node::Character { major, minor } => (FileType::CharacterDevice, makedev(major, minor)),
            Node::Block { major, minor } => (FileType::BlockDevice, makedev(major, minor)),
        };
        mknodat(parent, name, kind, Mode::from_raw_mode(0o600), device)?;
        let (uid, gid) = owner(attributes);
        chownat(parent, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        // The node was made just now under this name, and is no link that could be followed.
        chmodat(parent, name, Mode::from_raw_mode(attributes.mode & 0o7777), AtFlags::empty())?;
        Ok(utimensat(parent, name, &times(attributes.mtime), AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// Makes what hides a name of the layers below: a character device 0/0 (overlayfs.rst, "whiteouts and opaque
    /// directories").
    ///
    /// # Errors
    /// As of [`Tree::file`].
    pub fn whiteout(&mut self, path: &Path) -> io::Result<()> {
        self.node(path, Node::Character { major: 0, minor: 0 }, &Attributes::default())
    }

    /// Marks a folder as hiding all that the layers below have in it (overlayfs.rst, `trusted.overlay.opaque`).
    ///
    /// # Errors
    /// `NotFound` when it is not there; what the kernel says.
    pub fn opaque(&mut self, path: &Path) -> io::Result<()> {
        let folder = self.lookup(&inside(path)?, OFlags::RDONLY | OFlags::DIRECTORY)?;
        Ok(fsetxattr(&folder, OPAQUE, b"y", XattrFlags::empty())?)
    }

    /// Opens a file for reading; its last part is not followed.
    ///
    /// # Errors
    /// As of [`inside`]; what the kernel says.
    pub fn read(&mut self, path: &Path) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        Ok(self.lookup(&inside(path)?, flags)?.into())
    }

    /// Opens a folder for reading, links followed within the tree.
    ///
    /// # Errors
    /// `NotADirectory`; what the kernel says.
    pub fn open_directory(&self, path: &Path) -> io::Result<OwnedFd> {
        self.lookup(&inside(path)?, OFlags::RDONLY | OFlags::DIRECTORY)
    }

    /// Opens a file for reading, links followed within the tree.
    ///
    /// # Errors
    /// `InvalidInput` for what is no file; what the kernel says.
    pub fn read_through(&self, path: &Path) -> io::Result<File> {
        let file = self.lookup(&inside(path)?, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
        if FileType::from_raw_mode(fstat(&file)?.st_mode) == FileType::RegularFile {
            return Ok(file.into());
        }
        Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{}: it is no file", path.display())))
    }

    /// The names in a folder, sorted; links to it are followed within the tree.
    ///
    /// # Errors
    /// As of [`Tree::open_directory`].
    pub fn names(&self, path: &Path) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(self.open_directory(path)?)? {
            let name = entry?.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name));
            }
        }
        names.sort();
        Ok(names)
    }

    /// What stands at a path; a link is not followed.
    ///
    /// # Errors
    /// As of [`inside`]; what the kernel says, save that nothing is there.
    pub fn kind(&mut self, path: &Path) -> io::Result<Option<Kind>> {
        let path = inside(path)?;
        if path.as_os_str().is_empty() {
            return Ok(Some(Kind::Directory));
        }
        let (folder, name) = split(&path)?;
        match self.lookup(folder, OFlags::PATH | OFlags::DIRECTORY) {
            Ok(folder) => kind_at(&folder, name),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether a path leads to a folder, links followed within the tree.
    ///
    /// # Errors
    /// What the kernel says, save that nothing is there.
    pub fn is_directory(&mut self, path: &Path) -> io::Result<bool> {
        match self.lookup(path, OFlags::PATH | OFlags::DIRECTORY) {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes away what is at a path and no folder; a link itself, not what it leads to.
    ///
    /// # Errors
    /// As of [`inside`]; what unlink(2) says.
    pub fn remove_file(&mut self, path: &Path) -> io::Result<()> {
        let path = inside(path)?;
        let (parent, name) = self.parent(&path)?;
        unlinkat(parent, name, AtFlags::empty())?;
        self.last = None;
        Ok(())
    }

    /// Moves what is at a path out of the folder, to a path of the host on the same file system.
    ///
    /// # Errors
    /// As of [`inside`]; what rename(2) says.
    pub fn move_out(&mut self, path: &Path, to: &Path) -> io::Result<()> {
        let path = inside(path)?;
        let (parent, name) = self.parent(&path)?;
        renameat_with(parent, name, CWD, to, RenameFlags::NOREPLACE)?;
        self.last = None;
        Ok(())
    }

    /// Gives the folders their times.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn finish(mut self) -> io::Result<()> {
        for (path, mtime) in std::mem::take(&mut self.times).into_iter().rev() {
            // One that something else took the place of has no time to be set.
            if let Ok(folder) = self.lookup(&path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW) {
                futimens(&folder, &times(mtime))?;
            }
        }
        Ok(())
    }

    /// The folder that a path's last name is in, made if need be, and that name.
    fn parent<'a>(&mut self, path: &'a Path) -> io::Result<(&OwnedFd, &'a OsStr)> {
        let (folder, name) = split(path)?;
        if self.last.as_ref().is_none_or(|(last, _)| last != folder) {
            let flags = OFlags::PATH | OFlags::DIRECTORY;
            let found = match self.lookup(folder, flags) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.make_parents(folder)?;
                    self.lookup(folder, flags)?
                }
                found => found?,
            };
            self.last = Some((folder.to_owned(), found));
        }
        match &self.last {
            Some((_, folder)) => Ok((folder, name)),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn make_parents(&self, folder: &Path) -> io::Result<()> {
        let mut made = PathBuf::new();
        for name in folder.iter() {
            let parent = self.lookup(&made, OFlags::PATH | OFlags::DIRECTORY)?;
            match mkdirat(&parent, name, Mode::from_raw_mode(0o755)) {
                // The mask of the process has no say in it.
                Ok(()) => chmodat(&parent, name, Mode::from_raw_mode(0o755), AtFlags::empty())?,
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            made.push(name);
        }
        Ok(())
    }

    fn lookup(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        for _ in 0..TRIES {
            match openat2(&self.root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
                Err(Errno::AGAIN) => {}
                found => return Ok(found?),
            }
        }
        Err(Errno::AGAIN.into())
    }
}

/// The mark of an opaque folder.
pub(crate) const OPAQUE: &str = "trusted.overlay.opaque";

fn split(path: &Path) -> io::Result<(&Path, &OsStr)> {
    match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) => Ok((folder, name)),
        (None, _) | (_, None) => {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "the path is that of the folder itself"))
        }
    }
}

fn kind_at(folder: &OwnedFd, name: &OsStr) -> io::Result<Option<Kind>> {
    match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => Kind::Directory,
            FileType::Symlink => Kind::Symlink,
            _ => Kind::Other,
        })),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        fs,
        io::Write,
        os::unix::fs::{MetadataExt, symlink},
    };

    struct Folder(PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn folder(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("drawbridge-tree-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("root")).unwrap();
        Folder(path)
    }

    fn mine() -> Attributes {
        let own = fs::metadata("/proc/self").unwrap();
        Attributes { uid: own.uid(), gid: own.gid(), mode: 0o644, mtime: (1_000_000_000, 5), xattrs: Vec::new() }
    }

    #[test]
    fn nothing_is_made_outside() {
        let folder = folder("outside");
        let root = folder.0.join("root");
        fs::create_dir(folder.0.join("victim")).unwrap();
        symlink("../victim", root.join("up")).unwrap();
        symlink(folder.0.join("victim"), root.join("absolute")).unwrap();
        symlink("/proc/self/root", root.join("magic")).unwrap();
        let mut tree = Tree::open(&root).unwrap();
        for path in ["../victim/a", "a/../../victim/a", ".."] {
            assert_eq!(tree.file(Path::new(path)).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{path}");
        }
        for path in ["up/a", "absolute/a", "magic/a"] {
            // Looked up inside: the folders that the links mean do not exist there.
            assert!(tree.file(Path::new(path)).is_err(), "{path}");
            assert!(tree.hard_link(Path::new("x"), Path::new(path)).is_err(), "{path}");
        }
        assert!(tree.hard_link(Path::new("x"), Path::new("../victim")).is_err());
        // The last part of a path is not followed.
        assert_eq!(tree.file(Path::new("up")).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(tree.directory(Path::new("up"), &mine()).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_dir(folder.0.join("victim")).unwrap().count(), 0);
    }

    #[test]
    fn files_have_what_they_were_given() {
        let folder = folder("given");
        let root = folder.0.join("root");
        let mut tree = Tree::open(&root).unwrap();
        tree.directory(Path::new("/d"), &Attributes { mode: 0o1777, ..mine() }).unwrap();
        let mut file = tree.file(Path::new("./d/deep/f")).unwrap();
        file.write_all(b"text").unwrap();
        tree.close_file(file, &Attributes { mode: 0o4755, ..mine() }).unwrap();
        tree.symlink(Path::new("d/link"), OsStr::new("../../.."), &mine()).unwrap();
        tree.hard_link(Path::new("d/other"), Path::new("d/deep/f")).unwrap();
        assert_eq!(tree.file(Path::new("d/other")).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(tree.kind(Path::new("d/link")).unwrap(), Some(Kind::Symlink));
        assert_eq!(tree.kind(Path::new("d/none/x")).unwrap(), None);
        assert!(tree.is_directory(Path::new("d/link")).unwrap(), "the root of the tree");
        tree.move_out(Path::new("d/link"), &folder.0.join("moved")).unwrap();
        tree.finish().unwrap();
        let of = |path: &str| fs::symlink_metadata(root.join(path)).unwrap();
        assert_eq!((of("d").mode() & 0o7777, of("d").mtime()), (0o1777, 1_000_000_000));
        assert_eq!((of("d/deep").mode() & 0o7777, of("d/deep/f").mode() & 0o7777), (0o755, 0o4755));
        assert_eq!((of("d/other").ino(), of("d/other").mtime_nsec()), (of("d/deep/f").ino(), 5));
        assert_eq!(fs::read_link(folder.0.join("moved")).unwrap(), Path::new("../../.."));
    }
}
