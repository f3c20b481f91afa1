//! What can go wrong with images.

use std::{io, path::PathBuf};

/// Why an image could not be made.
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
    /// The image's configuration could not be put together.
    #[error("cannot build the image's configuration")]
    Config(#[from] oci_spec::OciSpecError),
    /// A time that RFC 3339 can't write.
    #[error("cannot write the image's time")]
    Time(#[from] time::error::Error),
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
}
