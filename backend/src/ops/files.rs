//! Files in containers, running or not: look, copy out, copy in, compare with the image.

use super::{Daemon, OpError, lookup, mounting};
use crate::{
    archive::{self, Unpack},
    model::ContainerRecord,
    mounts::{MountKind, clean},
    notices::ContainerDeed,
    runtime::Difference,
    store::image,
};
use drawbridge_api::ContainerState;
use drawbridge_kernel::tree::{Folder, Tree};
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, Metadata},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};
use tokio::sync::OwnedMutexGuard;

/// A place in a container's files, held open.
pub struct Place {
    record: ContainerRecord,
    tree: Tree,
    /// The path in the tree.
    path: PathBuf,
    /// Whether a link at its end is followed: a slash stands behind it.
    is_inside: bool,
    /// What its tar calls it: its last name, `.` when that was asked for, `/` for the root.
    called: PathBuf,
    read_only: bool,
    /// A container that does not run must not be started meanwhile.
    held: Option<OwnedMutexGuard<()>>,
}

/// What stands at a place.
#[derive(Debug)]
pub struct Found {
    /// Its last name.
    pub name: String,
    /// What it is; a link is not followed.
    pub metadata: Metadata,
    /// Where a link leads, as a path in the container.
    pub link_target: Option<PathBuf>,
}

/// Opens the files of a container where a path leads to.
///
/// # Errors
/// `NoSuchContainer`, or when its files can't be mounted.
pub async fn open(daemon: &Daemon, text: &str, path: &str) -> Result<Place, OpError> {
    let (record, held) = at_rest(daemon, text).await?;
    let absolute = Path::new("/").join(path);
    let is_inside = path.ends_with("/.") || path == "." || path.ends_with('/');
    let ends_in_dot = path.ends_with("/.") || path == ".";
    let path = clean(&absolute).unwrap_or_else(|| PathBuf::from("/"));
    let called = match path.file_name() {
        _ if ends_in_dot => PathBuf::from("."),
        Some(name) => PathBuf::from(name),
        None => PathBuf::from("/"),
    };
    // The mounts of one that does not run are not there: the deepest that the path is in is looked into itself.
    let mounts = record.spec.settings.mounts.iter().filter(|_| held.is_some());
    let mount =
        mounts.filter(|mount| path.starts_with(&mount.target)).max_by_key(|mount| mount.target.as_os_str().len());
    let source = match mount.map(|mount| &mount.kind) {
        Some(MountKind::Bind { source, .. }) => Some(source.clone()),
        Some(MountKind::Volume { name, .. }) => Some(mounting::source_of_volume(daemon, name)?),
        Some(MountKind::Memory { .. }) | None => None,
    };
    let unreadable = |source| OpError::Files { container: record.name.to_string(), source };
    if let (Some(mount), Some(source)) = (mount, source.filter(|source| source.is_dir())) {
        let rest = path.strip_prefix(&mount.target).unwrap_or(Path::new("")).to_owned();
        let tree = Tree::of_folder(&source).map_err(unreadable)?;
        let read_only = mount.read_only;
        return Ok(Place { path: Path::new("/").join(rest), is_inside, called, read_only, tree, record, held });
    }
    let read_only = record.spec.settings.rights.read_only;
    let tree = daemon.runtime.tree(&record.id, &layers(daemon, &record)?).await?;
    Ok(Place { tree, path, is_inside, called, read_only, record, held })
}

fn layers(daemon: &Daemon, record: &ContainerRecord) -> Result<Vec<PathBuf>, OpError> {
    let image = image::get(&*daemon.engine.store.read()?, &record.image_id)?;
    let image = image.ok_or_else(|| OpError::NoSuchImage(record.spec.image.clone()))?;
    Ok(image.layers.iter().map(|layer| daemon.images.layer_dir(layer)).collect())
}

impl Place {
    fn missing(&self) -> OpError {
        OpError::NoSuchFile { path: self.path.display().to_string(), container: self.record.name.to_string() }
    }

    fn failed(&self, error: io::Error) -> OpError {
        match error.kind() {
            io::ErrorKind::NotFound => self.missing(),
            io::ErrorKind::NotADirectory => OpError::Invalid(format!("not a directory: {}", self.path.display())),
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                OpError::Invalid(error.to_string())
            }
            // What the `tar` library says of an archive is of no other kind.
            io::ErrorKind::Other => OpError::Invalid(error.to_string()),
            _ => OpError::Files { container: self.record.name.to_string(), source: error },
        }
    }

    fn locate(&self) -> io::Result<(Folder, OsString)> {
        // With a slash behind it a link is followed.
        if self.is_inside { Ok((self.tree.folder(&self.path)?, ".".into())) } else { self.tree.place(&self.path) }
    }

    /// For reading: the whole tree of a container that runs has /proc in it, which has no end. It is read without what is
    /// mounted there, as an export is.
    ///
    /// # Errors
    /// When its files can't be opened.
    pub async fn for_reading(mut self, daemon: &Daemon) -> Result<Place, OpError> {
        if self.path == Path::new("/") && self.held.is_none() {
            self.tree = daemon.runtime.bare_tree(&self.record.id, &layers(daemon, &self.record)?).await?;
        }
        Ok(self)
    }

    /// What stands there.
    ///
    /// # Errors
    /// `NoSuchFile`.
    pub fn find(&self) -> Result<Found, OpError> {
        let (folder, name) = self.locate().map_err(|error| self.failed(error))?;
        let metadata = folder.metadata(&name).map_err(|error| self.failed(error))?;
        let link_target = metadata.is_symlink().then(|| fs::read_link(folder.path_of(&name)).unwrap_or_default());
        let above = self.path.parent().unwrap_or(Path::new("/"));
        let link_target = link_target.map(|target| clean(&above.join(target)).unwrap_or_else(|| PathBuf::from("/")));
        let name = self.path.file_name().map_or_else(|| "/".into(), |name| name.to_string_lossy().into_owned());
        Ok(Found { name, metadata, link_target })
    }

    /// Writes it as a tar, under its last name. Blocks.
    ///
    /// # Errors
    /// When it can't be read or nobody takes the tar.
    pub fn pack(&self, out: impl Write) -> io::Result<()> {
        let (folder, name) = self.locate()?;
        archive::pack(&folder, &name, &self.called, out)
    }

    /// Checks that a tar may be put there.
    ///
    /// # Errors
    /// `NoSuchFile`; `Invalid` when it is no folder; `State` when it is read-only.
    pub fn check_writable(&self) -> Result<(), OpError> {
        match self.tree.folder(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Err(OpError::Invalid("extraction point is not a directory".into()));
            }
            found => drop(found.map_err(|error| self.failed(error))?),
        }
        if self.read_only {
            return Err(OpError::ReadOnly);
        }
        Ok(())
    }

    /// Puts a tar there. Blocks.
    ///
    /// # Errors
    /// `Invalid` for a tar that makes no sense.
    pub fn unpack(&self, tar: impl Read, how: Unpack) -> Result<(), OpError> {
        archive::unpack(tar, &self.tree, &self.path, how).map_err(|error| self.failed(error))
    }

    /// User and group of the container, by number; root when they are names.
    pub fn owner(&self) -> (u32, u32) {
        let (user, group) = self.record.spec.user.split_once(':').unwrap_or((&self.record.spec.user, ""));
        (user.parse().unwrap_or(0), group.parse().unwrap_or(0))
    }

    /// Tells what was done with it.
    pub fn tell(&self, daemon: &Daemon, deed: ContainerDeed) {
        daemon.tell_container(&self.record, deed);
    }
}

/// The files of a container as one tar, without what is mounted into it.
pub struct Export {
    tree: Tree,
    /// A container that does not run must not be started meanwhile.
    _held: Option<OwnedMutexGuard<()>>,
}

/// Opens the files of a container for [`Export::pack`].
///
/// # Errors
/// `NoSuchContainer`, or when its files can't be mounted.
pub async fn export(daemon: &Daemon, text: &str) -> Result<Export, OpError> {
    let (record, held) = at_rest(daemon, text).await?;
    let tree = daemon.runtime.bare_tree(&record.id, &layers(daemon, &record)?).await?;
    daemon.tell_container(&record, ContainerDeed::Export);
    Ok(Export { tree, _held: held })
}

impl Export {
    /// Writes the tar. Blocks.
    ///
    /// # Errors
    /// When a file can't be read or nobody takes the tar.
    pub fn pack(&self, out: impl Write) -> io::Result<()> {
        archive::pack_inside(&self.tree.folder(Path::new("/"))?, out)
    }
}

/// A container, and when it does not run, the promise that it is not started meanwhile.
async fn at_rest(daemon: &Daemon, text: &str) -> Result<(ContainerRecord, Option<OwnedMutexGuard<()>>), OpError> {
    let record = lookup::find(daemon, text)?;
    if record.state == ContainerState::Running {
        return Ok((record, None));
    }
    let held = daemon.hold(&record.id).await;
    Ok((lookup::get(daemon, &record.id)?, Some(held)))
}

/// What a container has changed of its image, by path.
///
/// # Errors
/// `NoSuchContainer`.
pub async fn changes(daemon: &Daemon, text: &str) -> Result<BTreeMap<PathBuf, Difference>, OpError> {
    let record = lookup::find(daemon, text)?;
    let settings = &record.spec.settings;
    let mounted = settings.mounts.iter().map(|mount| mount.target.clone());
    let mounted = mounted.chain(settings.tmpfs.keys().map(PathBuf::from)).collect();
    Ok(daemon.runtime.changes(&record.id, &layers(daemon, &record)?, mounted).await?)
}
