//! What the kernel has and counts, as ip(8) shows it: read for whoever looks, kept by nobody.

use super::{Daemon, OpError};
use drawbridge_api::{IfName, LinkReport, Listing, NsName};
use tokio::task::block_in_place;

/// What all links of the host count.
///
/// # Errors
/// When the kernel can't be asked.
pub fn links(daemon: &Daemon) -> Result<LinkReport, OpError> {
    block_in_place(|| daemon.kernel.counters()).map_err(OpError::Kernel)
}

/// The host's addresses, routes and neighbours.
///
/// # Errors
/// When the kernel can't be asked.
pub fn host(daemon: &Daemon) -> Result<Vec<Listing>, OpError> {
    block_in_place(|| daemon.kernel.show_host()).map_err(OpError::Kernel)
}

/// A link of the host with what belongs to it.
///
/// # Errors
/// `NoSuchObject`, `Name`, or when the kernel can't be asked.
pub fn link(daemon: &Daemon, name: &str) -> Result<Vec<Listing>, OpError> {
    let parsed: IfName = name.parse()?;
    let shown = block_in_place(|| daemon.kernel.show_link(&parsed)).map_err(OpError::Kernel)?;
    shown.ok_or_else(|| OpError::NoSuchObject { kind: "link", name: name.to_owned() })
}

/// The links, addresses, routes and neighbours in a named namespace, whoever made it.
///
/// # Errors
/// `NoSuchObject`, `Name`, or when the kernel can't be asked.
pub fn namespace(daemon: &Daemon, name: &str) -> Result<Vec<Listing>, OpError> {
    let parsed: NsName = name.parse()?;
    let shown = block_in_place(|| daemon.kernel.show_namespace(&parsed)).map_err(OpError::Kernel)?;
    shown.ok_or_else(|| OpError::NoSuchObject { kind: "namespace", name: name.to_owned() })
}
