//! What the panel lives on: a snapshot, then numbered events from there.

use crate::{Change, Container, ContainerId, Found, Image, ImageId, Network, NetworkId};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// One thing that changed. Each kind carries the whole new state of the thing, so that applying an event twice is
/// harmless.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum EventKind {
    /// A network was made or changed.
    Network(Network),
    /// A network is gone.
    NetworkRemoved(NetworkId),
    /// A container was made or changed, its endpoints included.
    Container(Container),
    /// A container is gone.
    ContainerRemoved(ContainerId),
    /// An image was made, or its names are others.
    Image(Image),
    /// An image is gone.
    ImageRemoved(ImageId),
    /// A change was opened or settled.
    Change(Change),
    /// What others have made on this machine is now this: all of it.
    Found(Found),
}

/// An event as it crosses the wire: `GET /api/events`, one per SSE message, `id:` its sequence number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Event {
    /// Counts up by one from the daemon's start; a gap means that a snapshot is due.
    pub sequence: u64,
    /// When it happened, UTC milliseconds since 1970.
    pub time_ms: i64,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// An address that the host has of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HostAddress {
    /// The interface's name.
    pub interface: String,
    /// The address with its prefix length.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub address: IpNet,
}

/// The machine the daemon runs on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Host {
    /// Its host name.
    pub name: String,
    /// `uname -r`.
    pub kernel: String,
    /// The OCI runtime in use and its version: `runc 1.1.5`.
    pub runtime: String,
    /// The host's addresses that are not our bridges', loopback left out.
    pub addresses: Vec<HostAddress>,
}

/// Everything there is at one moment: `GET /api/snapshot`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Snapshot {
    /// The last event that is contained; the stream goes on behind it.
    pub sequence: u64,
    /// Different for every run of the daemon: sequence numbers of another run mean nothing.
    pub run: String,
    /// The machine.
    pub host: Host,
    /// All networks, oldest first.
    pub networks: Vec<Network>,
    /// All containers, oldest first.
    pub containers: Vec<Container>,
    /// All images.
    pub images: Vec<Image>,
    /// The latest 50 changes, newest first.
    pub changes: Vec<Change>,
    /// What others have made on this machine.
    pub found: Found,
}
