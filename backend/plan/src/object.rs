//! The things that Drawbridge makes in the kernel, each the smallest that can be there or not.

use crate::element::Element;
use drawbridge_api::{ContainerId, EndpointId, IfName, MacAddress, MacvlanMode, NetworkId, NsName};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
};

/// What a new namespace has set to 1: links that come into it have no IPv6 of their own accord (ip-sysctl.rst), but get it where
/// their network has it ([`Object::Ipv6`]). On an IPv4-only network that is what Docker does, and it keeps the bridge flat: each `eth0` that comes up would otherwise send
/// some six multicasts (duplicate address detection, MLD), which the bridge floods to every port.
pub const NO_IPV6: &str = "net.ipv6.conf.default.disable_ipv6";

/// Where a container on a network with names asks for them: the address that Docker has for it, so that programs which know it
/// find it. All of 127.0.0.0/8 is on every loopback, so nobody has to give it to one.
pub const RESOLVER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 11);

/// The port of the daemon's sockets at [`RESOLVER`], UDP and TCP. Not 53: a server of the container's own that listens on port
/// 53 at every address could not start then. Above what the kernel gives to sockets that ask for any
/// (`net.ipv4.ip_local_port_range`, 32768 to 60999), and not assigned to anything by IANA.
pub const RESOLVER_PORT: u16 = 61_153;

/// The smallest packet in bytes that a link with IPv6 must carry (RFC 8200 §5). The kernel has no IPv6 on others.
pub const IPV6_MTU_BYTES: u32 = 1280;

/// Which network namespace a thing is in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The daemon's own namespace.
    Host,
    /// A named one, under `/run/netns`.
    Namespace(NsName),
}

/// A thing in the kernel that is ours. The order of the variants is the order in which they can be made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "object", rename_all = "snake_case")]
pub enum Object {
    /// The nftables tables `inet drawbridge` and `bridge drawbridge` with their constant chains, whole and undamaged
    /// ([`crate::ruleset::TABLES`]). They are one thing: written together, and damaged when one of them is.
    Tables,
    /// A bridge on the host, with our mark as its alias. Made down, without an address.
    Bridge {
        /// Its interface name.
        name: IfName,
        /// The network it stands for; the alias is `drawbridge:network:<id>`.
        network: NetworkId,
        /// Largest packet in bytes.
        mtu: u32,
    },
    /// A network namespace, with our mark as its loopback's alias and that loopback up. What comes into it has no IPv6 at
    /// first: [`NO_IPV6`] is set.
    Namespace {
        /// Its name under `/run/netns`.
        name: NsName,
        /// The container it is for; the alias is `drawbridge:container:<id>`.
        container: ContainerId,
    },
    /// A pair of virtual Ethernet interfaces, one end on the host and one in a namespace. The host's end carries the
    /// alias `drawbridge:endpoint:<id>`. Both are made down.
    Veth {
        /// The namespace of the other end. Those of one namespace are made in the order of their names there.
        namespace: NsName,
        /// The name of that end.
        interface: IfName,
        /// The endpoint it is for.
        endpoint: EndpointId,
        /// The end on the host.
        host_end: IfName,
        /// The Ethernet address of that end.
        mac: MacAddress,
        /// Largest packet in bytes, of both ends.
        mtu: u32,
    },
    /// An interface in a namespace that shares one of the host's (ip-link(8), "macvlan"). It carries the alias
    /// `drawbridge:endpoint:<id>`. What it shares is not ours, and stays as it is. Made down.
    Macvlan {
        /// The namespace.
        namespace: NsName,
        /// Its name there.
        interface: IfName,
        /// The endpoint it is for.
        endpoint: EndpointId,
        /// The host's interface.
        parent: IfName,
        /// What the interfaces that share it may do with one another.
        mode: MacvlanMode,
        /// Its Ethernet address; in passthru mode it becomes the parent's too.
        mac: MacAddress,
    },
    /// A host link that is a port of a bridge.
    Port {
        /// The link, a veth's end.
        link: IfName,
        /// The bridge.
        bridge: IfName,
    },
    /// `route_localnet` of a bridge (ip-sysctl.rst): packets with addresses of 127.0.0.0/8 may be routed through it, so that
    /// what is published on 127.0.0.1 reaches its container. The tables drop what a container itself sends so.
    RouteLocalnet {
        /// The bridge.
        bridge: IfName,
    },
    /// `hairpin_mode` of a port (bridge(8)): a frame may leave by the port it came in by. A container that reaches itself
    /// through its published port needs it where br_netfilter is on, since the bridge then turns its packets round.
    Hairpin {
        /// The port, a veth's end.
        link: IfName,
    },
    /// IPv6 on a link in a namespace: `disable_ipv6` is 0 (ip-sysctl.rst). With it go `accept_dad` and `accept_ra` 0: nobody else
    /// has an address that is leased here, so the link need not ask around for a second before it uses one, and no
    /// neighbour may announce itself as the way out.
    Ipv6 {
        /// The namespace.
        namespace: NsName,
        /// The link.
        link: IfName,
    },
    /// An element of one of the tables' sets.
    Element(Element),
    /// A link that is up (`IFF_UP`).
    Up {
        /// Where the link is.
        place: Place,
        /// The link.
        link: IfName,
    },
    /// An address on a link. After `Up`: a link that is taken down loses its IPv6 addresses (`addrconf_ifdown` in
    /// net/ipv6/addrconf.c), so they have to be gone before it is.
    Address {
        /// Where the link is.
        place: Place,
        /// The link.
        link: IfName,
        /// The address with its prefix length, which brings the route to that range.
        address: IpNet,
    },
    /// The default route of a namespace.
    Route {
        /// The namespace.
        namespace: NsName,
        /// The next hop.
        gateway: IpAddr,
        /// The link that leads there.
        link: IfName,
    },
    /// The table `ip drawbridge` in a namespace, whole and undamaged ([`crate::ruleset::RESOLVER`]): it leads what is sent to
    /// [`RESOLVER`] at port 53 to the daemon's sockets in that namespace, and the answers back.
    Resolver {
        /// The namespace.
        namespace: NsName,
        /// The container that it is for: the names that it is told are those of its networks.
        container: ContainerId,
    },
}

impl Object {
    /// The alias that marks a link or namespace as ours; none for things that are in something marked.
    pub fn mark(&self) -> Option<String> {
        match self {
            Object::Bridge { network, .. } => Some(format!("drawbridge:network:{network}")),
            Object::Namespace { container, .. } => Some(format!("drawbridge:container:{container}")),
            Object::Veth { endpoint, .. } | Object::Macvlan { endpoint, .. } => {
                Some(format!("drawbridge:endpoint:{endpoint}"))
            }
            Object::Tables
            | Object::Port { .. }
            | Object::Address { .. }
            | Object::RouteLocalnet { .. }
            | Object::Hairpin { .. }
            | Object::Ipv6 { .. }
            | Object::Element(_)
            | Object::Up { .. }
            | Object::Route { .. }
            | Object::Resolver { .. } => None,
        }
    }

    /// The Ethernet address that a bridge gets with its alias: locally administered, the rest from the network's id. Left
    /// to itself a bridge takes the lowest address of its ports (`br_stp_recalculate_bridge_id` in net/bridge/br_stp_if.c),
    /// so that it changes as containers come and go, and with it what the others have in their ARP caches.
    pub fn bridge_mac(network: &NetworkId) -> MacAddress {
        let mut bytes = [0x02, 0x42, 0, 0, 0, 0];
        for (byte, pair) in bytes.iter_mut().skip(2).zip(network.as_str().as_bytes().chunks(2)) {
            let digits = pair.iter().filter_map(|digit| char::from(*digit).to_digit(16));
            *byte = digits.fold(0, |value: u8, digit| (value << 4) | (digit as u8));
        }
        MacAddress(bytes)
    }

    /// Whether removing `self` takes `other` along, because the kernel keeps `other` directly in it.
    pub fn takes(&self, other: &Object) -> bool {
        match self {
            Object::Tables => matches!(other, Object::Element(_)),
            Object::Bridge { name, .. } => {
                matches!(other, Object::Port { bridge, .. } | Object::RouteLocalnet { bridge } if bridge == name)
                    || other.is_on(&Place::Host, name)
            }
            Object::Namespace { name, .. } => match other {
                Object::Veth { namespace, .. } | Object::Macvlan { namespace, .. } => namespace == name,
                Object::Address { place, .. } | Object::Up { place, .. } => *place == Place::Namespace(name.clone()),
                Object::Route { namespace, .. }
                | Object::Resolver { namespace, .. }
                | Object::Ipv6 { namespace, .. } => namespace == name,
                Object::Tables
                | Object::Bridge { .. }
                | Object::Namespace { .. }
                | Object::Port { .. }
                | Object::RouteLocalnet { .. }
                | Object::Hairpin { .. }
                | Object::Element(_) => false,
            },
            Object::Veth { host_end, namespace, interface, .. } => {
                other.is_on(&Place::Host, host_end) || other.is_on(&Place::Namespace(namespace.clone()), interface)
            }
            Object::Macvlan { namespace, interface, .. } => {
                other.is_on(&Place::Namespace(namespace.clone()), interface)
            }
            // A route needs its link up and the gateway's range on it; the kernel drops it with either.
            Object::Address { place, link, address } => matches!(other, Object::Route { namespace, gateway, link: via }
                if *place == Place::Namespace(namespace.clone()) && via == link && address.contains(gateway)),
            Object::Up { place, link } => matches!(other, Object::Route { namespace, link: via, .. }
                if *place == Place::Namespace(namespace.clone()) && via == link),
            Object::Port { link, .. } => matches!(other, Object::Hairpin { link: of } if of == link),
            // Whoever turns IPv6 off takes the addresses away.
            Object::Ipv6 { namespace, link } => matches!(other, Object::Address { place, link: of, address }
                if address.addr().is_ipv6() && *place == Place::Namespace(namespace.clone()) && of == link),
            Object::RouteLocalnet { .. }
            | Object::Hairpin { .. }
            | Object::Element(_)
            | Object::Route { .. }
            | Object::Resolver { .. } => false,
        }
    }

    /// What of `there` goes with `self`: what the kernel keeps in it, and what it keeps in that, such as the port of a veth
    /// of a namespace.
    pub fn taken<'a>(&self, there: &BTreeSet<&'a Object>) -> BTreeSet<&'a Object> {
        let mut taken = BTreeSet::new();
        let direct = |holder: &Object| there.iter().copied().filter(|other| holder.takes(other)).collect::<Vec<_>>();
        let mut next = direct(self);
        while let Some(object) = next.pop() {
            if taken.insert(object) {
                next.extend(direct(object));
            }
        }
        taken
    }

    /// Whether this is an attribute of the link `name` in `at`.
    fn is_on(&self, at: &Place, name: &IfName) -> bool {
        match self {
            Object::Port { link, .. } => *at == Place::Host && link == name,
            Object::Address { place, link, .. } | Object::Up { place, link } => place == at && link == name,
            Object::Route { namespace, link, .. } | Object::Ipv6 { namespace, link } => {
                *at == Place::Namespace(namespace.clone()) && link == name
            }
            Object::Tables
            | Object::Bridge { .. }
            | Object::Namespace { .. }
            | Object::Veth { .. }
            | Object::Macvlan { .. }
            | Object::RouteLocalnet { .. }
            | Object::Hairpin { .. }
            | Object::Element(_)
            | Object::Resolver { .. } => false,
        }
    }

    /// The element, if it is one.
    pub fn into_element(self) -> Option<Element> {
        match self {
            Object::Element(element) => Some(element),
            Object::Tables
            | Object::Bridge { .. }
            | Object::Namespace { .. }
            | Object::Veth { .. }
            | Object::Macvlan { .. }
            | Object::Port { .. }
            | Object::Address { .. }
            | Object::RouteLocalnet { .. }
            | Object::Hairpin { .. }
            | Object::Ipv6 { .. }
            | Object::Up { .. }
            | Object::Route { .. }
            | Object::Resolver { .. } => None,
        }
    }
}
