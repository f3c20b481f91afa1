//! The nftables tables as a person reads them, and what their counters say.

use crate::{ContainerId, HostPort, NetworkId, Traffic};
use serde::{Deserialize, Serialize};

/// The tables: `GET /api/rules`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rules {
    /// The constant tables in nft(8)'s language, without elements.
    pub tables: String,
    /// Whether the kernel has them, undamaged.
    pub intact: bool,
    /// Every element that is wanted or there, in the order of tables and sets.
    pub elements: Vec<RuleElement>,
}

/// An element of a set or map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RuleElement {
    /// `inet drawbridge` or `bridge drawbridge`.
    pub table: String,
    /// The set's name.
    pub set: String,
    /// The element's key, as nft writes it.
    pub key: String,
    /// What a map gives for the key, as nft writes it.
    pub value: Option<String>,
    /// What it does, one sentence.
    pub sentence: String,
    /// The network it is there for.
    pub network: Option<NetworkId>,
    /// The container it is there for.
    pub container: Option<ContainerId>,
    /// Whether the kernel has it; what is wanted and not there is about to be repaired.
    pub there: bool,
    /// What it has counted, where its set counts.
    pub traffic: Option<Traffic>,
}

/// What the counters say now: `GET /api/traffic`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TrafficReport {
    /// By network, oldest first.
    pub networks: Vec<NetworkTraffic>,
    /// By published port of a running container, as far as a rule counts it: not what the daemon passes on from one family to
    /// the other, nor what goes to a container’s own address.
    pub ports: Vec<PortTraffic>,
}

/// What was forwarded from and to a network's bridge. What its containers send one another is not forwarded, but bridged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NetworkTraffic {
    /// The network.
    pub network: NetworkId,
    /// From its containers.
    pub sent: Traffic,
    /// To its containers.
    pub received: Traffic,
}

/// What went through a published port, both ways.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PortTraffic {
    /// The container.
    pub container: ContainerId,
    /// The port of the host.
    pub host: HostPort,
    /// Packets and bytes, both ways.
    pub traffic: Traffic,
}
