//! Putting the daemon together: its parts in the order in which they need one another, each failure with its remedy.

use crate::{
    config::Folders, engine::Engine, events::Events, images::Images, machine::Machine, ops::Daemon, runtime::Runtime,
    store::Store,
};
use anyhow::{Context, Result, bail};
use drawbridge_api::{Host, HostAddress};
use drawbridge_kernel::Kernel;
use std::{
    fs::{self, File, TryLockError},
    path::PathBuf,
    sync::Arc,
};

/// A daemon and the lock on its data directory, which is held as long as this lives.
pub struct Booted {
    /// The daemon; nothing is done yet.
    pub daemon: Arc<Daemon>,
    _lock: Option<File>,
}

/// Opens everything of the two folders.
///
/// # Errors
/// When a program is missing, the kernel refuses, or another daemon has the data directory.
pub async fn boot(folders: &Folders) -> Result<Booted> {
    boot_on(folders, |kernel| kernel).await
}

/// Opens everything, with the machine that `wrap` makes of the kernel: how tests put faults in front of it.
///
/// # Errors
/// As of [`boot`].
pub async fn boot_on<M: Machine + 'static>(
    folders: &Folders,
    wrap: impl FnOnce(Arc<Kernel>) -> Arc<M>,
) -> Result<Booted> {
    for folder in [&folders.data_dir, &folders.run_dir] {
        fs::create_dir_all(folder).with_context(|| {
            format!("cannot make {}; run drawbridge as root, or name another folder", folder.display())
        })?;
    }
    let lock = lock(folders)?;
    let kernel = open_kernel().await?;
    for name in kernel.sweep().context("cannot sweep /run/netns")? {
        tracing::warn!(namespace = %name, "removed what a crash left of a namespace");
    }
    let daemon = put_together(folders, Arc::new(kernel), wrap).await?;
    for warning in daemon.runtime.warnings() {
        tracing::warn!("{warning}");
    }
    Ok(Booted { daemon, _lock: Some(lock) })
}

/// Opens everything to look at it, also while a daemon is at work on it.
///
/// # Errors
/// As of [`boot`], and when there is no database yet.
pub async fn look(folders: &Folders) -> Result<Booted> {
    let file = database(folders);
    if !file.exists() {
        bail!("there is no {}; run `drawbridge serve` first, or name its --data-dir", file.display());
    }
    let kernel = open_kernel().await?;
    Ok(Booted { daemon: put_together(folders, Arc::new(kernel), |kernel| kernel).await?, _lock: None })
}

async fn open_kernel() -> Result<Kernel> {
    tokio::task::spawn_blocking(Kernel::open)
        .await?
        .context("this machine can't run container networks; `drawbridge doctor` says more")
}

async fn put_together<M: Machine + 'static>(
    folders: &Folders,
    kernel: Arc<Kernel>,
    wrap: impl FnOnce(Arc<Kernel>) -> Arc<M>,
) -> Result<Arc<Daemon>> {
    let runtime = Runtime::detect(&folders.data_dir, &folders.run_dir)
        .await
        .context("this machine can't run containers; `drawbridge doctor` says more")?;
    let file = database(folders);
    let store = Store::open(&file).await.with_context(|| format!("cannot open {}", file.display()))?;
    let images = Images::open(&folders.data_dir).context("cannot open the image store")?;
    let host = host(&kernel, &runtime)?;
    let events = Events::new(hex::encode(rand::random::<[u8; 16]>()));
    let engine = Engine::new(store, events, wrap(Arc::clone(&kernel)));
    Ok(Daemon::new(engine, runtime, images, host, kernel))
}

fn database(folders: &Folders) -> PathBuf {
    folders.data_dir.join("drawbridge.sqlite")
}

fn lock(folders: &Folders) -> Result<File> {
    let path = folders.data_dir.join("lock");
    let file = File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(
            "another drawbridge is at work on {}; stop it, or name another --data-dir",
            folders.data_dir.display()
        ),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
    }
}

fn host(kernel: &Kernel, runtime: &Runtime) -> Result<Host> {
    let line = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let view = kernel.host().context("cannot see the host's links")?;
    let foreign = view.links.iter().filter(|link| {
        link.name != "lo" && !link.alias.as_deref().is_some_and(|alias| alias.starts_with("drawbridge:"))
    });
    Ok(Host {
        name: line("/proc/sys/kernel/hostname"),
        kernel: line("/proc/sys/kernel/osrelease"),
        runtime: runtime.description(),
        addresses: foreign
            .flat_map(|link| {
                let name = &link.name;
                link.addresses.iter().map(move |address| HostAddress { interface: name.clone(), address: *address })
            })
            .collect(),
    })
}
