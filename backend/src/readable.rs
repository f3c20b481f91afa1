//! Waiting on the async runtime for a descriptor that is neither socket nor pipe.

use std::{io, os::fd::OwnedFd};
use tokio::io::{Interest, unix::AsyncFd};

/// Tells when a descriptor is readable: one of a process (pidfd_open(2)), of inotify(7) or of epoll(7).
///
/// # Errors
/// When the kernel can't watch it.
#[expect(unsafe_code, reason = "tokio has no safe way to wait for a descriptor that is neither socket nor pipe")]
pub(crate) fn register(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the descriptor is open and owned, and an OwnedFd keeps it so, unchanged, until it is dropped with the
    // AsyncFd around it. It is taken by value, so nobody else can put another one in its place.
    Ok(unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }?)
}
