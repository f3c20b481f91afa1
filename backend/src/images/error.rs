//! What can go wrong with images.

use super::registry::RegistryError;
use std::{io, path::PathBuf};

/// Why an image could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum ImagesError {
    /// The built-in image is made of the host's busybox.
    #[error("/bin/busybox is not installed; install the Debian package busybox-static")]
    NoBusybox,
    /// A busybox that needs libraries can't run alone in a container.
    #[error("/bin/busybox is not a static program; install the Debian package busybox-static in place of busybox")]
    DynamicBusybox,
    /// The host's busybox does not run.
    #[error("/bin/busybox does not say what it can do")]
    Applets(#[source] io::Error),
    /// A file or folder.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// A verb: `write`.
        action: &'static str,
        /// What it was done to.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// An archive, a configuration or a manifest makes no sense.
    #[error("{0}")]
    Bad(String),
    /// Something in the archive was to be made and could not be.
    #[error("cannot unpack {}: {source}", path.display())]
    Entry {
        /// Where in the archive.
        path: PathBuf,
        /// What the kernel said, or why it was not asked.
        source: io::Error,
    },
    /// The archive can't be read on: it is damaged, or what brings it has broken off.
    #[error("cannot read the archive: {0}")]
    Read(io::Error),
    /// There is too much in it.
    #[error("{0}")]
    TooLarge(String),
    /// The disk is nearly full.
    #[error("less than {mib} MiB are free at {}; make room with `docker image prune`", path.display())]
    DiskFull {
        /// What is left free.
        mib: u64,
        /// Where.
        path: PathBuf,
    },
    /// A registry, and what it said.
    #[error(transparent)]
    Registry(RegistryError),
    /// A file for `ADD` can't be had.
    #[error("ADD failed: cannot get {url}: {why}")]
    Fetch {
        /// Where it should be.
        url: String,
        /// What its server said, or why it said nothing.
        why: String,
    },
    /// The image's configuration could not be put together.
    #[error("cannot build the image's configuration")]
    Config(#[from] oci_spec::OciSpecError),
    /// A time that RFC 3339 can't write.
    #[error("cannot write the image's time")]
    Time(#[from] time::error::Error),
    /// Whoever asked has gone away.
    #[error("context canceled")]
    Canceled,
    /// The daemon is ending, and its helper threads with it.
    #[error("the daemon is shutting down")]
    ShuttingDown,
}

impl ImagesError {
    /// For `map_err`: a verb and what it was done to.
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> ImagesError {
        let path = path.into();
        move |source| ImagesError::Io { action, path, source }
    }

    /// What is to blame.
    pub fn fault(&self) -> Fault {
        match self {
            ImagesError::Bad(_) | ImagesError::Entry { .. } | ImagesError::Read(_) | ImagesError::TooLarge(_) => {
                Fault::Request
            }
            ImagesError::Registry(error) => match error {
                RegistryError::NotFound { .. } | RegistryError::Denied { .. } | RegistryError::NoPlatform { .. } => {
                    Fault::Missing
                }
                RegistryError::Unauthorized { .. } => Fault::Stranger,
                RegistryError::TooManyRequests { .. }
                | RegistryError::Status { .. }
                | RegistryError::Unreachable { .. }
                | RegistryError::CutOff { .. }
                | RegistryError::WrongDigest { .. }
                | RegistryError::Nonsense { .. } => Fault::Elsewhere,
            },
            ImagesError::NoBusybox
            | ImagesError::DynamicBusybox
            | ImagesError::Applets(_)
            | ImagesError::Io { .. }
            | ImagesError::Fetch { .. }
            | ImagesError::DiskFull { .. }
            | ImagesError::Config(_)
            | ImagesError::Time(_)
            | ImagesError::Canceled
            | ImagesError::ShuttingDown => Fault::Elsewhere,
        }
    }
}

/// What is to blame for an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request, or what it brought.
    Request,
    /// There is no such image, or not for who asks.
    Missing,
    /// A registry does not know who asks.
    Stranger,
    /// This machine, a registry, or the way between.
    Elsewhere,
}
