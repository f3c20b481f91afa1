//! A container's file tree, whether it runs or not, and what it has changed of its image.

use super::{ProcessState, Runtime, RuntimeError};
use drawbridge_api::ContainerId;
use drawbridge_kernel::{mount, tree::Tree};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};
use tokio::task::spawn_blocking;

/// How a path differs from the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It was changed, or something in it was.
    Changed,
    /// It is new.
    Added,
    /// It is gone.
    Deleted,
}

/// What the runtime makes in every container so that something can be mounted there; no container has changed that.
const MOUNT_PLACES: [&str; 7] =
    ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/sbin/docker-init", "/dev", "/proc", "/sys"];

/// What the names of places begin with at which trees are mounted for a moment.
const LOOK: &str = "look-";

/// Takes away what a crash has left mounted in that moment.
fn sweep(run_dir: &Path) {
    for entry in fs::read_dir(run_dir).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(LOOK) {
            // What can't be taken away now is met again by the next start.
            let _ = mount::unmount(&entry.path()).and_then(|()| fs::remove_dir(entry.path()));
        }
    }
}

impl Runtime {
    /// Takes away what a crash of an earlier daemon may have left mounted. Called once, before any container is looked at.
    pub fn sweep(&self) {
        if let Some(run_dir) = self.inner.folders.runtime_root().parent() {
            sweep(run_dir);
        }
    }

    /// The file tree of a container: what its process sees, or, while it has none, its own files over its image's. `layers`
    /// are the image's folders, lowest first. The caller sees to it that it is not started meanwhile.
    ///
    /// # Errors
    /// `Io`, when it can't be mounted or opened.
    pub async fn tree(&self, id: &ContainerId, layers: &[PathBuf]) -> Result<Tree, RuntimeError> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        if let ProcessState::Running { pid } = self.state(id).await? {
            let path = format!("/proc/{pid}/root");
            return Tree::of_process(pid).map_err(RuntimeError::io("open", path));
        }
        let paths = self.inner.folders.container(id);
        let name = format!("{LOOK}{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
        let place = self.inner.folders.runtime_root().with_file_name(name);
        let layers = layers.to_vec();
        let open = move || {
            for folder in [paths.upper(), paths.work(), place.clone()] {
                fs::create_dir_all(&folder).map_err(RuntimeError::io("make", &folder))?;
            }
            let tree = Tree::of_overlay(&layers, &paths.upper(), &paths.work(), &place);
            // Nothing is mounted there any more.
            let _ = fs::remove_dir(&place);
            tree.map_err(RuntimeError::io("mount", place))
        };
        spawn_blocking(open).await.unwrap_or(Err(RuntimeError::ShuttingDown))
    }

    /// The file tree of a container without what is mounted into it, whether it runs or not; see [`Runtime::tree`].
    ///
    /// # Errors
    /// As of [`Runtime::tree`].
    pub async fn bare_tree(&self, id: &ContainerId, layers: &[PathBuf]) -> Result<Tree, RuntimeError> {
        match self.state(id).await? {
            // Its own mounts are in its own mount namespace; here it is the overlay alone.
            ProcessState::Running { .. } => {
                let rootfs = self.inner.folders.container(id).rootfs();
                Tree::of_folder(&rootfs).map_err(RuntimeError::io("open", rootfs))
            }
            ProcessState::Exited(_) | ProcessState::Unknown => self.tree(id, layers).await,
        }
    }

    /// What a container has changed of its image, by path. `mounted` are the places of its own mounts.
    ///
    /// # Errors
    /// `Io`, when its files can't be read.
    pub async fn changes(
        &self,
        id: &ContainerId,
        layers: &[PathBuf],
        mounted: Vec<PathBuf>,
    ) -> Result<BTreeMap<PathBuf, Difference>, RuntimeError> {
        let upper = self.inner.folders.container(id).upper();
        let layers = layers.to_vec();
        let look = move || {
            let mut changes = BTreeMap::new();
            if upper.exists() {
                let comparison = Comparison { upper: &upper, layers: &layers, mounted: &mounted };
                comparison.look(Path::new("/"), &mut changes).map_err(RuntimeError::io("read", &upper))?;
            }
            Ok(changes)
        };
        spawn_blocking(look).await.unwrap_or(Err(RuntimeError::ShuttingDown))
    }
}

struct Comparison<'a> {
    upper: &'a Path,
    layers: &'a [PathBuf],
    mounted: &'a [PathBuf],
}

impl Comparison<'_> {
    /// Looks through a folder of what was written. Whether anything in it counts.
    fn look(&self, folder: &Path, changes: &mut BTreeMap<PathBuf, Difference>) -> std::io::Result<bool> {
        let mut any = false;
        for entry in fs::read_dir(below(self.upper, folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            let metadata = entry.metadata()?;
            // A character device 0/0 says that the name is gone (Documentation/filesystems/overlayfs.rst).
            if metadata.file_type().is_char_device() && metadata.rdev() == 0 {
                any = true;
                changes.insert(path, Difference::Deleted);
                continue;
            }
            let was_there = self.was_there(&path);
            if !was_there && self.is_mount_place(&path) {
                continue;
            }
            let within = metadata.is_dir() && self.look(&path, changes)?;
            // A folder of the image that is there only because of what does not count does not count either.
            let is_empty_shell = metadata.is_dir() && was_there && !within && self.has_entries(&path);
            if !is_empty_shell {
                any = true;
                changes.insert(path, if was_there { Difference::Changed } else { Difference::Added });
            }
        }
        Ok(any)
    }

    fn has_entries(&self, path: &Path) -> bool {
        fs::read_dir(below(self.upper, path)).is_ok_and(|mut entries| entries.next().is_some())
    }

    fn is_mount_place(&self, path: &Path) -> bool {
        MOUNT_PLACES.iter().any(|place| path.starts_with(place)) || self.mounted.iter().any(|place| place == path)
    }

    /// Whether the image has the path: the uppermost layer that says something about it decides.
    fn was_there(&self, path: &Path) -> bool {
        for layer in self.layers.iter().rev() {
            if let Ok(metadata) = fs::symlink_metadata(below(layer, path)) {
                return !(metadata.file_type().is_char_device() && metadata.rdev() == 0);
            }
            let is_hidden = path.ancestors().skip(1).any(|above| {
                fs::symlink_metadata(below(layer, above))
                    .is_ok_and(|metadata| metadata.file_type().is_char_device() && metadata.rdev() == 0)
            });
            if is_hidden {
                return false;
            }
        }
        false
    }
}

fn below(top: &Path, path: &Path) -> PathBuf {
    top.join(path.strip_prefix("/").unwrap_or(path))
}
