//! What a build is made of, as far as no container is needed: the file of instructions, words and variables in them, what
//! they change of an image's configuration, and the files that they copy.

pub mod copy;
pub mod dockerfile;
pub mod fetch;
pub mod ignore;
pub mod owner;
mod parts;
mod place;
pub mod run_config;
mod source;
pub mod words;

pub use copy::{Copy, Origin};
pub use dockerfile::{Command, Dockerfile, Instruction, Stage, Step};
pub use owner::Owner;

use super::{Images, ImagesError, compression, layer::Draft, limits, unpack};
use drawbridge_kernel::{
    folder::Tree,
    walk::{self, Content},
};
use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

/// The files that a client sent for a build; gone with the value.
pub struct Context {
    draft: Draft,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Context").field(&self.draft.folder).finish()
    }
}

impl Context {
    /// The folder with the files.
    pub fn folder(&self) -> PathBuf {
        self.draft.folder.join("diff")
    }

    /// A text among the files; none when it is not there.
    ///
    /// # Errors
    /// `Bad` when it is no text.
    pub fn text(&self, name: &str) -> Result<Option<String>, ImagesError> {
        let bad = |why: String| ImagesError::Bad(format!("{name} can't be read: {why}"));
        let tree = Tree::open(&self.folder()).map_err(|error| bad(error.to_string()))?;
        let mut file = match tree.read_through(Path::new(name)) {
            Ok(file) => file.take(limits::JSON_BYTES),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(bad(error.to_string())),
        };
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(|error| bad(error.to_string()))?;
        Ok(Some(text))
    }

    /// Takes away what `.dockerignore` names. Blocks.
    ///
    /// # Errors
    /// `Io`.
    pub fn ignore(&self, patterns: &ignore::Patterns) -> Result<(), ImagesError> {
        let root = self.folder();
        let mut unwanted = Vec::new();
        let walked = walk::walk(&root, &mut |found| {
            if patterns.leaves_out(&found.path.to_string_lossy(), &found.content) {
                unwanted.push(found.path);
            }
            Ok(())
        });
        walked.map_err(ImagesError::io("read", &root))?;
        for path in unwanted.iter().map(|path| root.join(path)) {
            let is_folder = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir());
            let removed = if is_folder { drawbridge_kernel::remove::folder(&path) } else { fs::remove_file(&path) };
            match removed {
                // It went with its folder.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                removed => removed.map_err(ImagesError::io("remove", path))?,
            }
        }
        Ok(())
    }
}

impl Images {
    /// Takes in the files of a build: an archive, packed or not. Blocks.
    ///
    /// # Errors
    /// As of [`Images::add_layer`].
    pub fn context(&self, archive: impl Read + Send) -> Result<Context, ImagesError> {
        let draft = self.draft()?;
        unpack::unpack(WholeBlocks { archive: compression::unpacked(archive)?, bytes: 0 }, &draft.folder)?;
        Ok(Context { draft })
    }

    /// Takes in the files of a folder of this machine, save those that its `.dockerignore` names. Blocks.
    ///
    /// # Errors
    /// `Io`, `DiskFull`.
    pub fn context_of(&self, folder: &Path) -> Result<Context, ImagesError> {
        // It would be copied into itself.
        if folder.canonicalize().is_ok_and(|folder| self.data_dir.starts_with(folder)) {
            let text = format!("{} holds Drawbridge's own data; build from another folder", folder.display());
            return Err(ImagesError::Bad(text));
        }
        let context = Context { draft: self.draft()? };
        let copy = context.folder();
        fs::create_dir(&copy).map_err(ImagesError::io("make", &copy))?;
        let ignored = match fs::read_to_string(folder.join(".dockerignore")) {
            Ok(text) => ignore::Patterns::parse(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => ignore::Patterns::default(),
            Err(error) => return Err(ImagesError::io("read", folder.join(".dockerignore"))(error)),
        };
        let mut tree = Tree::open(&copy).map_err(ImagesError::io("open", &copy))?;
        let copied = walk::walk(folder, &mut |found| {
            if ignored.leaves_out(&found.path.to_string_lossy(), &found.content) {
                return Ok(());
            }
            if let Content::File(_, size) = found.content
                && size > walk::free_bytes(&copy)?.saturating_sub(limits::FREE_BYTES)
            {
                return Err(std::io::ErrorKind::StorageFull.into());
            }
            place::place(&mut tree, &found.path, found.content, &found.attributes)
        });
        copied.map_err(ImagesError::io("copy", folder))?;
        tree.finish().map_err(ImagesError::io("set times in", copy))?;
        Ok(context)
    }
}

/// An archive whose last block is filled up with zeros, where it is short (tar(5)). That of the docker command is, and has no
/// end mark either, when the Dockerfile lies outside of the folder that is built from.
struct WholeBlocks<R> {
    archive: R,
    /// Given out so far.
    bytes: u64,
}

impl<R: Read> Read for WholeBlocks<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut count = self.archive.read(buffer)?;
        if count == 0 {
            count = buffer.len().min((self.bytes.next_multiple_of(512) - self.bytes) as usize);
            buffer[..count].fill(0);
        }
        self.bytes += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_block_is_filled_up() {
        for (bytes, blocks) in [(0, 0), (1, 1), (511, 1), (512, 1), (513, 2)] {
            let mut whole = Vec::new();
            WholeBlocks { archive: vec![7; bytes].as_slice(), bytes: 0 }
                .read_to_end(&mut whole)
                .expect("memory is read");
            assert_eq!(whole, [vec![7; bytes], vec![0; blocks * 512 - bytes]].concat());
        }
    }
}
