//! Putting the daemon together: its parts in the order in which they need one another, each failure with its remedy.

use crate::{
    config::Folders,
    dns::Dns,
    engine::Engine,
    events::Events,
    images::{Images, ImagesError},
    lock::{self, Lock, LockError},
    machine::Machine,
    ops::Daemon,
    runtime::{Runtime, RuntimeError},
    store::{Store, StoreError},
};
use drawbridge_api::Host;
use drawbridge_kernel::{Kernel, KernelError};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Why the daemon can't be put together. The cause says what, the text what to do.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// A folder can't be made.
    #[error("cannot make {}; run drawbridge as root, or name another folder", folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Another daemon is at work.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Nothing to look at.
    #[error("there is no {}; run `drawbridge serve` first, or name its --data-dir", .0.display())]
    NoDatabase(PathBuf),
    /// The kernel or nft lacks something.
    #[error("this machine can't run container networks; `drawbridge doctor` says more")]
    Kernel(#[source] KernelError),
    /// The runtime or the monitor is missing.
    #[error("this machine can't run containers; `drawbridge doctor` says more")]
    Runtime(#[source] RuntimeError),
    /// The database can't be opened.
    #[error("cannot open {}", file.display())]
    Store {
        /// Which file.
        file: PathBuf,
        /// Why not.
        #[source]
        source: StoreError,
    },
    /// The image store can't be opened.
    #[error("cannot open the image store")]
    Images(#[source] ImagesError),
    /// The program is ending.
    #[error("the program is ending")]
    Ending,
}

/// A daemon and its locks, which are held as long as this lives.
pub struct Booted {
    /// The daemon; nothing is done yet.
    pub daemon: Arc<Daemon>,
    _lock: Option<Lock>,
}

/// Opens everything of the two folders.
///
/// # Errors
/// When a program is missing, the kernel refuses, or another daemon has the data directory or the network namespace.
pub async fn boot(folders: &Folders) -> Result<Booted, BootError> {
    boot_on(folders, |kernel| kernel).await
}

/// Opens everything, with the machine that `wrap` makes of the kernel: how tests put faults in front of it.
///
/// # Errors
/// As of [`boot`].
pub async fn boot_on<M: Machine + 'static>(
    folders: &Folders,
    wrap: impl FnOnce(Arc<Kernel>) -> Arc<M>,
) -> Result<Booted, BootError> {
    for folder in [&folders.data_dir, &folders.run_dir] {
        fs::create_dir_all(folder).map_err(|source| BootError::Folder { folder: folder.clone(), source })?;
    }
    let lock = lock::take(folders).await?;
    let kernel = open_kernel().await?;
    for name in kernel.sweep().map_err(BootError::Kernel)? {
        tracing::warn!(namespace = %name, "removed what a crash left of a namespace");
    }
    let daemon = put_together(folders, Arc::new(kernel), wrap).await?;
    daemon.runtime.sweep();
    for warning in daemon.runtime.warnings() {
        tracing::warn!("{warning}");
    }
    Ok(Booted { daemon, _lock: Some(lock) })
}

/// Opens everything to look at it, also while a daemon is at work on it.
///
/// # Errors
/// As of [`boot`], and when there is no database yet.
pub async fn look(folders: &Folders) -> Result<Booted, BootError> {
    let file = database(folders);
    if !file.exists() {
        return Err(BootError::NoDatabase(file));
    }
    let kernel = open_kernel().await?;
    Ok(Booted { daemon: put_together(folders, Arc::new(kernel), |kernel| kernel).await?, _lock: None })
}

async fn open_kernel() -> Result<Kernel, BootError> {
    tokio::task::spawn_blocking(Kernel::open).await.map_err(|_| BootError::Ending)?.map_err(BootError::Kernel)
}

async fn put_together<M: Machine + 'static>(
    folders: &Folders,
    kernel: Arc<Kernel>,
    wrap: impl FnOnce(Arc<Kernel>) -> Arc<M>,
) -> Result<Arc<Daemon>, BootError> {
    let runtime = Runtime::detect(&folders.data_dir, &folders.run_dir).await.map_err(BootError::Runtime)?;
    let file = database(folders);
    let store = Store::open(&file).map_err(|source| BootError::Store { file, source })?;
    let images = Images::open(&folders.data_dir).map_err(BootError::Images)?;
    let host = host(&runtime);
    let events = Events::new(hex::encode(rand::random::<[u8; 16]>()));
    let dns = Dns::new(Arc::clone(&kernel));
    let file = folders.data_dir.join("engine-id");
    let id = load_or_create_id(&file).map_err(|source| BootError::Folder { folder: file, source })?;
    let engine = Engine::new(store, events, wrap(Arc::clone(&kernel)), dns);
    Ok(Daemon::new(id, engine, runtime, images, host, kernel))
}

fn database(folders: &Folders) -> PathBuf {
    folders.data_dir.join("drawbridge.sqlite")
}

/// Reads the id of a data directory, or makes it there: a random UUID (RFC 9562 §5.4), in a file as Docker's is.
fn load_or_create_id(file: &Path) -> io::Result<String> {
    match fs::read_to_string(file) {
        Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut bytes: [u8; 16] = rand::random();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = hex::encode(bytes);
    let groups = [0..8, 8..12, 12..16, 16..20, 20..32].map(|group| &digits[group]);
    let id = groups.join("-");
    fs::write(file, &id)?;
    Ok(id)
}

/// What does not change while the daemon runs; addresses do, and are looked up when somebody asks.
fn host(runtime: &Runtime) -> Host {
    let line = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    Host {
        name: line("/proc/sys/kernel/hostname"),
        kernel: line("/proc/sys/kernel/osrelease"),
        runtime: runtime.description(),
        addresses: Vec::new(),
    }
}
