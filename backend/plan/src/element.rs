//! Elements: what networks and containers put into the sets and maps of the constant tables. [`crate::ruleset`] says what
//! the chains do with each.

use drawbridge_api::{HostPort, IfName, Protocol};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

/// The address family of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// RFC 791.
    Ipv4,
    /// RFC 8200.
    Ipv6,
}

impl Family {
    /// The family of an address.
    pub fn of(address: IpAddr) -> Family {
        match address {
            IpAddr::V4(_) => Family::Ipv4,
            IpAddr::V6(_) => Family::Ipv6,
        }
    }
}

impl std::fmt::Display for Family {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Family::Ipv4 => "IPv4",
            Family::Ipv6 => "IPv6",
        })
    }
}

/// Which of the two tables an element is in, by nft's word for the family of hooks that the table is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// `inet drawbridge`: packets that are routed, of both families.
    Inet,
    /// `bridge drawbridge`: frames that pass from one port of a bridge to another.
    Bridge,
}

impl Table {
    /// Both.
    pub const ALL: [Table; 2] = [Table::Inet, Table::Bridge];

    /// Family and name as `nft` takes them.
    pub fn name(self) -> &'static str {
        match self {
            Table::Inet => "inet drawbridge",
            Table::Bridge => "bridge drawbridge",
        }
    }
}

/// A port at an address of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Service {
    /// The container's address.
    pub address: IpAddr,
    /// Transport protocol.
    pub protocol: Protocol,
    /// 1 to 65535.
    pub port: u16,
}

/// An element of a set or map. Where a set is of one family, its name ends in 4 or 6.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "set", content = "element", rename_all = "snake_case")]
pub enum Element {
    /// `bridges`: this interface is a bridge of ours.
    Bridge(IfName),
    /// `pairs`: packets may be forwarded from the first bridge to the second. A bridge is paired with itself, since with
    /// br_netfilter its own bridged packets pass the forward hook too, and a published port is reached from its own network.
    Pair {
        /// Where they come in.
        from: IfName,
        /// Where they go out.
        to: IfName,
    },
    /// `apart`: the containers of this bridge reach one another at published ports only.
    Apart(IfName),
    /// `trusted`: what comes in by this interface of the host reaches published ports at their containers' own addresses.
    Trusted {
        /// Where it comes in.
        from: IfName,
        /// The bridge of the containers.
        bridge: IfName,
    },
    /// `internal`: nothing is forwarded from or to this bridge.
    Internal(IfName),
    /// `sent`: counts what is forwarded from this bridge.
    Sent(IfName),
    /// `received`: counts what is forwarded to this bridge.
    Received(IfName),
    /// `masqueraded4`, `masqueraded6`: what comes from this bridge and leaves the machine takes the host's address.
    Masquerade {
        /// Of which packets.
        family: Family,
        /// Where they come from.
        bridge: IfName,
    },
    /// `snat4`, `snat6`: what comes from this bridge and leaves the machine takes this address.
    Snat {
        /// Where it comes from.
        bridge: IfName,
        /// An address of the host.
        source: IpAddr,
    },
    /// `unprotected4`, `unprotected6`: every port of this bridge's containers is reached from outside.
    Unprotected {
        /// By which packets.
        family: Family,
        /// Where the containers are.
        bridge: IfName,
    },
    /// `routed4`, `routed6`: this bridge's containers are reached at their own addresses, at open ports and by ping.
    Routed {
        /// By which packets.
        family: Family,
        /// Where the containers are.
        bridge: IfName,
    },
    /// `published4`, `published6` for every address of the host, `published4_at`, `published6_at` for one: a connection to
    /// this port of the host goes to that port of a container (DNAT).
    Published {
        /// Where it is reached.
        host: HostPort,
        /// Where it goes.
        to: SocketAddr,
    },
    /// `counted4`, `counted6`, `counted4_at`, `counted6_at`: counts what goes through a published port, both ways.
    Counted(HostPort),
    /// `open4`, `open6`: this port of a container is published at the container's own address: in a routed network, or for the
    /// interfaces that its network trusts.
    Open(Service),
    /// `hairpins4`, `hairpins6`: a container that reaches itself through its published port gets its bridge's address for a
    /// source, so that the answer takes the same way back.
    Hairpin(IpAddr),
    /// `detours4`, `detours6`: a container that is kept apart reaches its neighbour's published port by way of its bridge's
    /// address, since the answer could not come straight from the neighbour.
    Detour {
        /// The container's address.
        address: IpAddr,
        /// Its bridge.
        bridge: IfName,
    },
    /// `leased4`, `leased6` of the bridge table: an address that only its holder may send from.
    Leased(IpAddr),
    /// `sources4`, `sources6` of the bridge table: the holder of a leased address.
    Source {
        /// The host's end of the holder's veth.
        link: IfName,
        /// The address.
        address: IpAddr,
    },
    /// `routers` of the bridge table: the container behind this port forwards what others send, so their addresses may be its
    /// sources.
    Router(IfName),
    /// `ranges4`, `ranges6` of the bridge table: a router's network, in which it sends from its own address only.
    Range {
        /// The host's end of the router's veth.
        link: IfName,
        /// The network's addresses.
        range: IpNet,
    },
    /// `apart` of the bridge table: frames from this port of a bridge go to no other port but to published services.
    ApartPort(IfName),
    /// `published4`, `published6` of the bridge table: a service that ports which are kept apart may reach, when br_netfilter
    /// sends their packets to it; the `inet` table checks that they came through the host's port.
    ApartService(Service),
}

impl Element {
    /// The table that its set is in.
    pub fn table(&self) -> Table {
        match self {
            Element::Leased(_)
            | Element::Source { .. }
            | Element::Router(_)
            | Element::Range { .. }
            | Element::ApartPort(_)
            | Element::ApartService(_) => Table::Bridge,
            Element::Bridge(_)
            | Element::Pair { .. }
            | Element::Apart(_)
            | Element::Trusted { .. }
            | Element::Internal(_)
            | Element::Sent(_)
            | Element::Received(_)
            | Element::Masquerade { .. }
            | Element::Snat { .. }
            | Element::Unprotected { .. }
            | Element::Routed { .. }
            | Element::Published { .. }
            | Element::Counted(_)
            | Element::Open(_)
            | Element::Hairpin(_)
            | Element::Detour { .. } => Table::Inet,
        }
    }

    /// Its set's name in the table.
    pub fn set(&self) -> &'static str {
        let of = |family, four, six| match family {
            Family::Ipv4 => four,
            Family::Ipv6 => six,
        };
        let at = |address: &IpAddr, any: (&'static str, &'static str), one: (&'static str, &'static str)| {
            let (four, six) = if address.is_unspecified() { any } else { one };
            of(Family::of(*address), four, six)
        };
        match self {
            Element::Bridge(_) => "bridges",
            Element::Pair { .. } => "pairs",
            Element::Apart(_) | Element::ApartPort(_) => "apart",
            Element::Trusted { .. } => "trusted",
            Element::Internal(_) => "internal",
            Element::Sent(_) => "sent",
            Element::Received(_) => "received",
            Element::Masquerade { family, .. } => of(*family, "masqueraded4", "masqueraded6"),
            Element::Snat { source, .. } => of(Family::of(*source), "snat4", "snat6"),
            Element::Unprotected { family, .. } => of(*family, "unprotected4", "unprotected6"),
            Element::Routed { family, .. } => of(*family, "routed4", "routed6"),
            Element::Published { host, .. } => {
                at(&host.address, ("published4", "published6"), ("published4_at", "published6_at"))
            }
            Element::Counted(host) => at(&host.address, ("counted4", "counted6"), ("counted4_at", "counted6_at")),
            Element::Open(service) => of(Family::of(service.address), "open4", "open6"),
            Element::Hairpin(address) => of(Family::of(*address), "hairpins4", "hairpins6"),
            Element::Detour { address, .. } => of(Family::of(*address), "detours4", "detours6"),
            Element::Leased(address) => of(Family::of(*address), "leased4", "leased6"),
            Element::Source { address, .. } => of(Family::of(*address), "sources4", "sources6"),
            Element::Router(_) => "routers",
            Element::Range { range, .. } => of(Family::of(range.addr()), "ranges4", "ranges6"),
            Element::ApartService(service) => of(Family::of(service.address), "published4", "published6"),
        }
    }

    /// What is looked up, as `nft` writes it: two elements of a set with the same key are one.
    pub fn key(&self) -> String {
        let host = |host: &HostPort| {
            let HostPort { address, protocol, port } = host;
            if address.is_unspecified() {
                format!("{protocol} . {port}")
            } else {
                format!("{address} . {protocol} . {port}")
            }
        };
        let service = |Service { address, protocol, port }: &Service| format!("{address} . {protocol} . {port}");
        match self {
            Element::Bridge(name)
            | Element::Apart(name)
            | Element::Internal(name)
            | Element::Sent(name)
            | Element::Received(name)
            | Element::ApartPort(name)
            | Element::Router(name)
            | Element::Masquerade { bridge: name, .. }
            | Element::Snat { bridge: name, .. }
            | Element::Unprotected { bridge: name, .. }
            | Element::Routed { bridge: name, .. } => format!("\"{name}\""),
            Element::Pair { from, to } | Element::Trusted { from, bridge: to } => format!("\"{from}\" . \"{to}\""),
            Element::Published { host: at, .. } | Element::Counted(at) => host(at),
            Element::Open(at) | Element::ApartService(at) => service(at),
            Element::Hairpin(address) => format!("{address} . {address}"),
            Element::Detour { address, bridge } => format!("{address} . \"{bridge}\""),
            Element::Leased(address) => address.to_string(),
            Element::Source { link, address } => format!("\"{link}\" . {address}"),
            Element::Range { link, range } => format!("\"{link}\" . {range}"),
        }
    }

    /// What a map gives for the key, as `nft` writes it; none for an element of a set.
    pub fn value(&self) -> Option<String> {
        match self {
            Element::Snat { source, .. } => Some(source.to_string()),
            Element::Published { to, .. } => Some(format!("{} . {}", to.ip(), to.port())),
            Element::Bridge(_)
            | Element::Pair { .. }
            | Element::Apart(_)
            | Element::Trusted { .. }
            | Element::Internal(_)
            | Element::Sent(_)
            | Element::Received(_)
            | Element::Masquerade { .. }
            | Element::Unprotected { .. }
            | Element::Routed { .. }
            | Element::Counted(_)
            | Element::Open(_)
            | Element::Hairpin(_)
            | Element::Detour { .. }
            | Element::Leased(_)
            | Element::Source { .. }
            | Element::Router(_)
            | Element::Range { .. }
            | Element::ApartPort(_)
            | Element::ApartService(_) => None,
        }
    }

    /// Whether it belongs to a container's attachment; the others belong to a network.
    pub fn is_of_endpoint(&self) -> bool {
        match self {
            Element::Published { .. }
            | Element::Counted(_)
            | Element::Open(_)
            | Element::Hairpin(_)
            | Element::Detour { .. }
            | Element::Leased(_)
            | Element::Source { .. }
            | Element::Router(_)
            | Element::Range { .. }
            | Element::ApartPort(_)
            | Element::ApartService(_) => true,
            Element::Bridge(_)
            | Element::Pair { .. }
            | Element::Apart(_)
            | Element::Trusted { .. }
            | Element::Internal(_)
            | Element::Sent(_)
            | Element::Received(_)
            | Element::Masquerade { .. }
            | Element::Snat { .. }
            | Element::Unprotected { .. }
            | Element::Routed { .. } => false,
        }
    }
}
