//! The files that are put into a container's `/etc`. They are mounted each by itself, so a running container sees what is written
//! into them, and nothing of what is put in their place.

use super::{EtcFiles, ProcessSpec, Runtime, RuntimeError, paths::Paths};
use drawbridge_api::ContainerId;
use sha2::{Digest, Sha256};
use std::{fs, io, path::Path};

/// Writes all of them, for a start; those of another container are there.
pub(super) fn write(spec: &ProcessSpec, paths: &Paths) -> Result<(), RuntimeError> {
    let EtcFiles::Own { hosts, resolv_conf } = &spec.etc else { return Ok(()) };
    write_file(&paths.hosts(), hosts)?;
    write_file(&paths.hostname(), &format!("{}\n", spec.hostname))?;
    write_resolv_conf(paths, resolv_conf)
}

impl Runtime {
    /// Edits the container's `/etc/hosts`, and replaces its `/etc/resolv.conf` unless that is another than was written last.
    /// Blocks for the length of some small files.
    ///
    /// # Errors
    /// `Io` when the files can't be read or written, as when the container was never started.
    pub fn rewrite_etc(
        &self,
        id: &ContainerId,
        edit_hosts: impl FnOnce(&str) -> String,
        resolv_conf: &str,
    ) -> Result<(), RuntimeError> {
        let paths = self.inner.folders.container(id);
        self.edit_hosts(id, edit_hosts)?;
        let before = read(&paths.resolv_conf())?;
        let is_ours = read(&paths.resolv_conf_hash()).is_ok_and(|written| written == hash(&before));
        if is_ours && before != resolv_conf {
            write_resolv_conf(&paths, resolv_conf)?;
        }
        Ok(())
    }
}

impl Runtime {
    /// Edits a container's `/etc/hosts`. Blocks for the length of a small file.
    ///
    /// # Errors
    /// `Io` when it can't be read or written, as when the container was never started.
    pub fn edit_hosts(&self, id: &ContainerId, edit: impl FnOnce(&str) -> String) -> Result<(), RuntimeError> {
        let path = self.inner.folders.container(id).hosts();
        let before = read(&path)?;
        let after = edit(&before);
        if after == before { Ok(()) } else { write_file(&path, &after) }
    }
}

fn write_resolv_conf(paths: &Paths, text: &str) -> Result<(), RuntimeError> {
    write_file(&paths.resolv_conf(), text)?;
    write_file(&paths.resolv_conf_hash(), &hash(text))
}

fn hash(text: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(text)))
}

/// A container may write anything into its files.
fn read(path: &Path) -> Result<String, RuntimeError> {
    let bytes = fs::read(path).map_err(RuntimeError::io("read", path))?;
    String::from_utf8(bytes).map_err(|error| RuntimeError::io("read", path)(io::Error::other(error)))
}

fn write_file(path: &Path, content: &str) -> Result<(), RuntimeError> {
    fs::write(path, content).map_err(RuntimeError::io("write", path))
}
