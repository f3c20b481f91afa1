//! What a container has written becomes the archive of a layer: the way back of `unpack`.

use super::{Images, ImagesError, Layer};
use drawbridge_kernel::{
    folder::{Attributes, Node},
    walk::{self, Content, Found},
};
use std::{
    collections::HashMap,
    io::{self, Read, Write},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};
use tar::{Builder, EntryType, Header};

/// Files that are made to mount over them, when the image has none. They are empty, and no part of what the container
/// wrote.
const MOUNTED_OVER: [&str; 3] = ["etc/hosts", "etc/hostname", "etc/resolv.conf"];

impl Images {
    /// A layer of what an overlay's upper folder holds; one of nothing when the folder is not there. Blocks.
    ///
    /// # Errors
    /// As of [`Images::add_layer`]; when a file can't be read.
    pub fn layer_of(&self, folder: &Path) -> Result<Layer, ImagesError> {
        let (reader, writer) = io::pipe().map_err(ImagesError::io("pack", folder))?;
        std::thread::scope(|scope| {
            let packing = scope.spawn(move || match folder.exists() {
                true => pack(folder, io::BufWriter::with_capacity(128 << 10, writer)),
                false => Builder::new(writer).finish(),
            });
            let layer = self.add_layer(reader);
            match packing.join().unwrap_or_else(|_| Err(io::Error::other("packing was cut off"))) {
                // It ended early since nobody read on; why is in the other's error.
                Err(error) if layer.is_ok() => Err(ImagesError::io("pack", folder)(error)),
                Ok(()) | Err(_) => layer,
            }
        })
    }
}

/// Writes an archive of an overlay's upper folder. The same content gives the same bytes.
///
/// # Errors
/// What the kernel or `out` says.
pub(super) fn pack(folder: &Path, out: impl Write) -> io::Result<()> {
    let mut packing = Packing { tar: Builder::new(out), names: HashMap::new() };
    walk::walk(folder, &mut |found| packing.add(found))?;
    packing.tar.into_inner()?.flush()
}

struct Packing<W: Write> {
    tar: Builder<W>,
    /// The first name of each file that has several.
    names: HashMap<(u64, u64), PathBuf>,
}

impl<W: Write> Packing<W> {
    fn add(&mut self, found: Found) -> io::Result<()> {
        let Found { path, content, attributes, file_id, links } = found;
        let mut header = header(&attributes);
        match content {
            Content::Directory { opaque } => {
                header.set_entry_type(EntryType::Directory);
                self.append(&attributes, &mut header, &slashed(&path), io::empty())?;
                if opaque {
                    self.mark(&path.join(".wh..wh..opq"))?;
                }
                Ok(())
            }
            Content::File(_, 0) if MOUNTED_OVER.iter().any(|name| path == Path::new(name)) => Ok(()),
            Content::File(file, size) => {
                if links > 1 {
                    if let Some(first) = self.names.get(&file_id) {
                        header.set_entry_type(EntryType::Link);
                        return self.tar.append_link(&mut header, &path, first);
                    }
                    self.names.insert(file_id, path.clone());
                }
                header.set_entry_type(EntryType::Regular);
                header.set_size(size);
                // One that is written to meanwhile gives the size it had; short, it is filled up.
                let content = file.take(size).chain(io::repeat(0)).take(size);
                self.append(&attributes, &mut header, &path, content)
            }
            Content::Symlink(target) => {
                header.set_entry_type(EntryType::Symlink);
                self.tar.append_link(&mut header, &path, Path::new(&target))
            }
            Content::Node(node) => {
                let (kind, device) = match node {
                    Node::Fifo => (EntryType::Fifo, None),
                    Node::Character { major, minor } => (EntryType::Char, Some((major, minor))),
                    Node::Block { major, minor } => (EntryType::Block, Some((major, minor))),
                };
                header.set_entry_type(kind);
                if let Some((major, minor)) = device {
                    header.set_device_major(major)?;
                    header.set_device_minor(minor)?;
                }
                self.append(&attributes, &mut header, &path, io::empty())
            }
            Content::Whiteout => {
                let Some(name) = path.file_name() else { return Ok(()) };
                let mut hidden = std::ffi::OsString::from(".wh.");
                hidden.push(name);
                self.mark(&path.with_file_name(hidden))
            }
        }
    }

    fn append(
        &mut self,
        attributes: &Attributes,
        header: &mut Header,
        path: &Path,
        content: impl Read,
    ) -> io::Result<()> {
        let keys: Vec<String> =
            attributes.xattrs.iter().map(|(name, _)| format!("SCHILY.xattr.{}", name.to_string_lossy())).collect();
        let extensions =
            keys.iter().map(String::as_str).zip(attributes.xattrs.iter().map(|(_, value)| value.as_slice()));
        if !keys.is_empty() {
            self.tar.append_pax_extensions(extensions)?;
        }
        self.tar.append_data(header, path, content)
    }

    fn mark(&mut self, path: &Path) -> io::Result<()> {
        let mut header = header(&Attributes::default());
        header.set_entry_type(EntryType::Regular);
        self.tar.append_data(&mut header, path, io::empty())
    }
}

/// A folder's name ends with a slash.
fn slashed(path: &Path) -> PathBuf {
    let mut text = path.as_os_str().to_owned();
    if !text.as_bytes().ends_with(b"/") {
        text.push("/");
    }
    PathBuf::from(text)
}

/// Times in whole seconds, as other builders of images write them: the rest is noise.
fn header(attributes: &Attributes) -> Header {
    let mut header = Header::new_gnu();
    header.set_uid(attributes.uid.into());
    header.set_gid(attributes.gid.into());
    header.set_mode(attributes.mode);
    header.set_mtime(u64::try_from(attributes.mtime.0).unwrap_or(0));
    header.set_size(0);
    header
}
