//! What the kernel has, in the words of ip(8) and bridge(8), and what its links count.

use crate::Traffic;
use serde::{Deserialize, Serialize};

/// What a listing is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ListingKind {
    /// Links and their addresses.
    Addresses,
    /// The main table of IPv4.
    Routes4,
    /// The main table of IPv6.
    Routes6,
    /// Who answers to which address (ARP and neighbour discovery).
    Neighbours,
    /// Which Ethernet address a bridge has behind which port.
    Forwarding,
}

/// What one command of iproute2 prints, read from the kernel: `GET /api/kernel` has those of the host, `GET
/// /api/kernel/links/{name}` those of one of its links, `GET /api/kernel/namespaces/{name}` those of a named namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Listing {
    /// What it is of.
    pub kind: ListingKind,
    /// The command that prints the same.
    pub command: String,
    /// What it prints, line by line, without blanks at their ends.
    pub lines: Vec<String>,
}

/// What a link of the host has counted since it was made (`ip -s link`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LinkCounters {
    /// Its name.
    pub name: String,
    /// What came in by it; at the host's end of a veth pair, what the container has sent.
    pub received: Traffic,
    /// What went out by it.
    pub sent: Traffic,
}

/// What all links of the host count: `GET /api/links`. Two of these make a rate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LinkReport {
    /// When it was read, microseconds of a clock that never jumps.
    pub taken_us: u64,
    /// All links, in no order.
    pub links: Vec<LinkCounters>,
}
