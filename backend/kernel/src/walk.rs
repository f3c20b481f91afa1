//! Reading a folder that others write in meanwhile, as a container does in its own: each name is opened in the folder it
//! was found in and never followed, so that what is read is always inside.

use crate::folder::{Attributes, Node, OPAQUE};
use rustix::{
    fs::{
        AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fgetxattr, flistxattr, fstat, major, minor, openat,
        readlinkat, statat, statvfs,
    },
    io::Errno,
};
use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::{Path, PathBuf},
};

/// A name that was found.
#[derive(Debug)]
pub struct Found {
    /// Where, from the folder that is walked.
    pub path: PathBuf,
    /// What.
    pub content: Content,
    /// Owner, rights, time; of links without attributes beyond those.
    pub attributes: Attributes,
    /// Device and inode: the same for two names of one file.
    pub file_id: (u64, u64),
    /// How many names the file has.
    pub links: u64,
}

/// What is behind a name.
#[derive(Debug)]
pub enum Content {
    /// A folder; what is in it follows.
    Directory {
        /// Whether it hides what layers below have in it.
        opaque: bool,
    },
    /// A file, open for reading, and its size in bytes.
    File(File, u64),
    /// A symbolic link and where it leads.
    Symlink(OsString),
    /// A device or pipe.
    Node(Node),
    /// What hides a name of the layers below.
    Whiteout,
}

/// Calls `each` with everything in a folder: what is in one folder in the order of the names, a folder before what is in
/// it. Sockets, which no archive can hold, are left out, and so is what goes away meanwhile.
///
/// # Errors
/// What `each` returns; what the kernel says.
pub fn walk(root: &Path, each: &mut dyn FnMut(Found) -> io::Result<()>) -> io::Result<()> {
    let root = openat(CWD, root, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    all_in(root, each)
}

/// [`walk`] of an open folder.
///
/// # Errors
/// As of [`walk`].
pub fn walk_open(folder: &OwnedFd, each: &mut dyn FnMut(Found) -> io::Result<()>) -> io::Result<()> {
    all_in(folder.try_clone()?, each)
}

/// The attributes of an open file or folder.
///
/// # Errors
/// What the kernel says.
pub fn attributes_of(file: impl AsFd) -> io::Result<Attributes> {
    let file = file.as_fd();
    attributes(&fstat(file)?, Some(file))
}

/// Whether a file has an extended attribute.
///
/// # Errors
/// What the kernel says.
pub fn has_attribute(file: impl AsFd, name: &str) -> io::Result<bool> {
    Ok(attribute(file.as_fd(), OsStr::new(name))?.is_some())
}

/// What is free for new files on a path's file system, in bytes. Root's own reserve is not counted.
///
/// # Errors
/// What statvfs(3) says.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let stat = statvfs(path)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// A folder on the way down, with the names in it that are to come.
struct Level {
    folder: OwnedFd,
    path: PathBuf,
    names: std::vec::IntoIter<OsString>,
}

impl Level {
    fn open(folder: OwnedFd, path: PathBuf) -> io::Result<Self> {
        // A container can nest folders without end. No call that takes the path would take a longer one (path_resolution(7)).
        if path.as_os_str().len() >= LONGEST_PATH {
            return Err(Errno::NAMETOOLONG.into());
        }
        let mut names = Vec::new();
        for entry in Dir::read_from(&folder)? {
            let name = entry?.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name));
            }
        }
        names.sort();
        Ok(Self { folder, path, names: names.into_iter() })
    }
}

/// `PATH_MAX` in linux/limits.h.
const LONGEST_PATH: usize = 4096;

/// Not by calling itself: however deep it goes, the stack stays as it is.
fn all_in(root: OwnedFd, each: &mut dyn FnMut(Found) -> io::Result<()>) -> io::Result<()> {
    let mut levels = vec![Level::open(root, PathBuf::new())?];
    while let Some(level) = levels.last_mut() {
        let Some(name) = level.names.next() else {
            levels.pop();
            continue;
        };
        let path = level.path.join(&name);
        let below = one(&level.folder, &path, &name, each);
        let below = below.and_then(|folder| folder.map(|folder| Level::open(folder, path)).transpose());
        match below {
            Ok(below) => levels.extend(below),
            // It went away between two looks.
            Err(error) if error.raw_os_error() == Some(Errno::NOENT.raw_os_error()) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Shows one name; a folder is returned, open.
fn one(
    folder: &OwnedFd,
    path: &Path,
    name: &OsStr,
    each: &mut dyn FnMut(Found) -> io::Result<()>,
) -> io::Result<Option<OwnedFd>> {
    let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let open = |extra| {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC | extra;
        openat(folder, name, flags, Mode::empty())
    };
    #[allow(clippy::useless_conversion, reason = "the count of links is shorter on other processors")]
    let found = |content, attributes, stat: &Stat| Found {
        path: path.to_owned(),
        content,
        attributes,
        file_id: (stat.st_dev, stat.st_ino),
        links: stat.st_nlink.into(),
    };
    let device = |stat: &Stat| (major(stat.st_rdev), minor(stat.st_rdev));
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => {
            let opened = open(OFlags::DIRECTORY)?;
            let stat = fstat(&opened)?;
            let opaque = attribute(opened.as_fd(), OsStr::new(OPAQUE))?.is_some_and(|value| value == b"y");
            let content = Content::Directory { opaque };
            each(found(content, attributes(&stat, Some(opened.as_fd()))?, &stat))?;
            return Ok(Some(opened));
        }
        FileType::RegularFile => {
            let opened = open(OFlags::empty())?;
            let stat = fstat(&opened)?;
            // Something else has its name by now.
            if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
                return Err(Errno::NOENT.into());
            }
            let attributes = attributes(&stat, Some(opened.as_fd()))?;
            let size = u64::try_from(stat.st_size).unwrap_or(0);
            each(found(Content::File(opened.into(), size), attributes, &stat))
        }
        FileType::Symlink => {
            let target = readlinkat(folder, name, Vec::new())?;
            let content = Content::Symlink(OsString::from_vec(target.into_bytes()));
            each(found(content, attributes(&stat, None)?, &stat))
        }
        FileType::CharacterDevice => {
            let content = match device(&stat) {
                (0, 0) => Content::Whiteout,
                (major, minor) => Content::Node(Node::Character { major, minor }),
            };
            each(found(content, attributes(&stat, None)?, &stat))
        }
        FileType::BlockDevice => {
            let (major, minor) = device(&stat);
            each(found(Content::Node(Node::Block { major, minor }), attributes(&stat, None)?, &stat))
        }
        FileType::Fifo => each(found(Content::Node(Node::Fifo), attributes(&stat, None)?, &stat)),
        FileType::Socket | FileType::Unknown => Ok(()),
    }
    .map(|()| None)
}

fn attributes(stat: &Stat, file: Option<std::os::fd::BorrowedFd<'_>>) -> io::Result<Attributes> {
    let mut xattrs = Vec::new();
    if let Some(file) = file {
        for name in names(file)? {
            if is_kept(&name)
                && let Some(value) = attribute(file, &name)?
            {
                xattrs.push((name, value));
            }
        }
    }
    Ok(Attributes {
        uid: stat.st_uid,
        gid: stat.st_gid,
        mode: stat.st_mode & 0o7777,
        mtime: (stat.st_mtime, u32::try_from(stat.st_mtime_nsec).unwrap_or(0)),
        xattrs,
    })
}

/// Whether an extended attribute is the file's own, to go with it into an image and out of one: capabilities, access
/// lists and the users' own. Never `trusted`, which is the overlay's, nor a security module's, which is the host's.
pub fn is_kept(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name == b"security.capability" || name.starts_with(b"user.") || name.starts_with(b"system.posix_acl_")
}

/// No extended attribute of Linux is larger, and no list of their names (XATTR_SIZE_MAX in linux/limits.h).
const LARGEST: usize = 65536;

fn names(file: std::os::fd::BorrowedFd<'_>) -> io::Result<Vec<OsString>> {
    let mut buffer = Vec::with_capacity(LARGEST);
    match flistxattr(file, rustix::buffer::spare_capacity(&mut buffer)) {
        Ok(_) => {}
        Err(Errno::OPNOTSUPP) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    }
    let names = buffer.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(|name| OsStr::from_bytes(name).to_owned()).collect())
}

fn attribute(file: std::os::fd::BorrowedFd<'_>, name: &OsStr) -> io::Result<Option<Vec<u8>>> {
    let mut buffer = Vec::with_capacity(LARGEST);
    match fgetxattr(file, name, rustix::buffer::spare_capacity(&mut buffer)) {
        Ok(_) => Ok(Some(buffer)),
        Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remove;
    use rustix::fs::mkdirat;

    /// A folder in a folder in a folder, as far as no path leads.
    pub(crate) fn nested(root: &Path, depth: usize) {
        std::fs::create_dir(root).unwrap();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut folder = openat(CWD, root, flags, Mode::empty()).unwrap();
        for _ in 0..depth {
            mkdirat(&folder, "d", Mode::RWXU).unwrap();
            folder = openat(&folder, "d", flags, Mode::empty()).unwrap();
        }
    }

    #[test]
    fn what_is_nested_too_deep_is_an_error_and_can_be_removed() {
        // In memory: a disk takes a while for so many levels.
        let root = Path::new("/dev/shm").join(format!("walk-{}", std::process::id()));
        nested(&root, 5_000);
        let mut seen = 0;
        let error = walk(&root, &mut |_| {
            seen += 1;
            Ok(())
        });
        assert_eq!(error.unwrap_err().raw_os_error(), Some(Errno::NAMETOOLONG.raw_os_error()));
        assert!(seen > 1000, "{seen}");
        std::fs::write(root.join("file"), "").unwrap();
        std::os::unix::fs::symlink("/", root.join("d/link")).unwrap();
        remove::folder(&root).unwrap();
        assert!(!root.exists());
        assert_eq!(remove::folder(&root).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
