//! The operations: what can be asked of Drawbridge, once, for both dialects. An operation speaks domain words, writes
//! rows inside `engine.change` and knows no JSON, no status code and no SQL.

pub mod attach;
pub mod build;
pub mod connect;
pub mod console;
pub mod container;
pub mod detail;
pub mod error;
mod etc;
pub mod exec;
mod failed_start;
pub mod files;
pub mod found;
mod health;
pub mod image;
mod interface_settings;
pub mod ipam;
pub mod kernel;
pub mod lab;
pub mod lifecycle;
pub mod linking;
mod listed;
mod lookup;
pub mod making;
mod mounting;
pub mod names;
pub mod network;
mod outlet;
pub mod pausing;
pub mod plain;
pub mod process;
pub mod publish;
mod removal;
pub mod repair;
pub mod restart;
pub mod rules;
pub mod session;
mod sharing;
pub mod start;
pub mod stopping;
mod taken;
mod tell;
pub mod top;
pub mod trial;
pub mod undo;
pub mod update;
pub mod usage;
pub mod volume;
pub mod wait;

pub use error::{Class, OpError};
pub use mounting::source as mount_source;

use crate::{
    clock, engine::Engine, holds::Holds, images::Images, notices::Notices, runtime::Runtime, store::journal::Request,
};
use drawbridge_api::{ContainerId, EventKind, Found, Host};
use drawbridge_kernel::{HostView, Kernel};
use ipam::Pools;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// Everything an operation works with.
pub struct Daemon {
    /// What it is told from others by, at every start the same.
    pub id: String,
    /// The road of every change.
    pub engine: Engine,
    /// What was done, for clients that follow it; operations tell by [`Notices::tell`] and what is in `tell`.
    pub notices: Notices,
    /// Processes.
    pub runtime: Runtime,
    /// Layers and how they are made.
    pub images: Images,
    /// The machine's name, kernel and runtime; see [`Daemon::host_now`] for its addresses.
    pub host: Host,
    /// Ports of the host that are held for containers.
    holds: Holds,
    kernel: Arc<Kernel>,
    /// What others have made, as it was last seen.
    found: Mutex<Found>,
    /// Where the ranges of networks come from; set once, at the start.
    pools: OnceLock<Pools>,
    /// One operation at a time on one container.
    busy: Mutex<HashMap<ContainerId, Arc<AsyncMutex<()>>>>,
    /// Who asked for a container's end, until it has ended: the change that follows is theirs.
    asked_to_end: Mutex<HashMap<ContainerId, Request>>,
    /// Commands that were run in containers.
    execs: exec::Execs,
    /// The lists of containers that were last given out.
    lists: listed::Lists,
    /// Held by [`Daemon::publish`] from reading how something is until it is told.
    telling: Mutex<()>,
    /// One lab comes up or goes at a time.
    labs: AsyncMutex<()>,
}

impl Daemon {
    /// A daemon of its parts. Nothing is done yet: see [`start::bring_up`].
    pub fn new(
        id: String,
        engine: Engine,
        runtime: Runtime,
        images: Images,
        host: Host,
        kernel: Arc<Kernel>,
    ) -> Arc<Self> {
        let holds = Holds::new(Arc::clone(&engine.store));
        Arc::new(Self {
            id,
            engine,
            notices: Notices::default(),
            runtime,
            images,
            host,
            holds,
            kernel,
            found: Mutex::default(),
            pools: OnceLock::new(),
            busy: Mutex::default(),
            asked_to_end: Mutex::default(),
            execs: exec::Execs::default(),
            lists: listed::Lists::default(),
            telling: Mutex::default(),
            labs: AsyncMutex::default(),
        })
    }

    /// Tells listeners how something is now, which is what `read` finds: what is read later is told later.
    fn publish(&self, read: impl FnOnce() -> Result<EventKind, OpError>) -> Result<(), OpError> {
        let _in_order = self.telling.lock().unwrap_or_else(PoisonError::into_inner);
        self.engine.events.publish(read()?, clock::now_ms());
        Ok(())
    }

    /// Takes the ranges of networks from these pools. Before [`start::bring_up`], or it is too late.
    pub fn use_pools(&self, pools: Pools) {
        // Whoever was first is right: networks may have ranges of those.
        let _ = self.pools.set(pools);
    }

    fn pools(&self) -> &Pools {
        self.pools.get_or_init(|| Pools::new(&[], &machine_id()))
    }

    /// The machine as it is now, for the picture.
    ///
    /// # Errors
    /// When the kernel can't be asked.
    pub async fn host_now(&self) -> Result<Host, OpError> {
        let view = self.look_at_host().await?;
        Ok(Host { addresses: taken::host_addresses(&view), ..self.host.clone() })
    }

    /// The links, addresses and routes of the host as they are now.
    async fn look_at_host(&self) -> Result<HostView, OpError> {
        let kernel = Arc::clone(&self.kernel);
        tokio::task::spawn_blocking(move || kernel.host()).await.map_err(|_| OpError::CutOff)?.map_err(OpError::Kernel)
    }

    /// Waits until no other operation is at work on this container.
    async fn hold(&self, id: &ContainerId) -> OwnedMutexGuard<()> {
        let lock = {
            let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
            // Locks that nobody holds or waits for are let go, so the map stays as small as the work at hand.
            busy.retain(|_, lock| Arc::strong_count(lock) > 1);
            Arc::clone(busy.entry(id.clone()).or_default())
        };
        lock.lock_owned().await
    }

    fn note_asked_to_end(&self, id: &ContainerId, request: Request) {
        self.asked_to_end.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), request);
    }

    fn take_asked_to_end(&self, id: &ContainerId) -> Option<Request> {
        self.asked_to_end.lock().unwrap_or_else(PoisonError::into_inner).remove(id)
    }
}

/// What tells this machine from others: machine-id(5), or its name where it has none.
pub fn machine_id() -> String {
    let line = |path: &str| std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let id = line("/etc/machine-id");
    if id.is_empty() { line("/proc/sys/kernel/hostname") } else { id }
}
