//! What is on the machine beside our own networks: links and namespaces, whoever made them.

use crate::MacAddress;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Links of the host and named network namespaces: `GET /api/observed` gives all of them, the snapshot and events those that
/// are not Drawbridge's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Found {
    /// Links of the host, in the order of their numbers.
    pub links: Vec<FoundLink>,
    /// Namespaces under `/run/netns` (ip-netns(8)), by name.
    pub namespaces: Vec<FoundNamespace>,
}

/// A link, on the host or in a namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FoundLink {
    /// Its name, as the kernel has it.
    pub name: String,
    /// Its number in its namespace.
    pub index: u32,
    /// `bridge`, `veth` or another driver's name; empty for hardware and loopback.
    pub kind: String,
    /// Its Ethernet address, if it has one of that length.
    pub mac: Option<MacAddress>,
    /// Largest packet in bytes.
    pub mtu: u32,
    /// Whether it is set up (`IFF_UP`).
    pub up: bool,
    /// The bridge that it is a port of, by name.
    pub bridge: Option<String>,
    /// The other end of a veth pair.
    pub peer: Option<FoundPeer>,
    /// Its addresses.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub addresses: Vec<IpNet>,
    /// Whether Drawbridge made it; what it did not make it never changes.
    pub ours: bool,
}

/// The other end of a veth pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FoundPeer {
    /// The namespace it is in; none for the one of this end.
    pub namespace: Option<String>,
    /// Its name; none where it is in a namespace without a name, or in one that is not looked into.
    pub name: Option<String>,
}

/// A named network namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FoundNamespace {
    /// Its name.
    pub name: String,
    /// What is in it; nothing is told of our own, which are told as containers.
    pub links: Vec<FoundLink>,
    /// Whether Drawbridge made it.
    pub ours: bool,
}

impl Found {
    /// What of it is not Drawbridge's, and more than the machine's own hardware: bridges, veth pairs, what is plugged into such
    /// a bridge, and namespaces.
    pub fn foreign(&self) -> Found {
        let is_foreign_bridge =
            |name: &str| self.links.iter().any(|link| link.name == name && link.kind == "bridge" && !link.ours);
        let is_shown = |link: &&FoundLink| {
            !link.ours
                && (matches!(link.kind.as_str(), "bridge" | "veth")
                    || link.bridge.as_deref().is_some_and(is_foreign_bridge))
        };
        Found {
            links: self.links.iter().filter(is_shown).cloned().collect(),
            namespaces: self.namespaces.iter().filter(|namespace| !namespace.ours).cloned().collect(),
        }
    }
}
