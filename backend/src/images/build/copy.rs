//! `COPY`, `ADD` and `WORKDIR`: files go into an image as a layer. They are written through an overlay of the image's
//! layers, so that links in it are followed as a container would follow them, and what was written is the layer.

use super::{
    fetch::Fetched,
    owner::{Owner, find_owner},
    place::{failed, place, write},
    source::{Source, digest, each, is_archive, sources},
};
use crate::images::{Images, ImagesError, Layer, compression, unpack};
use drawbridge_kernel::{
    folder::{Attributes, Tree},
    mount,
    walk::{self, Content},
};
use sha2::{Digest, Sha256};
use std::{
    ffi::OsStr,
    fs,
    io::Read,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

/// Where files come from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// The context: they become root's.
    Context(PathBuf),
    /// An image, by the folders of its layers, lowest first: they stay whose they are.
    Layers(Vec<PathBuf>),
}

/// One instruction's files.
#[derive(Clone, Debug)]
pub struct Copy {
    /// Where they come from.
    pub origin: Origin,
    /// Paths or patterns there.
    pub sources: Vec<String>,
    /// Texts of the instruction itself, for a target that is a file.
    pub texts: Vec<String>,
    /// Files that were fetched; they are root's alone where nothing else is said, and never unpacked.
    pub fetched: Vec<Fetched>,
    /// Where they go: absolute, a folder when it ends with a slash.
    pub target: String,
    /// Who gets them.
    pub owner: Owner,
    /// Whether archives are unpacked.
    pub unpacks: bool,
}

impl Copy {
    /// The instruction, as errors name it.
    fn word(&self) -> &'static str {
        if self.unpacks { "ADD" } else { "COPY" }
    }
}

/// An overlay that is mounted for a while.
struct Mounted {
    folder: PathBuf,
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if let Err(error) = mount::unmount(&self.folder) {
            tracing::warn!(folder = %self.folder.display(), %error, "an overlay stays mounted until the next start");
        }
    }
}

impl Images {
    /// What is to be copied, as a digest: the same for the same content, whatever its times are. Blocks.
    ///
    /// # Errors
    /// `Bad` when a source is not there; when a file can't be read.
    pub fn digest_of(&self, copy: &Copy) -> Result<String, ImagesError> {
        let mut hasher = Sha256::new();
        let mut note = |parts: &[&[u8]]| {
            for part in parts {
                hasher.update((part.len() as u64).to_le_bytes());
                hasher.update(part);
            }
        };
        for text in &copy.texts {
            note(&[b"text", text.as_bytes()]);
        }
        for fetched in &copy.fetched {
            note(&[b"fetched", fetched.name.as_bytes(), fetched.digest.as_bytes()]);
        }
        self.with_origin(&copy.origin, |tree| {
            for source in sources(copy.word(), tree, &copy.sources)? {
                let (Source::Folder(path) | Source::File(path)) = &source;
                note(&[b"source", path.as_os_str().as_bytes()]);
                each(tree, &source, &mut |found| {
                    let Attributes { uid, gid, mode, xattrs, .. } = &found.attributes;
                    let owner = match &copy.origin {
                        Origin::Context(_) => (0, 0),
                        Origin::Layers(_) => (*uid, *gid),
                    };
                    let head = format!("{owner:?} {mode:o} {xattrs:?}");
                    note(&[found.path.as_os_str().as_bytes(), head.as_bytes()]);
                    match found.content {
                        Content::File(file, size) => note(&[b"file", &digest(file.take(size))?]),
                        Content::Symlink(target) => note(&[b"link", target.as_bytes()]),
                        Content::Directory { .. } => note(&[b"folder"]),
                        Content::Node(node) => note(&[format!("{node:?}").as_bytes()]),
                        Content::Whiteout => {}
                    }
                    Ok(())
                })?;
            }
            Ok(())
        })?;
        Ok(hex::encode(hasher.finalize()))
    }

    /// Copies files over an image and makes a layer of what was written. Blocks.
    ///
    /// # Errors
    /// `Bad` when a source is not there, or the target is no folder; when a file can't be read or written.
    pub fn copy(&self, base: &[PathBuf], copy: &Copy) -> Result<Layer, ImagesError> {
        self.written_over(base, |target| {
            self.with_origin(&copy.origin, |origin| Copying { images: self, origin, target, copy }.run())
        })
    }

    /// Makes a folder over an image, unless it is there. Blocks.
    ///
    /// # Errors
    /// `Bad` when something else is there.
    pub fn make_folder(&self, base: &[PathBuf], path: &str) -> Result<Option<Layer>, ImagesError> {
        let mut made = false;
        let layer = self.written_over(base, |tree| {
            if tree.is_directory(Path::new(path)).map_err(failed(path))? {
                return Ok(());
            }
            made = true;
            let plain = Attributes { mode: 0o755, mtime: now(), ..Attributes::default() };
            tree.directory(Path::new(path), &plain).map_err(failed(path))
        })?;
        Ok(made.then_some(layer))
    }

    /// A layer of what is written into a folder that shows an image.
    fn written_over(
        &self,
        base: &[PathBuf],
        write: impl FnOnce(&mut Tree) -> Result<(), ImagesError>,
    ) -> Result<Layer, ImagesError> {
        let draft = self.draft()?;
        let [upper, work, merged] = ["upper", "work", "merged"].map(|name| draft.folder.join(name));
        for folder in [&upper, &work, &merged] {
            fs::create_dir_all(folder).map_err(ImagesError::io("make", folder))?;
        }
        let mounted = match base {
            [] => None,
            layers => {
                mount::overlay(layers, &upper, &work, &merged).map_err(ImagesError::io("mount", &merged))?;
                Some(Mounted { folder: merged.clone() })
            }
        };
        let shown = if mounted.is_some() { &merged } else { &upper };
        let mut tree = Tree::open(shown).map_err(ImagesError::io("open", shown))?;
        write(&mut tree)?;
        tree.finish().map_err(ImagesError::io("set times in", shown))?;
        drop(mounted);
        self.layer_of(&upper)
    }

    fn with_origin<T>(
        &self,
        origin: &Origin,
        read: impl FnOnce(&mut Tree) -> Result<T, ImagesError>,
    ) -> Result<T, ImagesError> {
        match origin {
            Origin::Context(folder) => read(&mut Tree::open(folder).map_err(ImagesError::io("open", folder))?),
            Origin::Layers(layers) => {
                let draft = self.draft()?;
                let [upper, work, merged] = ["upper", "work", "merged"].map(|name| draft.folder.join(name));
                for folder in [&upper, &work, &merged] {
                    fs::create_dir_all(folder).map_err(ImagesError::io("make", folder))?;
                }
                let mut mounted = None;
                if !layers.is_empty() {
                    mount::overlay(layers, &upper, &work, &merged).map_err(ImagesError::io("mount", &merged))?;
                    mounted = Some(Mounted { folder: merged.clone() });
                }
                let result = read(&mut Tree::open(&merged).map_err(ImagesError::io("open", &merged))?);
                drop(mounted);
                result
            }
        }
    }
}

fn now() -> (i64, u32) {
    (crate::clock::now_ms() / 1000, 0)
}

struct Copying<'a> {
    images: &'a Images,
    origin: &'a mut Tree,
    target: &'a mut Tree,
    copy: &'a Copy,
}

impl Copying<'_> {
    fn run(&mut self) -> Result<(), ImagesError> {
        let owner = self.copy.owner.chown.as_deref().map(|text| find_owner(self.target, text)).transpose()?;
        let sources = sources(self.copy.word(), self.origin, &self.copy.sources)?;
        let target = PathBuf::from(&self.copy.target);
        let into_folder =
            self.copy.target.ends_with('/') || self.target.is_directory(&target).map_err(failed("target"))?;
        if sources.len() + self.copy.texts.len() + self.copy.fetched.len() > 1 && !into_folder {
            return Err(ImagesError::Bad(format!(
                "When using {} with more than one source file, the destination must be a directory and end with a /",
                self.copy.word()
            )));
        }
        for text in &self.copy.texts {
            let attributes = Attributes { mode: 0o644, mtime: now(), ..Attributes::default() };
            let attributes = self.adjusted(attributes, owner);
            write(self.target, &target, &mut text.as_bytes(), &attributes).map_err(failed(&self.copy.target))?;
        }
        for fetched in &self.copy.fetched {
            let path = match (into_folder, fetched.name.as_str()) {
                (true, "") => {
                    let text = format!("cannot determine filename from url: {}; end it with one", fetched.url);
                    return Err(ImagesError::Bad(text));
                }
                (true, name) => target.join(name),
                (false, _) => target.clone(),
            };
            let attributes = Attributes { mode: 0o600, mtime: (fetched.modified_s, 0), ..Attributes::default() };
            let attributes = self.adjusted(attributes, owner);
            let mut file = fetched.open()?;
            write(self.target, &path, &mut file, &attributes).map_err(failed(&self.copy.target))?;
        }
        for source in &sources {
            let base = match source {
                Source::Folder(_) => target.clone(),
                Source::File(path) if into_folder => target.join(path.file_name().unwrap_or(OsStr::new(""))),
                Source::File(_) => target.clone(),
            };
            if self.copy.unpacks && self.unpack(source, &target)? {
                continue;
            }
            if let Source::Folder(_) = source {
                self.folder(&target, owner)?;
            }
            let (copy, tree) = (self.copy, &mut *self.target);
            each(self.origin, source, &mut |found| {
                let path = if found.path.as_os_str().is_empty() { base.clone() } else { base.join(&found.path) };
                let attributes = adjusted(copy, found.attributes, owner);
                place(tree, &path, found.content, &attributes)
            })?;
        }
        Ok(())
    }

    /// The folder that the content of a folder goes to.
    fn folder(&mut self, path: &Path, owner: Option<(u32, u32)>) -> Result<(), ImagesError> {
        if self.target.is_directory(path).map_err(failed(&self.copy.target))? {
            return Ok(());
        }
        let plain = Attributes { mode: 0o755, mtime: now(), ..Attributes::default() };
        let attributes = self.adjusted(plain, owner);
        self.target.directory(path, &attributes).map_err(failed(&self.copy.target))
    }

    fn adjusted(&self, attributes: Attributes, owner: Option<(u32, u32)>) -> Attributes {
        adjusted(self.copy, attributes, owner)
    }

    /// Unpacks a source that is an archive; false when it is none.
    fn unpack(&mut self, source: &Source, target: &Path) -> Result<bool, ImagesError> {
        let Source::File(path) = source else { return Ok(false) };
        let name = path.to_string_lossy().into_owned();
        let open = |tree: &Tree| tree.read_through(path).map_err(failed(&name));
        if !is_archive(open(self.origin)?) {
            return Ok(false);
        }
        let draft = self.images.draft()?;
        unpack::unpack(compression::unpacked(open(self.origin)?)?, &draft.folder)?;
        self.folder(target, None)?;
        let tree = &mut *self.target;
        walk::walk(&draft.folder.join("diff"), &mut |found| {
            place(tree, &target.join(&found.path), found.content, &found.attributes)
        })
        .map_err(failed(&name))?;
        Ok(true)
    }
}

fn adjusted(copy: &Copy, attributes: Attributes, owner: Option<(u32, u32)>) -> Attributes {
    let (uid, gid) = match (owner, &copy.origin) {
        (Some(owner), _) => owner,
        (None, Origin::Context(_)) => (0, 0),
        (None, Origin::Layers(_)) => (attributes.uid, attributes.gid),
    };
    Attributes { uid, gid, mode: copy.owner.mode.unwrap_or(attributes.mode), ..attributes }
}
