//! The only room that speaks netlink, nftables and system calls. It carries out the steps of a plan and says what is there;
//! what should be there, it does not know.
//!
//! Everything here blocks and belongs on a plain or blocking thread. A [`Kernel`] looks at the network namespace of the
//! thread that calls it.

mod address;
mod cable;
pub mod doctor;
mod error;
mod execute;
pub mod file;
mod foreign;
mod host;
mod link;
mod mark;
pub mod mount;
mod netns;
mod nft;
mod observe;
pub mod process;
mod session;
mod socket;
mod sysctl;
#[cfg(feature = "testing")]
pub mod testing;

pub use error::{KernelError, StepError};
pub use foreign::{ForeignDrop, foreign_drops};
pub use host::{HostLink, HostView};
pub use session::Session;

use drawbridge_api::NsName;
use drawbridge_plan::{Observed, Scope};
use std::sync::Arc;

/// The kernel's network side. Cheap to clone; all clones share what was found out when it was opened.
#[derive(Clone)]
pub struct Kernel {
    shared: Arc<Shared>,
}

/// What is found out once.
pub(crate) struct Shared {
    nft: nft::Nft,
    /// How nft lists an undamaged table.
    shape: nft::Shape,
    directory: netns::Directory,
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kernel").field("nft", &self.shared.nft).finish_non_exhaustive()
    }
}

impl Kernel {
    /// Finds nft and writes the table once in a network namespace made for it, to know how an undamaged one is listed by
    /// this version of nft and this kernel.
    ///
    /// # Errors
    /// When nft is not installed, or the kernel lacks what the table needs, or without root.
    pub fn open() -> Result<Kernel, KernelError> {
        let nft = nft::Nft::find()?;
        let table = netns::scratch(|| {
            nft.write_table()?;
            nft.table()
        })??;
        let shape = table.ok_or_else(|| KernelError::answer("write the table for a trial", "it is not there"))?.shape;
        Ok(Kernel { shared: Arc::new(Shared { nft, shape, directory: netns::Directory::default() }) })
    }

    /// What the kernel has of ours within `scope`, and the values of these settings as far as this kernel has them.
    ///
    /// # Errors
    /// When the kernel refuses to say, as it does without root.
    pub fn observe(&self, scope: &Scope, sysctl_keys: &[String]) -> Result<Observed, KernelError> {
        observe::observe(&self.shared, scope, sysctl_keys)
    }

    /// Opens what the steps of one plan need.
    ///
    /// # Errors
    /// When no netlink socket can be opened.
    pub fn session(&self) -> Result<Session, KernelError> {
        Session::open(Arc::clone(&self.shared))
    }

    /// The host as it is, ours and not ours, for choosing names and ranges.
    ///
    /// # Errors
    /// When the kernel refuses to say.
    pub fn host(&self) -> Result<HostView, KernelError> {
        host::read()
    }

    /// Removes what a crash left of a namespace that was being made: marked files under `/run/netns` on which no
    /// namespace is mounted. They are no objects, so no plan would end them. Call it before the first observation, while
    /// nothing is being made.
    ///
    /// # Errors
    /// When such a file can't be read or removed.
    pub fn sweep(&self) -> Result<Vec<NsName>, KernelError> {
        netns::sweep()
    }
}
