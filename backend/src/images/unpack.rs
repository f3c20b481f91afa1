//! An archive becomes the folder of a layer, and its recipe. Nobody vouches for the archive: names are looked up inside
//! the folder (`kernel::folder`), and sizes are bounded (`limits`).
//!
//! The marks for what a layer hides of those below, files named `.wh.…` (OCI image specification, "Whiteouts"), become
//! the overlay's own.

use super::{
    ImagesError, limits,
    recipe::{Place, RecipeWriter},
};
use drawbridge_kernel::{
    folder::{self, Attributes, Node, Tree},
    walk,
};
use sha2::{Digest, Sha256};
use std::{
    cell::RefCell,
    collections::HashMap,
    ffi::OsStr,
    fs,
    io::{self, ErrorKind, Read, Write},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    rc::Rc,
};
use tar::{Entry, EntryType};

/// What was unpacked.
pub(super) struct Unpacked {
    pub(super) diff_id: String,
    pub(super) size_bytes: i64,
    pub(super) archive_bytes: u64,
}

/// Below a layer's folder: what containers have below them, and content that a later entry of the archive replaced.
const DIFF: &str = "diff";
const KEPT: &str = "kept";

/// Begins the name of a file that hides another; the whole name of one that hides all else in its folder; what else
/// begins so was the bookkeeping of a file system long gone.
const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
const BOOKKEEPING: &[u8] = b".wh..wh.";

/// Unpacks an archive into `draft/diff`, which is made, and writes its recipe beside it.
pub(super) fn unpack(archive: impl Read, draft: &Path) -> Result<Unpacked, ImagesError> {
    let (diff, kept) = (draft.join(DIFF), draft.join(KEPT));
    fs::create_dir_all(&diff).map_err(ImagesError::io("make", &diff))?;
    let recipe = RecipeWriter::create(draft).map_err(ImagesError::io("write a recipe in", draft))?;
    let watched = Rc::new(RefCell::new(Watched { recipe, hasher: Sha256::new(), mode: Mode::Headers(0), passed: 0 }));
    let reader = Watcher { archive, watched: Rc::clone(&watched) };
    let tree = Tree::open(&diff).map_err(ImagesError::io("open", &diff))?;
    let mut unpacking = Unpacking {
        tree,
        draft: draft.to_owned(),
        kept,
        watched: Rc::clone(&watched),
        places: Vec::new(),
        by_path: HashMap::new(),
        displaced: 0,
        size_bytes: 0,
        until_look: 0,
    };

    let mut tar = tar::Archive::new(reader);
    for (count, entry) in (1..).zip(tar.entries().map_err(ImagesError::Read)?) {
        let mut entry = entry.map_err(read_error)?;
        if count > limits::LAYER_ENTRIES {
            return Err(ImagesError::TooLarge(format!("a layer has more than {} files", limits::LAYER_ENTRIES)));
        }
        watched.borrow_mut().mode = Mode::Headers(0);
        unpacking.entry(&mut entry)?;
    }
    // What follows the end of the archive is part of the digest.
    watched.borrow_mut().mode = Mode::Tail;
    io::copy(&mut tar.into_inner(), &mut io::sink()).map_err(read_error)?;

    let Unpacking { tree, watched: shared, places, size_bytes, .. } = unpacking;
    tree.finish().map_err(ImagesError::io("set times in", &diff))?;
    drop(shared);
    let Some(watched) = Rc::into_inner(watched).map(RefCell::into_inner) else {
        return Err(ImagesError::Bad("the archive is still being read".into()));
    };
    let Watched { recipe, hasher, passed, .. } = watched;
    recipe.finish(draft, &places).map_err(ImagesError::io("write a recipe in", draft))?;
    let diff_id = format!("sha256:{}", hex::encode(hasher.finalize()));
    let size_bytes = i64::try_from(size_bytes).unwrap_or(i64::MAX);
    Ok(Unpacked { diff_id, size_bytes, archive_bytes: passed })
}

/// What passes from the archive to the reader of its entries.
struct Watched {
    recipe: RecipeWriter,
    hasher: Sha256,
    mode: Mode,
    passed: u64,
}

/// What the bytes that pass are.
enum Mode {
    /// Headers, so many bytes since the last entry.
    Headers(u64),
    /// A file's content, which the recipe does not keep.
    Content,
    /// Whatever follows.
    Tail,
}

struct Watcher<R> {
    archive: R,
    watched: Rc<RefCell<Watched>>,
}

impl<R: Read> Read for Watcher<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.archive.read(buffer)?;
        let mut watched = self.watched.borrow_mut();
        watched.hasher.update(&buffer[..read]);
        watched.passed += read as u64;
        if let Mode::Content = watched.mode {
            return Ok(read);
        }
        watched.recipe.raw(&buffer[..read])?;
        if let Mode::Headers(passed) = &mut watched.mode {
            *passed += read as u64;
            if *passed > limits::HEADER_BYTES {
                return Err(io::Error::other(format!(
                    "a name or attribute in it is longer than {} bytes",
                    limits::HEADER_BYTES
                )));
            }
        }
        Ok(read)
    }
}

struct Unpacking {
    tree: Tree,
    draft: PathBuf,
    kept: PathBuf,
    watched: Rc<RefCell<Watched>>,
    /// Where the content of each file lies.
    places: Vec<Place>,
    by_path: HashMap<PathBuf, usize>,
    displaced: usize,
    size_bytes: u64,
    until_look: u64,
}

impl Unpacking {
    fn entry<R: Read>(&mut self, entry: &mut Entry<'_, R>) -> Result<(), ImagesError> {
        let raw_path = entry.path_bytes().into_owned();
        let shown = PathBuf::from(OsStr::from_bytes(&raw_path));
        let path = folder::inside(&shown).map_err(refused(&shown))?;
        let attributes = attributes(entry).map_err(refused(&shown))?;
        let kind = match entry.header().entry_type() {
            // Before POSIX, folders were files whose names end with a slash.
            EntryType::Regular if raw_path.ends_with(b"/") => EntryType::Directory,
            kind => kind,
        };
        if kind == EntryType::XGlobalHeader {
            return self.pass(entry);
        }
        let name = path.file_name().map_or(&[][..], OsStr::as_bytes);
        if name.starts_with(WHITEOUT) && kind != EntryType::Directory {
            let folder = path.parent().unwrap_or(Path::new(""));
            return self.hide(folder, name).map_err(refused(&shown)).and_then(|()| self.pass(entry));
        }
        match kind {
            EntryType::Directory => {
                self.placed(&path, |tree| tree.directory(&path, &attributes)).map_err(refused(&shown))
            }
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => self.file(entry, &path, &attributes),
            EntryType::Symlink => {
                let target = link_name(entry).map_err(refused(&shown))?;
                self.placed(&path, |tree| tree.symlink(&path, OsStr::from_bytes(&target), &attributes))
                    .map_err(refused(&shown))
            }
            EntryType::Link => {
                let target = PathBuf::from(OsStr::from_bytes(&link_name(entry).map_err(refused(&shown))?));
                // To itself, it is there already; and must not be moved out of the way of itself.
                if folder::inside(&target).map_err(refused(&shown))? == path {
                    return Ok(());
                }
                self.placed(&path, |tree| tree.hard_link(&path, &target)).map_err(refused(&shown))
            }
            EntryType::Char | EntryType::Block | EntryType::Fifo => {
                let node = node(entry, kind).map_err(refused(&shown))?;
                self.placed(&path, |tree| tree.node(&path, node, &attributes)).map_err(refused(&shown))
            }
            _ => Err(refused(&shown)(io::Error::new(ErrorKind::InvalidData, "it is of an unknown kind"))),
        }
        .and_then(|()| self.pass(entry))
    }

    /// Makes something; what an earlier entry made there goes out of the way.
    fn placed(&mut self, path: &Path, make: impl Fn(&mut Tree) -> io::Result<()>) -> io::Result<()> {
        match make(&mut self.tree) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                self.displace(path)?;
                make(&mut self.tree)
            }
            made => made,
        }
    }

    /// Moves what is at a path out of the layer, but keeps it: the archive can't be written again without it.
    fn displace(&mut self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(&self.kept)?;
        let name = self.displaced.to_string();
        self.tree.move_out(path, &self.kept.join(&name))?;
        self.displaced += 1;
        let moved: Vec<PathBuf> = self.by_path.keys().filter(|known| known.starts_with(path)).cloned().collect();
        for known in moved {
            if let (Some(index), Ok(rest)) = (self.by_path.remove(&known), known.strip_prefix(path)) {
                let place = Path::new(KEPT).join(&name);
                let place = if rest.as_os_str().is_empty() { place } else { place.join(rest) };
                self.places[index] = Place(place);
            }
        }
        Ok(())
    }

    fn hide(&mut self, folder: &Path, name: &[u8]) -> io::Result<()> {
        if name == OPAQUE {
            if !self.tree.is_directory(folder)? {
                let plain = Attributes { mode: 0o755, ..Attributes::default() };
                self.tree.directory(folder, &plain)?;
            }
            return self.tree.opaque(folder);
        }
        if name.starts_with(BOOKKEEPING) {
            return Ok(());
        }
        let hidden = &name[WHITEOUT.len()..];
        if hidden.is_empty() || hidden == b"." || hidden == b".." {
            return Err(io::Error::new(ErrorKind::InvalidInput, "it hides no name"));
        }
        let path = folder.join(OsStr::from_bytes(hidden));
        self.placed(&path, |tree| tree.whiteout(&path))
    }

    fn file<R: Read>(
        &mut self,
        entry: &mut Entry<'_, R>,
        path: &Path,
        attributes: &Attributes,
    ) -> Result<(), ImagesError> {
        let size = entry.size();
        if size > limits::LAYER_BYTES - self.size_bytes.min(limits::LAYER_BYTES) {
            return Err(ImagesError::TooLarge(format!(
                "a layer has more than {} GiB of files",
                limits::LAYER_BYTES >> 30
            )));
        }
        let mut file = match self.tree.file(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                self.displace(path).map_err(refused(path))?;
                self.tree.file(path).map_err(refused(path))?
            }
            file => file.map_err(refused(path))?,
        };
        // The bytes of a sparse file in the archive are not those of the file, so they are kept.
        let plain = entry.header().entry_type() != EntryType::GNUSparse && size > 0;
        if plain {
            let mut watched = self.watched.borrow_mut();
            watched.recipe.content(size).map_err(ImagesError::io("write a recipe in", &self.draft))?;
            watched.mode = Mode::Content;
            self.by_path.insert(path.to_owned(), self.places.len());
            self.places.push(Place(Path::new(DIFF).join(path)));
        } else {
            self.watched.borrow_mut().mode = Mode::Tail;
        }
        let copied = self.copy(entry, &mut file, path)?;
        self.watched.borrow_mut().mode = Mode::Headers(0);
        if copied != size {
            return Err(ImagesError::Read(io::Error::new(ErrorKind::UnexpectedEof, "it ends in the middle of a file")));
        }
        self.size_bytes += size;
        self.tree.close_file(file, attributes).map_err(refused(path))
    }

    fn copy(&mut self, from: &mut impl Read, to: &mut fs::File, path: &Path) -> Result<u64, ImagesError> {
        let mut buffer = vec![0; 128 << 10];
        let mut copied = 0;
        loop {
            let read = from.read(&mut buffer).map_err(read_error)?;
            if read == 0 {
                return Ok(copied);
            }
            to.write_all(&buffer[..read]).map_err(refused(path))?;
            copied += read as u64;
            if self.until_look < read as u64 {
                self.look_at_disk()?;
                self.until_look = limits::LOOK_EVERY;
            }
            self.until_look -= (read as u64).min(self.until_look);
        }
    }

    fn look_at_disk(&self) -> Result<(), ImagesError> {
        let free = walk::free_bytes(&self.draft).map_err(ImagesError::io("see what is free at", &self.draft))?;
        if free < limits::FREE_BYTES {
            return Err(ImagesError::DiskFull { mib: limits::FREE_BYTES >> 20, path: self.draft.clone() });
        }
        Ok(())
    }

    /// Content that means nothing here is read over and kept in the recipe.
    fn pass<R: Read>(&mut self, entry: &mut Entry<'_, R>) -> Result<(), ImagesError> {
        self.watched.borrow_mut().mode = Mode::Tail;
        io::copy(entry, &mut io::sink()).map_err(read_error)?;
        self.watched.borrow_mut().mode = Mode::Headers(0);
        Ok(())
    }
}

fn attributes<R: Read>(entry: &mut Entry<'_, R>) -> io::Result<Attributes> {
    let header = entry.header();
    let number = |value: io::Result<u64>| Ok::<_, io::Error>(u32::try_from(value?).unwrap_or(0));
    let mut attributes = Attributes {
        uid: number(header.uid())?,
        gid: number(header.gid())?,
        mode: header.mode()? & 0o7777,
        mtime: (i64::try_from(header.mtime()?).unwrap_or(0), 0),
        xattrs: Vec::new(),
    };
    if let Some(extensions) = entry.pax_extensions()? {
        for extension in extensions {
            let extension = extension?;
            if extension.key_bytes() == b"mtime" {
                attributes.mtime = extension.value().ok().and_then(time).unwrap_or(attributes.mtime);
            } else if let Some(name) = extension.key_bytes().strip_prefix(b"SCHILY.xattr.") {
                let name = OsStr::from_bytes(name);
                if walk::is_kept(name) {
                    attributes.xattrs.push((name.to_owned(), extension.value_bytes().to_vec()));
                }
            }
        }
    }
    Ok(attributes)
}

/// `1700000000.25`, before 1970 with a sign (pax(1), "pax Extended Header").
fn time(text: &str) -> Option<(i64, u32)> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let (whole, nanoseconds): (i64, u32) = (seconds.parse().ok()?, digits.parse().ok()?);
    if text.starts_with('-') && nanoseconds > 0 {
        return Some((whole - 1, 1_000_000_000 - nanoseconds));
    }
    Some((whole, nanoseconds))
}

fn link_name<R: Read>(entry: &Entry<'_, R>) -> io::Result<Vec<u8>> {
    let name = entry.link_name_bytes().map(|name| name.into_owned()).filter(|name| !name.is_empty());
    name.ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "the link leads nowhere"))
}

fn node<R: Read>(entry: &Entry<'_, R>, kind: EntryType) -> io::Result<Node> {
    if kind == EntryType::Fifo {
        return Ok(Node::Fifo);
    }
    let major = entry.header().device_major()?.unwrap_or(0);
    let minor = entry.header().device_minor()?.unwrap_or(0);
    Ok(if kind == EntryType::Block { Node::Block { major, minor } } else { Node::Character { major, minor } })
}

fn refused(path: &Path) -> impl FnOnce(io::Error) -> ImagesError {
    let path = path.to_owned();
    move |source| ImagesError::Entry { path, source }
}

fn read_error(error: io::Error) -> ImagesError {
    ImagesError::Read(error)
}
