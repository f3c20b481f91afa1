//! What is wanted and what is there, as values.

use crate::{
    element::{Element, Family, Service},
    macvlan::{MacvlanEndpoint, on_interface},
    object::{Object, Place},
};
use drawbridge_api::{
    ContainerId, EndpointId, Gateway, GatewayMode, IfName, MacAddress, NetworkId, NsName, PublishedPort,
};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
};

/// A kernel setting under `/proc/sys`, its value a text (sysctl(8)).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sysctl {
    /// Its dotted key: `net.ipv4.ip_forward`.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// A bridge network, as far as the kernel is concerned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BridgeNetwork {
    /// Its identity.
    pub id: NetworkId,
    /// The bridge's interface name.
    pub bridge: IfName,
    /// Largest packet in bytes.
    pub mtu: u32,
    /// The bridge's own addresses.
    pub addresses: Vec<IpNet>,
    /// Forwards nothing.
    pub internal: bool,
    /// Whether its containers reach one another; at published ports they always do.
    pub icc: bool,
    /// Interfaces of the host from which published ports are reached at their containers' own addresses.
    pub trusted: Vec<IfName>,
    /// Out and in by IPv4.
    pub gateway4: Gateway,
    /// Out and in by IPv6.
    pub gateway6: Gateway,
}

/// A namespace for a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    /// Its name.
    pub name: NsName,
    /// The container it is for.
    pub container: ContainerId,
}

/// A namespace in which names are answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolver {
    /// The namespace.
    pub namespace: NsName,
    /// The container that it is for.
    pub container: ContainerId,
}

/// A container's attachment to a bridge network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VethEndpoint {
    /// Its identity.
    pub id: EndpointId,
    /// The network it is in.
    pub network: NetworkId,
    /// That network's bridge.
    pub bridge: IfName,
    /// The container's namespace.
    pub namespace: NsName,
    /// The veth's end on the host.
    pub host_end: IfName,
    /// The veth's end in the namespace.
    pub interface: IfName,
    /// The Ethernet address of that end.
    pub mac: MacAddress,
    /// Largest packet in bytes.
    pub mtu: u32,
    /// The leased addresses, one of each family at the most.
    pub addresses: Vec<IpNet>,
    /// More addresses of the interface, link-local ones, which nobody leases and nothing keeps from others.
    pub link_local: Vec<IpAddr>,
    /// Next hops of the default routes, one of each family at the most.
    pub gateways: Vec<IpAddr>,
    /// Whether its network lets containers reach one another.
    pub icc: bool,
    /// Whether its network trusts interfaces of the host.
    pub trusting: bool,
    /// Whether its container is a router, which forwards what others send.
    pub forwards: bool,
    /// Its network's mode for IPv4.
    pub mode4: GatewayMode,
    /// Its network's mode for IPv6.
    pub mode6: GatewayMode,
    /// Ports that are published at its addresses.
    pub ports: Vec<PublishedPort>,
}

/// How much of the machine a plan is about. Both sides of a plan are of one scope: what lies outside is neither looked
/// at nor touched. The tables lie in the two widest: their elements are lost with them, whosever they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All that is ours.
    Everything,
    /// The tables and all elements in them, and nothing else.
    Tables,
    /// One network's bridge with its addresses and elements, and the sysctls; no ports.
    Network {
        /// The network.
        id: NetworkId,
        /// Its bridge.
        bridge: IfName,
        /// The elements of it that may be there.
        elements: Vec<Element>,
    },
    /// One container's namespace, veths and elements; no bridge.
    Container {
        /// The container.
        id: ContainerId,
        /// Its namespace.
        namespace: NsName,
        /// The host ends of its endpoints.
        host_ends: Vec<IfName>,
        /// The elements of them that may be there.
        elements: Vec<Element>,
    },
}

impl Scope {
    /// Whether an object lies inside. Of elements only the kind tells: what is wanted and what is observed are one network's
    /// or one container's already.
    pub fn covers(&self, object: &Object) -> bool {
        match self {
            Scope::Everything => true,
            Scope::Tables => matches!(object, Object::Tables | Object::Element(_)),
            Scope::Network { bridge, .. } => match object {
                Object::Element(element) => !element.is_of_endpoint() || matches!(element, Element::Leased(_)),
                Object::Bridge { name, .. } | Object::RouteLocalnet { bridge: name } => name == bridge,
                Object::Address { place, link, .. } | Object::Up { place, link } => {
                    *place == Place::Host && link == bridge
                }
                Object::Tables
                | Object::Namespace { .. }
                | Object::Veth { .. }
                | Object::Macvlan { .. }
                | Object::Port { .. }
                | Object::Hairpin { .. }
                | Object::Ipv6 { .. }
                | Object::Route { .. }
                | Object::Resolver { .. } => false,
            },
            Scope::Container { namespace, host_ends, .. } => match object {
                Object::Element(element) => element.is_of_endpoint(),
                Object::Namespace { name, .. } => name == namespace,
                Object::Veth { namespace: inside, .. }
                | Object::Macvlan { namespace: inside, .. }
                | Object::Route { namespace: inside, .. }
                | Object::Ipv6 { namespace: inside, .. }
                | Object::Resolver { namespace: inside, .. } => inside == namespace,
                Object::Port { link, .. } | Object::Hairpin { link } => host_ends.contains(link),
                Object::Address { place, link, .. } | Object::Up { place, link } => match place {
                    Place::Host => host_ends.contains(link),
                    Place::Namespace(name) => name == namespace,
                },
                Object::Tables | Object::Bridge { .. } | Object::RouteLocalnet { .. } => false,
            },
        }
    }

    /// Whether sysctls are part of it.
    pub fn covers_sysctls(&self) -> bool {
        match self {
            Scope::Everything | Scope::Network { .. } => true,
            Scope::Tables | Scope::Container { .. } => false,
        }
    }
}

/// What is wanted: the rows of the database that are live or being added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desired {
    /// Whether the tables are wanted; they are while the daemon is to have anything in the kernel.
    pub tables: bool,
    /// Kernel settings that must have these values.
    pub sysctls: Vec<Sysctl>,
    /// Bridge networks.
    pub networks: Vec<BridgeNetwork>,
    /// Namespaces of running containers.
    pub namespaces: Vec<Namespace>,
    /// Attachments of running containers to bridges.
    pub endpoints: Vec<VethEndpoint>,
    /// Attachments of running containers to interfaces of the host.
    pub macvlans: Vec<MacvlanEndpoint>,
    /// Where names are answered: in the namespaces of containers that are on a network with names.
    pub resolvers: Vec<Resolver>,
}

impl Desired {
    /// The objects that must be there.
    pub fn objects(&self) -> BTreeSet<Object> {
        let mut objects = BTreeSet::new();
        if self.tables {
            objects.insert(Object::Tables);
        }
        for network in &self.networks {
            objects.extend(network.objects());
        }
        for Namespace { name, container } in &self.namespaces {
            objects.insert(Object::Namespace { name: name.clone(), container: container.clone() });
        }
        for endpoint in &self.endpoints {
            objects.extend(endpoint.objects());
        }
        for endpoint in &self.macvlans {
            objects.extend(endpoint.objects());
        }
        for Resolver { namespace, container } in &self.resolvers {
            objects.insert(Object::Resolver { namespace: namespace.clone(), container: container.clone() });
        }
        objects
    }
}

impl BridgeNetwork {
    /// Its bridge, and what lets packets in and out of it.
    fn objects(&self) -> Vec<Object> {
        let bridge = &self.bridge;
        let mut objects = vec![
            Object::Bridge { name: bridge.clone(), network: self.id.clone(), mtu: self.mtu },
            Object::Up { place: Place::Host, link: bridge.clone() },
        ];
        for &address in &self.addresses {
            objects.push(Object::Address { place: Place::Host, link: bridge.clone(), address });
        }
        // What is published on 127.0.0.1 comes from there.
        if !self.internal && self.gateway4.mode.translates() {
            objects.push(Object::RouteLocalnet { bridge: bridge.clone() });
        }
        objects.extend(self.elements().into_iter().map(Object::Element));
        objects
    }

    /// What it has in the tables.
    pub fn elements(&self) -> Vec<Element> {
        let bridge = &self.bridge;
        let mut elements = vec![
            Element::Bridge(bridge.clone()),
            Element::Pair { from: bridge.clone(), to: bridge.clone() },
            Element::Sent(bridge.clone()),
            Element::Received(bridge.clone()),
        ];
        elements.extend(self.addresses.iter().map(|address| Element::Leased(address.addr())));
        if !self.icc {
            elements.push(Element::Apart(bridge.clone()));
        }
        if self.internal {
            elements.push(Element::Internal(bridge.clone()));
            return elements;
        }
        let trusted = |from: &IfName| Element::Trusted { from: from.clone(), bridge: bridge.clone() };
        elements.extend(self.trusted.iter().map(trusted));
        for (family, gateway) in [(Family::Ipv4, &self.gateway4), (Family::Ipv6, &self.gateway6)] {
            match gateway.mode {
                GatewayMode::Nat | GatewayMode::Isolated => {}
                GatewayMode::NatUnprotected => elements.push(Element::Unprotected { family, bridge: bridge.clone() }),
                GatewayMode::Routed => elements.push(Element::Routed { family, bridge: bridge.clone() }),
            }
            match gateway.source {
                _ if !gateway.masquerade || !gateway.mode.translates() => {}
                Some(source) => elements.push(Element::Snat { bridge: bridge.clone(), source }),
                None => elements.push(Element::Masquerade { family, bridge: bridge.clone() }),
            }
        }
        elements
    }
}

impl VethEndpoint {
    /// Its cable from the bridge into the namespace, and what lets packets through to it.
    fn objects(&self) -> Vec<Object> {
        let mut objects = vec![
            Object::Veth {
                endpoint: self.id.clone(),
                host_end: self.host_end.clone(),
                namespace: self.namespace.clone(),
                interface: self.interface.clone(),
                mac: self.mac,
                mtu: self.mtu,
            },
            Object::Port { link: self.host_end.clone(), bridge: self.bridge.clone() },
            Object::Up { place: Place::Host, link: self.host_end.clone() },
        ];
        objects.extend(on_interface(
            &self.namespace,
            &self.interface,
            (&self.addresses, &self.link_local, &self.gateways),
        ));
        let elements = self.elements();
        if elements.iter().any(|element| matches!(element, Element::Hairpin(_))) {
            objects.push(Object::Hairpin { link: self.host_end.clone() });
        }
        objects.extend(elements.into_iter().map(Object::Element));
        objects
    }

    /// What it has in the tables.
    pub fn elements(&self) -> BTreeSet<Element> {
        let mut elements = BTreeSet::new();
        for address in self.addresses.iter().map(IpNet::addr) {
            if !self.icc {
                elements.insert(Element::Detour { address, bridge: self.bridge.clone() });
            }
            elements.insert(Element::Leased(address));
            elements.insert(Element::Source { link: self.host_end.clone(), address });
        }
        if !self.icc {
            elements.insert(Element::ApartPort(self.host_end.clone()));
        }
        if self.forwards {
            elements.insert(Element::Router(self.host_end.clone()));
            let range = |address: &IpNet| Element::Range { link: self.host_end.clone(), range: address.trunc() };
            elements.extend(self.addresses.iter().map(range));
        }
        for PublishedPort { host, container_port } in &self.ports {
            let family = Family::of(host.address);
            let own = self.addresses.iter().map(IpNet::addr).find(|address| Family::of(*address) == family);
            // A port of the other family is relayed by the daemon, not by the kernel.
            let Some(address) = own else { continue };
            let service = Service { address, protocol: host.protocol, port: *container_port };
            let mode = match family {
                Family::Ipv4 => self.mode4,
                Family::Ipv6 => self.mode6,
            };
            match mode {
                GatewayMode::Nat | GatewayMode::NatUnprotected => {
                    let to = SocketAddr::new(address, *container_port);
                    elements.insert(Element::Published { host: *host, to });
                    elements.insert(Element::Counted(*host));
                    elements.insert(Element::Hairpin(address));
                    if self.trusting {
                        elements.insert(Element::Open(service));
                    }
                    if !self.icc {
                        elements.insert(Element::ApartService(service));
                    }
                }
                GatewayMode::Routed => drop(elements.insert(Element::Open(service))),
                GatewayMode::Isolated => {}
            }
        }
        elements
    }
}

/// What the kernel has, of that which carries our mark.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Our objects. Tables that are damaged are left out, and their elements with them.
    pub objects: BTreeSet<Object>,
    /// The values of the sysctls that were asked for, by key.
    pub sysctls: BTreeMap<String, String>,
}
