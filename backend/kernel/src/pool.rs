//! Sockets of nf_tables that are kept open between uses. To close one is slow where elements were removed a moment before, by
//! whomever: the kernel then waits until what was removed is freed, after an RCU grace period of some 10 ms
//! (`nft_rcv_nl_event` in net/netfilter/nf_tables_api.c).

use crate::{error::KernelError, nfnetlink::Netfilter};
use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// How many are kept. A plan and what is observed meanwhile take one each; more at once are closed when they are done with.
const KEPT: usize = 4;

/// Sockets that nobody uses, each with the network namespace that it belongs to.
#[derive(Default)]
pub(crate) struct Pool {
    idle: Mutex<Vec<Pooled>>,
}

/// A socket, and where it was opened.
pub(crate) struct Pooled {
    /// The socket.
    pub(crate) netfilter: Netfilter,
    namespace: NamespaceId,
}

/// Device and inode of a namespace (namespaces(7)). A socket keeps its namespace, so no other gets its number meanwhile.
#[derive(Clone, Copy, PartialEq, Eq)]
struct NamespaceId(u64, u64);

impl Pool {
    /// A socket of the calling thread's network namespace.
    pub(crate) fn take(&self) -> Result<Pooled, KernelError> {
        let namespace = NamespaceId::own().map_err(|error| KernelError::system("look at the own namespace", error))?;
        let kept = {
            let mut idle = self.idle();
            let place = idle.iter().position(|pooled| pooled.namespace == namespace);
            place.map(|place| idle.swap_remove(place))
        };
        match kept {
            Some(pooled) => Ok(pooled),
            None => Ok(Pooled { netfilter: Netfilter::open()?, namespace }),
        }
    }

    /// Keeps a socket for the next one who asks.
    pub(crate) fn give_back(&self, pooled: Pooled) {
        let mut idle = self.idle();
        if idle.len() < KEPT {
            idle.push(pooled);
        }
    }

    /// Calls `body` with a socket of the calling thread's network namespace.
    pub(crate) fn with<T>(
        &self,
        body: impl FnOnce(&mut Netfilter) -> Result<T, KernelError>,
    ) -> Result<T, KernelError> {
        let mut pooled = self.take()?;
        let result = body(&mut pooled.netfilter);
        self.give_back(pooled);
        result
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Pooled>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NamespaceId {
    fn own() -> io::Result<NamespaceId> {
        let metadata = fs::metadata("/proc/thread-self/ns/net")?;
        Ok(NamespaceId(metadata.dev(), metadata.ino()))
    }
}
