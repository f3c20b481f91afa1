//! Files of a container as a tar, and a tar into a container: what `cp` and `export` carry. The tree may change under way,
//! and the tar may be anybody's: nothing is reached outside of the tree.

use drawbridge_kernel::tree::{Folder, Node, Tree};
use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    fs::{self, FileTimes, Metadata},
    io::{self, Read, Write},
    os::unix::{
        ffi::OsStrExt,
        fs::{FileTypeExt, MetadataExt, PermissionsExt, fchown, lchown, symlink},
    },
    path::{Component, Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};
use tar::{Archive, Builder, Entry, EntryType, Header};

/// Writes what a name in a folder stands for, and all below it, under the name `called`.
///
/// # Errors
/// When a file can't be read, or nobody takes the tar.
pub fn pack(folder: &Folder, name: &OsStr, called: &Path, out: impl Write) -> io::Result<()> {
    let mut packer = Packer { tar: Builder::new(out), links: HashMap::new() };
    packer.add(folder, name, called)?;
    packer.tar.into_inner()?.flush()
}

/// Writes all that is in a folder, the folder itself not being named.
///
/// # Errors
/// As of [`pack`].
pub fn pack_inside(folder: &Folder, out: impl Write) -> io::Result<()> {
    let mut packer = Packer { tar: Builder::new(out), links: HashMap::new() };
    for name in folder.names()? {
        packer.add(folder, &name, Path::new(&name))?;
    }
    packer.tar.into_inner()?.flush()
}

struct Packer<W: Write> {
    tar: Builder<W>,
    /// The first name of each file that has several.
    links: HashMap<(u64, u64), PathBuf>,
}

/// `PATH_MAX` in linux/limits.h.
const LONGEST_PATH: usize = 4096;

impl<W: Write> Packer<W> {
    fn add(&mut self, folder: &Folder, name: &OsStr, called: &Path) -> io::Result<()> {
        let metadata = match folder.metadata(name) {
            // It went while we looked.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            found => found?,
        };
        let kind = metadata.file_type();
        let mut header = header(&metadata);
        // A container can nest folders without end; no call that takes the path would take a longer one.
        if called.as_os_str().len() > LONGEST_PATH {
            let text = format!("a path is longer than {LONGEST_PATH} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidFilename, text));
        }
        if kind.is_dir() {
            let below = if name == "." { None } else { Some(folder.below(name)?) };
            let below = below.as_ref().unwrap_or(folder);
            header.set_entry_type(EntryType::Directory);
            self.append(&mut header, &with_slash(called), None, io::empty())?;
            for name in below.names()? {
                self.add(below, &name, &called.join(&name))?;
            }
            return Ok(());
        }
        if kind.is_symlink() {
            header.set_entry_type(EntryType::Symlink);
            return self.append(&mut header, called, Some(&fs::read_link(folder.path_of(name))?), io::empty());
        }
        if metadata.nlink() > 1 {
            let identity = (metadata.dev(), metadata.ino());
            if let Some(first) = self.links.get(&identity).cloned() {
                header.set_entry_type(EntryType::Link);
                return self.append(&mut header, called, Some(&first), io::empty());
            }
            self.links.insert(identity, called.to_owned());
        }
        if kind.is_file() {
            header.set_size(metadata.len());
            // It may grow or shrink meanwhile; the tar says how long it is.
            let content = folder.open(name)?.chain(io::repeat(0)).take(metadata.len());
            return self.append(&mut header, called, None, content);
        }
        if kind.is_fifo() {
            header.set_entry_type(EntryType::Fifo);
        } else if kind.is_char_device() || kind.is_block_device() {
            header.set_entry_type(if kind.is_char_device() { EntryType::Char } else { EntryType::Block });
            let device = metadata.rdev();
            let major = (device >> 8 & 0xfff) | (device >> 32 & !0xfff);
            let minor = (device & 0xff) | (device >> 12 & !0xff);
            header.set_device_major(u32::try_from(major).unwrap_or(0))?;
            header.set_device_minor(u32::try_from(minor).unwrap_or(0))?;
        } else {
            // A socket is nothing without who listens.
            return Ok(());
        }
        self.append(&mut header, called, None, io::empty())
    }

    /// Writes an entry under exactly this name: clients look for the `./` that the library would leave out.
    fn append(
        &mut self,
        header: &mut Header,
        called: &Path,
        link: Option<&Path>,
        content: impl Read,
    ) -> io::Result<()> {
        for (kind, text) in [(EntryType::GNULongLink, link), (EntryType::GNULongName, Some(called))] {
            if let Some(text) = text.map(|path| path.as_os_str().as_bytes()).filter(|text| text.len() > FIELD) {
                self.append_long(kind, text)?;
            }
        }
        let old = header.as_old_mut();
        put(&mut old.name, called);
        if let Some(link) = link {
            put(&mut old.linkname, link);
        }
        header.set_cksum();
        self.tar.append(header, content)
    }

    /// What does not fit into a header stands before it, as GNU tar has it.
    fn append_long(&mut self, kind: EntryType, text: &[u8]) -> io::Result<()> {
        let mut header = Header::new_gnu();
        put(&mut header.as_old_mut().name, Path::new("././@LongLink"));
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        // With the byte that ends it.
        header.set_size(text.len() as u64 + 1);
        header.set_cksum();
        self.tar.append(&header, text.chain(&[0][..]))
    }
}

/// A name or a link's target in a header, in bytes.
const FIELD: usize = 100;

fn put(field: &mut [u8; FIELD], path: &Path) {
    let text = path.as_os_str().as_bytes();
    let length = text.len().min(FIELD);
    field.fill(0);
    field[..length].copy_from_slice(&text[..length]);
}

fn header(metadata: &Metadata) -> Header {
    let mut header = Header::new_gnu();
    header.set_mode(metadata.mode() & 0o7777);
    header.set_uid(u64::from(metadata.uid()));
    header.set_gid(u64::from(metadata.gid()));
    header.set_mtime(u64::try_from(metadata.mtime()).unwrap_or(0));
    header.set_size(0);
    header
}

fn with_slash(path: &Path) -> PathBuf {
    let mut text = path.as_os_str().to_owned();
    if !text.as_bytes().ends_with(b"/") {
        text.push("/");
    }
    text.into()
}

/// What may be done to what is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwrite {
    /// Everything.
    All,
    /// A folder is not replaced by a file, nor a file by a folder.
    SameKind,
}

/// How a tar is put into a tree.
#[derive(Clone, Copy, Debug)]
pub struct Unpack {
    /// What may be replaced.
    pub overwrite: Overwrite,
    /// User and group of all that is made; those that the tar says when absent.
    pub owner: Option<(u32, u32)>,
}

/// Puts a tar into the folder at `place`.
///
/// # Errors
/// For a tar that can't be read or leads out of the folder, or what the kernel says.
pub fn unpack(tar: impl Read, tree: &Tree, place: &Path, how: Unpack) -> io::Result<()> {
    let mut archive = Archive::new(tar);
    // Times of folders are set last: what is made in them changes them.
    let mut folders = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let relative = inside(&entry.path()?)?;
        let Some(name) = relative.file_name().map(OsStr::to_owned) else { continue };
        let above = place.join(relative.parent().unwrap_or(Path::new("")));
        let folder = tree.make_folders(&above)?;
        make(&mut entry, tree, place, &folder, &name, how)?;
        if entry.header().entry_type().is_dir() {
            folders.push((place.join(&relative), entry.header().mtime().unwrap_or(0)));
        }
    }
    for (path, mtime) in folders.into_iter().rev() {
        if let Ok((folder, name)) = tree.place(&path)
            && let Ok(file) = folder.open(&name)
        {
            file.set_times(times(mtime))?;
        }
    }
    Ok(())
}

/// A path of a tar below the folder that it is put into.
fn inside(path: &Path) -> io::Result<PathBuf> {
    let mut relative = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => relative.push(name),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
            Component::ParentDir => {
                let text = format!("the archive leads out of the folder: {}", path.display());
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
        }
    }
    Ok(relative)
}

fn make<R: Read>(
    entry: &mut Entry<'_, R>,
    tree: &Tree,
    place: &Path,
    folder: &Folder,
    name: &OsString,
    how: Unpack,
) -> io::Result<()> {
    let kind = entry.header().entry_type();
    let is_kept = clear(folder, name, kind, how.overwrite)?;
    let mode = entry.header().mode()? & 0o7777;
    let mtime = entry.header().mtime().unwrap_or(0);
    let number = |value: u64| u32::try_from(value).map_err(io::Error::other);
    let (uid, gid) = match how.owner {
        Some(owner) => owner,
        None => (number(entry.header().uid()?)?, number(entry.header().gid()?)?),
    };
    match kind {
        EntryType::Directory => {
            if !is_kept {
                folder.make_folder(name)?;
            }
            let below = folder.below(name)?;
            lchown(folder.path_of(name), Some(uid), Some(gid))?;
            // Through the descriptor: a link that has taken its place is not followed.
            fs::set_permissions(below.path(), fs::Permissions::from_mode(mode))
        }
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
            let mut file = folder.create(name)?;
            io::copy(entry, &mut file)?;
            fchown(&file, Some(uid), Some(gid))?;
            file.set_permissions(fs::Permissions::from_mode(mode))?;
            file.set_times(times(mtime))
        }
        EntryType::Symlink => {
            let target = entry.link_name()?.unwrap_or_default();
            symlink(target, folder.path_of(name))?;
            lchown(folder.path_of(name), Some(uid), Some(gid))
        }
        EntryType::Link => {
            let target = inside(&entry.link_name()?.unwrap_or_default())?;
            let (from, from_name) = tree.place(&place.join(target))?;
            folder.link(name, &from, &from_name)
        }
        EntryType::Fifo | EntryType::Char | EntryType::Block => {
            let major = entry.header().device_major()?.unwrap_or(0);
            let minor = entry.header().device_minor()?.unwrap_or(0);
            let node = match kind {
                EntryType::Char => Node::Character { major, minor },
                EntryType::Block => Node::Block { major, minor },
                _ => Node::Pipe,
            };
            folder.make_node(name, node)?;
            lchown(folder.path_of(name), Some(uid), Some(gid))?;
            // Just made, and not opened: opening a device or a pipe is more than to look at it.
            fs::set_permissions(folder.path_of(name), fs::Permissions::from_mode(mode))
        }
        // Global headers of pax, and what later tars may have: nothing to make.
        _ => Ok(()),
    }
}

/// Makes room for a name; whether a folder that is there is kept.
fn clear(folder: &Folder, name: &OsString, kind: EntryType, overwrite: Overwrite) -> io::Result<bool> {
    let there = match folder.metadata(name) {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match (there.is_dir(), kind.is_dir()) {
        (true, true) => return Ok(true),
        (was_folder, is_folder) if was_folder != is_folder && overwrite == Overwrite::SameKind => {
            let name = name.to_string_lossy();
            let text = if was_folder {
                format!("cannot overwrite directory \"{name}\" with non-directory")
            } else {
                format!("cannot overwrite non-directory \"{name}\" with directory")
            };
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        (true, false) => drawbridge_kernel::remove::folder(&folder.path_of(name))?,
        (false, _) => fs::remove_file(folder.path_of(name))?,
    }
    Ok(false)
}

fn times(mtime: u64) -> FileTimes {
    let time = UNIX_EPOCH + Duration::from_secs(mtime.min(u64::from(u32::MAX) * 4));
    FileTimes::new().set_modified(time).set_accessed(time)
}

#[cfg(test)]
mod tests;
