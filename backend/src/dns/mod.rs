//! Names: what a container on a user-defined network asks at 127.0.0.11 is answered here. What the containers' names are is in
//! one table; each namespace with names has sockets of the daemon, opened inside of it and served on one thread.
//!
//! In reading order: the table, what a question is answered with, who answers what the table does not know, the sockets, and
//! what is kept of each question. No SQL, and no kernel but the sockets.

mod framing;
pub mod lens;
pub mod question;
pub mod resolv_conf;
mod serve;
pub mod table;
mod upstream;

pub use lens::{Kept, Lens};
pub use question::Asker;
pub use table::{Membership, Table};

use drawbridge_api::NsName;
use drawbridge_kernel::{Kernel, KernelError};
use serve::{Running, Shared};
use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, mpsc},
    thread,
    time::Duration,
};
use tokio::{runtime::Handle, sync::oneshot};

/// How long sockets may take to be closed; the thread that has them has nothing longer to do than to answer a question.
const CLOSED_WITHIN: Duration = Duration::from_secs(2);

/// Why names are not answered in a namespace.
#[derive(Debug, thiserror::Error)]
pub enum DnsError {
    /// The sockets can't be opened.
    #[error("cannot answer names in namespace {namespace}")]
    Sockets {
        /// Where.
        namespace: NsName,
        /// Why not.
        #[source]
        source: KernelError,
    },
    /// The thread can't be started.
    #[error("cannot start the thread that answers names")]
    Thread(#[source] io::Error),
}

/// The thread that serves. It ends, and with it all sockets, when this is dropped.
struct Thread {
    handle: Handle,
    _until_dropped: oneshot::Sender<()>,
}

/// The names of all containers, and the sockets at which they are asked for.
pub struct Dns {
    shared: Arc<Shared>,
    kernel: Arc<Kernel>,
    /// The runtime of the one thread that serves all sockets, started with the first. A thread of its own: a question is
    /// answered in microseconds, and does not wait behind a change that blocks a worker of the daemon's runtime.
    thread: OnceLock<Thread>,
    running: Mutex<HashMap<NsName, Running>>,
}

impl Dns {
    /// Knows nothing and serves nothing yet.
    pub fn new(kernel: Arc<Kernel>) -> Arc<Self> {
        Arc::new(Self {
            shared: Arc::new(Shared::new(Arc::clone(&kernel))),
            kernel,
            thread: OnceLock::new(),
            running: Mutex::default(),
        })
    }

    /// The names.
    pub fn table(&self) -> &RwLock<Table> {
        &self.shared.table
    }

    /// What was asked.
    pub fn lens(&self) -> &Lens {
        &self.shared.lens
    }

    /// Answers in a namespace from now on; at once when it does already. Blocks for some tenths of a millisecond.
    ///
    /// # Errors
    /// When the sockets can't be opened: there is no such namespace, or somebody in it listens at that port.
    pub fn open(&self, asker: Asker) -> Result<(), DnsError> {
        let mut running = self.lock();
        if running.contains_key(&asker.namespace) {
            return Ok(());
        }
        let failed = |source| DnsError::Sockets { namespace: asker.namespace.clone(), source };
        let Some(sockets) = self.kernel.resolver_sockets(&asker.namespace).map_err(failed)? else { return Ok(()) };
        let runtime = self.runtime()?;
        let namespace = asker.namespace.clone();
        let served = serve::start(&runtime, Arc::clone(&self.shared), asker, sockets);
        running.insert(namespace, served);
        Ok(())
    }

    /// Closes the sockets in a namespace, and returns when they are closed: they would keep it alive.
    pub fn close(&self, namespace: &NsName) {
        let Some(running) = self.lock().remove(namespace) else { return };
        if running.stop(CLOSED_WITHIN).is_err() {
            tracing::error!(%namespace, "the sockets for names are not closed; the namespace ends with the daemon");
        }
    }

    fn runtime(&self) -> Result<Handle, DnsError> {
        if let Some(thread) = self.thread.get() {
            return Ok(thread.handle.clone());
        }
        // Two at once do not come here: the caller holds the lock.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(DnsError::Thread)?;
        let handle = runtime.handle().clone();
        let (until_dropped, dropped) = oneshot::channel();
        // Nothing is ever sent; the other end goes with its owner.
        let serve = move || drop(runtime.block_on(dropped));
        thread::Builder::new().name("names".to_owned()).spawn(serve).map_err(DnsError::Thread)?;
        Ok(self.thread.get_or_init(|| Thread { handle, _until_dropped: until_dropped }).handle.clone())
    }

    /// The map is whole after every statement: a panicked holder has not broken it.
    fn lock(&self) -> MutexGuard<'_, HashMap<NsName, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A way to end a task and to hear that it has ended, for callers that can't await.
fn ending() -> (oneshot::Sender<()>, oneshot::Receiver<()>, mpsc::SyncSender<()>, mpsc::Receiver<()>) {
    let (stop, stopped) = oneshot::channel();
    let (end, ended) = mpsc::sync_channel(1);
    (stop, stopped, end, ended)
}
